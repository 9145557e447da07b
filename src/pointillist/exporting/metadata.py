"""What an exported file says of itself: keys of the QGIS plugin Deepness, and our own card.

Deepness reads each key as JSON. Its documentation calls the size of a tile `tiles_size`, its
source reads `tile_size`: both are written. Values of classes below `seg_thresh` it gives to class
0, so the threshold is switched off, and so is its median filter.
"""

from __future__ import annotations

import json
import math
from itertools import chain
from typing import Any

import pointillist
from pointillist.exporting.contract import OUTPUT_NAME, GraphContract
from pointillist.models import TrainedModel

OWN_KEY = "pointillist"
DEFAULT_TILE_PX = 512
_MAX_OVERLAP_PERCENT = 80


def make_metadata(model: TrainedModel, contract: GraphContract) -> dict[str, str]:
    """All keys of a file with their values as JSON."""
    values = {**_for_deepness(model, contract), OWN_KEY: _own(model, contract)}
    return {
        key: json.dumps(value, ensure_ascii=False, default=str) for key, value in values.items()
    }


def _for_deepness(model: TrainedModel, contract: GraphContract) -> dict[str, Any]:
    tile = contract.tile_px or DEFAULT_TILE_PX
    n_bands = len(model.bands)
    keys: dict[str, Any] = {
        "model_type": "Segmentor",
        "class_names": {str(i): name for i, name in enumerate(model.legend.names)},
        "tiles_size": tile,
        "tile_size": tile,
        "tiles_overlap": choose_overlap(tile, model.halo_px, model.block_multiple_px),
        "seg_thresh": 0.0,
        "seg_small_segment": 0,
        # after its division by 255, so that the graph gets what it expects
        "standardization_mean": [0.0] * n_bands,
        "standardization_std": [contract.divisor / 255.0] * n_bands,
    }
    centimetres = resolution_cm(model)
    return keys if centimetres is None else {**keys, "resolution": centimetres}


def choose_overlap(tile_px: int, halo_px: int, multiple_px: int) -> int:
    """Smallest overlap in percent that covers the halo and keeps tiles where blocks would begin.

    A network pools from where its input begins: tiles at other places than multiples of 32 px
    would give another map. Where no percentage does both, as in tiles that are small for the halo,
    the widest overlap that keeps the tiles in place is taken.
    """
    smallest = min(math.ceil(100 * 2 * halo_px / tile_px), _MAX_OVERLAP_PERCENT)
    for percent in chain(range(smallest, _MAX_OVERLAP_PERCENT + 1), range(smallest - 1, 0, -1)):
        overlap_px = int(tile_px * percent / 100 * 2) // 2  # Deepness's own arithmetic
        if (tile_px - overlap_px) % multiple_px == 0:
            return percent
    return smallest


def _own(model: TrainedModel, contract: GraphContract) -> dict[str, Any]:
    return {
        "version": pointillist.__version__,
        "kind": model.kind,
        "input": {
            "name": contract.input_name,
            "values": contract.sentence,
            "divided_by": contract.divisor,
            "tile_px": contract.tile_px,
        },
        "output": {"name": OUTPUT_NAME, "values": "class probabilities, in the legend's order"},
        "halo_px": model.halo_px,
        "card": model.card.to_dict(),
    }


def resolution_cm(model: TrainedModel) -> float | None:
    """Pixel size of the training scenes in centimetres; None without a projected CRS."""
    card = model.card
    if card.resolution is None or card.crs is None:
        return None
    import pyproj

    crs = pyproj.CRS.from_user_input(card.crs)
    if not crs.is_projected or not crs.axis_info:
        return None
    return round(100 * card.resolution * float(crs.axis_info[0].unit_conversion_factor), 4)
