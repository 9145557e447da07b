from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import rasterio
import rasterio.features
import shapely
from numpy.typing import NDArray
from shapely import (
    GeometryCollection,
    LineString,
    MultiPoint,
    MultiPolygon,
    Point,
    Polygon,
    box,
)

from pointillist.grid import Grid, Transform
from pointillist.points import burn

IMAGE = Grid(20, 30)


def pixels(geometry: Any, grid: Grid = IMAGE, **options: Any) -> set[tuple[int, int]]:
    found = burn(np.array([geometry], dtype=object), grid, **options)
    return {(int(r), int(c)) for r, c in found.rowcol}


def mask(geometry: Any, grid: Grid) -> NDArray[np.bool_]:
    found = np.zeros(grid.shape, dtype=bool)
    rowcol = burn(np.array([geometry], dtype=object), grid).rowcol
    found[rowcol[:, 0], rowcol[:, 1]] = True
    return found


def test_a_point_labels_its_pixel() -> None:
    assert pixels(Point(3.2, 4.9)) == {(4, 3)}
    assert pixels(Point(3.2, 4.9, 112.0)) == {(4, 3)}
    assert pixels(Point(3.0, 4.0)) == {(4, 3)}


def test_a_point_on_the_outer_edge_belongs_to_the_scene() -> None:
    assert pixels(Point(0, 0)) == {(0, 0)}
    assert pixels(Point(30, 20)) == {(19, 29)}
    assert pixels(Point(-1e-9, 20 + 1e-9)) == {(19, 0)}
    assert pixels(Point(30.001, 5)) == set()
    assert pixels(Point(1e300, 5)) == set()


def test_collections_are_taken_apart() -> None:
    inner = GeometryCollection([Point(1, 1), MultiPoint([(5, 5), (6, 6)])])
    assert pixels(GeometryCollection([inner, box(9, 9, 11, 10)])) == {
        (1, 1), (5, 5), (6, 6), (9, 9), (9, 10)
    }  # fmt: skip


def test_nothing_gives_nothing() -> None:
    nothing = np.array([None, Point(), Polygon(), GeometryCollection()], dtype=object)
    assert len(burn(nothing, IMAGE).rowcol) == 0
    assert len(burn(np.array([], dtype=object), IMAGE).rowcol) == 0


def test_pixels_keep_the_order_of_their_features() -> None:
    found = burn(np.array([box(0, 0, 2, 1), Point(9, 9), LineString([(4, 4), (5.5, 4)])]), IMAGE)
    assert found.feature.tolist() == [0, 0, 1, 2, 2]


def test_a_polygon_takes_the_centres_inside() -> None:
    assert pixels(box(2.4, 3.4, 4.6, 4.6)) == {(3, 2), (3, 3), (3, 4), (4, 2), (4, 3), (4, 4)}
    assert pixels(box(2.6, 3.6, 4.4, 4.4)) == {(4, 3)}  # no centre, hence the point inside


def test_holes_stay_empty() -> None:
    ring = Polygon(box(1, 1, 8, 8).exterior, [box(3, 3, 6, 6).exterior])
    assert (4, 4) not in pixels(ring)
    assert len(pixels(ring)) == 49 - 9


def test_each_small_part_takes_a_pixel() -> None:
    parts = MultiPolygon([box(1.1, 1.1, 1.2, 1.2), box(7.6, 2.8, 7.8, 3.1)])
    assert pixels(parts) == {(1, 1), (2, 7)}


def test_neighbours_share_no_pixel() -> None:
    found = burn(np.array([box(0, 0, 2.5, 5), box(2.5, 0, 5, 5)]), IMAGE)
    assert len(np.unique(found.rowcol, axis=0)) == len(found.rowcol) == 25


def test_invalid_polygons_are_repaired() -> None:
    bow_tie = Polygon([(0, 0), (6, 6), (6, 0), (0, 6)])
    assert mask(bow_tie, IMAGE).sum() == pytest.approx(18, abs=6)
    collapsed = Polygon([(2, 2), (8, 2), (2, 2), (2, 2)])
    assert len(pixels(collapsed)) == 1


def test_a_line_takes_the_pixels_it_touches() -> None:
    assert pixels(LineString([(0.5, 0.5), (2.5, 0.5)])) == {(0, 0), (0, 1), (0, 2)}
    assert pixels(LineString([(0.2, 0.1), (1.9, 1.2)])) == {(0, 0), (0, 1), (1, 1)}
    assert pixels(LineString([(-5, 2.5), (40, 2.5)])) == {(2, c) for c in range(30)}
    assert pixels(LineString([(4.5, 4.5), (4.5, 4.5)])) == {(4, 4)}
    assert pixels(LineString([(-5, -5), (-1, 30)])) == set()


@pytest.mark.parametrize(
    "transform",
    [
        Transform(),
        Transform(10, 0, 5e5, 0, -10, 5e6),
        Transform(10, 0, 5e5, 0, -30, 5e6),
        Transform(8.66, 5.0, 5e5, 5.0, -8.66, 5e6),
    ],
    ids=["image", "north up", "oblong", "rotated"],
)
def test_areas_and_lines_agree_with_rasterio(transform: Transform) -> None:
    rng = np.random.default_rng(1)
    grid = Grid(80, 60, transform)
    affine = rasterio.Affine(*transform.coefficients)
    for _ in range(40):
        xy = transform.corner_xy(rng.uniform(-20, 100, (rng.integers(3, 10), 2)))
        polygon = Polygon(xy).buffer(0)
        biggest = max(shapely.get_parts(polygon), key=shapely.area, default=polygon)
        for shape, touched in ((biggest, False), (LineString(xy), True)):
            expected = rasterio.features.rasterize(
                [shape], grid.shape, transform=affine, all_touched=touched
            ).astype(bool)
            differing = int((mask(shape, grid) != expected).sum())
            assert differing <= 1, shape  # a representative point, or a tie of rounding


def test_huge_polygons_give_a_regular_part() -> None:
    grid = Grid(100_000, 100_000)
    found = burn(np.array([box(-1e6, -1e6, 1e6, 1e6), box(3, 3, 6, 6)]), grid, max_pixels=10_000)
    assert found.thinned == (0,)
    assert 0 < (found.feature == 0).sum() <= 10_000
    assert (found.feature == 1).sum() == 9
    steps = np.diff(np.unique(found.rowcol[found.feature == 0][:, 0]))
    assert len(set(steps.tolist())) == 1


def test_a_scene_of_any_size_needs_no_mask() -> None:
    grid = Grid(10**9, 10**9)
    assert pixels(box(1e8, 2e8, 1e8 + 2, 2e8 + 1), grid) == {(2 * 10**8, 10**8 + k) for k in (0, 1)}
