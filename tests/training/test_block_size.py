"""Squares of a cross-validation are at least as long as labels are alike, where points allow."""

from __future__ import annotations

import numpy as np
import pytest

from pointillist.errors import PointsError
from pointillist.training.block_size import choose_block_size, measure_range
from pointillist.training.crossvalidation import Places


def places(rowcol: np.ndarray, index: np.ndarray) -> Places:
    n = len(rowcol)
    return Places(np.zeros(n, dtype=np.int64), rowcol, index, np.arange(n))


def patches(rng: np.random.Generator, side: int, n: int = 600, extent: int = 1200) -> Places:
    """Points in a chequered world of square patches of random classes."""
    world = rng.integers(0, 3, (extent // side + 1, extent // side + 1))
    rowcol = rng.integers(0, extent, (n, 2))
    return places(rowcol, world[rowcol[:, 0] // side, rowcol[:, 1] // side])


def test_the_range_grows_with_the_patches(rng: np.random.Generator) -> None:
    small, large = (measure_range(patches(rng, side), rng) for side in (60, 240))
    assert small is not None
    assert large is not None
    assert 30 < small < 120
    assert 120 < large < 480


def test_no_range_where_neighbours_are_no_more_alike(rng: np.random.Generator) -> None:
    rowcol = rng.integers(0, 1000, (500, 2))
    assert measure_range(places(rowcol, rng.integers(0, 4, 500)), rng) is None


def test_squares_cover_the_range(rng: np.random.Generator) -> None:
    chosen = choose_block_size(patches(rng, 240), 5)
    assert chosen.range_px is not None
    assert chosen.covers_range
    assert chosen.n_blocks >= 10
    # patches of a third of the scene leave no ten squares as long as that
    crowded = choose_block_size(patches(rng, 400), 5)
    assert crowded.n_blocks >= 10


def test_too_few_points_are_refused() -> None:
    few = places(np.arange(18).reshape(9, 2) * 50, np.zeros(9, dtype=np.int64))
    with pytest.raises(PointsError, match="at least 10 labelled points for 5 folds, got 9"):
        choose_block_size(few, 5)
    heap = places(np.zeros((40, 2), dtype=np.int64), np.zeros(40, dtype=np.int64))
    with pytest.raises(PointsError, match="in at least 5 places, one per fold, got 1"):
        choose_block_size(heap, 5)
