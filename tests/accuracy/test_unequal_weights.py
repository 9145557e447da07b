"""Samples that stand for unequal ground: what is ignored and what is unanswered weighs as well."""

from __future__ import annotations

import numpy as np
import pytest

from pointillist.accuracy import StratifiedSample, estimate
from pointillist.accuracy.bootstrap import add_bootstrap
from pointillist.accuracy.estimators import estimate_kappa
from pointillist.accuracy.nonresponse import Unanswered, bound_figures


def test_ignored_ground_counts_by_its_own_weight(rng: np.random.Generator) -> None:
    """Area of a class over everything: Σ w of the class / Σ w, as the ratio estimator has it."""
    n = 400
    weight = rng.uniform(100, 900, n)
    columns = rng.integers(-1, 2, n)
    rows = np.where(columns < 0, 0, columns)
    plain = StratifiedSample.from_labels(rows, columns, 2)
    ground = StratifiedSample.from_labels(rows, columns, 2, weight=weight)
    made = estimate(plain, on_ground=ground)
    assert made.area_of_all is not None
    for c, figure in enumerate(made.area_of_all):
        y, x = weight * (columns == c), weight
        value = y.sum() / x.sum()
        se = np.sqrt(np.var(y - value * x, ddof=1) / n) / x.mean()
        assert figure.value == pytest.approx(value)
        assert figure.se == pytest.approx(se)
        assert figure.ci is not None
        assert figure.ci[0] < value < figure.ci[1]
        assert figure.ci[1] - figure.ci[0] == pytest.approx(2 * 1.96 * se, rel=0.1)
    assert sum(f.value for f in made.area) == pytest.approx(1)


def test_weights_of_one_change_nothing_with_ignored_samples() -> None:
    rows, columns = np.array([0, 0, 1, 1, 0, 1] * 10), np.array([0, 1, 1, -1, -1, 1] * 10)
    plain = StratifiedSample.from_labels(rows, columns, 2)
    made = estimate(plain)
    weighed = estimate(StratifiedSample.from_labels(rows, columns, 2, weight=np.ones(60)))
    assert made.area_of_all is not None
    assert weighed.area_of_all is not None
    for one, other in zip(made.area_of_all, weighed.area_of_all, strict=True):
        assert one.value == pytest.approx(other.value)
        assert one.se == pytest.approx(other.se)
        assert one.ci == pytest.approx(other.ci)


def test_bounds_of_areas_hold_the_estimate(rng: np.random.Generator) -> None:
    """Class 1 lies where pixels cover little; five places have no answer."""
    n = 1000
    columns = np.arange(n) % 2
    weight = np.where(columns == 1, 1.0, 2.0)
    plain = StratifiedSample.from_labels(columns, columns, 2)
    ground = StratifiedSample.from_labels(columns, columns, 2, weight=weight)
    counts, lost = np.array([[5, 0, 0]]), np.array([[10.0, 0.0, 0.0]])
    missing = Unanswered(counts, None, (ground, lost))
    low, high = bound_figures(plain, missing, ["a", "b"])["area"]["b"]
    area = estimate(plain, on_ground=ground).area[1].value
    assert area == pytest.approx(1 / 3)
    assert low == pytest.approx(500 / 1510)
    assert high == pytest.approx(510 / 1510)
    assert low < area < high


def test_kappa_of_a_perfect_sample_has_an_interval() -> None:
    kappa = estimate_kappa(StratifiedSample.from_labels([0, 1] * 25, [0, 1] * 25, 2))
    assert kappa.value == 1
    assert kappa.ci is not None
    assert kappa.interval == "score"
    assert 0.8 < kappa.ci[0] < 0.9
    assert kappa.ci[1] == 1


def test_bootstrap_with_the_finite_population_correction(rng: np.random.Generator) -> None:
    """Nine tenths of all pixels are sampled: little is left to vary, as the formula says."""
    rows = rng.integers(0, 2, 90)
    columns = np.where(rng.random(90) < 0.8, rows, 1 - rows)
    sample = StratifiedSample.from_labels(rows, columns, 2, sizes=[100], fpc=True)
    made = add_bootstrap(estimate(sample), sample, 0.95, replicates=2000, seed=1)
    for figure in made.iou:
        assert figure.bootstrap_ci is not None
        assert figure.se is not None
        low, high = figure.bootstrap_ci
        assert low < figure.value < high
        assert high - low == pytest.approx(2 * 1.96 * figure.se, rel=0.2)


def test_a_stratum_of_one_pixel_stays_in_the_replicates() -> None:
    counts = np.zeros((2, 3, 2), dtype=np.int64)
    counts[0, 0, 0], counts[0, 0, 1], counts[1, 1, 1] = 30, 10, 1
    sample = StratifiedSample(counts, np.array([400.0, 1.0]), ("a", "b"), np.arange(2), fpc=True)
    made = add_bootstrap(estimate(sample), sample, 0.95, replicates=500, seed=1)
    assert made.iou[1].bootstrap_ci is not None
    assert made.iou[1].bootstrap_ci[0] > 0
