from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from pointillist.prediction import merge_small_patches


def _patch_sizes(codes, nodata):
    sizes = []
    for code in np.unique(codes[codes != nodata]):
        labels, n = ndimage.label(codes == code)
        sizes += np.bincount(labels.ravel(), minlength=n + 1)[1:].tolist()
    return sizes


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_small_patch_takes_the_class_of_its_largest_neighbour(dtype) -> None:
    codes = np.full((9, 12), 3, dtype=dtype)
    codes[:, :3] = 7
    codes[4:6, 3:5] = 1  # 4 px between 7 (27 px) and 3 (the rest)
    merged = merge_small_patches(codes, 5, nodata=255)
    assert (merged[4:6, 3:5] == 3).all()
    assert merged.dtype == dtype
    assert (merge_small_patches(codes, 4, nodata=255) == codes).all()


def test_no_small_patch_is_left_even_in_noise(rng) -> None:
    codes = rng.integers(1, 4, (150, 170)).astype(np.uint8)
    merged = merge_small_patches(codes, 20, nodata=255)
    assert min(_patch_sizes(merged, 255)) >= 20


def test_nodata_takes_nothing_in_and_is_not_filled() -> None:
    codes = np.full((10, 10), 255, dtype=np.uint8)
    codes[4, 4] = 2  # an island in nodata: nowhere to go
    codes[:3] = 5
    codes[1, 5] = 255  # a hole of one pixel
    merged = merge_small_patches(codes, 50, nodata=255)
    assert np.array_equal(merged, codes)


def test_one_pixel_means_every_patch_stays(rng) -> None:
    codes = rng.integers(0, 3, (20, 20)).astype(np.uint8)
    merged = merge_small_patches(codes, 1, nodata=255)
    assert np.array_equal(merged, codes)
    assert merged is not codes
