"""Scenes: what is read, what is valid, which bands."""

from __future__ import annotations

import os
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
import rasterio
from rasterio.transform import Affine

from pointillist.errors import GridError, InputError, MissingFileError, UnreadableFileError
from pointillist.grid import Grid, Transform, Window
from pointillist.raster import ArraySource, open_scene, parse_bands, write_array
from pointillist.scenes import generate_terrain

TYPES = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"]


@pytest.mark.parametrize("dtype", TYPES)
def test_any_type_comes_as_float32(dtype, make_raster, rng) -> None:
    array = rng.integers(1, 100, (2, 30, 40)).astype(dtype)
    with open_scene(make_raster(array)) as scene:
        pixels = scene.read(scene.grid.window)
        assert scene.dtype == dtype
    assert pixels.data.dtype == np.float32
    np.testing.assert_array_equal(pixels.data, array.astype(np.float32))
    assert pixels.valid.all()


@pytest.mark.parametrize(
    ("dtype", "nodata"),
    [("uint8", 0), ("int16", -9999), ("uint16", 65535), ("float32", -3.4e38), ("float64", 1e30)],
)
def test_nodata_in_any_band_is_no_data(dtype, nodata, make_raster) -> None:
    array = np.full((3, 5, 6), 7, dtype=dtype)
    array[1, 2, 3] = nodata
    with open_scene(make_raster(array, nodata=nodata)) as scene:
        pixels = scene.read(scene.grid.window)
    assert np.argwhere(~pixels.valid).tolist() == [[2, 3]]
    assert pixels.data[:, 2, 3].tolist() == [0, 0, 0]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("kind", "nodata", "invalid"),
    [
        ("Byte", "0.5", []),  # cannot occur
        ("Byte", "-9999", []),
        ("Byte", "nan", []),
        ("Byte", "7", [2]),
        ("Float32", "-1.79769313486231571e+308", []),
        ("Float32", "inf", []),
        ("Float32", "7.000", [2]),
    ],
)
def test_odd_nodata_of_others(kind, nodata, invalid, make_raster, tmp_path: Path) -> None:
    make_raster(np.array([[0, 1, 7]], dtype=np.uint8))
    (tmp_path / "v.vrt").write_text(
        f'<VRTDataset rasterXSize="3" rasterYSize="1"><VRTRasterBand dataType="{kind}" band="1">'
        f"<NoDataValue>{nodata}</NoDataValue><SimpleSource>"
        '<SourceFilename relativeToVRT="1">scene.tif</SourceFilename></SimpleSource>'
        "</VRTRasterBand></VRTDataset>"
    )
    with open_scene(tmp_path / "v.vrt") as scene:
        valid = scene.read(scene.grid.window).valid
    assert np.flatnonzero(~valid[0]).tolist() == invalid


def test_only_the_bands_in_use_decide_what_is_valid(make_raster) -> None:
    array = np.ones((2, 1, 3), dtype=np.float32)
    array[1, 0, 0] = np.nan
    path = make_raster(array)
    assert open_scene(path, [1]).read(Window(0, 0, 1, 3)).valid.all()
    assert not open_scene(path, [2, 1]).read(Window(0, 0, 1, 3)).valid[0, 0]


def test_nan_and_infinity_are_no_data(make_raster) -> None:
    array = np.ones((2, 4, 4), dtype=np.float32)
    array[0, 0, 0], array[1, 1, 1], array[0, 2, 2] = np.nan, np.inf, -np.inf
    for options in ({}, {"nodata": float("nan")}):
        with open_scene(make_raster(array, **options)) as scene:
            pixels = scene.read(scene.grid.window)
        assert np.argwhere(~pixels.valid).tolist() == [[0, 0], [1, 1], [2, 2]]
        assert np.isfinite(pixels.data).all()


def test_an_internal_mask_is_respected(make_raster) -> None:
    mask = np.full((8, 9), 255, dtype=np.uint8)
    mask[3:5, 2] = 0
    with open_scene(make_raster(np.ones((3, 8, 9), dtype=np.uint8), mask=mask)) as scene:
        valid = scene.read(scene.grid.window).valid
    np.testing.assert_array_equal(valid, mask > 0)


