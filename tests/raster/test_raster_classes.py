"""Class rasters of others and our own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio

from pointillist.errors import UnreadableFileError
from pointillist.grid import Grid, Window
from pointillist.legend import Legend
from pointillist.raster import open_class_raster, write_array


def test_codes_become_indices_and_all_else_is_unlabelled(make_raster) -> None:
    path = make_raster(np.array([[10, 20, 255, 30]], dtype=np.uint8), nodata=255)
    with open_class_raster(path) as raster:
        assert raster.legend.codes == (10, 20, 30)
        assert raster.read(Window(0, 0, 1, 4)).tolist() == [[0, 1, -1, 2]]
        assert raster.read(Window(-1, 2, 2, 4)).tolist() == [[-1] * 4, [-1, 2, -1, -1]]
        assert raster.counts().tolist() == [1, 1, 1]
    known = Legend.from_names(["a", "b"], codes=[20, 10])
    with open_class_raster(path, known) as raster:
        assert raster.read(Window(0, 0, 1, 4)).tolist() == [[1, 0, -1, -1]]


def test_nodata_that_is_a_code_of_the_legend_stays_nodata(make_raster) -> None:
    path = make_raster(np.array([[0, 1, 2]], dtype=np.uint8), nodata=0)
    with open_class_raster(path, Legend.from_names(["x", "y"], codes=[0, 1])) as raster:
        assert raster.read(Window(0, 0, 1, 3)).tolist() == [[-1, 1, -1]]


def test_masked_and_negative_pixels_are_unlabelled(make_raster) -> None:
    codes = np.array([[1, 2, 3]], dtype=np.uint8)
    mask = np.array([[255, 0, 255]], dtype=np.uint8)
    alpha = make_raster(np.stack([codes, mask]), "a.tif", photometric="minisblack", alpha="yes")
    for path in (make_raster(codes, "m.tif", mask=mask), alpha):
        with open_class_raster(path) as raster:
            assert raster.legend.codes == (1, 3)
            assert raster.read(raster.grid.window).tolist() == [[0, -1, 1]]
    with open_class_raster(make_raster(np.array([[-1, 0, 7]], dtype=np.int16))) as raster:
        assert raster.legend.codes == (0, 7)
        assert raster.read(raster.grid.window).tolist() == [[-1, 0, 1]]


@pytest.mark.parametrize("nodata", [None, float("nan"), -3.4028234663852886e38])
def test_codes_as_floats_as_some_programs_write_them(nodata, make_raster) -> None:
    missing = np.nan if nodata is None else nodata
    path = make_raster(np.array([[1, missing, 12]], dtype=np.float32), nodata=nodata)
    with open_class_raster(path) as raster:
        assert raster.legend.codes == (1, 12)
        assert raster.read(raster.grid.window).tolist() == [[0, -1, 1]]


def test_a_damaged_map_names_the_place(make_raster, rng) -> None:
    path = make_raster(rng.integers(0, 5, (400, 400)).astype(np.uint8))
    path.write_bytes(path.read_bytes()[:60_000])
    legend = Legend.from_names(["a", "b"])
    with (
        open_class_raster(path, legend) as raster,
        pytest.raises(UnreadableFileError, match=r"at rows 300–400.*damaged or truncated"),
    ):
        raster.read(Window(300, 0, 100, 400))


def test_a_colour_table_gives_colours(make_raster) -> None:
    path = make_raster(np.array([[1, 2]], dtype=np.uint8))
    with rasterio.open(path, "r+") as file:
        file.write_colormap(1, {1: (9, 8, 7), 2: (200, 100, 50)})
    with open_class_raster(path) as raster:
        assert raster.legend.colors == ((9, 8, 7), (200, 100, 50))


def test_a_style_beside_the_raster_gives_names(make_raster) -> None:
    path = make_raster(np.array([[1, 2]], dtype=np.uint8))
    path.with_suffix(".qml").write_text(
        '<qgis><paletteEntry value="1" label="Lake" color="#0000ff"/>'
        '<paletteEntry value="2" label="Wood" color="#00ff00"/></qgis>'
    )
    with open_class_raster(path) as raster:
        assert raster.legend.names == ("Lake", "Wood")
    path.with_suffix(".qml").write_text("<qgis>another kind of style</qgis>")
    with open_class_raster(path) as raster:
        assert raster.legend.names == ("1", "2")


def test_codes_with_gaps_of_two_bytes(tmp_path: Path) -> None:
    legend = Legend.from_names(["a", "b", "c"], codes=[5, 300, 12_000])
    path = write_array(
        tmp_path / "m.tif", np.array([[5, 300, 12_000]], dtype=np.uint16), Grid(1, 3),
        legend=legend,
    )  # fmt: skip
    with open_class_raster(path) as raster:
        assert raster.legend == legend
        assert raster.read(raster.grid.window).tolist() == [[0, 1, 2]]


def test_what_is_no_raster_of_classes(make_raster, rng) -> None:
    shares = make_raster(np.full((3, 3), 0.5, dtype=np.float32))
    with pytest.raises(UnreadableFileError, match=r"whole-number class codes .* got 0.5"):
        open_class_raster(shares)
    picture = make_raster(np.ones((3, 3, 3), dtype=np.uint8), "rgb.tif")
    with pytest.raises(
        UnreadableFileError, match=r"one band of class codes .* got 3 of type uint8"
    ):
        open_class_raster(picture)
    many = rng.integers(0, 60_000, (100, 100)).astype(np.uint16)
    with pytest.raises(UnreadableFileError, match="looks like an image"):
        open_class_raster(make_raster(many, "many.tif"))
    with pytest.raises(UnreadableFileError, match="only nodata"):
        open_class_raster(make_raster(np.zeros((3, 3), dtype=np.uint8), "none.tif", nodata=0))


@pytest.mark.realdata
def test_a_dense_mask_with_unlabelled_pixels(real_data: Path) -> None:
    with open_class_raster(real_data / "dubai" / "dubai2_mask.tif") as raster:
        assert set(raster.legend.codes) <= {0, 1, 2, 3, 4, 255}
        assert raster.counts().sum() <= 1632 * 1527
