"""Small patches of a map: merged into what surrounds them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

# Each pass merges patches into their largest neighbour; patches among small ones need several.
_MAX_PASSES = 50


def merge_small_patches(codes: NDArray[Any], min_area_px: int, nodata: int) -> NDArray[Any]:
    """Give patches smaller than `min_area_px` the class of their largest neighbour.

    A patch is a set of pixels of one class joined by their sides. Nodata is not altered and takes
    nothing in, so a small patch surrounded by nodata stays. The whole map is in memory, and once
    more while merging: bytes in proportion to its pixels.

    Args:
        codes: (H, W) unsigned class codes.
        min_area_px: Smallest patch that stays, at least 1.
        nodata: Code where there is no class.

    Returns:
        (H, W) codes, a new array.
    """
    from rasterio.features import sieve

    if min_area_px <= 1 or codes.size == 0:
        return codes.copy()
    mapped = (codes != nodata).astype(np.uint8)
    for _ in range(_MAX_PASSES):
        merged = sieve(codes, min_area_px, mask=mapped, connectivity=4)
        if np.array_equal(merged, codes):
            break
        codes = merged
    return np.asarray(merged)
