"""How many points a share of full quality takes, by the learning curve through all seeds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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
        ends_inside: Whether its interval does.
    """

    share: float
    score: float
    points: float
    low: float
    high: float
    inside: bool
    ends_inside: bool


def find_budgets(
    scores: Mapping[int, Mapping[int, float]],
    full: Mapping[int, float],
    shares: Sequence[float] = (0.95, 0.98, 0.99),
    *,
    seed: int = 0,
) -> tuple[Curve, list[Budget]]:
    """The curve through all scores, and the budgets with intervals over resampled seeds.

    Args:
        scores: Points per image → seed → score.
        full: Seed → fully supervised score.
        shares: Of the fully supervised quality.
        seed: Of the resampling.

    Returns:
        The curve and a budget for each share. The bootstrap draws seeds with replacement, the same
        for every number of points and for full supervision: runs of one seed share their test
        images, so that their scores are not independent of each other.
    """
    numbers = sorted(scores)
    rows = [scores[n] for n in numbers]
    pooled = [(float(n), score) for n in numbers for score in scores[n].values()]
    curve = fit_curve(*map(list, zip(*pooled, strict=True)))
    draws: list[list[float]] = [[] for _ in shares]
    for *means, top in _resample([*rows, full], np.random.default_rng(seed)):
        resampled = fit_curve([float(n) for n in numbers], means)
        for kept, share in zip(draws, shares, strict=True):
            kept.append(resampled.points_for(share * top))
    at_full = float(np.mean(list(full.values())))
    return curve, [
        _budget(curve, share, at_full, kept, numbers)
        for share, kept in zip(shares, draws, strict=True)
    ]


def _resample(
    rows: Sequence[Mapping[int, float]], rng: np.random.Generator
) -> Iterator[list[float]]:
    """Means of the rows over seeds drawn with replacement; a row has its own ones among them."""
    seeds = sorted({seed for row in rows for seed in row})
    scores = np.array([[row.get(seed, np.nan) for seed in seeds] for row in rows])
    left = _N_BOOTSTRAPS
    while left:
        drawn = scores[:, rng.integers(len(seeds), size=len(seeds))]
        if np.isfinite(drawn).any(axis=1).all():  # else a row has none of these seeds
            yield np.nanmean(drawn, axis=1).tolist()
            left -= 1


def _budget(
    curve: Curve, share: float, full: float, draws: Sequence[float], numbers: Sequence[int]
) -> Budget:
    points = curve.points_for(share * full)
    ordered = np.sort(np.asarray(draws, dtype=np.float64))
    low = float(ordered[int(0.025 * (len(ordered) - 1))])
    high = float(ordered[int(np.ceil(0.975 * (len(ordered) - 1)))])
    inside = numbers[0] <= points <= numbers[-1]
    ends_inside = numbers[0] <= low and high <= numbers[-1]
    return Budget(share, share * full, points, low, high, inside, ends_inside)
