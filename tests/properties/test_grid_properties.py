"""What holds for every grid: blocks cover, coordinates come back."""

from __future__ import annotations

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from pointillist.grid import (
    Grid,
    Transform,
    Window,
    assign_spatial_blocks,
    chip_window,
    plan_blocks,
)

NUMBERS = st.floats(-1e6, 1e6)
SIZES = st.floats(0.01, 1000)


@given(
    height=st.integers(1, 70), width=st.integers(1, 70), block=st.integers(1, 80),
    halo=st.integers(0, 40),
)  # fmt: skip
def test_every_pixel_lies_in_exactly_one_core(height, width, block, halo) -> None:
    seen = np.zeros((height, width), dtype=int)
    for one in plan_blocks((height, width), block, halo):
        assert one.core.intersection(Window(0, 0, height, width)) == one.core
        assert one.read == one.core.expand(halo)
        seen[one.core.slices] += 1
    assert (seen == 1).all()


@given(
    sizes=st.tuples(SIZES, SIZES), angle=st.floats(0, 6.28), flip=st.booleans(),
    origin=st.tuples(NUMBERS, NUMBERS), pixels=st.lists(
        st.tuples(st.integers(-1000, 10**5), st.integers(-1000, 10**5)), min_size=1, max_size=20
    ),
)  # fmt: skip
def test_coordinates_come_back_to_their_pixel(sizes, angle, flip, origin, pixels) -> None:
    assume(max(sizes) / min(sizes) < 1000)
    cos, sin = np.cos(angle), np.sin(angle)
    sign = -1 if flip else 1
    transform = Transform(
        sizes[0] * cos, -sizes[1] * sin, origin[0],
        sign * sizes[0] * sin, sign * sizes[1] * cos, origin[1],
    )  # fmt: skip
    np.testing.assert_array_equal(transform.rowcol(transform.xy(pixels)), pixels)


@given(
    rotation=st.floats(-3, 3), area=st.floats(0.01, 100), row=st.integers(-20, 20),
    col=st.integers(-20, 20), height=st.integers(1, 30), width=st.integers(1, 30),
)  # fmt: skip
def test_a_window_keeps_place_and_area(rotation, area, row, col, height, width) -> None:
    side, cos, sin = np.sqrt(area), np.cos(rotation), np.sin(rotation)
    grid = Grid(25, 25, Transform(side * cos, side * sin, 7, side * sin, -side * cos, -3))
    part = grid.of_window(Window(row, col, height, width))
    assert np.isclose(part.transform.pixel_area, area)
    here = [[0, 0], [height - 1, width - 1]]
    there = [[row, col], [row + height - 1, col + width - 1]]
    np.testing.assert_allclose(part.transform.xy(here), grid.transform.xy(there), atol=1e-6)
    left, bottom, right, top = part.bounds
    assert (right - left) * (top - bottom) >= height * width * area * 0.999


@given(
    row=st.integers(0, 500), col=st.integers(0, 500), size=st.integers(1, 64), data=st.data()
)  # fmt: skip
def test_a_chip_holds_its_anchor(row, col, size, data) -> None:
    offset = data.draw(st.tuples(*[st.integers(0, size - 1)] * 2))
    chip = chip_window((row, col), offset, size)
    assert chip.shape == (size, size)
    assert (row - chip.row, col - chip.col) == offset
    assert chip.intersection(Window(row, col, 1, 1)) == Window(row, col, 1, 1)


@given(
    a=st.tuples(*[st.integers(-30, 30)] * 2, *[st.integers(1, 30)] * 2),
    b=st.tuples(*[st.integers(-30, 30)] * 2, *[st.integers(1, 30)] * 2),
)
def test_intersection_is_what_both_cover(a, b) -> None:
    one, other = Window(*a), Window(*b)
    common = one.intersection(other)
    assert common == other.intersection(one)
    canvas = np.zeros((100, 100), dtype=int)
    for w in (one, other):
        canvas[w.row + 35 : w.stop_row + 35, w.col + 35 : w.stop_col + 35] += 1
    assert (canvas == 2).sum() == (common.height * common.width if common else 0)


@given(
    pixels=st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500)), min_size=1),
    side=st.integers(1, 200),
)
def test_pixels_of_one_square_share_a_number(pixels, side) -> None:
    numbers = assign_spatial_blocks(pixels, side)
    squares = [(r // side, c // side) for r, c in pixels]
    assert len(set(zip(numbers.tolist(), squares, strict=True))) == len(set(squares))
    assert set(numbers.tolist()) == set(range(len(set(squares))))
