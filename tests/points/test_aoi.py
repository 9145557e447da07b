from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely

from pointillist.errors import GridError, MissingFileError, PointsError, UnreadableFileError
from pointillist.grid import Grid, Transform, Window
from pointillist.points import AreaOfInterest, refuse_no_overlap

CRS = rasterio.crs.CRS.from_epsg(32633).to_wkt()
GRID = Grid(100, 80, Transform(10, 0, 300_000, 0, -10, 5_700_000), CRS)


def _write(path, geometries, crs="EPSG:32633"):
    gpd.GeoDataFrame(geometry=geometries, crs=crs).to_file(path)
    return path


def _box(grid, row, col, stop_row, stop_col):
    corners = [[row, col], [row, stop_col], [stop_row, stop_col], [stop_row, col]]
    return shapely.Polygon(grid.transform.corner_xy(corners))


@pytest.fixture
def area(tmp_path):
    boxes = [_box(GRID, 10, 20, 30, 50), _box(GRID, 60, 0, 62, 2)]
    return AreaOfInterest.read(_write(tmp_path / "area.gpkg", boxes), GRID, "scene")


def test_mask_holds_pixels_whose_centre_is_inside(area) -> None:
    expected = np.zeros(GRID.shape, dtype=bool)
    expected[10:30, 20:50] = True
    expected[60:62, :2] = True
    assert np.array_equal(area.mask(GRID.window), expected)
    window = Window(25, 40, 10, 20)
    assert np.array_equal(area.mask(window), expected[window.slices])


def test_touches_only_windows_with_some_of_it(area) -> None:
    assert area.touches(Window(0, 0, 40, 40))
    assert not area.touches(Window(70, 40, 20, 20))
    assert not area.mask(Window(70, 40, 20, 20)).any()


def test_other_crs_and_rotated_grid(tmp_path) -> None:
    rotated = Grid(60, 60, Transform(8, 6, 300_000, 6, -8, 5_700_000), CRS)
    box = gpd.GeoSeries([_box(rotated, 10, 10, 40, 30)], crs=CRS).to_crs(4326)
    area = AreaOfInterest.read(_write(tmp_path / "a.geojson", box, 4326), rotated, "scene")
    expected = np.zeros(rotated.shape, dtype=bool)
    expected[10:40, 10:30] = True
    assert (area.mask(rotated.window) != expected).sum() <= 4


def test_points_are_no_area(tmp_path) -> None:
    path = _write(tmp_path / "p.gpkg", [shapely.Point(300_100, 5_699_900)])
    with pytest.raises(PointsError, match=r"Expected polygons in p\.gpkg \(--aoi\)"):
        AreaOfInterest.read(path, GRID, "scene")


def test_missing_and_damaged_files(tmp_path) -> None:
    with pytest.raises(MissingFileError, match="after --aoi"):
        AreaOfInterest.read(tmp_path / "none.gpkg", GRID, "scene")
    broken = tmp_path / "broken.gpkg"
    broken.write_bytes(b"no such thing" * 50)
    with pytest.raises(UnreadableFileError, match=r"--aoi: .*broken\.gpkg"):
        AreaOfInterest.read(broken, GRID, "scene")


def test_an_area_elsewhere_is_refused_with_both_extents(tmp_path, area) -> None:
    path = _write(tmp_path / "far.gpkg", [shapely.box(0, 0, 10, 10)])
    far = AreaOfInterest.read(path, GRID, "scene.tif")
    with pytest.raises(
        GridError, match=r"far\.gpkg.*x 0…10, y 0…10 and scene\.tif x 300000…300800"
    ):
        refuse_no_overlap([far], path, ["scene.tif"])
    refuse_no_overlap([far, area], path, ["one.tif", "two.tif"])
