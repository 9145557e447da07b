"""How large blocks may be: the memory there is for them, and what a network takes per pixel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pointillist.errors import InputError
from pointillist.prediction.blending import SMALLEST_STRIDE_PX, stride_for
from pointillist.prediction.blending import halo_for as blending_halo
from pointillist.prediction.block import DEFAULT_BLOCK_PX, Tiling, round_up

if TYPE_CHECKING:
    from pointillist.models import TrainedModel
    from pointillist.prediction.smoothing import Smoothing

DEFAULT_GIB = 1.0
# Of it, for what GDAL keeps of the scene and for the files that are written.
_RESERVED_GIB = 0.09
# Finer steps would make files' tiles be cut in more pieces for little.
_STEP_PX, _SMALLEST_PX, _LARGEST_PX = 128, 256, 4096


def choose_tiling(
    model: TrainedModel,
    block_px: int | None,
    halo_px: int | None,
    memory_gib: float | None,
    *,
    blend: bool = False,
    smoothing: Smoothing | None = None,
) -> Tiling:
    """The largest blocks that fit into the memory; the model's own halo or the one asked for.

    Args:
        model: The model.
        block_px: Side of a block; None to choose.
        halo_px: Margin; None for the model's own.
        memory_gib: Memory for blocks in 2³⁰ bytes, besides the model; None for 1.
        blend: Whether blocks are blended of overlapping windows, which decides the halo.
        smoothing: How probabilities are smoothed; None for not at all.

    Raises:
        InputError: No memory, a block below 1 px, or a halo together with blending.
    """
    gib = DEFAULT_GIB if memory_gib is None else memory_gib
    if not gib > 0:
        raise InputError(f"Expected --memory above 0 gigabytes, got {gib:g}.")
    if blend and halo_px is not None:
        raise InputError(
            "Expected --blend or --halo, got both: overlapping windows decide the margin."
        )
    if blend:
        block = Tiling.of_model(model, block_px or DEFAULT_BLOCK_PX, 0).block_px
        block = round_up(block, SMALLEST_STRIDE_PX)
        return Tiling.of_model(model, block, blending_halo(stride_for(block)))
    if block_px is not None or model.bytes_per_px is None:
        return Tiling.of_model(model, block_px, halo_px, smoothing)
    taken = model.bytes_per_px
    if smoothing is not None:
        taken += smoothing.bytes_per_px(len(model.legend))
    n_px = (gib - _RESERVED_GIB) * 2**30 / taken
    # what a forest does costs the same in small blocks: only a network alone gains by large ones
    largest = DEFAULT_BLOCK_PX if model.block_multiple_px == 1 else _LARGEST_PX
    sizes = range(largest, _SMALLEST_PX, -_STEP_PX)
    tilings = (Tiling.of_model(model, size, halo_px, smoothing) for size in sizes)
    fitting = (t for t in tilings if (t.block_px + 2 * t.halo_px) ** 2 <= n_px)
    return next(fitting, Tiling.of_model(model, _SMALLEST_PX, halo_px, smoothing))
