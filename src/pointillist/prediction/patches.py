"""Small patches of a map: merged into what surrounds them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Each pass merges patches into their largest neighbour; patches among small ones need several.
_MAX_PASSES = 50
_BAND = 1024

NewPlane = Callable[[tuple[int, ...], Any], NDArray[Any]]


def merge_small_patches(
    codes: NDArray[Any], min_area_px: int, nodata: int, new_plane: NewPlane = np.empty
) -> NDArray[Any]:
    """Give patches smaller than `min_area_px` the class of their largest neighbour.

    A patch is a set of pixels of one class joined by their sides. Nodata is not altered and takes
    nothing in, so a small patch surrounded by nodata stays.

    Args:
        codes: (H, W) unsigned class codes.
        min_area_px: Smallest patch that stays, at least 1.
        nodata: Code where there is no class.
        new_plane: Makes an array of a shape and type; one on a disk for maps beyond memory. Three
            are made, of the size of `codes`.

    Returns:
        (H, W) codes, a new array.
    """
    from rasterio.features import sieve

    merged = new_plane(codes.shape, codes.dtype)
    if min_area_px <= 1 or codes.size == 0:
        merged[...] = codes
        return merged
    mapped = new_plane(codes.shape, np.dtype(np.uint8))
    np.not_equal(codes, nodata, out=mapped.view(bool))
    before, spare = codes, new_plane(codes.shape, codes.dtype)
    for _ in range(_MAX_PASSES):
        sieve(before, min_area_px, out=merged, mask=mapped, connectivity=4)
        if _are_equal(merged, before):
            break
        before, merged, spare = merged, spare, merged
    return merged


def _are_equal(one: NDArray[Any], other: NDArray[Any]) -> bool:
    """In bands of rows, so that little memory is taken."""
    return all(
        np.array_equal(one[row : row + _BAND], other[row : row + _BAND])
        for row in range(0, len(one), _BAND)
    )
