"""Outlines strip by strip are the outlines of the whole raster, whatever the strips."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.features import shapes
from rasterio.io import MemoryFile
from shapely.geometry import shape

from pointillist.prediction.outlines import iter_outlines

NODATA = 255
IDENTITY = rasterio.Affine.identity()


def outlines_of(codes, strip_rows, transform=IDENTITY):
    with MemoryFile() as memory:
        with memory.open(
            driver="GTiff", count=1, height=codes.shape[0], width=codes.shape[1],
            dtype="uint8", nodata=NODATA, transform=transform,
        ) as made:  # fmt: skip
            made.write(codes.astype(np.uint8), 1)
        with memory.open() as dataset:
            return list(iter_outlines(dataset, strip_rows))


def outlines_at_once(codes, transform=IDENTITY):
    found = shapes(codes.astype(np.uint8), connectivity=4, transform=transform)
    return [(shape(outline), int(code)) for outline, code in found if code != NODATA]


def same_patches(some, others):
    """The same polygons, start and straight points aside."""
    assert len(some) == len(others)
    by_place = {(c, o.bounds, round(o.area, 6)): o for o, c in others}
    for outline, code in some:
        other = by_place[code, outline.bounds, round(outline.area, 6)]
        assert outline.equals(other)


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 2**16),
    n_codes=st.integers(1, 4),
    strip_rows=st.integers(1, 9),
    shape_px=st.tuples(st.integers(1, 24), st.integers(1, 17)),
)
def test_strips_do_not_show(seed, n_codes, strip_rows, shape_px):
    rng = np.random.default_rng(seed)
    codes = rng.choice([*range(n_codes), NODATA], shape_px)
    found = outlines_of(codes, strip_rows)
    assert all(outline.is_valid and outline.geom_type == "Polygon" for outline, _ in found)
    assert sum(outline.area for outline, _ in found) == (codes != NODATA).sum()
    expected = outlines_at_once(codes)
    assert len(found) == len(expected)
    for code in range(n_codes):
        mine = shapely.union_all([o for o, c in found if c == code])
        theirs = shapely.union_all([o for o, c in expected if c == code])
        assert mine.equals(theirs)
    assert sorted(o.area for o, _ in found) == sorted(o.area for o, _ in expected)


def test_a_frame_with_an_island_and_a_comb():
    codes = np.full((30, 30), 1)
    codes[5:25, 5:25] = 2
    codes[10:20, 10:20] = 1  # an island of the frame's class, not joined to it
    codes[5:25, 7] = NODATA
    codes[26:, ::2] = 2  # teeth that end in different strips
    for strip_rows in (1, 4, 7, 30):
        same_patches(outlines_of(codes, strip_rows), outlines_at_once(codes))


def test_straight_edges_across_a_seam_have_no_extra_points():
    ((outline, _),) = outlines_of(np.ones((20, 8)), 3)
    assert len(outline.exterior.coords) == 5


def test_a_spiral_is_one_patch_though_no_strip_says_so():
    codes = np.full((21, 21), NODATA)
    row = col = 10
    step, turn = 2, 0
    while 0 <= row < 21 and 0 <= col < 21:
        for _ in range(2):
            d_row, d_col = ((0, 1), (1, 0), (0, -1), (-1, 0))[turn % 4]
            for _ in range(step):
                if 0 <= row < 21 and 0 <= col < 21:
                    codes[row, col] = 3
                row, col = row + d_row, col + d_col
            turn += 1
        step += 2
    for strip_rows in (1, 5, 21):
        found = outlines_of(codes, strip_rows)
        assert len(found) == 1
        assert found[0][0].area == (codes == 3).sum()


def test_outlines_of_a_rotated_grid_are_in_map_coordinates():
    grid = rasterio.Affine(10, 0, 300_000, 0, -10, 5_700_000) @ rasterio.Affine.rotation(30)
    codes = np.array([[1, 1], [1, 2], [1, 2]])
    found = outlines_of(codes, 1, grid)
    for outline, code in found:
        (other,) = (o for o, c in outlines_at_once(codes, grid) if c == code)
        assert outline.symmetric_difference(other).area < 1e-5


@pytest.mark.parametrize("strip_rows", [1, 2, 5])
def test_patches_come_out_as_soon_as_they_end(strip_rows):
    codes = np.full((20, 4), NODATA)
    codes[::4] = 1
    codes[:, 0] = 2
    found = outlines_of(codes, strip_rows)
    assert [c for _, c in found][-1] == 2  # the column, which ends last
    assert len(found) == 6
