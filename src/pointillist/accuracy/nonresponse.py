"""Sampled places that nobody could answer: what they may change.

A place whose class cannot be told (a shadow, a cloud, no image of the date) belongs to the sample
all the same. Leaving it out is right only if such places are as often right as the others of their
stratum; the estimates assume that, and say so. The bounds assume nothing: they are the smallest and
the largest value that each figure takes over all answers that the missing places might have.

References:
    Cochran, W. G. (1977). Sampling Techniques, 3rd ed., 13.2.
    Manski, C. F. (2003). Partial Identification of Probability Distributions, ch. 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pointillist.accuracy.estimators import indicators
from pointillist.accuracy.sample import StratifiedSample, Values

ASSUMPTION = (
    "Within each stratum, places without an answer are as often right, and of the same classes, as "
    "those with one."
)
Bounds = list[float] | None


@dataclass(frozen=True, eq=False)
class Unanswered:
    """Sampled places without an answer.

    Args:
        counts: (H, C + 1) by stratum and map class.
        weights: (H, C + 1) sum of their weights, where the sample has weights; 1 each when None.
        on_ground: The sample weighted by the ground that each pixel covers, and these places' sums
            of such weights, for areas; None where all pixels cover the same.
    """

    counts: NDArray[np.int64]
    weights: Values | None = None
    on_ground: tuple[StratifiedSample, Values] | None = None


def describe_nonresponse(
    sample: StratifiedSample, missing: Unanswered, names: Sequence[str]
) -> dict[str, Any]:
    """Numbers, assumption and bounds, as plain data.

    Args:
        sample: Those with an answer.
        missing: Those without one.
        names: Of the classes.
    """
    unanswered = missing.counts
    return {
        "n": int(unanswered.sum()),
        "n_sampled": int(unanswered.sum() + sample.n.sum()),
        "by_stratum": dict(zip(sample.strata, unanswered.sum(axis=1).tolist(), strict=True)),
        "assumption": ASSUMPTION,
        "bounds": bound_figures(sample, missing, names),
    }


def bound_figures(
    sample: StratifiedSample, missing: Unanswered, names: Sequence[str]
) -> dict[str, Any]:
    """Smallest and largest estimate of each figure over all answers that are possible.

    Returns:
        `overall_accuracy`, and by class `users_accuracy`, `producers_accuracy`, `iou`, `area`: each
        `[lowest, highest]`, or None where it is not estimable.
    """
    C = sample.n_classes
    everything = np.ones((C + 1, C))
    counts = missing.counts
    weights = counts.astype(np.float64) if missing.weights is None else missing.weights
    ground, on_ground = missing.on_ground or (sample, weights)
    figures: dict[str, Any] = {
        "overall_accuracy": _bounds(sample, counts, weights, np.eye(C + 1, C), everything)
    }
    for key in ("users_accuracy", "producers_accuracy", "iou", "area"):
        figures[key] = {}
    for c, name in enumerate(names):
        both, in_map, in_ref = indicators(C, c)
        for key, y, x in (
            ("users_accuracy", both, in_map),
            ("producers_accuracy", both, in_ref),
            ("iou", both, in_map + in_ref - both),
        ):
            figures[key][name] = _bounds(sample, counts, weights, y, x)
        figures["area"][name] = _bounds(ground, counts, on_ground, in_ref, everything)
    return figures


def _bounds(
    sample: StratifiedSample, counts: NDArray[np.int64], weights: Values, y: Values, x: Values
) -> Bounds:
    """Of Y / X, y being 0 or 1 and x being 1 wherever y is; weights (H, C + 1) of the missing."""
    n = sample.n + counts.sum(axis=1)
    matters = (sample.sizes > 0) if sample.map_class is None else sample.may_hold(x)
    if np.any(matters & (n == 0)):
        return None
    scale = np.where(matters, sample.sizes / np.maximum(n, 1), 0.0)
    known_y = float((scale * sample.means(y) * sample.n).sum())
    known_x = float((scale * sample.means(x) * sample.n).sum())
    by_row: Values = scale @ weights  # (C + 1,)
    hit, miss, neither = (
        np.any(cells, axis=1) for cells in ((y == 1), (x == 1) & (y == 0), (x == 0))
    )
    worst_y, worst_x = _answers(by_row, [(miss, 0, 1), (neither, 0, 0), (hit, 1, 1)])
    best_y, best_x = _answers(by_row, [(hit, 1, 1), (neither, 0, 0), (miss, 0, 1)])
    low, high = known_x + worst_x, known_x + best_x
    if low <= 0 or high <= 0:
        return None
    return [(known_y + worst_y) / low, (known_y + best_y) / high]


def _answers(
    by_row: Values, choices: Sequence[tuple[NDArray[np.bool_], int, int]]
) -> tuple[float, float]:
    """Sums of y and x when every row takes the first answer it can."""
    open_to = np.ones(len(by_row), dtype=bool)
    total_y = total_x = 0.0
    for possible, y, x in choices:
        amount = float(by_row[open_to & possible].sum())
        total_y, total_x = total_y + y * amount, total_x + x * amount
        open_to &= ~possible
    return total_y, total_x
