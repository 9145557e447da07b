"""Metres on the ground in any coordinate system."""

from __future__ import annotations

import numpy as np
import pyproj
import pytest

from pointillist.grid import Grid, Transform
from pointillist.sampling.spacing import pixel_size_m
from pointillist.suggestion import Spacing, ground_positions


def grid(crs: str | int | None, *transform: float) -> Grid:
    wkt = None if crs is None else pyproj.CRS.from_user_input(crs).to_wkt()
    return Grid(100, 100, Transform(*transform), wkt)


def distance(on: Grid, first: list[int], second: list[int]) -> float:
    a, b = ground_positions(on, [first, second])
    return float(np.linalg.norm(a - b))


def test_degrees_and_metres_agree() -> None:
    utm = grid(32632, 10, 0, 600_000, 0, -10, 5_700_000)
    assert distance(utm, [0, 0], [0, 50]) == pytest.approx(500, rel=5e-3)
    degrees = grid(4326, 1e-4, 0, 10, 0, -1e-4, 60)
    geod = pyproj.Geod(ellps="WGS84")
    _, _, east = geod.inv(10.0, 60.0, 10.005, 60.0)
    assert distance(degrees, [0, 0], [0, 50]) == pytest.approx(east, rel=5e-3)
    assert distance(degrees, [0, 0], [50, 0]) == pytest.approx(556, rel=6e-3)


def test_web_mercator_is_stretched_and_that_is_undone() -> None:
    web = grid(3857, 10, 0, 1_000_000, 0, -10, 8_400_000)  # 60° north: twice as large as it is
    assert distance(web, [0, 0], [0, 50]) == pytest.approx(250, rel=0.02)
    assert pixel_size_m(web) == pytest.approx(5, rel=0.02)


def test_across_the_date_line_points_are_near() -> None:
    east = grid(4326, 1e-3, 0, 179.95, 0, -1e-3, 0)
    assert distance(east, [0, 49], [0, 51]) == pytest.approx(222, rel=1e-2)


def test_a_sites_own_system_counts_in_its_units() -> None:
    own = 'LOCAL_CS["site",UNIT["foot",0.3048],AXIS["x",EAST],AXIS["y",NORTH]]'
    assert distance(grid(own, 1, 0, 0, 0, -1, 0), [0, 0], [0, 10]) == pytest.approx(3.048)


def test_an_image_counts_in_pixels() -> None:
    assert distance(Grid(100, 100), [0, 0], [3, 4]) == 5
    assert pixel_size_m(Grid(100, 100)) == 1


def test_a_points_own_pixel_is_never_free() -> None:
    spacing = Spacing(np.array([[0.0, 0.0], [1.0, 0.0]]), 0.0, np.array([[0.0, 0.0]]))
    assert spacing.free.tolist() == [False, True]
    assert not spacing.take(0)
    assert spacing.take(1)
    assert not spacing.take(1)
