"""The model as a STAC item, with the machine learning model extension."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pointillist
from pointillist.models.ensemble import EnsembleModel
from pointillist.models.trained import NetworkModel
from pointillist.prediction.collection.catalogue import extent_of
from pointillist.prediction.collection.items import (
    CLASSIFICATION,
    MODEL_KEY,
    MappedScene,
    class_documents,
    collection_id,
)
from pointillist.prediction.collection.text_files import relative

if TYPE_CHECKING:
    from pointillist.models import TrainedModel

MLM = "https://stac-extensions.github.io/mlm/v1.4.0/schema.json"
_TASK = "semantic-segmentation"
_SEMANTIC = re.compile(r"\d+\.\d+\.\d+([-+][0-9A-Za-z.-]+)?")


def model_document(
    model: TrainedModel, file: Path, digest: str, scenes: Sequence[MappedScene], folder: Path
) -> dict[str, Any]:
    """The item as JSON data. Its place and time are those of the scenes it has mapped.

    Args:
        model: The model.
        file: Where it is.
        digest: Its fingerprint.
        scenes: What it has mapped; at least one with a place.
        folder: Where the item goes.
    """
    import pystac
    from shapely.geometry import box, mapping

    from pointillist.models.store import find_model_file

    extent = extent_of(scenes)
    [bounds] = extent.spatial.bboxes
    [[start, end]] = extent.temporal.intervals
    item = pystac.Item(
        id=f"{collection_id(folder)}-model",
        geometry=mapping(box(*bounds)),
        bbox=list(bounds),
        datetime=None,
        start_datetime=start,
        end_datetime=end,
        properties={**_about(model), MODEL_KEY: digest},
        stac_extensions=[MLM, CLASSIFICATION],
    )
    item.add_asset(
        "model",
        pystac.Asset(
            relative(find_model_file(file), folder),
            "Weights, classes, bands and normalisation in one file",
            media_type="application/octet-stream; application=safetensors",
            roles=["mlm:model", "mlm:weights"],
            extra_fields={
                "mlm:artifact_type": "safetensors.numpy.save_file",
                "bands": _bands(model),
            },
        ),
    )
    document = item.to_dict(include_self_link=False, transform_hrefs=False)
    document["links"] = [{"rel": "root", "href": "./collection.json", "type": "application/json"}]
    return dict(document)


def _about(model: TrainedModel) -> dict[str, Any]:
    """Fields of the extension."""
    framework, package = _framework(model)
    number = version(package)
    n_parameters = sum(int(tensor.size) for tensor in model.tensors().values())
    return {
        "mlm:name": f"Pointillist {model.card.recipe or model.kind}",
        "mlm:architecture": _architecture(model),
        "mlm:framework": framework,
        **({"mlm:framework_version": number} if _SEMANTIC.fullmatch(number) else {}),
        "mlm:tasks": [_TASK],
        **({"mlm:total_parameters": n_parameters} if n_parameters else {}),
        "mlm:input": [_input(model)],
        "mlm:output": [_output(model)],
        # what the input refers to; STAC wants them at an asset as well
        "bands": _bands(model),
        "pointillist:version": pointillist.__version__,
    }


def _bands(model: TrainedModel) -> list[dict[str, str]]:
    return [{"name": name} for name in model.bands]


def _framework(model: TrainedModel) -> tuple[str, str]:
    return ("scikit-learn", "scikit-learn") if model.kind == "forest" else ("PyTorch", "torch")


def _architecture(model: TrainedModel) -> str:
    if isinstance(model, EnsembleModel):
        counts = Counter(_architecture(part) for part in model.parts)
        return " and ".join(name if n == 1 else f"{n} × {name}" for name, n in counts.items())
    if isinstance(model, NetworkModel):
        return f"{model.spec.architecture} with encoder {model.spec.encoder}"
    return "random forest on multi-scale image features" if model.kind == "forest" else model.kind


def _input(model: TrainedModel) -> dict[str, Any]:
    normalisation = model.normalisation
    return {
        "name": "Raw values of the bands, in this order",
        "bands": _bands(model),
        "input": {
            "shape": [-1, len(model.bands), -1, -1],
            "dim_order": ["batch", "bands", "height", "width"],
            "data_type": "float32",
        },
        "value_scaling": [
            {"type": "z-score", "mean": mean, "stddev": std}
            for mean, std in zip(normalisation.mean, normalisation.std, strict=True)
        ],
        "resize_type": None,
    }


def _output(model: TrainedModel) -> dict[str, Any]:
    return {
        "name": "Probabilities of the classes, in this order",
        "tasks": [_TASK],
        "result": {
            "shape": [-1, len(model.legend), -1, -1],
            "dim_order": ["batch", "class", "height", "width"],
            "data_type": "float32",
        },
        "classification:classes": [
            entry for entry in class_documents(model.legend) if not entry.get("nodata")
        ],
    }
