"""What holds for every mask, every strategy, every number of points."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pointillist.sampling import STRATEGIES, sample_point_labels, sample_points_per_class

MASKS = hnp.arrays(np.int64, st.tuples(st.integers(1, 14), st.integers(1, 14)),
                   elements=st.integers(-1, 3)).filter(lambda m: (m >= 0).any())  # fmt: skip


@pytest.mark.parametrize(
    "strategy", ["random", "stratified", "simple", "spread", "balanced", "interior"]
)
@given(mask=MASKS, share=st.floats(0, 1), seed=st.integers(0, 2**32 - 1))
def test_exactly_n_true_labels(strategy: str, mask: np.ndarray, share: float, seed: int) -> None:
    n = max(1, int(share * (mask >= 0).sum()))
    points = sample_point_labels(mask, n, strategy, rng=seed)
    chosen = points >= 0
    assert chosen.sum() == n
    assert (points[chosen] == mask[chosen]).all()
    assert (sample_point_labels(mask, n, strategy, rng=seed) == points).all()


@pytest.mark.parametrize("strategy", STRATEGIES)
@given(mask=MASKS, seed=st.integers(0, 2**32 - 1), hole=st.integers(-70_000, -2))
def test_the_value_of_unlabelled_pixels_does_not_matter(
    strategy: str, mask: np.ndarray, seed: int, hole: int
) -> None:
    n = max(1, int((mask >= 0).sum()) // 3)
    one = sample_point_labels(mask, n, strategy, rng=seed)
    for value in (hole, 200):
        other = np.where(mask < 0, value, mask)
        again = sample_point_labels(other, n, strategy, rng=seed, ignore_index=value)
        assert (one == again).all()


@given(mask=MASKS, n=st.integers(1, 60), seed=st.integers(0, 2**32 - 1))
def test_systematic_is_a_product_of_rows_and_columns(mask: np.ndarray, n: int, seed: int) -> None:
    n = min(n, int((mask >= 0).sum()))
    points = sample_point_labels(mask, n, "systematic", rng=seed)
    chosen = points >= 0
    assert chosen.any()
    assert (points[chosen] == mask[chosen]).all()
    on_grid = np.outer(chosen.any(axis=1), chosen.any(axis=0))
    assert (chosen == (on_grid & (mask >= 0))).all()


@pytest.mark.parametrize("strategy", ["random", "stratified", "interior"])
@given(mask=MASKS, n=st.integers(1, 30), seed=st.integers(0, 2**32 - 1))
def test_per_class_is_the_lesser_of_n_and_all(
    strategy: str, mask: np.ndarray, n: int, seed: int
) -> None:
    points = sample_points_per_class(mask, n, strategy, rng=seed, num_classes=4)
    there = np.bincount(mask[mask >= 0], minlength=4)
    assert (np.bincount(points[points >= 0], minlength=4) == np.minimum(there, n)).all()


@given(mask=MASKS, n=st.integers(1, 100), seed=st.integers(0, 2**32 - 1))
def test_balanced_differs_by_one_where_classes_have_enough(
    mask: np.ndarray, n: int, seed: int
) -> None:
    there = np.bincount(mask[mask >= 0], minlength=4)
    n = min(n, int(there.sum()))
    points = sample_point_labels(mask, n, "balanced", rng=seed)
    drawn = np.bincount(points[points >= 0], minlength=4)
    short = drawn == there
    open_to = drawn[~short & (there > 0)]
    if len(open_to):
        assert np.ptp(open_to) <= 1
        assert (drawn[short] <= open_to.min() + 1).all()
