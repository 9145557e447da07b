"""One contract for scenes in files and in memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pointillist.grid import Grid, Transform, Window
from pointillist.raster import ArraySource, PixelSource, open_scene, stack

HEIGHT, WIDTH = 23, 31
GRID = Grid(HEIGHT, WIDTH, Transform(10, 0, 300_000, 0, -10, 5_700_000), "EPSG:32632")
WINDOWS = [
    Window(0, 0, HEIGHT, WIDTH), Window(-4, -5, 9, 9), Window(20, 28, 10, 10), Window(3, 4, 5, 6),
    Window(-50, 0, 8, 8), Window(-3, -3, 40, 50), Window(22, 30, 1, 1),
]  # fmt: skip

MakeSource = Callable[[np.ndarray, np.ndarray], PixelSource]


@pytest.fixture(params=["array", "npz", "file", "mask", "alpha", "stack"])
def make_source(request, make_raster, tmp_path: Path) -> MakeSource:
    """`make_source(data (B, H, W), valid (H, W))` in each of the forms a scene may have."""

    def make(data: np.ndarray, valid: np.ndarray) -> PixelSource:
        names = tuple(f"b{i}" for i in range(len(data)))
        mask = np.where(valid, 255, 0).astype(np.uint8)
        if request.param == "array":
            return ArraySource(data, valid, GRID, names)
        if request.param == "npz":
            ArraySource(data, valid, GRID, names).save_npz(tmp_path / "s.npz")
            return ArraySource.load_npz(tmp_path / "s.npz")
        if request.param == "mask":
            return open_scene(make_raster(data, mask=mask, band_names=names))
        if request.param == "alpha":
            both = np.insert(data, 1, mask.astype(data.dtype), axis=0)
            path = make_raster(both, alpha="yes", photometric="minisblack")  # the second is alpha
            return open_scene(path)
        if request.param == "stack":
            paths = [
                make_raster(band, f"{name}.tif", mask=mask)
                for name, band in zip(names, data, strict=True)
            ]
            return open_scene(stack(paths, tmp_path / "s.vrt"))
        return open_scene(
            make_raster(np.where(valid, data, 99).astype(data.dtype), nodata=99, band_names=names)
        )

    return make


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32"])
def test_all_forms_give_the_same_pixels(dtype, make_source: MakeSource, rng) -> None:
    data = rng.integers(1, 90, (3, HEIGHT, WIDTH)).astype(dtype)
    valid = rng.random((HEIGHT, WIDTH)) > 0.2
    source, expected = make_source(data, valid), ArraySource(data, valid, GRID)
    assert source.n_bands == 3
    assert len(source.band_names) == 3
    assert source.grid.same_place(GRID)
    assert source.name
    for window in WINDOWS:
        found, wanted = source.read(window), expected.read(window)
        assert found.data.dtype == np.float32
        assert found.data.shape == (3, *window.shape)
        np.testing.assert_array_equal(found.valid, wanted.valid)
        np.testing.assert_array_equal(found.data, wanted.data)


def test_what_is_not_finite_is_no_data_in_all_forms(make_source: MakeSource, rng) -> None:
    data = rng.random((2, HEIGHT, WIDTH)).astype(np.float32)
    bad = [np.nan, np.inf, -np.inf, np.finfo(np.float32).min, np.finfo(np.float32).max]
    data[0, 0, : len(bad)] = bad
    pixels = make_source(data, np.ones((HEIGHT, WIDTH), dtype=bool)).read(GRID.window)
    assert np.argwhere(~pixels.valid).tolist() == [[0, i] for i in range(len(bad))]
    assert (pixels.data[:, 0, : len(bad)] == 0).all()


def test_reading_does_not_change_the_array(rng) -> None:
    data = rng.random((1, 4, 4)).astype(np.float32)
    data[0, 1, 1] = np.nan
    before = data.copy()
    ArraySource(data).read(Window(0, 0, 4, 4)).data[:] = 5
    np.testing.assert_array_equal(data, before)


def test_too_large_for_float32_is_no_data_without_a_warning(make_raster, recwarn) -> None:
    array = np.array([[1.0, 1e300, -1.7976931348623157e308]])
    path = make_raster(array, nodata=-1.7976931348623157e308)
    recwarn.clear()
    for source in (ArraySource(array[None]), open_scene(path)):
        assert source.read(Window(0, 0, 1, 3)).valid.tolist() == [[True, False, False]]
    assert not recwarn.list
