"""Pixels, windows and blocks."""

from __future__ import annotations

import numpy as np
import pytest

from pointillist.errors import GridError, InputError
from pointillist.grid import (
    Grid,
    Transform,
    Window,
    assign_spatial_blocks,
    chip_window,
    plan_blocks,
)

NORTH_UP = Transform(2, 0, 500_000, 0, -2, 5_600_000)
ROTATED = Transform(1.5, 0.5, 100, 0.4, -2, 900)
SOUTH_UP = Transform(0.5, 0, 10, 0, 0.25, 50)  # y grows with the row, pixels are not square


def test_the_centre_of_the_first_pixel() -> None:
    assert NORTH_UP.xy([[0, 0]]).tolist() == [[500_001, 5_599_999]]
    assert Transform().xy([[0, 0]]).tolist() == [[0.5, 0.5]]  # plain image: centres at .5


def test_a_plain_image_has_x_to_the_right_and_y_down() -> None:
    assert Transform().xy([[3, 7]]).tolist() == [[7.5, 3.5]]
    assert Transform().rowcol([[7.9, 3.0]]).tolist() == [[3, 7]]
    assert not Grid(5, 5).is_georeferenced
    assert Grid(5, 5, NORTH_UP).is_georeferenced
    assert Grid(5, 5, crs="EPSG:4326").is_georeferenced


@pytest.mark.parametrize("transform", [NORTH_UP, ROTATED, SOUTH_UP, Transform()])
def test_pixels_and_coordinates_go_back_and_forth(transform, rng) -> None:
    rowcol = rng.integers(-50, 5000, (200, 2))
    np.testing.assert_array_equal(transform.rowcol(transform.xy(rowcol)), rowcol)


def test_a_pixel_holds_its_upper_left_corner_and_not_its_lower_right() -> None:
    assert NORTH_UP.rowcol([[500_002, 5_599_998]]).tolist() == [[1, 1]]
    assert NORTH_UP.rowcol([[500_001.999, 5_599_998.001]]).tolist() == [[0, 0]]


def test_a_grid_whose_y_grows_with_the_row() -> None:
    assert SOUTH_UP.xy([[0, 0], [4, 0]]).tolist() == [[10.25, 50.125], [10.25, 51.125]]
    assert SOUTH_UP.rowcol([[10.0, 50.0], [10.6, 50.3]]).tolist() == [[0, 0], [1, 1]]
    assert SOUTH_UP.pixel_area == 0.125
    assert SOUTH_UP.pixel_size_xy == (0.5, 0.25)
    assert Grid(4, 2, SOUTH_UP).bounds == (10, 50, 11, 51)


@pytest.mark.filterwarnings("error")
def test_coordinates_that_are_none_lie_outside_every_raster() -> None:
    nowhere = [[np.nan, 0], [0, np.nan], [np.inf, 0], [0, -np.inf], [1e300, 5], [-1e300, 5]]
    for transform in (NORTH_UP, ROTATED, SOUTH_UP, Transform()):
        assert not Grid(10**6, 10**6, transform).contains(transform.rowcol(nowhere)).any()


def test_positions_between_pixels() -> None:
    corner = ROTATED.corner_xy([[2, 3]])
    np.testing.assert_allclose(corner, [[1.5 * 3 + 0.5 * 2 + 100, 0.4 * 3 - 2 * 2 + 900]])
    np.testing.assert_allclose(ROTATED.continuous_rowcol(corner), [[2, 3]])
    np.testing.assert_allclose(ROTATED.continuous_rowcol(ROTATED.xy([[2, 3]])), [[2.5, 3.5]])


def test_areas_and_sizes() -> None:
    assert NORTH_UP.pixel_area == 4
    assert NORTH_UP.pixel_size_xy == (2, 2)
    assert ROTATED.pixel_area == pytest.approx(1.5 * 2 + 0.5 * 0.4)
    assert Transform(3, 0, 0, 0, -1, 0).pixel_size_xy == (3, 1)


def test_a_broken_transform() -> None:
    with pytest.raises(GridError, match="invertible transform"):
        Transform(0, 0, 1, 0, 0, 1)
    with pytest.raises(GridError, match="invertible transform"):
        Transform(float("nan"), 0, 1, 0, 1, 1)
    with pytest.raises(GridError, match="at least 1×1, got 0×4"):
        Grid(0, 4)


def test_the_grid_of_a_window_lies_where_the_window_does() -> None:
    grid = Grid(100, 80, ROTATED, "EPSG:32632")
    part = grid.of_window(Window(10, 20, 5, 6))
    assert part.shape == (5, 6)
    np.testing.assert_allclose(
        part.transform.xy([[0, 0], [4, 5]]), grid.transform.xy([[10, 20], [14, 25]])
    )
    assert part.crs == grid.crs


