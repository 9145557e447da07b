"""Mean and standard deviation from a bounded number of windows."""

from __future__ import annotations

import numpy as np
import pytest

from pointillist.data import estimate_normalisation
from pointillist.data.normalisation import MAX_WINDOWS
from pointillist.errors import InputError
from pointillist.raster import ArraySource


def test_a_small_scene_is_measured_exactly(rng) -> None:
    data = rng.normal(50, [[[3.0]], [[20.0]]], (2, 300, 270))
    valid = rng.random((300, 270)) < 0.7
    found = estimate_normalisation([ArraySource(data.astype(np.float32), valid=valid)])
    assert found.mean == pytest.approx(data[:, valid].mean(axis=1), rel=1e-5)
    assert found.std == pytest.approx(data[:, valid].std(axis=1), rel=1e-5)


def test_one_pixel_and_constant_bands_have_deviation_1() -> None:
    assert estimate_normalisation([ArraySource(np.full((1, 1, 1), 7))]).std == (1.0,)
    found = estimate_normalisation([ArraySource(np.full((1, 90, 80), 0.1, dtype=np.float32))])
    assert found.std == (1.0,)
    assert found.mean == pytest.approx((0.1,))


def test_large_offsets_do_not_swallow_the_spread(rng) -> None:
    data = (rng.integers(0, 2, (1, 200, 200)) + 60_000).astype(np.uint16)
    assert estimate_normalisation([ArraySource(data)]).std == pytest.approx((0.5,), abs=0.01)


def test_a_large_scene_is_read_in_few_windows() -> None:
    class Large(ArraySource):
        n_read = 0

        def read(self, window):
            Large.n_read += window.height * window.width
            return super().read(window)

    ramp = np.broadcast_to(np.arange(6000, dtype=np.float32), (1, 6000, 6000))
    found = estimate_normalisation([Large(ramp)], seed=1)
    assert Large.n_read <= MAX_WINDOWS * 256**2
    assert found.mean == pytest.approx((3000,), rel=0.2)
    assert found == estimate_normalisation([Large(ramp)], seed=1)


def test_scenes_count_by_their_area(rng) -> None:
    small = ArraySource(np.zeros((1, 100, 100), dtype=np.uint8))
    large = ArraySource(np.full((1, 200, 200), 5, dtype=np.uint8))
    assert estimate_normalisation([small, large]).mean == pytest.approx((4.0,))


def test_windows_of_nodata_are_passed_over() -> None:
    valid = np.zeros((2560, 2560), dtype=bool)
    valid[300:310, 700:720] = True
    data = np.ones((1, 2560, 2560), dtype=np.uint8)
    assert estimate_normalisation([ArraySource(data, valid=valid)]).mean == (1.0,)


def test_nothing_but_nodata_is_an_error() -> None:
    empty = ArraySource(
        np.zeros((1, 30, 30)), valid=np.zeros((30, 30), dtype=bool), name="empty.tif"
    )
    with pytest.raises(InputError, match=r"Expected valid pixels in empty\.tif, but all"):
        estimate_normalisation([empty])


def test_scenes_of_different_bands_are_refused() -> None:
    sources = [ArraySource(np.zeros((n, 9, 9)), name=f"{n}.tif") for n in (1, 2)]
    with pytest.raises(InputError, match=r"same bands, got 1 in 1\.tif, 2 in 2\.tif"):
        estimate_normalisation(sources)
    with pytest.raises(InputError, match="got no scenes"):
        estimate_normalisation([])
