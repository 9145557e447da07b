"""Area of pixels, and coordinate systems however they are written."""

from __future__ import annotations

import pytest
from pyproj import CRS

from pointillist.accuracy.area import hectares_per_pixel, same_crs
from pointillist.grid import Grid, Transform


@pytest.mark.parametrize(
    ("crs", "hectares"),
    [("EPSG:32632", 0.09), ("EPSG:2263", 0.09 * (1200 / 3937) ** 2)],  # metres, US survey feet
)
def test_projected_units_become_hectares(crs: str, hectares: float) -> None:
    grid = Grid(5, 5, Transform(30, 0, 0, 0, -30, 0), CRS(crs).to_wkt())
    assert hectares_per_pixel(grid)[0] == pytest.approx(hectares)


def test_rotated_and_oblong_pixels() -> None:
    grid = Grid(5, 5, Transform(6, 8, 0, 8, -6, 0), CRS("EPSG:32632").to_wkt())
    assert hectares_per_pixel(grid)[0] == pytest.approx(0.01)


@pytest.mark.parametrize(("crs", "reason"), [("EPSG:4326", "not projected"), (None, "no coord")])
def test_no_hectares_without_lengths(crs: str | None, reason: str) -> None:
    hectares, why = hectares_per_pixel(Grid(5, 5, Transform(), crs))
    assert hectares is None
    assert reason in why


def test_one_system_written_in_two_ways() -> None:
    assert same_crs("EPSG:32632", CRS("EPSG:32632").to_wkt())
    assert not same_crs("EPSG:32632", "EPSG:32633")
    assert not same_crs(None, "EPSG:32633")
    assert same_crs(None, None)
