"""Intervals and comparisons, against numbers worked out elsewhere."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from pointillist.errors import InputError
from pointillist.studies.statistics import (
    Mean,
    compare_pairs,
    correct_for_many,
    mean_over_seeds,
)


def test_a_mean_with_students_t() -> None:
    scores = [0.971, 0.974, 0.971, 0.969]
    mean = mean_over_seeds(scores)
    low, high = stats.t.interval(0.95, 3, loc=np.mean(scores), scale=stats.sem(scores))
    assert (mean.value, mean.low, mean.high) == pytest.approx((np.mean(scores), low, high))
    assert mean.half == pytest.approx((high - low) / 2)
    assert str(mean) == f"{np.mean(scores):.4f} ({low:.4f}–{high:.4f}, n = 4)"


def test_below_zero_stands_a_minus_and_no_dash_beside_it() -> None:
    assert str(Mean(-0.0013, -0.0062, 0.0036, 8)) == "−0.0013 (−0.0062 to 0.0036, n = 8)"
    assert str(Mean(-0.5, float("nan"), float("nan"), 1)) == "−0.5000 (1 seed)"


def test_one_seed_has_no_interval() -> None:
    mean = mean_over_seeds([0.5])
    assert math.isnan(mean.low)
    assert str(mean) == "0.5000 (1 seed)"
    with pytest.raises(InputError, match="at least one score"):
        mean_over_seeds([])


def test_intervals_cover_the_truth_as_often_as_they_say(rng: np.random.Generator) -> None:
    hits = 0
    for _ in range(2000):
        mean = mean_over_seeds(rng.normal(3, 2, 5).tolist())
        hits += mean.low <= 3 <= mean.high
    assert 0.93 < hits / 2000 < 0.97


def test_pairs_are_compared_seed_by_seed() -> None:
    ours, theirs = [0.60, 0.70, 0.80], [0.58, 0.69, 0.76]
    found = compare_pairs(ours, theirs)
    assert found.p == pytest.approx(stats.ttest_rel(ours, theirs).pvalue)
    assert found.difference.value == pytest.approx(0.07 / 3)
    assert found.effect == pytest.approx((0.07 / 3) / np.std([0.02, 0.01, 0.04], ddof=1))


def test_what_never_differs() -> None:
    assert compare_pairs([0.5, 0.6], [0.5, 0.6]).p == 1.0
    assert compare_pairs([0.75, 1.0], [0.5, 0.75]).p == 0.0
    with pytest.raises(InputError, match="scores of the same seeds"):
        compare_pairs([0.5, 0.6], [0.5])


def test_holms_correction() -> None:
    # worked by hand: sorted .01 .02 .03 .04 → ×4 ×3 ×2 ×1, never falling
    assert correct_for_many([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert correct_for_many([0.6, 0.7]) == [1.0, 1.0]
    assert correct_for_many([]) == []
