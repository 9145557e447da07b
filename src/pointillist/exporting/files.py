"""Graphs as files: ONNX, and OpenVINO's pair of .xml and .bin made from it."""

from __future__ import annotations

import io
import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

import pointillist
from pointillist.errors import InputError, OutputError
from pointillist.exporting.contract import OUTPUT_NAME, GraphContract
from pointillist.exporting.forest_graph import ML_DOMAIN, ML_OPSET
from pointillist.exporting.graph import ModelGraph, has_trees
from pointillist.exporting.metadata import OWN_KEY, make_metadata
from pointillist.models import TrainedModel, openvino_core

if TYPE_CHECKING:
    from onnx import ModelProto

OPSET = 18
_TRACED_SHAPE = (2, 96, 160)  # batch, height and width; neither stays in a graph for any size


def make_onnx(model: TrainedModel, contract: GraphContract) -> ModelProto:
    """The model as an ONNX graph with its metadata.

    Raises:
        InputError: The network has an operation that ONNX does not.
    """
    import onnx

    traced = _trace(model, contract)
    proto = onnx.load_from_string(traced)
    proto.producer_name, proto.producer_version = "pointillist", pointillist.__version__
    proto.doc_string = f"Land cover by Pointillist. In: {contract.sentence}. Out: probabilities."
    onnx.helper.set_model_props(proto, make_metadata(model, contract))
    return proto


def _trace(model: TrainedModel, contract: GraphContract) -> bytes:
    tile = contract.tile_px
    batch, height, width = _TRACED_SHAPE if tile is None else (1, tile, tile)
    name = contract.input_name
    axes = {0: "batch", 2: "height", 3: "width"}
    buffer: Any = io.BytesIO()
    with _quiet(), torch.no_grad():
        try:
            # tracing by TorchScript: the exporter that came after it fixes the bins of adaptive
            # pooling, takes three times as long and names no dimension
            torch.onnx.export(
                ModelGraph(model, contract.divisor).eval(),
                (torch.zeros(batch, len(model.bands), height, width),),
                buffer,
                dynamo=False,
                opset_version=OPSET,
                input_names=[name],
                output_names=[OUTPUT_NAME],
                dynamic_axes=None if tile is not None else {name: axes, OUTPUT_NAME: axes},
                custom_opsets={ML_DOMAIN: ML_OPSET} if has_trees(model) else None,
            )
        except (RuntimeError, torch.onnx.errors.OnnxExporterError) as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise InputError(
                f"This {model.kind} cannot be written as a graph ({reason[:200]}). Train with "
                "another encoder, or map with `pointillist predict`."
            ) from error
    traced: bytes = buffer.getvalue()
    return traced


def write_onnx(proto: ModelProto, path: Path) -> None:
    """Write the graph, through to the disk."""
    import onnx

    onnx.save_model(proto, str(path))
    _sync(path)


def write_openvino(proto: ModelProto, contract: GraphContract, path: Path) -> None:
    """Write OpenVINO's `.xml`, and `.bin` beside it."""
    import openvino as ov

    graph = openvino_core().read_model(proto.SerializeToString())
    for prop in proto.metadata_props:
        graph.set_rt_info(prop.value, [OWN_KEY, prop.key])
    graph.set_friendly_name(OWN_KEY)
    ov.save_model(graph, str(path), compress_to_fp16=contract.precision == "fp16")
    for written in (path, path.with_suffix(".bin")):
        _sync(written)


@contextmanager
def beside(out: Path, contract: GraphContract) -> Iterator[Path]:
    """A hidden name to write to, moved into place on success and removed on failure.

    Raises:
        OutputError: A file cannot be written.
    """
    partial = out.with_name(f".{out.stem}.{os.getpid()}.partial{out.suffix}")
    endings = (".bin", out.suffix) if contract.format == "openvino" else (out.suffix,)
    try:
        yield partial
        for ending in endings:
            partial.with_suffix(ending).replace(out.with_suffix(ending))
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        raise OutputError(
            f"'{out}' cannot be written: {error.strerror or error}. "
            "Choose a folder that may be written and has space."
        ) from error
    finally:
        for ending in endings:
            partial.with_suffix(ending).unlink(missing_ok=True)


def _sync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the tracer's warnings and prints: results are compared with the model's later."""
    logger: Any = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with (
            warnings.catch_warnings(),
            redirect_stdout(io.StringIO()),
        ):  # a failure is told at length
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
