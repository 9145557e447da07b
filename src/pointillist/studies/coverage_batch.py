"""The estimators of `accuracy`, for thousands of samples at once.

`accuracy.estimate` takes milliseconds; ten thousand samples of sixty rows would take hours. These
are the same formulas with a leading axis of draws. `check` compares them with `estimate` itself on
some draws of every run, so that a record can only come from what the program prints.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pointillist.accuracy.estimators import Estimate, estimate
from pointillist.accuracy.intervals import NORMAL_IS_GOOD, critical_value, wilson
from pointillist.studies.coverage_samples import Draws

Values = NDArray[np.float64]
N_CHECKED = 20


@dataclass(frozen=True, eq=False)
class Figures:
    """One figure of all draws.

    Args:
        value: (D,) estimates, NaN where not estimable.
        se: (D,) standard errors, NaN where there is none.
        low: (D,) lower limits.
        high: (D,) upper limits.
        score: (D,) whether the limits are of the score interval.
    """

    value: Values
    se: Values
    low: Values
    high: Values
    score: NDArray[np.bool_]


def estimate_all(draws: Draws, confidence: float) -> dict[str, list[Figures]]:
    """Overall accuracy, area, user's and producer's accuracy of every draw."""
    C = draws.counts.shape[2]
    z = critical_value(confidence)
    everything = np.ones((C, C))
    rows = [np.outer(np.eye(C)[c], np.ones(C)) for c in range(C)]
    return {
        "overall": [_ratio(draws, np.eye(C), everything, z)],
        "area": [_ratio(draws, rows[c].T, everything, z) for c in range(C)],
        "users": [_ratio(draws, rows[c] * rows[c].T, rows[c], z) for c in range(C)],
        "producers": [_ratio(draws, rows[c] * rows[c].T, rows[c].T, z) for c in range(C)],
    }


def check(draws: Draws, found: dict[str, list[Figures]], confidence: float) -> None:
    """Compare with `accuracy.estimate` on draws spread over all of them.

    Raises:
        AssertionError: They differ: the formulas here are not those of the program.
    """
    for d in np.unique(np.linspace(0, len(draws) - 1, N_CHECKED).astype(int)):
        expected = estimate(draws.sample(int(d)), confidence)
        for name, figures in found.items():
            stated = [expected.overall] if name == "overall" else getattr(expected, name)
            for figure, one in zip(figures, stated, strict=True):
                got = [figure.value[d], figure.se[d], figure.low[d], figure.high[d]]
                np.testing.assert_allclose(got, _as_numbers(one), rtol=1e-7, atol=1e-9)


def _as_numbers(one: Estimate) -> list[float]:
    low, high = one.ci or (np.nan, np.nan)
    return [one.value, np.nan if one.se is None else one.se, low, high]


def _ratio(draws: Draws, y: Values, x: Values, z: float) -> Figures:
    """Y / X with its standard error and interval; y is 0 or 1, x is 1 wherever y is."""
    may_hit, may_miss = _may_hold(draws, y), _may_hold(draws, x - y)
    matters = may_hit | may_miss
    counts, size = draws.counts[:, matters], draws.sizes[matters]
    n = counts.sum(axis=(2, 3)).astype(np.float64)
    some = np.maximum(n, 1)
    hit = np.einsum("dhij,ij->dh", counts, y) / some
    miss = np.einsum("dhij,ij->dh", counts, x - y) / some
    total = ((hit + miss) * size).sum(axis=1)
    sampled = np.all(n > 0, axis=1) & (total > 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        value = np.where(sampled, (hit * size).sum(axis=1) / total, np.nan)
        variance = _variance(draws, value[:, None], hit, miss, n, size)
        se = np.where(np.all(n > 1, axis=1), np.sqrt(variance) / total, np.nan)
        low, high = _score(hit, miss, n, size, (may_hit[matters], may_miss[matters]), z)
    return _choose(value, se, low, high, z)


def _may_hold(draws: Draws, y: Values) -> NDArray[np.bool_]:
    if draws.map_class is None:
        return draws.sizes > 0
    return np.asarray((draws.sizes > 0) & np.any(y[draws.map_class] != 0, axis=1))


def _variance(
    draws: Draws, value: Values, hit: Values, miss: Values, n: Values, size: Values
) -> Values:
    mean = (1 - value) * hit - value * miss
    squares = (1 - value) ** 2 * hit + value**2 * miss - mean**2
    s2 = np.maximum(squares, 0) * n / np.maximum(n - 1, 1)
    if not draws.post:
        return np.asarray((size**2 * s2 / n).sum(axis=1))
    n_all = draws.counts.sum(axis=(1, 2, 3))
    share = size / draws.sizes.sum()
    spread = (share * s2).sum(axis=1) / n_all + ((1 - share) * s2).sum(axis=1) / n_all**2
    return np.asarray(draws.sizes.sum() ** 2 * spread)


def _score(
    hit: Values, miss: Values, n: Values, size: Values,
    possible: tuple[NDArray[np.bool_], NDArray[np.bool_]], z: float,
) -> tuple[Values, Values]:  # fmt: skip
    low_hit, high_hit = (limit * possible[0] for limit in wilson(hit, n, z))
    low_miss, high_miss = (limit * possible[1] for limit in wilson(miss, n, z))
    others = np.maximum((1 - hit) * (1 - miss), 1e-300)
    against = np.where(hit + miss >= 1 - 1e-12, 1.0, np.minimum(np.sqrt(hit * miss / others), 1.0))
    lower = _lower_limit(size, hit, miss, hit - low_hit, high_miss - miss, against)
    upper = 1 - _lower_limit(size, miss, hit, miss - low_miss, high_hit - hit, against)
    return lower, upper


def _lower_limit(
    size: Values, hit: Values, miss: Values, down: Values, up: Values, against: Values
) -> Values:
    total = (size * hit).sum(axis=1)
    everything = total + (size * miss).sum(axis=1)
    p, q = ((size * down) ** 2).sum(axis=1), ((size * up) ** 2).sum(axis=1)
    m = (size**2 * down * up * against).sum(axis=1)
    a = everything**2 - p - q + 2 * m
    b = 2 * (p - m - total * everything)
    c = total**2 - p
    root = np.sqrt(np.maximum(b * b - 4 * a * c, 0.0))
    nothing = (c <= 1e-12 * everything**2) | (root - b <= 0)
    limit = np.where(nothing, 0.0, 2 * c / (root - b))
    return np.asarray(np.clip(limit, 0.0, total / everything))


def _choose(value: Values, se: Values, low: Values, high: Values, z: float) -> Figures:
    """The normal interval where the score interval agrees with it, else the score interval."""
    half = z * se
    off = np.maximum(np.abs(value - half - low), np.abs(value + half - high))
    normal = (value - half >= 0) & (value + half <= 1) & (off <= NORMAL_IS_GOOD * half)
    estimable = ~np.isnan(se) & ~np.isnan(value)
    low, high = np.where(normal, value - half, low), np.where(normal, value + half, high)
    nothing = np.where(estimable, 0.0, np.nan)
    return Figures(value, se + nothing, low + nothing, high + nothing, estimable & ~normal)
