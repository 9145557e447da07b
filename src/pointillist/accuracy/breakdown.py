"""What follows from an error matrix besides its estimates: totals and confusions.

A report may show no number that is not in the JSON, so the sums and shares that people look at
are stated there too.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pointillist.accuracy.matrix import ErrorMatrix

MAX_CONFUSIONS = 8


def count_totals(matrix: ErrorMatrix) -> dict[str, Any]:
    """Sums of the error matrix: right ones, by map class, by reference class, without a class."""
    return {
        "correct": int(matrix.correct.sum()),
        "map": dict(zip(matrix.classes, matrix.mapped.tolist(), strict=True)),
        "reference": dict(zip(matrix.classes, matrix.found.tolist(), strict=True)),
        "unmapped": int(matrix.unmapped.sum()),
    }


def rank_confusions(
    matrix: ErrorMatrix, cells: NDArray[np.float64], limit: int = MAX_CONFUSIONS
) -> list[dict[str, Any]]:
    """The most frequent mistakes, largest first: what is shown as what, and how much of it.

    Args:
        matrix: Counts.
        cells: (C + 1, C) shares of the whole in every cell, the last row unmapped; where any is
            unknown (NaN), shares of the counts stand in.
        limit: How many.

    Returns:
        `reference`, `map` (class names; None for no class), `n`, `share` of the reference class,
        `share_of_all`.
    """
    counts = np.vstack([matrix.counts, matrix.unmapped])
    weight = counts / max(matrix.n, 1) if np.isnan(cells).any() else cells
    whole = weight.sum(axis=0)
    names = (*matrix.classes, None)
    wrong = [(i, j) for i, j in np.argwhere(weight > 0).tolist() if i != j]
    wrong.sort(key=lambda at: (-weight[at], at))
    return [
        {
            "map": names[i],
            "reference": names[j],
            "n": int(counts[i, j]),
            "share": float(weight[i, j] / whole[j]),
            "share_of_all": float(weight[i, j]),
        }
        for i, j in wrong[:limit]
    ]
