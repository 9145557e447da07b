"""From a trained model to a file for other programs."""

from __future__ import annotations

import importlib.util
import logging
from pathlib import Path

from pointillist.errors import InputError
from pointillist.exporting.contract import SUFFIXES, GraphContract
from pointillist.models import TrainedModel, load
from pointillist.raster import check_output

logger = logging.getLogger(__name__)

PathLike = str | Path

_NEEDED = {"onnx": ("onnx", "onnxruntime"), "openvino": ("onnx", "openvino")}


def export(
    model: PathLike | TrainedModel,
    out: PathLike,
    *,
    format: str | None = None,
    input: str = "deepness",
    tile: int | None = None,
    precision: str = "fp32",
    overwrite: bool = False,
) -> Path:
    """Write a model as an ONNX or OpenVINO graph: values in, class probabilities out.

    Normalisation and softmax are inside. The file says what it is: classes with codes and colours,
    bands, pixel size and provenance, and what the QGIS plugin Deepness looks for. Before it gets
    its name it is compared with the model on random images.

    Args:
        model: Run folder, `.safetensors` file, or a loaded model.
        out: `.onnx`, or `.xml` for OpenVINO, which puts its weights beside it as `.bin`.
        format: `onnx` or `openvino`; by the name of `out` when absent.
        input: `deepness`: (N, B, H, W) float32 divided by 255, which is what Deepness feeds to
            every graph. `raw`: values as they are in the scene.
        tile: Side in pixels of a fixed, square input with N = 1, which Deepness needs; any N, H
            and W when absent.
        precision: `fp32`, or `fp16` to store OpenVINO's weights in half the space.
        overwrite: Whether files that exist may be replaced.

    Returns:
        The path written.

    Raises:
        InputError: An option or file name does not fit, a package is missing, or the model has
            something that the format does not.
        OutputExistsError: The file exists and `overwrite` is False.
        OutputError: It cannot be written.
        ExportError: The graph does not agree with the model; no file is left.

    Example:
        >>> pointillist.export("run", "model.onnx", tile=512)  # doctest: +SKIP
        PosixPath('model.onnx')
    """
    out = Path(out)
    contract = GraphContract(format or _format_of(out), input, tile, precision)
    contract.check_name(out)
    check_output(out, overwrite)
    if contract.format == "openvino":
        check_output(out.with_suffix(".bin"), overwrite)
    _require_packages(contract.format)
    trained = model if isinstance(model, TrainedModel) else load(model)
    _write(trained, out, contract)
    return out


def _write(model: TrainedModel, out: Path, contract: GraphContract) -> None:
    from pointillist.exporting.checking import check_file
    from pointillist.exporting.files import beside, make_onnx, write_onnx, write_openvino
    from pointillist.exporting.graph import has_trees

    if contract.format == "openvino" and has_trees(model):
        raise InputError(
            f"OpenVINO has no decision trees, and this {model.kind} has them. Use --format onnx, "
            "or train with --recipe unet."
        )
    proto = make_onnx(model, contract)
    with beside(out, contract) as partial:
        if contract.format == "onnx":
            write_onnx(proto, partial)
        else:
            write_openvino(proto, contract, partial)
        agreement = check_file(partial, model, contract)
    logger.info("%s Input: %s.", agreement, contract.sentence)


def _format_of(out: Path) -> str:
    found = [name for name, suffix in SUFFIXES.items() if suffix == out.suffix.lower()]
    if not found:
        raise InputError(
            f"Expected a file name ending in {' or '.join(SUFFIXES.values())}, got '{out.name}'."
        )
    return found[0]


def _require_packages(format: str) -> None:
    missing = [name for name in _NEEDED[format] if importlib.util.find_spec(name) is None]
    if missing:
        raise InputError(
            f"Expected the packages {' and '.join(_NEEDED[format])} for --format {format}, but "
            f"{' and '.join(missing)} cannot be found. Install with: pip install "
            "'pointillist[onnx]'."
        )
