"""Is the exported file the model? Compared on random images before it gets its name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pointillist.errors import ExportError
from pointillist.exporting.contract import GraphContract
from pointillist.exporting.graph import has_trees
from pointillist.models import TrainedModel, openvino_core

FloatArray = NDArray[np.float32]
Runner = Callable[[FloatArray], FloatArray]

# Largest difference of a probability that is rounding, not a mistake.
TOLERANCE = {"fp32": 1e-3, "fp16": 1e-2}
# A tree decides by thresholds: rounding may send a pixel the other way. Share of pixels allowed.
_TREE_FLIPS = 1e-3
_SHAPES = ((1, 128, 128), (2, 75, 130), (1, 33, 1))


def open_onnx(path: Path) -> Runner:
    """The file in ONNX Runtime on the CPU: values (N, B, H, W) → probabilities."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda values: np.asarray(session.run(None, {name: values})[0], dtype=np.float32)


def open_openvino(path: Path) -> Runner:
    """The file in OpenVINO on the CPU, in float32: values (N, B, H, W) → probabilities."""
    hints = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino_core().compile_model(str(path), "CPU", hints)
    return lambda values: np.array(compiled([values])[0], dtype=np.float32)


RUNNERS = {
    "onnx": ("ONNX Runtime", open_onnx),
    "openvino": ("OpenVINO", open_openvino),
}


def check_file(path: Path, model: TrainedModel, contract: GraphContract) -> str:
    """Compare the file's probabilities with the model's.

    Args:
        path: The file.
        model: What it was made of.
        contract: What it takes.

    Returns:
        A sentence with the largest difference.

    Raises:
        ExportError: They differ.
    """
    runtime, open_file = RUNNERS[contract.format]
    run = open_file(path)
    differences = np.concatenate(
        [
            _differences(run, model, contract, images).reshape(-1)
            for images in _random_images(model, contract)
        ]
    )
    largest, tolerance = float(differences.max()), TOLERANCE[contract.precision]
    share = float((~(differences <= tolerance)).mean())
    if share > (_TREE_FLIPS if has_trees(model) else 0):
        raise ExportError(
            f"The exported graph does not agree with the model: in {runtime} probabilities differ "
            f"by up to {largest:.3g} ({share:.2%} of pixels by more than {tolerance:g}). "
            "Nothing was written. Report it, and map with `pointillist predict`."
        )
    where = f" (more than {tolerance:g} on {share:.3%} of pixels)" if share else ""
    return f"{runtime} agrees with PyTorch to {largest:.1e}{where}."


def _random_images(model: TrainedModel, contract: GraphContract) -> Iterator[FloatArray]:
    """Whole numbers about the bands' means, as scenes have; several sizes where any will do."""
    rng = np.random.default_rng(0)
    mean, std = (
        np.asarray(v).reshape(1, -1, 1, 1)
        for v in (model.normalisation.mean, model.normalisation.std)
    )
    tile = contract.tile_px
    for batch, height, width in _SHAPES if tile is None else ((1, tile, tile),):
        noise = rng.normal(size=(batch, len(model.bands), height, width))
        values = mean + std * noise
        yield (values.round() if (std > 4).all() else values).astype(np.float32)


def _differences(
    run: Runner, model: TrainedModel, contract: GraphContract, images: FloatArray
) -> FloatArray:
    """Largest difference at each pixel (N, H, W); NaN where the file gave no number."""
    found = run((images / np.float32(contract.divisor)).astype(np.float32))
    expected = np.stack([model.predict(image) for image in images])
    if found.shape != expected.shape:
        raise ExportError(
            f"The exported graph gives an output of shape {found.shape} for an input of shape "
            f"{images.shape}, expected {expected.shape}. Nothing was written. Report it."
        )
    largest: FloatArray = np.abs(found - expected).max(axis=1)
    return largest
