"""Means over seeds with intervals, and paired comparisons with a correction for their number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from pointillist.errors import InputError


@dataclass(frozen=True)
class Mean:
    """A mean over seeds.

    Args:
        value: The mean.
        low: Lower end of its interval; NaN with fewer than two seeds.
        high: Upper end.
        n: Seeds.
    """

    value: float
    low: float
    high: float
    n: int

    @property
    def half(self) -> float:
        """Half of its interval, which lies evenly about the mean; NaN with fewer than two seeds."""
        return (self.high - self.low) / 2

    @property
    def interval(self) -> str:
        """Both ends of its interval in words; empty with fewer than two seeds."""
        if self.n < 2:
            return ""
        # a dash beside a minus could not be told from it
        to = " to " if min(self.low, self.high) < 0 else "–"
        return f"{_signed(self.low)}{to}{_signed(self.high)}"

    def __str__(self) -> str:
        inside = f"{self.interval}, n = {self.n}" if self.n > 1 else "1 seed"
        return f"{_signed(self.value)} ({inside})"


def _signed(value: float) -> str:
    return f"{value:.4f}".replace("-", "−")


def mean_over_seeds(scores: Sequence[float], confidence: float = 0.95) -> Mean:
    """Mean and Student's t interval, which takes the scores of seeds as independent and normal.

    Args:
        scores: One per seed, at least one.
        confidence: Level of the interval, 0…1.

    Raises:
        InputError: No scores.
    """
    values = np.asarray(scores, dtype=np.float64)
    if len(values) == 0:
        raise InputError("Expected at least one score to take a mean of, got none.")
    mean = float(values.mean())
    if len(values) < 2:
        return Mean(mean, float("nan"), float("nan"), len(values))
    spread = float(values.std(ddof=1)) / np.sqrt(len(values))
    half = float(stats.t.ppf(0.5 + confidence / 2, len(values) - 1)) * spread
    return Mean(mean, mean - half, mean + half, len(values))


@dataclass(frozen=True)
class Comparison:
    """Whether one way beats another on the same seeds.

    Args:
        difference: Mean of the differences, with its interval.
        p: Two-sided p-value of the paired t test; 1 where nothing differs.
        effect: Mean difference in standard deviations of the differences (Cohen's d for pairs);
            NaN where these are all the same.
    """

    difference: Mean
    p: float
    effect: float


def compare_pairs(scores: Sequence[float], baseline: Sequence[float]) -> Comparison:
    """Compare two ways by their scores on the same seeds, in the same order.

    Raises:
        InputError: Different numbers of seeds, or fewer than two.
    """
    if len(scores) != len(baseline) or len(scores) < 2:
        raise InputError(
            f"Expected scores of the same seeds, two at least, got {len(scores)} and "
            f"{len(baseline)}. Run the missing seeds first."
        )
    differences = np.asarray(scores, dtype=np.float64) - np.asarray(baseline, dtype=np.float64)
    spread = float(differences.std(ddof=1))
    mean = mean_over_seeds(differences.tolist())
    if spread == 0:
        return Comparison(mean, 1.0 if mean.value == 0 else 0.0, float("nan"))
    p = float(stats.ttest_rel(scores, baseline).pvalue)
    return Comparison(mean, p, mean.value / spread)


def correct_for_many(p_values: Sequence[float]) -> list[float]:
    """Holm's correction: p-values that hold for all comparisons together, in the same order.

    References:
        Holm (1979), A simple sequentially rejective multiple test procedure, Scand. J. Statist. 6.
    """
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    steps = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    corrected = np.empty_like(p)
    corrected[order] = np.minimum(steps, 1.0)
    return [float(value) for value in corrected]