def test_bounds_of_rotated_and_straight_grids() -> None:
    assert Grid(10, 20, NORTH_UP).bounds == (500_000, 5_599_980, 500_040, 5_600_000)
    left, bottom, right, top = Grid(10, 10, ROTATED).bounds
    assert (left, right) == pytest.approx((100, 120))
    assert (bottom, top) == pytest.approx((880, 904))


def test_what_lies_inside() -> None:
    inside = Grid(4, 3).contains([[0, 0], [3, 2], [4, 0], [0, 3], [-1, 0]])
    assert inside.tolist() == [True, True, False, False, False]


def test_the_same_place_to_a_fraction_of_a_pixel() -> None:
    grid = Grid(1000, 1000, NORTH_UP)
    nudged = Transform(2, 0, 500_000.01, 0, -2, 5_600_000)
    assert grid.same_place(Grid(1000, 1000, nudged))
    assert not grid.same_place(Grid(1000, 1000, Transform(2, 0, 500_001, 0, -2, 5_600_000)))
    assert not grid.same_place(Grid(1000, 1000, Transform(2.001, 0, 500_000, 0, -2, 5_600_000)))
    assert not grid.same_place(Grid(1000, 999, NORTH_UP))


def test_windows() -> None:
    window = Window(2, 3, 4, 5)
    assert (window.stop_row, window.stop_col, window.shape) == (6, 8, (4, 5))
    assert window.expand(2) == Window(0, 1, 8, 9)
    assert window.intersection(Window(5, 7, 10, 10)) == Window(5, 7, 1, 1)
    assert window.intersection(Window(6, 0, 3, 3)) is None
    array = np.arange(100).reshape(10, 10)
    outer = Window(1, 1, 8, 8)
    np.testing.assert_array_equal(
        array[outer.slices][window.slices_in(outer)], array[window.slices]
    )


def test_blocks_keep_the_halo_and_the_ragged_edge() -> None:
    blocks = plan_blocks((5, 7), 4, 2)
    assert [b.core for b in blocks] == [
        Window(0, 0, 4, 4), Window(0, 4, 4, 3), Window(4, 0, 1, 4), Window(4, 4, 1, 3)
    ]  # fmt: skip
    assert [b.index for b in blocks] == [0, 1, 2, 3]
    assert blocks[0].read == Window(-2, -2, 8, 8)


def test_halos_are_clipped_to_the_scene_where_that_is_asked_for() -> None:
    grid = Grid(9, 9)
    inside = [b.read.intersection(grid.window) for b in plan_blocks(grid.shape, 4, 3)]
    assert inside[0] == Window(0, 0, 7, 7)
    assert inside[4] == Window(1, 1, 8, 8)
    assert inside[8] == Window(5, 5, 4, 4)
    one = plan_blocks((5, 6), 512, 64)
    assert [b.core for b in one] == [Window(0, 0, 5, 6)]
    assert one[0].core.slices_in(one[0].read) == (slice(64, 69), slice(64, 70))


def test_windows_outside_of_the_raster() -> None:
    grid = Grid(10, 10, NORTH_UP)
    for window in (Window(-5, 0, 5, 5), Window(0, 10, 3, 3), Window(20, 20, 4, 4)):
        assert window.intersection(grid.window) is None
    assert Window(4, 4, 0, 3).intersection(grid.window) is None
    beyond = grid.of_window(Window(-2, -3, 4, 4))
    assert beyond.bounds == (499_994, 5_599_996, 500_002, 5_600_004)


def test_bad_blocks() -> None:
    with pytest.raises(InputError, match="block 0 and halo 0"):
        plan_blocks((5, 5), 0, 0)
    with pytest.raises(InputError, match="block 4 and halo -1"):
        plan_blocks((5, 5), 4, -1)


def test_a_chip_puts_its_anchor_where_it_should_be() -> None:
    chip = chip_window((10, 20), (3, 4), 32)
    assert chip == Window(7, 16, 32, 32)
    assert chip_window((0, 0), (31, 31), 32) == Window(-31, -31, 32, 32)  # may reach outside


def test_spatial_blocks_are_numbered_by_row_then_column() -> None:
    numbers = assign_spatial_blocks([[0, 0], [9, 9], [0, 10], [25, 0], [5, 5]], 10)
    assert numbers.tolist() == [0, 0, 1, 2, 0]
    assert assign_spatial_blocks(np.empty((0, 2)), 10).tolist() == []
