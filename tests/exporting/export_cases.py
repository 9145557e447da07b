"""Small models to export, and what the QGIS plugin Deepness does with a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from pointillist.features import FeatureSpec
from pointillist.legend import Legend
from pointillist.models import EnsembleModel, ModelCard, NetworkModel, NetworkSpec, Normalisation
from pointillist.models.forest import ForestArrays, ForestModel
from pointillist.models.network import build_network

UTM = "EPSG:32633"
NAMES = ("Wald", "Water", "Straße")


def make_card(n_bands: int, normalisation: Normalisation | None = None) -> ModelCard:
    return ModelCard(
        Legend.from_names(NAMES, codes=[3, 7, 40]),
        tuple(f"band_{i + 1}" for i in range(n_bands)),
        normalisation or Normalisation((100.0,) * n_bands, (50.0,) * n_bands),
        resolution=0.5,
        crs=UTM,
        recipe="test",
        provenance={"seed": 7, "note": "größer"},
    )


def make_network(
    architecture: str = "unet",
    n_bands: int = 3,
    card: ModelCard | None = None,
    encoder: str | None = None,
) -> NetworkModel:
    """Random weights, made decisive: the classes are not left to rounding."""
    import torch

    if encoder is None:
        encoder = "mit_b0" if architecture == "segformer" else "tu-resnet10t"
    spec = NetworkSpec(architecture, encoder, n_bands, len(NAMES))
    network = build_network(spec, seed=0).eval()
    last = [m for m in network.modules() if isinstance(m, torch.nn.Conv2d)][-1]
    with torch.no_grad():
        last.weight *= 10
    return NetworkModel(network, spec, card or make_card(n_bands))


def make_forest(
    image: NDArray[Any], mask: NDArray[np.integer[Any]], card: ModelCard, n_trees: int = 30
) -> ForestModel:
    """A forest that learned 600 pixels of an image."""
    from sklearn.ensemble import RandomForestClassifier

    spec = FeatureSpec()
    features = spec.compute(card.normalisation.apply(image))
    rng = np.random.default_rng(0)
    at = rng.choice(mask.size, 600, replace=False)
    trees = RandomForestClassifier(n_trees, random_state=0, n_jobs=1)
    trees.fit(features.reshape(len(features), -1)[:, at].T, mask.reshape(-1)[at])
    return ForestModel(ForestArrays.from_sklearn(trees), spec, card)


def make_ensemble(network: NetworkModel, forest: ForestModel) -> EnsembleModel:
    return EnsembleModel([network, forest], [0.4, 0.6], forest.card, [1.0, 2.0, 0.5], 0.7)


def blotches(
    height: int, width: int, n_bands: int = 3, seed: int = 0
) -> tuple[NDArray[np.uint8], NDArray[np.intp]]:
    """An 8-bit image (B, H, W) with noise and the mask (H, W) of its three kinds of blotches."""
    from scipy import ndimage

    rng = np.random.default_rng(seed)
    fields = [ndimage.gaussian_filter(rng.normal(size=(height, width)), 8) for _ in NAMES]
    mask = np.argmax(fields, axis=0)
    colours = rng.uniform(40, 200, (len(NAMES), n_bands))
    image = colours[mask].transpose(2, 0, 1) + rng.normal(0, 20, (n_bands, height, width))
    return np.clip(np.round(image), 0, 255).astype(np.uint8), mask


def read_metadata(path: Path) -> dict[str, Any]:
    """Keys of an ONNX file as ONNX Runtime gives them, values from JSON."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    metadata = session.get_modelmeta().custom_metadata_map
    return {key: json.loads(value) for key, value in metadata.items()}


class Deepness:
    """The plugin's way from a layer to classes, for a whole layer and one segmentation output.

    Follows its source: `model_base.py`, `segmentor.py`, `preprocessing_utils.py`,
    `map_processor.py`, `map_processor_segmentation.py`, `tile_params.py`, `extent_utils.py`.
    """

    def __init__(self, path: Path) -> None:
        self.session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        (given,) = self.session.get_inputs()
        (made,) = self.session.get_outputs()
        self.name, self.shape = given.name, given.shape
        if len(made.shape) != 4 or made.shape[2] != made.shape[3]:
            raise ValueError("Segmentation model can handle only square outputs masks")
        if not isinstance(self.shape[-1], int):
            raise TypeError("setValue(self, val: int): argument 1 has unexpected type")
        meta = read_metadata(path)
        self.tile_px: int = self.shape[-1]
        self.model_type = str(meta["model_type"]).capitalize()
        rows = sorted(meta["class_names"].items(), key=lambda row: int(row[0]))
        self.class_names = [name for _, name in rows]
        self.resolution_cm = float(meta["resolution"])
        self.overlap_px = int(self.tile_px * int(meta["tiles_overlap"]) / 100 * 2) // 2
        self.threshold = float(meta["seg_thresh"])
        self.median_px = int(int(meta["seg_small_segment"]) // 2) * 2 + 1
        self.mean = np.array([float(v) for v in meta["standardization_mean"]], dtype=np.float32)
        self.std = np.array([float(v) for v in meta["standardization_std"]], dtype=np.float32)

    def classes_of_tile(self, tile: NDArray[np.uint8]) -> NDArray[np.intp]:
        """(H, W) from (H, W, B)."""
        batch = np.float32(tile[None, :, :, : self.shape[-3]] * 1.0 / 255.0)
        batch = (batch - self.mean) / self.std
        result = self.session.run(None, {self.name: batch.transpose(0, 3, 1, 2)})[0]
        result[result < self.threshold] = 0.0
        found: NDArray[np.intp] = np.argmax(result, axis=1)[0]
        return found

    def map_layer(self, image: NDArray[np.uint8]) -> NDArray[np.intp]:
        """Classes (H, W) of an image (B, H, W)."""
        assert self.median_px == 1  # no filter
        tile, stride = self.tile_px, self.tile_px - self.overlap_px
        height, width = image.shape[1:]
        more = [_missing(side, tile, stride) for side in (height, width)]
        layer = np.pad(image, ((0, 0), (0, more[0]), (0, more[1]))).transpose(1, 2, 0)
        full = np.full(layer.shape[:2], -1, dtype=np.intp)
        half = self.overlap_px // 2
        tops, lefts = (range(0, side - tile + 1, stride) for side in full.shape)
        for top in tops:
            for left in lefts:
                found = self.classes_of_tile(layer[top : top + tile, left : left + tile])
                rows = slice(0 if top == 0 else half, tile if top == tops[-1] else tile - half)
                cols = slice(0 if left == 0 else half, tile if left == lefts[-1] else tile - half)
                full[top : top + tile, left : left + tile][rows, cols] = found[rows, cols]
        return full[:height, :width]


def _missing(side: int, tile: int, stride: int) -> int:
    """Pixels added at the right or bottom so that tiles fit."""
    return tile - side if side <= tile else -(side - tile) % stride
