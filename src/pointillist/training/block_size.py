"""How large the squares of a spatial cross-validation should be.

Labels near each other agree more than chance. A square shorter than the distance over which they
do leaves held-out points beside learnt ones that say almost the same; so the side is at least that
distance, as far as there are then still enough squares.

References:
    Roberts et al. (2017), Cross-validation strategies for data with temporal, spatial,
    hierarchical, or phylogenetic structure, Ecography 40.
    Valavi et al. (2019), blockCV, Methods in Ecology and Evolution 10.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pointillist.errors import PointsError
from pointillist.training.crossvalidation import Places, default_block_px, number_blocks

MAX_FEATURES = 1500
"""Features whose pairs are looked at; more are thinned at random."""

MIN_PAIRS, N_BINS = 100, 15


@dataclass(frozen=True)
class BlockSize:
    """A side, and why.

    Args:
        side_px: Side of the squares.
        range_px: Distance over which labels agree more than chance; None where none was found.
        n_blocks: Squares with labels.
    """

    side_px: int
    range_px: float | None
    n_blocks: int

    @property
    def covers_range(self) -> bool:
        """Whether squares are at least as long as labels are alike."""
        return self.range_px is None or self.side_px >= self.range_px


def choose_block_size(places: Places, n_folds: int, seed: int = 0) -> BlockSize:
    """Take the larger of what gives a fold five squares and the range over which labels are alike.

    Args:
        places: Where the features lie.
        n_folds: Number of folds; each gets at least two squares with labels.
        seed: Of the thinning of many features.

    Raises:
        PointsError: There are too few features, or they lie too close together, for the folds.
    """
    n = len(places.scene)
    if n < 2 * n_folds:
        raise PointsError(
            f"Expected at least {2 * n_folds} labelled points for {n_folds} folds, got {n}. Label "
            "more, or take fewer --folds."
        )
    reach = measure_range(places, np.random.default_rng(seed))
    side = default_block_px(places, n_folds)
    if reach is not None:
        side = max(side, math.ceil(reach))
    while side > 1 and _count(places, side) < 2 * n_folds:
        side = max(1, int(side * 0.85))
    if _count(places, side) < n_folds:
        raise PointsError(
            f"Expected labels in at least {n_folds} places, one per fold, got "
            f"{_count(places, side)}. Label more, or take fewer --folds."
        )
    return BlockSize(side, reach, _count(places, side))


def measure_range(places: Places, rng: np.random.Generator) -> float | None:
    """Distance (px) at which 5 % are left of how much more than chance near labels agree.

    The excess agreement of pairs is fitted by a · exp(−3 d / range).

    Returns:
        The range; None where labels near each other agree no more than chance.
    """
    distance, same = _pairs(places, rng)
    if len(distance) < MIN_PAIRS:
        return None
    share = np.bincount(places.index) / len(places.index)
    expected = float((share**2).sum())
    edges = np.quantile(distance, np.linspace(0, 1, N_BINS + 1) ** 2)  # finer where near
    number = np.clip(np.searchsorted(edges, distance, side="right") - 1, 0, N_BINS - 1)
    pairs = np.bincount(number, minlength=N_BINS)
    weight = np.maximum(pairs, 1)
    middle = np.bincount(number, weights=distance, minlength=N_BINS) / weight
    excess = np.bincount(number, weights=same - expected, minlength=N_BINS) / weight
    return _fit_range(middle, excess, pairs, expected)


def _fit_range(
    distance: NDArray[np.float64],
    excess: NDArray[np.float64],
    pairs: NDArray[np.int64],
    expected: float,
) -> float | None:
    """Least squares over a grid of ranges; None where the height is within its noise."""
    best: tuple[float, float, float] | None = None
    if distance[-1] <= 1.0:
        return None
    for reach in np.geomspace(max(distance[0], 1.0), distance[-1], 60):
        shape = np.exp(-3 * distance / reach)
        weight = float((pairs * shape**2).sum())
        if weight <= 0:
            continue
        height = float((pairs * shape * excess).sum()) / weight
        misfit = float((pairs * (excess - height * shape) ** 2).sum())
        noise = math.sqrt(expected * (1 - expected) / weight)
        if height > 3 * noise and (best is None or misfit < best[0]):
            best = (misfit, float(reach), height)
    return None if best is None else best[1]


def _pairs(
    places: Places, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Distances of pairs within a scene, up to half of its extent, and whether classes agree."""
    distances, agreements = [], []
    for scene in np.unique(places.scene):
        members = np.flatnonzero(places.scene == scene)
        if len(members) > MAX_FEATURES:
            members = rng.choice(members, MAX_FEATURES, replace=False)
        one, other = np.triu_indices(len(members), 1)
        at, index = places.rowcol[members].astype(np.float64), places.index[members]
        distance = np.hypot(*(at[one] - at[other]).T)
        near = distance <= max(float(np.hypot(*np.ptp(at, axis=0))) / 2, 1.0)
        distances.append(distance[near])
        agreements.append((index[one] == index[other])[near].astype(np.float64))
    return np.concatenate(distances), np.concatenate(agreements)


def _count(places: Places, side: int) -> int:
    return int(number_blocks(places, side).max(initial=-1)) + 1
