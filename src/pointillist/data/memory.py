"""Holding small scenes in memory, so that training does not wait for tiles to be decoded."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pointillist.grid import Window
from pointillist.raster import ArraySource, PixelSource

_STRIP_PX = 1024
# Types that come back unchanged from the float32 that sources hand out.
_COMPACT = {"uint8", "int8", "uint16", "int16"}


def keep_in_memory(sources: Sequence[PixelSource], memory_mb: float) -> list[PixelSource]:
    """Replace scenes that are read from disk by copies in memory, while they fit.

    Args:
        sources: The scenes; those that are arrays already stay as they are.
        memory_mb: How many MiB all copies may take together.

    Returns:
        As many sources, in the same order, that read the same.
    """
    left = memory_mb * 2**20
    kept: list[PixelSource] = []
    for source in sources:
        size = (
            source.grid.height * source.grid.width * (_dtype(source).itemsize * source.n_bands + 1)
        )
        if not isinstance(source, ArraySource) and size <= left:
            left -= size
            source = _copy(source)
        kept.append(source)
    return kept


def _dtype(source: PixelSource) -> np.dtype[np.generic]:
    name = str(getattr(source, "dtype", "float32"))
    return np.dtype(name if name in _COMPACT else "float32")


def _copy(source: PixelSource) -> ArraySource:
    """Read a whole scene in strips, at its own data type."""
    height, width = source.grid.shape
    data: NDArray[np.generic] = np.zeros((source.n_bands, height, width), dtype=_dtype(source))
    valid = np.zeros((height, width), dtype=np.bool_)
    for row in range(0, height, _STRIP_PX):
        window = Window(row, 0, min(_STRIP_PX, height - row), width)
        pixels = source.read(window)
        rows, cols = window.slices
        data[:, rows, cols] = pixels.data
        valid[rows, cols] = pixels.valid
    return ArraySource(
        data,
        valid=None if valid.all() else valid,
        grid=source.grid,
        band_names=source.band_names,
        name=source.name,
    )