def test_alpha_is_a_mask_and_told_unless_it_is_named(make_raster, rng) -> None:
    array = rng.integers(1, 255, (4, 8, 9)).astype(np.uint8)
    array[3, :4] = 0
    path = make_raster(array, photometric="rgb", alpha="yes")
    with open_scene(path) as scene:
        assert scene.n_bands == 3
        assert scene.alpha_band == 4
        np.testing.assert_array_equal(scene.read(scene.grid.window).valid, array[3] > 0)
        assert len(scene.notices) == 1
        assert "--bands 1-4" in scene.notices[0]
    with open_scene(path, [1, 2, 3, 4]) as scene:
        pixels = scene.read(scene.grid.window)
        assert pixels.valid.all()
        np.testing.assert_array_equal(pixels.data, array)
        assert scene.notices == ()


@pytest.mark.filterwarnings("error")
def test_alpha_counts_beside_nodata(make_raster) -> None:
    array = np.full((4, 2, 3), 9, dtype=np.uint8)
    array[3, 0, 0], array[1, 1, 1] = 0, 200
    path = make_raster(array, photometric="rgb", alpha="yes", nodata=200)
    with open_scene(path) as scene:
        valid = scene.read(scene.grid.window).valid
    assert np.argwhere(~valid).tolist() == [[0, 0], [1, 1]]


def test_a_band_that_is_named_and_an_alpha_that_is_not(make_raster) -> None:
    array = np.full((4, 2, 2), 9, dtype=np.uint8)
    array[3, 0] = 0
    path = make_raster(array, photometric="rgb", alpha="yes")
    with open_scene(path, [3]) as scene:
        assert scene.read(scene.grid.window).valid.tolist() == [[False] * 2, [True] * 2]
        assert scene.notices == ()
    with open_scene(path, ["band_4", "band_1"]) as scene:
        assert scene.has_alpha
        assert scene.read(scene.grid.window).data[0].tolist() == [[0, 0], [9, 9]]


def test_our_own_four_band_scenes_have_four_bands(tmp_path: Path) -> None:
    made = generate_terrain(3, 64, 64, extra_bands=("nir",))
    path = write_array(tmp_path / "s.tif", made.image, Grid(64, 64), band_names=made.band_names)
    with open_scene(path) as scene:
        assert scene.band_names == made.band_names
        assert scene.notices == ()
        np.testing.assert_array_equal(scene.read(scene.grid.window).data, made.image)


def test_bands_by_number_name_and_range(make_raster) -> None:
    array = np.arange(4, dtype=np.int16)[:, None, None] * np.ones((4, 3, 3), dtype=np.int16)
    path = make_raster(array, band_names=("blue", "green", "red", "nir"))
    for bands, expected in (
        ([4, 1], [3, 0]), (["NIR", "red"], [3, 2]), (parse_bands("2-3,blue"), [1, 2, 0]),
        (None, [0, 1, 2, 3]),
    ):  # fmt: skip
        with open_scene(path, bands) as scene:
            assert scene.read(Window(0, 0, 1, 1)).data[:, 0, 0].tolist() == expected
    with pytest.raises(InputError, match=r"Band 'swir' is not in .* 3 red, 4 nir"):
        open_scene(path, ["swir"])
    with pytest.raises(InputError, match="Band '5' is not in"):
        open_scene(path, [5])


def test_band_names_are_each_given_once(make_raster) -> None:
    path = make_raster(np.zeros((3, 2, 2), dtype=np.uint8), band_names=("a", "a", ""))
    assert open_scene(path).band_names == ("a", "a_2", "band_3")


def test_numbers_are_positions_and_texts_are_names(make_raster) -> None:
    path = make_raster(np.zeros((3, 2, 2), dtype=np.uint8), band_names=("3", "2020", "1"))
    assert open_scene(path, [1]).band_names == ("3",)
    assert open_scene(path, ["1"]).band_names == ("1",)
    assert open_scene(path, parse_bands("2020")).band_names == ("2020",)
    assert open_scene(path, [2, 2]).band_names == ("2020", "2020")
    for bands in ([0], [-1], ["4"]):
        with pytest.raises(InputError, match="It has 3 bands: 1 3, 2 2020, 3 1"):
            open_scene(path, bands)
    with pytest.raises(InputError, match="at least one band"):
        open_scene(path, [])


