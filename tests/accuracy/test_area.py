"""Area of pixels, and coordinate systems however they are written."""

from __future__ import annotations

import numpy as np
import pytest
from pyproj import CRS

from pointillist.accuracy.area import by_rows, measure_ground, same_crs
from pointillist.grid import Grid, Transform


@pytest.mark.parametrize(
    ("crs", "hectares"),
    [("EPSG:32632", 0.09), ("EPSG:2263", 0.09 * (1200 / 3937) ** 2)],  # metres, US survey feet
)
def test_projected_units_become_hectares(crs: str, hectares: float) -> None:
    grid = Grid(5, 5, Transform(30, 0, 0, 0, -30, 0), CRS(crs).to_wkt())
    assert measure_ground(grid).per_pixel == pytest.approx(hectares)


def test_rotated_and_oblong_pixels() -> None:
    grid = Grid(5, 5, Transform(6, 8, 0, 8, -6, 0), CRS("EPSG:32632").to_wkt())
    assert measure_ground(grid).per_pixel == pytest.approx(0.01)


def test_no_hectares_without_a_system_or_on_turned_degrees() -> None:
    for grid, reason in (
        (Grid(5, 5, Transform()), "no coordinate system"),
        (Grid(5, 5, Transform(1, 0.2, 0, 0.2, -1, 40), "EPSG:4326"), "no parallels"),
    ):
        ground = measure_ground(grid)
        assert (ground.per_pixel, ground.per_row) == (None, None)
        assert reason in ground.notice


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:4267"])  # WGS 84, Clarke 1866
def test_pixels_in_degrees_cover_what_the_geodesic_says(crs: str) -> None:
    grid = Grid(4, 3, Transform(0.5, 0, 10, 0, -0.25, 60), CRS(crs).to_wkt())
    per_row = measure_ground(grid).per_row
    assert per_row is not None
    geod = CRS(crs).get_geod()
    assert geod is not None
    for row in range(4):
        top, bottom = 60 - 0.25 * row, 59.75 - 0.25 * row
        lon = np.concatenate([np.linspace(10, 10.5, 200), np.linspace(10.5, 10, 200)])
        lat = np.repeat([bottom, top], 200)
        area, _ = geod.polygon_area_perimeter(lon, lat)  # sides that follow the parallels
        assert per_row[row] == pytest.approx(abs(area) / 1e4, rel=1e-6)


def test_the_whole_earth_has_its_surface() -> None:
    grid = Grid(180, 360, Transform(1, 0, -180, 0, -1, 90), CRS("EPSG:4326").to_wkt())
    per_row = measure_ground(grid).per_row
    assert per_row is not None
    assert per_row.sum() * 360 * 1e4 == pytest.approx(510_065_621_724_000, rel=1e-9)


def test_a_projection_that_stretches_is_told() -> None:
    far_north = Grid(10, 10, Transform(100, 0, 1.1e6, 0, -100, 8.4e6), CRS("EPSG:3857").to_wkt())
    assert "4.00 times as large" in measure_ground(far_north).notice
    utm = Grid(10, 10, Transform(100, 0, 5e5, 0, -100, 5.6e6), CRS("EPSG:32632").to_wkt())
    assert measure_ground(utm).notice == ""


def test_hectares_by_rows(rng: np.random.Generator) -> None:
    index, per_row = rng.integers(-1, 3, size=(7, 9)), rng.uniform(1, 2, 7)
    expected = [((index == c) * per_row[:, None]).sum() for c in range(3)]
    assert by_rows(index, 3, per_row) == pytest.approx(expected)


def test_one_system_written_in_two_ways() -> None:
    assert same_crs("EPSG:32632", CRS("EPSG:32632").to_wkt())
    assert not same_crs("EPSG:32632", "EPSG:32633")
    assert not same_crs(None, "EPSG:32633")
    assert same_crs(None, None)
