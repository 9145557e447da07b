"""What holds for every grid: blocks cover, coordinates come back."""

from __future__ import annotations

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from pointillist.grid import Transform, Window, assign_spatial_blocks, plan_blocks

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
