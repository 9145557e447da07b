"""What GDAL opens, opens here: formats, folders, containers, coordinate systems."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.crs import CRS
from rasterio.transform import Affine

from pointillist.errors import MissingFileError, UnreadableFileError
from pointillist.grid import Window
from pointillist.raster import open_class_raster, open_scene, same_crs


@pytest.mark.parametrize(
    ("driver", "name", "options"),
    [
        ("GTiff", "s.tif", {"compress": "lzw", "tiled": True, "blockxsize": 16, "blockysize": 16}),
        ("COG", "cog.tif", {}),
        ("JP2OpenJPEG", "s.jp2", {"QUALITY": "100", "REVERSIBLE": "YES"}),
        ("HFA", "s.img", {}),
        ("ENVI", "s.bin", {}),
    ],
)
def test_formats(driver, name, options, make_raster, rng) -> None:
    array = rng.integers(1, 200, (3, 40, 50)).astype(np.uint8)
    path = make_raster(array, name, driver=driver, **options)
    with open_scene(path) as scene:
        np.testing.assert_array_equal(scene.read(scene.grid.window).data, array)
        assert same_crs(scene.grid.crs, "EPSG:32632")
        assert scene.grid.transform.c == 300_000


def test_a_format_that_is_a_folder(make_raster) -> None:
    path = make_raster(np.full((1, 20, 20), 7, dtype=np.uint8), "s.zarr", driver="Zarr")
    assert path.is_dir()
    with open_scene(path) as scene:
        assert scene.read(Window(0, 0, 1, 1)).data.item() == 7


def test_a_file_of_several_rasters_lists_them(make_raster) -> None:
    for table in ("spring", "autumn"):
        path = make_raster(
            np.full((3, 20, 20), len(table), dtype=np.uint8), "two.gpkg", driver="GPKG",
            RASTER_TABLE=table, APPEND_SUBDATASET="YES",
        )  # fmt: skip
    for opening in (open_scene, open_class_raster):
        with pytest.raises(UnreadableFileError, match=r"Name one of .*two.gpkg:autumn"):
            opening(path)
    with open_scene(f"GPKG:{path}:autumn") as scene:
        assert scene.read(Window(0, 0, 1, 1)).data[0].item() == 6


def test_unusual_file_names(make_raster) -> None:
    array = np.ones((2, 2), dtype=np.uint8)
    for name in ("at 10:30 – Süd.tif", "a'b&c.tif", "0.tif"):
        assert open_scene(make_raster(array, name)).read(Window(0, 0, 1, 1)).data.item() == 1


def test_what_is_not_there(tmp_path: Path) -> None:
    for name in ("", str(tmp_path / "no.tif"), "no:such.tif"):
        with pytest.raises((MissingFileError, UnreadableFileError), match=r"exist|No such file"):
            open_scene(name)
    (tmp_path / "empty.tif").touch()
    with pytest.raises(UnreadableFileError, match=r"empty\.tif' cannot be opened as a raster"):
        open_scene(tmp_path / "empty.tif")


def test_a_vast_scene_is_read_by_window(tmp_path: Path, make_raster) -> None:
    make_raster(np.full((10, 10), 4, dtype=np.uint8), "corner.tif")
    place = 'xOff="{0}" yOff="{0}" xSize="10" ySize="10"'
    (tmp_path / "vast.vrt").write_text(
        '<VRTDataset rasterXSize="500000" rasterYSize="500000">'
        '<VRTRasterBand dataType="Byte" band="1"><NoDataValue>0</NoDataValue><SimpleSource>'
        '<SourceFilename relativeToVRT="1">corner.tif</SourceFilename>'
        f"<SrcRect {place.format(0)}/><DstRect {place.format(400_000)}/>"
        "</SimpleSource></VRTRasterBand></VRTDataset>"
    )
    with open_scene(tmp_path / "vast.vrt") as scene:
        assert scene.read(Window(399_995, 399_995, 20, 20)).valid.sum() == 100
        assert not scene.read(Window(499_990, 0, 20, 20)).valid.any()


def test_a_world_file_gives_a_place(tmp_path: Path) -> None:
    from PIL import Image

    Image.fromarray(np.zeros((4, 5), dtype=np.uint8)).save(tmp_path / "photo.png")
    (tmp_path / "photo.pgw").write_text("2\n0\n0\n-2\n101\n199\n")  # centre of the first pixel
    grid = open_scene(tmp_path / "photo.png").grid
    assert grid.is_georeferenced
    assert grid.crs is None
    assert grid.transform.xy([[0, 0]]).tolist() == [[101, 199]]


def test_a_geographic_scene_is_longitude_then_latitude(make_raster) -> None:
    path = make_raster(
        np.zeros((4, 5), dtype=np.uint8), crs="EPSG:4326", transform=Affine(0.1, 0, 12, 0, -0.1, 51)
    )
    np.testing.assert_allclose(open_scene(path).grid.transform.xy([[0, 0]]), [[12.05, 50.95]])


def test_coordinate_systems_are_compared_by_meaning() -> None:
    wkt = CRS.from_epsg(4326).to_wkt()
    assert same_crs(wkt, "OGC:CRS84")
    assert same_crs(CRS.from_epsg(31468).to_wkt(), "EPSG:31468")
    assert not same_crs(wkt, "EPSG:4258")
    assert same_crs(None, None)
    assert not same_crs(wkt, None)


def test_a_local_system_of_a_site(make_raster) -> None:
    crs = 'LOCAL_CS["site",UNIT["metre",1]]'
    grid = open_scene(make_raster(np.zeros((2, 2), dtype=np.uint8), crs=crs)).grid
    assert same_crs(grid.crs, grid.crs)
    assert not same_crs(grid.crs, "EPSG:32632")


def test_opening_does_not_warn(make_raster, recwarn) -> None:
    path = make_raster(np.ones((2, 2), dtype=np.uint8), crs=None, transform=Affine.identity())
    recwarn.clear()
    with open_scene(path) as scene, open_class_raster(path) as classes:
        scene.read(scene.grid.window)
        classes.counts()
    assert not recwarn.list
    assert rasterio.open(path).count == 1
