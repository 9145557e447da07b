from __future__ import annotations

import logging
import warnings

import numpy as np
import pytest
import rasterio
from prediction_cases import Thresholder

from pointillist.errors import GridError, InputError
from pointillist.grid import Grid, Transform
from pointillist.prediction.fitting import check_resolution, open_fitting_scene

UTM = rasterio.crs.CRS.from_epsg(32633).to_wkt()
FEET = rasterio.crs.CRS.from_epsg(2263).to_wkt()  # New York, US survey feet
DEGREES = rasterio.crs.CRS.from_epsg(4326).to_wkt()


@pytest.fixture
def four_bands(write_scene):
    data = np.stack([np.full((20, 30), i, dtype=np.uint8) for i in range(1, 5)])
    return write_scene(
        data, names=("blue", "green", "red", "nir"), photometric="MINISBLACK", alpha="NO"
    )


@pytest.mark.parametrize(
    ("model_bands", "asked", "got"),
    [
        (("red", "green", "blue"), None, ("red", "green", "blue")),
        (("nir", "red", "green", "blue"), None, ("nir", "red", "green", "blue")),
        (("a", "b", "c", "d"), None, ("blue", "green", "red", "nir")),
        (("a", "b"), "4,red", ("nir", "red")),
        (("a", "b"), [1, "nir"], ("blue", "nir")),
    ],
)
def test_bands_are_found(four_bands, model_bands, asked, got) -> None:
    scene = open_fitting_scene(four_bands, Thresholder(model_bands), asked)
    assert scene.band_names == got
    order = ("blue", "green", "red", "nir")
    values = scene.read(scene.grid.window).data[:, 0, 0]
    assert values.tolist() == [order.index(name) + 1 for name in got]


def test_upper_and_lower_case_are_the_same(write_scene) -> None:
    data = np.stack([np.full((20, 30), i, dtype=np.uint8) for i in range(1, 4)])
    path = write_scene(data, names=("blue", "green", "Red"))
    scene = open_fitting_scene(path, Thresholder(("red", "Green", "BLUE")))
    assert scene.read(scene.grid.window).data[:, 0, 0].tolist() == [3, 2, 1]


def test_bands_that_are_counted_have_no_names(write_scene) -> None:
    """Three bands without names are not the first three of many, nor is alpha the fourth."""
    many = write_scene(np.ones((12, 20, 30), dtype=np.uint16), name="many.tif")
    three = Thresholder(("band_1", "band_2", "band_3"))
    with pytest.raises(GridError, match=r"model's 3 bands .* gives 12 \(band_1, .*--bands"):
        open_fitting_scene(many, three)
    some = open_fitting_scene(many, Thresholder(("band_4", "band_3", "band_2")))
    assert some.bands == [4, 3, 2]  # taken of many: their numbers say which
    rgba = write_scene(np.ones((4, 20, 30), dtype=np.uint8), name="rgba.tif", alpha="YES",
                       photometric="RGB")  # fmt: skip
    assert open_fitting_scene(rgba, three).n_bands == 3
    for wanted in (tuple(f"band_{i}" for i in range(1, 5)), ("band_4", "band_1")):
        with pytest.raises(GridError, match="model's"):
            open_fitting_scene(rgba, Thresholder(wanted))


def test_wrong_bands_are_refused_with_both_lists(four_bands) -> None:
    message = r"model's 2 bands \(vv, vh\), but .* gives 4 \(blue, green, red, nir\).*--bands"
    with pytest.raises(GridError, match=message):
        open_fitting_scene(four_bands, Thresholder(("vv", "vh")))
    with pytest.raises(GridError, match=r"gives 3 \(blue, green, red\)"):
        open_fitting_scene(four_bands, Thresholder(("vv", "vh")), "1-3")
    with pytest.raises(GridError, match=r"model's 5 bands"):
        open_fitting_scene(four_bands, Thresholder(tuple("abcde")))
    with pytest.raises(InputError, match="Band 'swir' is not in"):
        open_fitting_scene(four_bands, Thresholder(("swir",)), "swir")


def test_order_is_told_when_names_differ(four_bands, caplog) -> None:
    caplog.set_level(logging.INFO)
    open_fitting_scene(four_bands, Thresholder(("blue", "green", "red", "nir")))
    assert caplog.text == ""
    open_fitting_scene(four_bands, Thresholder(("b", "g", "r", "n")))
    assert (
        "bands blue, green, red, nir are taken in order for the model's b, g, r, n" in caplog.text
    )


def _grid(size: float, crs: str | None, x: float = 300_000, y: float = 5_700_000) -> Grid:
    return Grid(10, 10, Transform(size, 0, x, 0, -size, y), crs)


@pytest.mark.parametrize(
    ("grid", "trained", "crs"),
    [
        (_grid(10, UTM), 19, UTM),
        (_grid(10, UTM), 5.1, UTM),
        (_grid(10, UTM), None, UTM),
        (_grid(10, None), 500, UTM),  # nothing to compare
        (_grid(1e-4, DEGREES, 10, 51), 8.8, UTM),
        (_grid(30, FEET, 980_000, 200_000), 9.1, UTM),
    ],
)
def test_like_resolutions_pass_silently(grid, trained, crs) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_resolution(grid, trained, crs, "s.tif")


@pytest.mark.parametrize(
    ("grid", "trained", "crs", "message"),
    [
        (_grid(10, UTM), 21, UTM, "measure 10 m, the model learned from 21 m: a factor of 2.1"),
        (_grid(10, UTM), 0.5, UTM, "factor of 20.0"),
        (_grid(10, None), 21, None, "measure 10 units"),
        (_grid(10, DEGREES, 10, 51), 10, UTM, "factor of"),
        (_grid(30, UTM), 30, FEET, "the model learned from 9.14 m: a factor of 3.3"),
    ],
)
def test_other_resolutions_are_warned_of(grid, trained, crs, message) -> None:
    with pytest.warns(UserWarning, match=message):
        check_resolution(grid, trained, crs, "s.tif")


def test_a_band_that_passes_for_alpha_is_found_by_name(write_scene) -> None:
    # many writers make the fourth band of uint8 an alpha band without being asked
    data = np.stack([np.full((20, 30), i, dtype=np.uint8) for i in range(1, 5)])
    path = write_scene(data, names=("blue", "green", "red", "nir"))
    scene = open_fitting_scene(path, Thresholder(("nir", "red")))
    assert scene.band_names == ("nir", "red")
    assert open_fitting_scene(path, Thresholder(("a", "b", "c"))).n_bands == 3
