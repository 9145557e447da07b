"""How many points a share of full quality takes, by the learning curve through all seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pointillist.accuracy.learning_curve import Curve, fit_curve

_N_BOOTSTRAPS = 2000


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
