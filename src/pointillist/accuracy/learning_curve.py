"""How a score grows with labelled points: a saturating power law."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pointillist.errors import InputError


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
            "Measure with other numbers of points too."
        )
    log_n = np.log(n)

    def residuals(p: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(p[0] - np.exp(p[1] - np.exp(p[2]) * log_n) - y, dtype=np.float64)

    top, spread = float(y.max()), max(float(np.ptp(y)), 1e-4)
    start = [top + 0.1 * spread, np.log(1.2 * spread) + 0.5 * log_n.min(), np.log(0.5)]
    low, high = np.array([0.0, -20.0, -4.0]), np.array([1.0, 5.0, 1.5])
    inside = np.clip(start, low + 1e-6, high - 1e-6)  # scores near 1 lead above it
    found = least_squares(residuals, inside, bounds=(low, high))
    ceiling, log_gap, log_rate = found.x
    return Curve(float(ceiling), float(np.exp(log_gap)), float(np.exp(log_rate)))
