"""Which windows to read when only some pixels of a large scene matter."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pointillist.grid import Window, assign_spatial_blocks

_TILES_PX = (1, 32, 64, 128, 256, 512)


@dataclass(frozen=True)
class PointWindow:
    """A window with all the surroundings that some pixels need.

    Args:
        window: What to read; may reach beyond the scene.
        members: (M,) positions of the pixels in the list that was grouped.
        rowcol: (M, 2) where those pixels lie inside `window`.
    """

    window: Window
    members: NDArray[np.int64]
    rowcol: NDArray[np.int64]


def group_around(rowcol: ArrayLike, halo_px: int) -> list[PointWindow]:
    """Gather pixels into windows with a halo so that few pixels are read in all.

    Scattered pixels get a window each, crowded ones share: of a few sizes of shared window the one
    that reads least is taken. Every window is small, so memory does not grow with the scene.

    Args:
        rowcol: (N, 2) pixel indices.
        halo_px: Surroundings that each pixel needs.

    Returns:
        Windows in which each of the N pixels appears exactly once, row by row.
    """
    pixels = np.asarray(rowcol, dtype=np.int64).reshape(-1, 2)
    if not len(pixels):
        return []
    plans = (_Plan.by_tile(pixels, halo_px, tile) for tile in _TILES_PX)
    return min(plans, key=lambda plan: plan.n_read).windows(pixels)


@dataclass(frozen=True)
class _Plan:
    """Boxes of pixels that share a window: `low`, `high` (K, 2), halo included; `high` exclusive.

    `order` lists the pixels box by box, `starts` where each box begins in it.
    """

    low: NDArray[np.int64]
    high: NDArray[np.int64]
    order: NDArray[np.int64]
    starts: NDArray[np.int64]

    @classmethod
    def by_tile(cls, pixels: NDArray[np.int64], halo_px: int, tile_px: int) -> _Plan:
        """One box around the pixels of each tile."""
        tiles = assign_spatial_blocks(pixels, tile_px)
        order = np.argsort(tiles, kind="stable")
        starts = np.searchsorted(tiles[order], np.arange(tiles.max() + 1))
        low = np.minimum.reduceat(pixels[order], starts, axis=0) - halo_px
        high = np.maximum.reduceat(pixels[order], starts, axis=0) + halo_px + 1
        return cls(low, high, order, starts)

    @property
    def n_read(self) -> int:
        """Pixels read in all."""
        return int((self.high - self.low).prod(axis=1).sum())

    def windows(self, pixels: NDArray[np.int64]) -> list[PointWindow]:
        """The boxes as windows with their members."""
        members = np.split(self.order, self.starts[1:])
        sizes = (self.high - self.low).tolist()
        return [
            PointWindow(Window(*low, *size), inside, pixels[inside] - low)
            for low, size, inside in zip(self.low.tolist(), sizes, members, strict=True)
        ]
