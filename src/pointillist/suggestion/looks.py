"""What places look like: the mean and spread of each band close around."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pointillist.features import group_around
from pointillist.raster import PixelSource

_RADIUS_PX = 2


def look_at(source: PixelSource, rowcol: NDArray[np.int64]) -> NDArray[np.float64]:
    """Mean and standard deviation of each band in the 5×5 pixels around.

    Args:
        source: The scene.
        rowcol: (N, 2) pixels inside it.

    Returns:
        (N, 2·bands) in raw units; pixels without data do not count.
    """
    out = np.zeros((len(rowcol), 2 * source.n_bands))
    for group in group_around(rowcol, _RADIUS_PX):
        read = source.read(group.window)
        for member, (row, col) in zip(group.members, group.rowcol, strict=True):
            near = np.s_[row - _RADIUS_PX : row + _RADIUS_PX + 1,
                         col - _RADIUS_PX : col + _RADIUS_PX + 1]  # fmt: skip
            values = read.data[(slice(None), *near)][:, read.valid[near]].astype(np.float64)
            if values.shape[1]:
                out[member] = np.concatenate([values.mean(axis=1), values.std(axis=1)])
    return out
