"""Windows around points: each pixel once, with all its surroundings, and few pixels in all."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointillist.features import group_around


@given(
    st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 3000)), max_size=40),
    st.integers(0, 60),
)
def test_every_pixel_is_in_one_window_with_its_halo(
    pixels: list[tuple[int, int]], halo_px: int
) -> None:
    rowcol = np.array(pixels, dtype=np.int64).reshape(-1, 2)
    groups = group_around(rowcol, halo_px)
    members = np.concatenate([g.members for g in groups]) if groups else np.empty(0, int)
    assert sorted(members.tolist()) == list(range(len(pixels)))
    for group in groups:
        origin = np.array([group.window.row, group.window.col])
        np.testing.assert_array_equal(group.rowcol + origin, rowcol[group.members])
        assert (group.rowcol >= halo_px).all()
        assert (group.rowcol < np.array(group.window.shape) - halo_px).all()


def test_scattered_pixels_get_small_windows_and_crowds_share() -> None:
    scattered = [[0, 0], [10_000, 10_000], [90_000, 5]]
    assert [g.window.shape for g in group_around(scattered, 10)] == [(21, 21)] * 3
    crowd = np.argwhere(np.ones((30, 30), dtype=bool))
    assert len(group_around(crowd, 10)) == 1


def test_windows_stay_small_however_many_pixels() -> None:
    everywhere = np.argwhere(np.ones((900, 700), dtype=bool))
    sides = [max(g.window.shape) for g in group_around(everywhere, 5)]
    assert max(sides) <= 512 + 10


@pytest.mark.parametrize("halo_px", [0, 7])
def test_no_pixels_need_no_windows(halo_px: int) -> None:
    assert group_around(np.empty((0, 2)), halo_px) == []
