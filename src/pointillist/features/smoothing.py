"""Gaussian smoothing that looks at valid pixels only, the same to the last bit in any block.

A normalised convolution: smooth(data · valid) / smooth(valid). Pixels without data, and all that
lies outside the array, weigh nothing; they neither bleed into their neighbours nor are mirrored.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray


def kernel_radius(sigma: float, truncate: float) -> int:
    """Pixels the kernel reaches to either side, at least 1."""
    return max(1, math.ceil(truncate * sigma))


def gaussian_kernel(sigma: float, truncate: float) -> NDArray[np.float64]:
    """Weights (2·radius + 1,) of a sampled Gaussian, symmetric, with sum 1."""
    offsets = np.arange(-kernel_radius(sigma, truncate), kernel_radius(sigma, truncate) + 1)
    weights = np.exp(-0.5 * (offsets / sigma) ** 2)
    return np.asarray(weights / weights.sum(), dtype=np.float64)


def smooth_weighted(
    data: NDArray[np.float32], support: NDArray[np.float32], kernel: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Smooth one band.

    Args:
        data: (h, w), exactly 0 where invalid.
        support: (h, w) of `smooth_support` for the same kernel.
        kernel: Of `gaussian_kernel`.

    Returns:
        (h, w) local means of the valid pixels; 0 where the kernel meets none.
    """
    sums = _correlate(data, kernel)
    return np.divide(sums, support, out=np.zeros_like(sums), where=support > 0)


def smooth_support(valid: NDArray[np.bool_], kernel: NDArray[np.float64]) -> NDArray[np.float32]:
    """Share of the kernel's weight that falls on valid pixels, (h, w); outside counts as invalid.

    Where the valid pixels fill a rectangle (the usual case) two vectors give the answer.
    """
    from scipy import ndimage

    rows, cols = valid.any(axis=1), valid.any(axis=0)
    if int(valid.sum()) != int(rows.sum()) * int(cols.sum()):
        return _correlate(valid.astype(np.float32), kernel)
    by_row, by_col = (
        ndimage.correlate1d(v.astype(np.float64), kernel, mode="constant") for v in (rows, cols)
    )
    # rounded midway as `_correlate` does, so that both ways agree to the last bit
    return np.asarray(np.outer(by_row.astype(np.float32), by_col), dtype=np.float32)


def _correlate(image: NDArray[np.float32], kernel: NDArray[np.float64]) -> NDArray[np.float32]:
    """Both axes in turn; sums in double precision, in an order that no block boundary changes."""
    from scipy import ndimage

    for axis in (0, 1):
        image = ndimage.correlate1d(image, kernel, axis=axis, output=np.float32, mode="constant")
    return image
