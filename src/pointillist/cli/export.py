"""`pointillist export`: a model as a file for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pointillist.cli import console

EPILOG = (
    "\b\nExamples:\n"
    "  pointillist export run --format onnx --out model.onnx\n"
    "  pointillist export run --format onnx --tile 512 --out deepness.onnx  # for QGIS\n"
    "  pointillist export run --format onnx --input raw --out raw.onnx\n"
    "  pointillist export run --format openvino --out model.xml"
)


def export(
    model: Annotated[Path, typer.Argument(help="Run folder or .safetensors file.")],
    format: Annotated[str, typer.Option(help="onnx or openvino.")],
    out: Annotated[
        Path, typer.Option(help="FILE.onnx, or FILE.xml (weights go beside it as .bin).")
    ],
    input: Annotated[
        str,
        typer.Option(
            help="What the graph takes: deepness (values divided by 255, as Deepness feeds them) "
            "or raw (values as in the scene)."
        ),
    ] = "deepness",
    tile: Annotated[
        int | None,
        typer.Option(
            help="Fix the input to one square of this side, which Deepness needs. Default: any "
            "height, width and batch."
        ),
    ] = None,
    precision: Annotated[
        str, typer.Option(help="fp32, or fp16 for OpenVINO weights of half the size.")
    ] = "fp32",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace outputs that exist.")
    ] = False,
) -> None:
    """Write a model as an ONNX or OpenVINO graph for other programs, and check it."""
    from pointillist.exporting import export as export_model

    path = export_model(
        model,
        out,
        format=format,
        input=input,
        tile=tile,
        precision=precision,
        overwrite=overwrite,
    )
    console.say(f"Exported: {path}")
    if format == "onnx" and input == "deepness" and tile is None:
        console.say("QGIS's Deepness takes fixed sizes only: for it, add --tile 512.")
