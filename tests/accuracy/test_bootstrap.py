"""Bootstrap intervals of F1 and IoU."""

from __future__ import annotations

import numpy as np
import pytest

from pointillist.accuracy import StratifiedSample, estimate
from pointillist.accuracy.bootstrap import add_bootstrap


@pytest.fixture
def sample() -> StratifiedSample:
    counts = np.zeros((3, 4, 3), dtype=np.int64)
    counts[np.arange(3), np.arange(3)] = [[60, 5, 10], [4, 80, 9], [0, 0, 50]]
    return StratifiedSample(counts, np.array([100.0, 700.0, 200.0]), ("a", "b", "c"), np.arange(3))


def test_limits_agree_with_the_standard_error(sample: StratifiedSample) -> None:
    plain = estimate(sample)
    got = add_bootstrap(plain, sample, 0.95, replicates=4000, seed=3)
    for figure in (*got.iou[:2], *got.f1[:2], got.mean_iou):
        assert figure.bootstrap_ci is not None
        assert figure.se is not None
        low, high = figure.bootstrap_ci
        assert low < figure.value < high
        assert high - low == pytest.approx(2 * 1.96 * figure.se, rel=0.15)
    assert got.overall == plain.overall


def test_the_same_seed_gives_the_same_limits(sample: StratifiedSample) -> None:
    def limits(seed: int) -> object:
        made = add_bootstrap(estimate(sample), sample, 0.95, replicates=200, seed=seed)
        return [e.bootstrap_ci for e in made.iou]

    assert limits(1) == limits(1)
    assert limits(1) != limits(2)


def test_weights_and_samples_outside_are_resampled_too(sample: StratifiedSample) -> None:
    rng = np.random.default_rng(5)
    rows = rng.integers(0, 3, 300)
    columns = np.where(rng.random(300) < 0.8, rows, rng.integers(-1, 3, 300))
    weight = rng.uniform(0.5, 1.5, 300)
    made = StratifiedSample.from_labels(rows, columns, 3, weight=weight)
    got = add_bootstrap(estimate(made), made, 0.9, replicates=3000, seed=1)
    figure = got.iou[1]
    assert figure.bootstrap_ci is not None
    assert figure.se is not None
    assert np.diff(figure.bootstrap_ci)[0] == pytest.approx(2 * 1.645 * figure.se, rel=0.15)


def test_no_limits_without_variation() -> None:
    perfect = StratifiedSample.from_labels([0] * 9 + [1] * 9, [0] * 9 + [1] * 9, 2)
    got = add_bootstrap(estimate(perfect), perfect, 0.95, replicates=50, seed=0)
    assert [e.bootstrap_ci for e in (*got.iou, got.mean_iou)] == [None] * 3
