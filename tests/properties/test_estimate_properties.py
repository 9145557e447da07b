"""What must hold for the estimates of any sample: order and names play no part."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pointillist.accuracy import AccuracyEstimates, StratifiedSample, estimate
from pointillist.accuracy.estimators import estimate_kappa
from pointillist.accuracy.nonresponse import Unanswered, bound_figures

Drawn = tuple[np.ndarray, np.ndarray]
FIGURES = ("users", "producers", "f1", "iou", "area")

map_strata = st.integers(2, 4).flatmap(
    lambda c: st.tuples(
        arrays(np.int64, (c, c), elements=st.integers(0, 30)),
        arrays(np.float64, c, elements=st.floats(10, 1e5)),
    )
)
samples = st.tuples(st.integers(1, 4), st.integers(1, 4)).flatmap(
    lambda hc: st.tuples(
        arrays(np.int64, (hc[0], hc[1] + 1, hc[1]), elements=st.integers(0, 9)),
        arrays(np.float64, hc[0], elements=st.floats(1, 1e6)),
    )
)
slow = settings(deadline=None, max_examples=40)


def of_map(drawn: Drawn, **more: Any) -> StratifiedSample:
    matrix, sizes = drawn
    C = len(matrix)
    counts = np.zeros((C, C + 1, C), dtype=np.int64)
    counts[np.arange(C), np.arange(C)] = matrix
    return StratifiedSample(counts, sizes, tuple(f"s{i}" for i in range(C)), np.arange(C), **more)


def same(one: Any, other: Any) -> None:
    for a, b in zip(one, other, strict=True):
        np.testing.assert_allclose(a.value, b.value, rtol=1e-9, atol=1e-12)
        assert (a.se is None) == (b.se is None)
        if a.se is not None:
            np.testing.assert_allclose(a.se, b.se, rtol=1e-6, atol=1e-7)
            # what is chosen by a threshold may fall on either side of it by rounding
            if a.interval == b.interval:
                np.testing.assert_allclose(a.ci, b.ci, rtol=1e-6, atol=1e-6)


def all_alike(one: AccuracyEstimates, other: AccuracyEstimates, order: np.ndarray) -> None:
    same([one.overall, one.mean_iou], [other.overall, other.mean_iou])
    for name in FIGURES:
        same([getattr(one, name)[c] for c in order], getattr(other, name))


@slow
@given(map_strata, st.randoms(use_true_random=False))
def test_the_order_of_classes_does_not_matter(drawn: Drawn, random: Any) -> None:
    matrix, sizes = drawn
    order = np.array(random.sample(range(len(sizes)), len(sizes)))
    shuffled = matrix[np.ix_(order, order)], sizes[order]
    all_alike(estimate(of_map(drawn)), estimate(of_map(shuffled)), order)
    one, other = (estimate_kappa(of_map(d)) for d in (drawn, shuffled))
    np.testing.assert_allclose(one.value, other.value, atol=1e-9)


@slow
@given(samples, st.randoms(use_true_random=False))
def test_names_and_order_of_strata_do_not_matter(drawn: Drawn, random: Any) -> None:
    table, sizes = drawn
    order = random.sample(range(len(sizes)), len(sizes))
    one = StratifiedSample(table, sizes, tuple("abcd"[: len(sizes)]))
    other = StratifiedSample(table[order], sizes[order], tuple("wxyz"[: len(sizes)]))
    all_alike(estimate(one), estimate(other), np.arange(table.shape[2]))


@slow
@given(map_strata, st.booleans())
def test_areas_sum_to_1_whatever_the_estimator(drawn: Drawn, post: bool) -> None:
    sample = of_map(drawn, post=post)
    shares = [a.value for a in estimate(sample).area]
    if np.all(sample.n > 0):
        np.testing.assert_allclose(sum(shares), 1)
    else:
        assert np.isnan(shares).all()


@slow
@given(map_strata)
def test_not_knowing_the_numbers_beforehand_costs_something(drawn: Drawn) -> None:
    """In proportion to their sizes, post-strata are never more exact than strata."""
    matrix, _ = drawn
    n = matrix.sum(axis=1)
    if n.min() < 2:
        return
    sample = of_map((matrix, n * 100.0))
    before, after = (estimate(s).overall.se for s in (sample, replace(sample, post=True)))
    assert before is not None
    assert after is not None
    assert after >= before - 1e-12


@slow
@given(map_strata, st.integers(0, 5))
def test_bounds_hold_the_estimate(drawn: Drawn, missing: int) -> None:
    sample = of_map(drawn)
    C = sample.n_classes
    unanswered = np.zeros((C, C + 1), dtype=np.int64)
    unanswered[np.arange(C), np.arange(C)] = missing
    if sample.n.min() == 0:
        return
    got, bounds = (
        estimate(sample),
        bound_figures(sample, Unanswered(unanswered), [str(c) for c in range(C)]),
    )
    low, high = bounds["overall_accuracy"]
    assert low - 1e-9 <= got.overall.value <= high + 1e-9
    for key, name in (("users_accuracy", "users"), ("area", "area")):
        for c in range(C):
            low, high = bounds[key][str(c)]
            assert low - 1e-9 <= getattr(got, name)[c].value <= high + 1e-9
            assert missing or high - low < 1e-9
