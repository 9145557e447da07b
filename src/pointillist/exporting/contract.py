"""What an exported graph takes and gives: the one place where the options are decided."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pointillist.errors import InputError
from pointillist.exporting.graph import DEEPNESS_DIVISOR

# Format → how its file ends.
SUFFIXES = {"onnx": ".onnx", "openvino": ".xml"}
INPUTS = ("deepness", "raw")
PRECISIONS = ("fp32", "fp16")
MIN_TILE_PX, MAX_TILE_PX = 32, 8192
OUTPUT_NAME = "probabilities"


@dataclass(frozen=True)
class GraphContract:
    """What was asked for.

    Args:
        format: `onnx` or `openvino`.
        input: `deepness` for values divided by 255, `raw` for values as in the scene.
        tile_px: Side of a fixed, square input with a batch of one; None for any size and batch.
        precision: `fp32`, or `fp16` for weights stored in half precision (OpenVINO).

    Raises:
        InputError: Something else.
    """

    format: str
    input: str = "deepness"
    tile_px: int | None = None
    precision: str = "fp32"

    def __post_init__(self) -> None:
        for option, value, known in (
            ("format", self.format, tuple(SUFFIXES)),
            ("input", self.input, INPUTS),
            ("precision", self.precision, PRECISIONS),
        ):
            if value not in known:
                raise InputError(f"Expected --{option} among {', '.join(known)}, got {value!r}.")
        if self.tile_px is not None and not MIN_TILE_PX <= self.tile_px <= MAX_TILE_PX:
            raise InputError(
                f"Expected --tile from {MIN_TILE_PX} to {MAX_TILE_PX} px, got {self.tile_px}."
            )
        if self.precision == "fp16" and self.format != "openvino":
            raise InputError(
                "Half precision is for OpenVINO, which computes in what the hardware has: "
                "use --format openvino, or leave --precision fp16 out."
            )

    def check_name(self, out: Path) -> None:
        """Refuse a file name that says another format."""
        if out.suffix.lower() != SUFFIXES[self.format]:
            raise InputError(
                f"Expected a file name ending in {SUFFIXES[self.format]} for --format "
                f"{self.format}, got '{out.name}'."
            )

    @property
    def divisor(self) -> float:
        """What the values are divided by before the graph."""
        return DEEPNESS_DIVISOR if self.input == "deepness" else 1.0

    @property
    def input_name(self) -> str:
        """Name of the input, which says what it takes."""
        return "image_over_255" if self.input == "deepness" else "image"

    @property
    def sentence(self) -> str:
        """What goes in, for people."""
        values = "divided by 255" if self.input == "deepness" else "as they are in the scene"
        side = self.tile_px
        size = "any height and width" if side is None else f"{side}×{side} px, one at a time"
        return f"values {values}, float32, bands first, {size}"
