"""Intervals of shares: where the normal one fails, and that the score interval holds."""

from __future__ import annotations

import numpy as np
import pytest

from pointillist.accuracy.estimators import Estimate, estimate, indicators, ratio
from pointillist.accuracy.intervals import choose_interval, score_interval, wilson
from pointillist.accuracy.sample import StratifiedSample

Z = 1.959963984540054


def strata_of_map(matrix: list[list[int]], sizes: list[float], **more: object) -> StratifiedSample:
    C = len(matrix)
    counts = np.zeros((C, C + 1, C), dtype=np.int64)
    counts[np.arange(C), np.arange(C)] = matrix
    names = tuple(f"s{i}" for i in range(C))
    return StratifiedSample(counts, np.array(sizes), names, np.arange(C), **more)  # type: ignore[arg-type]


def test_wilson_agrees_with_scipy() -> None:
    from scipy.stats import binomtest

    for k, n in ((0, 20), (3, 17), (20, 20), (1, 1)):
        expected = binomtest(k, n).proportion_ci(0.95, "wilson")
        low, high = wilson(k / n, n, Z)
        assert (float(low), float(high)) == pytest.approx((expected.low, expected.high), abs=1e-9)


@pytest.mark.parametrize(("right", "n"), [(17, 20), (20, 20), (0, 20), (299, 300)])
def test_one_share_gets_the_interval_of_wilson(right: int, n: int) -> None:
    sample = StratifiedSample.from_labels([0] * n, [0] * right + [1] * (n - right), 2)
    y, x = np.eye(3, 2), np.ones((3, 2))
    low, high = wilson(right / n, n, Z)
    got = score_interval(sample, y, x, np.array([True]), Z)
    assert got == pytest.approx((float(low), float(high)), abs=1e-9)


def test_large_samples_keep_the_normal_interval() -> None:
    got = estimate(StratifiedSample.from_labels([0] * 900, [0] * 700 + [1] * 200, 2)).overall
    assert got.interval == "normal"
    assert got.ci == pytest.approx((got.value - Z * got.se, got.value + Z * got.se))  # type: ignore[operator]
    assert "interval" not in got.to_dict()


def test_what_was_not_missed_may_still_have_been() -> None:
    """A rare class, all right where mapped, never found in 100 samples of the rest: 99 % of all."""
    got = estimate(strata_of_map([[50, 0], [0, 100]], [100, 9900]))
    producers, area = got.producers[0], got.area[0]
    assert (producers.value, producers.se) == (1.0, 0.0)
    assert producers.ci is not None
    assert producers.ci[0] < 0.25  # up to 3.7 % of the rest may be that class as well
    assert area.ci is not None
    assert area.ci[0] < 0.01 < 0.04 < area.ci[1]
    assert producers.to_dict()["interval"] == "score"


def test_limits_stay_within_their_range(rng: np.random.Generator) -> None:
    for _ in range(60):
        matrix = rng.multinomial(12, rng.dirichlet(np.full(3, 0.3)), size=3)
        got = estimate(strata_of_map((matrix + 0).tolist(), [10, 300, 4000]))
        for figure in (got.overall, got.mean_iou, *got.users, *got.producers, *got.f1, *got.iou):
            if figure.ci is not None:
                assert 0 <= figure.ci[0] <= figure.value + 1e-9
                assert figure.value - 1e-9 <= figure.ci[1] <= 1


@pytest.mark.parametrize(("post", "n"), [(False, (75, 75, 165, 325)), (True, (0, 0, 0, 640))])
def test_score_intervals_hold_the_truth(post: bool, n: tuple[int, ...]) -> None:
    """Errors as in Olofsson et al. (2014): the normal interval of the rare class holds 73 %."""
    rng = np.random.default_rng(11)
    shares = np.array([[66, 0, 5, 4], [0, 55, 8, 12], [1, 0, 153, 11], [2, 1, 9, 313]])
    errors, weight = (
        shares / shares.sum(axis=1, keepdims=True),
        np.array([0.02, 0.015, 0.32, 0.645]),
    )
    cells = np.vstack([weight[:, None] * errors, np.zeros(4)])
    _, _, in_ref = indicators(4, 1)
    x = np.ones((5, 4))
    held: dict[str, list[bool]] = {"normal": [], "score": []}
    for _ in range(500):
        of_stratum = rng.multinomial(sum(n), weight) if post else n
        matrix = [rng.multinomial(m, p) for m, p in zip(of_stratum, errors, strict=True)]
        if min(m.sum() for m in matrix) < 2:
            continue
        sample = strata_of_map(np.array(matrix).tolist(), (weight * 1e7).tolist(), post=post)
        value, se, _ = ratio(sample, in_ref, x)
        assert se is not None
        truth = cells[:, 1].sum()
        low, high = score_interval(sample, in_ref, x, np.ones(4, dtype=bool), Z)
        held["score"].append(bool(low <= truth <= high))
        held["normal"].append(bool(abs(value - truth) <= Z * se))
    assert np.mean(held["score"]) > 0.92
    assert np.mean(held["normal"]) < 0.9


def test_the_normal_interval_is_refused_outside_its_range() -> None:
    assert choose_interval(0.9, 0.1, (0.6, 0.98), Z) == ((0.6, 0.98), "score")
    limits, kind = choose_interval(0.5, 0.05, (0.41, 0.59), Z)
    assert kind == "normal"
    assert limits == pytest.approx((0.5 - Z * 0.05, 0.5 + Z * 0.05))


def test_an_estimate_says_what_its_interval_is() -> None:
    stated = Estimate(0.9, 0.1, (0.6, 0.98), "score", bootstrap_ci=(0.7, 0.95)).to_dict()
    assert stated == {
        "estimate": 0.9, "se": 0.1, "ci": [0.6, 0.98], "interval": "score",
        "bootstrap_ci": [0.7, 0.95],
    }  # fmt: skip