def test_lists_of_bands() -> None:
    assert parse_bands("1-3, nir ,7") == [1, 2, 3, "nir", 7]
    with pytest.raises(InputError, match="range like 1-7"):
        parse_bands("7-1")
    with pytest.raises(InputError, match="bands like 1-7 or red,nir"):
        parse_bands(" , ")


def test_windows_may_reach_outside(make_raster, rng) -> None:
    array = rng.integers(1, 255, (2, 10, 12)).astype(np.uint8)
    with open_scene(make_raster(array)) as scene:
        pixels = scene.read(Window(-3, 8, 8, 9))
        assert not pixels.valid[:3].any()
        assert not pixels.valid[:, 4:].any()
        np.testing.assert_array_equal(pixels.data[:, 3:, :4], array[:, :5, 8:])
        far = scene.read(Window(100, 100, 4, 4))
        assert not far.valid.any()
        assert not far.data.any()


def test_arrays_and_files_are_read_alike(make_raster, rng) -> None:
    array = rng.normal(size=(3, 20, 25)).astype(np.float32)
    array[:, 5, 5] = np.nan
    from_file, from_array = open_scene(make_raster(array)), ArraySource(array)
    for window in (Window(0, 0, 20, 25), Window(-2, -2, 9, 9), Window(3, 4, 5, 6)):
        one, other = from_file.read(window), from_array.read(window)
        np.testing.assert_array_equal(one.data, other.data)
        np.testing.assert_array_equal(one.valid, other.valid)


@pytest.mark.parametrize(
    "affine",
    [
        pytest.param(Affine(10, 0, 3e5, 0, -10, 57e5), id="north up"),
        pytest.param(Affine(9, 3, 3e5, 2, -11, 57e5), id="rotated"),
        pytest.param(Affine(5, 0, 3e5, 0, -20, 57e5), id="oblong pixels"),
        pytest.param(Affine(10, 0, 3e5, 0, 10, 57e5), id="south up"),
    ],
)
def test_the_grid_is_the_files(affine, make_raster) -> None:
    grid = open_scene(make_raster(np.zeros((4, 6), dtype=np.uint8), transform=affine)).grid
    assert grid.transform == Transform(*affine[:6])
    with rasterio.open(make_raster(np.zeros((4, 6), dtype=np.uint8), transform=affine)) as file:
        x, y = file.xy(2, 3)
    assert grid.transform.xy([[2, 3]])[0].tolist() == pytest.approx([x, y])


def test_a_plain_image_has_pixel_coordinates(tmp_path: Path) -> None:
    from PIL import Image

    Image.fromarray(np.arange(60, dtype=np.uint8).reshape(6, 10)).save(tmp_path / "photo.png")
    with open_scene(tmp_path / "photo.png") as scene:
        assert not scene.grid.is_georeferenced
        assert scene.grid.transform.xy([[0, 0]]).tolist() == [[0.5, 0.5]]
        assert scene.read(Window(1, 2, 1, 1)).data.tolist() == [[[12.0]]]


def test_paths_into_archives(make_raster, tmp_path: Path) -> None:
    path = make_raster(np.full((3, 4), 9, dtype=np.uint8))
    with ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(path, "inner.tif")
    with open_scene(f"/vsizip/{tmp_path / 'a.zip'}/inner.tif") as scene:
        assert scene.read(scene.grid.window).data.mean() == 9


def test_a_scene_travels_to_threads_and_processes(make_raster, rng) -> None:
    array = rng.integers(0, 255, (1, 64, 64)).astype(np.uint8)
    scene = open_scene(make_raster(array))
    scene.read(Window(0, 0, 1, 1))
    copy = pickle.loads(pickle.dumps(scene))
    np.testing.assert_array_equal(copy.read(copy.grid.window).data, array)
    barrier = threading.Barrier(4)

    def read_row(row: int) -> np.ndarray:
        if row < 4:
            barrier.wait(timeout=30)
        return scene.read(Window(row, 0, 1, 64)).data[:, 0]

    with ThreadPoolExecutor(4) as pool:
        rows = list(pool.map(read_row, range(64)))
    np.testing.assert_array_equal(np.stack(rows, axis=1), array)
    with get_context("spawn").Pool(1) as pool:
        part = pool.apply(scene.read, (Window(3, 0, 1, 64),))
    np.testing.assert_array_equal(part.data[0, 0], array[0, 3])


