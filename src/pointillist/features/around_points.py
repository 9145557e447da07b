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
    plans = [_group_by_tile(pixels, halo_px, tile) for tile in _TILES_PX]
    return min(plans, key=lambda plan: sum(g.window.height * g.window.width for g in plan))


def _group_by_tile(pixels: NDArray[np.int64], halo_px: int, tile_px: int) -> list[PointWindow]:
    tiles = assign_spatial_blocks(pixels, tile_px)
    order = np.argsort(tiles, kind="stable")
    ends = np.cumsum(np.bincount(tiles, minlength=0)) if len(tiles) else np.empty(0, np.int64)
    return [
        _window_around(pixels, members, halo_px)
        for members in np.split(order, ends[:-1])
        if len(members)
    ]


def _window_around(
    pixels: NDArray[np.int64], members: NDArray[np.int64], halo_px: int
) -> PointWindow:
    """The box around the members, grown by the halo."""
    inside = pixels[members]
    low, high = inside.min(axis=0), inside.max(axis=0)
    height, width = (int(v) for v in high - low + 1)
    window = Window(int(low[0]), int(low[1]), height, width).expand(halo_px)
    return PointWindow(window, members, inside - (window.row, window.col))
