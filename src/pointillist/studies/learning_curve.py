"""How a score grows with labelled points, and how many points a share of full quality takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pointillist.errors import InputError

_N_BOOTSTRAPS = 2000


@dataclass(frozen=True)
class Curve:
    """A saturating power law: score(n) = ceiling − gap · n^(−rate).

    Args:
        ceiling: What more and more points lead to.
        gap: Distance from the ceiling at one point.
        rate: How fast it closes, above 0.
    """

    ceiling: float
    gap: float
    rate: float

    def score(self, n_points: float | NDArray[np.float64]) -> NDArray[np.float64]:
        """Score at some numbers of points."""
        n = np.asarray(n_points, dtype=np.float64)
        return np.asarray(self.ceiling - self.gap * n ** (-self.rate), dtype=np.float64)

    def points_for(self, score: float) -> float:
        """Points at which the curve reaches a score; infinite if its ceiling is below."""
        if score >= self.ceiling:
            return float("inf")
        if self.gap <= 0:
            return 0.0
        return float((self.gap / (self.ceiling - score)) ** (1.0 / self.rate))


@dataclass(frozen=True)
class Budget:
    """Points at which a share of fully supervised quality is reached.

    Args:
        share: Of the fully supervised score, 0…1.
        score: What that is.
        points: By the curve through all seeds; infinite if never.
        low: 2.5th percentile over resampled seeds.
        high: 97.5th percentile; infinite where more than that share of them never reach it.
        inside: Whether `points` lies within the numbers that were measured.
    """

    share: float
    score: float
    points: float
    low: float
    high: float
    inside: bool


def fit_curve(n_points: Sequence[float], scores: Sequence[float]) -> Curve:
    """Least squares through (points, score).

    Args:
        n_points: Above 0, at least three different numbers.
        scores: As many.

    Raises:
        InputError: Fewer than three numbers of points.

    References:
        Hestness et al. (2017), Deep learning scaling is predictable, empirically.
    """
    from scipy.optimize import least_squares

    n, y = np.asarray(n_points, dtype=np.float64), np.asarray(scores, dtype=np.float64)
    if len(np.unique(n)) < 3:
        raise InputError(
            f"Expected scores at three numbers of points at least, got {len(np.unique(n))}. "
            "Run more rows of the density study."
        )
    log_n = np.log(n)

    def residuals(p: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(p[0] - np.exp(p[1] - np.exp(p[2]) * log_n) - y, dtype=np.float64)

    top, spread = float(y.max()), max(float(np.ptp(y)), 1e-4)
    start = [top + 0.1 * spread, np.log(1.2 * spread) + 0.5 * log_n.min(), np.log(0.5)]
    found = least_squares(residuals, start, bounds=([0.0, -20.0, -4.0], [1.0, 5.0, 1.5]))
    ceiling, log_gap, log_rate = found.x
    return Curve(float(ceiling), float(np.exp(log_gap)), float(np.exp(log_rate)))


def find_budgets(
    scores: Mapping[int, Sequence[float]],
    full: Sequence[float],
    shares: Sequence[float] = (0.95, 0.98, 0.99),
    *,
    seed: int = 0,
) -> tuple[Curve, list[Budget]]:
    """The curve through all scores, and the budgets with intervals over resampled seeds.

    Args:
        scores: Points per image → a score per seed, in the order of the seeds.
        full: Fully supervised scores by seed.
        shares: Of the fully supervised quality.
        seed: Of the resampling.

    Returns:
        The curve and a budget for each share. The bootstrap draws seeds with replacement, for the
        points and for full supervision alike.
    """
    numbers = sorted(scores)
    curve = fit_curve(*_pool(scores, numbers))
    rng = np.random.default_rng(seed)
    draws: list[list[float]] = [[] for _ in shares]
    for _ in range(_N_BOOTSTRAPS):
        sampled = {n: rng.choice(np.asarray(scores[n]), len(scores[n])).tolist() for n in numbers}
        top = float(np.mean(rng.choice(np.asarray(full), len(full))))
        resampled = fit_curve(*_means(sampled, numbers))
        for kept, share in zip(draws, shares, strict=True):
            kept.append(resampled.points_for(share * top))
    return curve, [
        _budget(curve, share, float(np.mean(full)), kept, numbers)
        for share, kept in zip(shares, draws, strict=True)
    ]


def _pool(
    scores: Mapping[int, Sequence[float]], numbers: Sequence[int]
) -> tuple[list[float], list[float]]:
    pairs = [(float(n), float(score)) for n in numbers for score in scores[n]]
    return [n for n, _ in pairs], [score for _, score in pairs]


def _means(
    scores: Mapping[int, Sequence[float]], numbers: Sequence[int]
) -> tuple[list[float], list[float]]:
    return [float(n) for n in numbers], [float(np.mean(scores[n])) for n in numbers]


def _budget(
    curve: Curve, share: float, full: float, draws: Sequence[float], numbers: Sequence[int]
) -> Budget:
    points = curve.points_for(share * full)
    ordered = np.sort(np.asarray(draws, dtype=np.float64))
    low = float(ordered[int(0.025 * (len(ordered) - 1))])
    high = float(ordered[int(np.ceil(0.975 * (len(ordered) - 1)))])
    inside = numbers[0] <= points <= numbers[-1]
    return Budget(share, share * full, points, low, high, inside)
