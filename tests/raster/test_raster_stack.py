"""One scene of several bands or dates, as a VRT."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.transform import Affine

from pointillist.errors import GridError, InputError, OutputError, OutputExistsError
from pointillist.grid import Window
from pointillist.raster import open_scene, stack


def test_single_bands_take_their_files_names(make_raster, rng, tmp_path: Path) -> None:
    arrays = rng.integers(1, 200, (3, 20, 30)).astype(np.uint16)
    paths = [make_raster(a, f"B0{i}.tif") for i, a in enumerate(arrays)]
    with open_scene(stack(paths, tmp_path / "scene.vrt")) as scene:
        assert scene.band_names == ("B00", "B01", "B02")
        assert scene.grid.same_place(open_scene(paths[0]).grid)
        np.testing.assert_array_equal(scene.read(scene.grid.window).data, arrays)


def test_two_dates_keep_their_bands_apart(make_raster, rng, tmp_path: Path) -> None:
    arrays = rng.integers(1, 200, (2, 2, 8, 9)).astype(np.uint8)
    names = ("red", "nir")
    paths = [
        make_raster(a, f"{n}.tif", band_names=names)
        for a, n in zip(arrays, ["before", "after"], strict=True)
    ]
    with open_scene(stack(paths, tmp_path / "change.vrt")) as scene:
        assert scene.band_names == ("before_red", "before_nir", "after_red", "after_nir")
        np.testing.assert_array_equal(scene.read(scene.grid.window).data, arrays.reshape(4, 8, 9))


def test_nodata_and_types_of_each_are_kept(make_raster, tmp_path: Path) -> None:
    one = make_raster(np.array([[1, -9999, 3]], dtype=np.int16), "a.tif", nodata=-9999)
    other = make_raster(
        np.array([[0.5, 0.25, np.nan]], dtype=np.float32), "b.tif", nodata=float("nan")
    )
    with open_scene(stack([one, other], tmp_path / "s.vrt")) as scene:
        pixels = scene.read(scene.grid.window)
    assert pixels.valid.tolist() == [[True, False, False]]
    assert pixels.data[:, 0, 0].tolist() == [1, 0.5]


def test_masks_of_all_rasters_count(make_raster, tmp_path: Path) -> None:
    masks = np.full((2, 4, 4), 255, dtype=np.uint8)
    masks[0, 0], masks[1, :, 0] = 0, 0
    ones = np.ones((4, 4), dtype=np.uint8)
    paths = [make_raster(ones, f"{i}.tif", mask=mask) for i, mask in enumerate(masks)]
    with open_scene(stack(paths, tmp_path / "s.vrt")) as scene:
        valid = scene.read(scene.grid.window).valid
    np.testing.assert_array_equal(valid, (masks > 0).all(axis=0))


def test_alpha_is_no_band(make_raster, tmp_path: Path, rng) -> None:
    rgba = rng.integers(1, 255, (4, 5, 5)).astype(np.uint8)
    rgba[3, 0] = 0
    path = make_raster(rgba, photometric="rgb", alpha="yes")
    with open_scene(stack([path], tmp_path / "s.vrt")) as scene:
        assert scene.n_bands == 3
        assert scene.read(scene.grid.window).valid.sum() == 20


def test_alpha_beside_nodata_masks(make_raster, tmp_path: Path) -> None:
    rgba = np.full((4, 1, 3), 9, dtype=np.uint8)
    rgba[3, 0, 0], rgba[0, 0, 1] = 0, 7
    path = make_raster(rgba, photometric="rgb", alpha="yes", nodata=7)
    with open_scene(stack([path], tmp_path / "s.vrt")) as scene:
        assert scene.read(scene.grid.window).valid.tolist() == [[False, False, True]]


def test_equal_file_names_take_their_folders(make_raster, tmp_path: Path) -> None:
    for year in ("2019", "2024"):
        (tmp_path / year).mkdir()
        for name in ("B03.tif", "B04.tif"):
            make_raster(np.full((2, 2), int(year), dtype=np.int16), f"{year}/{name}")
    paths = sorted(tmp_path.glob("*/*.tif"))
    with open_scene(stack(paths, tmp_path / "s.vrt")) as scene:
        assert scene.band_names == ("2019_B03", "2019_B04", "2024_B03", "2024_B04")
        assert scene.read(Window(0, 0, 1, 1)).data.ravel().tolist() == [2019, 2019, 2024, 2024]


def test_parts_of_containers_and_archives(make_raster, tmp_path: Path) -> None:
    ones = np.ones((3, 4, 4), dtype=np.uint8)
    container = make_raster(ones * 2, "c.gpkg", driver="GPKG", RASTER_TABLE="t")
    shutil.make_archive(str(tmp_path / "z"), "zip", make_raster(ones * 3).parent, "scene.tif")
    inner = f"/vsizip/{tmp_path / 'z.zip'}/scene.tif"
    with open_scene(stack([f"GPKG:{container}:t", inner], tmp_path / "s.vrt")) as scene:
        assert scene.read(Window(0, 0, 1, 1)).data.ravel().tolist() == [2, 2, 2, 3, 3, 3]


def test_a_geographic_stack_lies_where_its_rasters_lie(make_raster, tmp_path: Path) -> None:
    place = {"crs": "EPSG:4326", "transform": Affine(0.1, 0, 12, 0, -0.1, 51)}
    path = make_raster(np.ones((4, 5), dtype=np.uint8), **place)
    out = stack([path], tmp_path / "s.vrt")
    assert "dataAxisToSRSAxisMapping" not in out.read_text()  # "1,2" would mean latitude first
    with rasterio.open(out) as stacked, rasterio.open(path) as single:
        assert stacked.bounds == single.bounds
        assert stacked.crs == single.crs


def test_the_folder_can_be_moved(make_raster, tmp_path: Path) -> None:
    folder = tmp_path / "delivery"
    (folder / "bands").mkdir(parents=True)
    path = make_raster(np.full((3, 3), 8, dtype=np.uint8))
    shutil.move(path, folder / "bands" / "b.tif")
    stack([folder / "bands" / "b.tif"], folder / "scene.vrt")
    moved = Path(shutil.move(folder, tmp_path / "elsewhere"))
    with open_scene(moved / "scene.vrt") as scene:
        assert scene.read(scene.grid.window).data.mean() == 8


def test_rotated_grids_stay_rotated(make_raster, tmp_path: Path) -> None:
    transform = Affine(9, 3, 3e5, 2, -11, 57e5)
    path = make_raster(np.ones((4, 5), dtype=np.uint8), transform=transform)
    with open_scene(stack([path], tmp_path / "s.vrt")) as scene:
        assert scene.grid.transform.coefficients == transform[:6]


def test_what_does_not_lie_on_one_another(make_raster, tmp_path: Path) -> None:
    ones = np.ones((4, 4), dtype=np.uint8)
    first = make_raster(ones, "a.tif")
    out = tmp_path / "s.vrt"
    with pytest.raises(GridError, match=r"4×4 px and .*b.tif' is 4×5 px"):
        stack([first, make_raster(np.ones((4, 5), dtype=np.uint8), "b.tif")], out)
    with pytest.raises(GridError, match=r"coordinate system.*different ones"):
        stack([first, make_raster(ones, "c.tif", crs="EPSG:32633")], out)
    shifted = Affine(10, 0, 300_005, 0, -10, 5_700_000)
    with pytest.raises(GridError, match="in one place"):
        stack([first, make_raster(ones, "d.tif", transform=shifted)], out)
    assert not out.exists()


def test_bad_requests(make_raster, tmp_path: Path) -> None:
    path = make_raster(np.ones((2, 2), dtype=np.uint8))
    with pytest.raises(InputError, match="at least one raster"):
        stack([], tmp_path / "s.vrt")
    with pytest.raises(InputError, match=r"ends in .vrt"):
        stack([path], tmp_path / "s.tif")
    stack([path], tmp_path / "s.vrt")
    with pytest.raises(OutputExistsError, match="--overwrite"):
        stack([path], tmp_path / "s.vrt")
    with pytest.raises(InputError, match="cannot be a stack of itself"):
        stack([path, tmp_path / "s.vrt"], tmp_path / "s.vrt", overwrite=True)
    with pytest.raises(OutputError, match=r"does not exist\. Make it first"):
        stack([path], tmp_path / "no" / "s.vrt")
    complex_ = make_raster(np.ones((2, 2), dtype=np.complex64), "c.tif")
    with pytest.raises(InputError, match=r"real numbers in .*c\.tif', got complex64"):
        stack([complex_], tmp_path / "c.vrt")