def test_a_handle_is_not_carried_into_a_forked_process(make_raster) -> None:
    scene = open_scene(make_raster(np.full((40, 40), 3, dtype=np.uint8)))
    scene.read(Window(0, 0, 2, 2))
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, str(scene.read(Window(9, 9, 1, 1)).data.item()).encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reader, 20) == b"3.0"


def test_a_closed_scene_opens_again(make_raster) -> None:
    scene = open_scene(make_raster(np.full((4, 4), 3, dtype=np.uint8)))
    scene.close()
    assert scene.read(Window(0, 0, 1, 1)).data.item() == 3


def test_what_cannot_be_opened(tmp_path: Path, make_raster) -> None:
    with pytest.raises(MissingFileError, match=r"no\.tif' does not exist"):
        open_scene(tmp_path / "no.tif")
    text = tmp_path / "text.tif"
    text.write_text("not a raster")
    with pytest.raises(UnreadableFileError, match="cannot be opened as a raster"):
        open_scene(text)
    with pytest.raises(UnreadableFileError, match="is a folder"):
        open_scene(tmp_path)
    complex_ = make_raster(np.zeros((2, 2), dtype=np.complex64), "c.tif")
    with pytest.raises(UnreadableFileError, match=r"real numbers .* got complex64"):
        open_scene(complex_)


def test_a_truncated_raster_names_the_place(make_raster, rng) -> None:
    path = make_raster(rng.integers(0, 255, (1, 400, 400)).astype(np.uint8))
    path.write_bytes(path.read_bytes()[:60_000])
    with (
        open_scene(path) as scene,
        pytest.raises(UnreadableFileError, match=r"at rows 300–400.*damaged or truncated"),
    ):
        scene.read(Window(300, 0, 100, 400))


def test_array_sources_check_their_shapes_and_are_kept_as_npz(tmp_path: Path, rng) -> None:
    data = rng.integers(0, 9, (2, 5, 6)).astype(np.int16)
    valid = rng.random((5, 6)) > 0.3
    grid = Grid(5, 6, Transform(2, 0, 7, 0, -2, 9), "EPSG:32632")
    source = ArraySource(data, valid, grid, ("a", "b"))
    source.save_npz(tmp_path / "s.npz")
    back = ArraySource.load_npz(tmp_path / "s.npz")
    assert back.grid == grid
    assert back.band_names == ("a", "b")
    np.testing.assert_array_equal(back.read(grid.window).data, source.read(grid.window).data)
    np.testing.assert_array_equal(back.read(grid.window).valid, valid)
    with pytest.raises(GridError, match="bands, rows, columns"):
        ArraySource(data[0])
    with pytest.raises(GridError, match="fit the array"):
        ArraySource(data, valid[:3])
    with pytest.raises(MissingFileError, match="does not exist"):
        ArraySource.load_npz(tmp_path / "none.npz")
    (tmp_path / "bad.npz").write_bytes(b"x")
    with pytest.raises(UnreadableFileError, match="no scene saved"):
        ArraySource.load_npz(tmp_path / "bad.npz")


@pytest.mark.realdata
def test_real_scenes(real_data: Path) -> None:
    with open_scene(real_data / "leipzig" / "leipzig_raster.tif") as scene:
        assert scene.n_bands == 8
        pixels = scene.read(scene.grid.window)
        assert 0 < pixels.valid.mean() <= 1
        assert np.isfinite(pixels.data).all()
    landsat = real_data / "landsat7_mexico" / "LE70220491999322EDC01_stack.gtif"
    with open_scene(landsat, parse_bands("1-7")) as scene:
        assert scene.n_bands == 7
        assert scene.nodata == (-9999.0,) * 7
        assert scene.read(scene.grid.window).data.min() > -9999
        everything = open_scene(landsat).read(scene.grid.window)
        assert everything.valid.sum() <= scene.read(scene.grid.window).valid.sum()
    with open_scene(real_data / "dubai" / "dubai8_image.tif") as scene:
        assert scene.grid.shape == (4437, 6447)
        assert scene.read(Window(4400, 6400, 64, 64)).valid.sum() == 37 * 47
