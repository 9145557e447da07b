"""Choose places among candidates: the uncertain, but not all alike, not together, not on borders.

The most uncertain places of a scene are much alike, and taking the top of the list teaches one
thing many times. So places are drawn at random among the most uncertain tenth of each class of the
map, a share for each class, apart from each other.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from pointillist.sampling.spacing import Spacing
from pointillist.suggestion.candidates import Candidates
from pointillist.suggestion.strategies import Strategy

UNCERTAIN_SHARE = 0.1
"""Places are drawn among this share of the candidates, the most uncertain ones."""

LEAST_ALIKE = 5
"""Of nine pixels so many must be mapped as the place's class: no specks, no corners, no seams."""

_AT_LEAST = 4  # times as many as are wanted are drawn among, where a tenth would be fewer

Positions = NDArray[np.int64]
Looks = Callable[[NDArray[np.int64]], NDArray[np.float64]]


def choose(
    candidates: Candidates,
    n: int,
    strategy: Strategy,
    spacing: Spacing,
    rng: np.random.Generator,
    *,
    class_pixels: NDArray[np.int64],
    looks: Looks | None = None,
) -> Positions:
    """Choose up to n of the candidates.

    Args:
        candidates: Places that have data.
        n: How many.
        strategy: By what.
        spacing: Keeps them apart.
        rng: Source of the draw.
        class_pixels: (C,) pixels of each class of the map.
        looks: What pixels (N, 2) look like, (N, F); without it only what the model says of them
            is compared.

    Returns:
        Positions among the candidates, in random order, so that a mapper who stops early has done
        a bit of everything; fewer than n where no more lie far enough apart.
    """
    places = _draw(candidates, n, strategy, spacing, rng, class_pixels, looks)
    return np.asarray(rng.permutation(places), dtype=np.int64)


def _draw(
    candidates: Candidates,
    n: int,
    strategy: Strategy,
    spacing: Spacing,
    rng: np.random.Generator,
    class_pixels: NDArray[np.int64],
    looks: Looks | None,
) -> Positions:
    """The places of one strategy."""
    everywhere = np.flatnonzero(candidates.even)
    if strategy.kind == "places":
        return _take(rng.permutation(everywhere), n, spacing)
    if strategy.kind == "cells":
        return _one_per_cell(candidates, everywhere, n, spacing, rng)
    uncertainty = strategy.measure(candidates)
    inside = np.flatnonzero((candidates.alike >= LEAST_ALIKE) & spacing.free)
    if strategy.kind == "looks":
        inside = inside[candidates.even[inside]]
        pool = _most_uncertain(inside, uncertainty, n)
        order = _unlike_first(_describe(candidates, pool, looks), rng)
        return _fill(_take(pool[order], n, spacing), inside, uncertainty, n, spacing, rng)
    chosen = [
        _take(rng.permutation(_most_uncertain(members, uncertainty, wanted)), wanted, spacing)
        for members, wanted in _shares(candidates, inside, class_pixels, n)
    ]
    taken = np.concatenate([np.empty(0, dtype=np.int64), *chosen])
    return _fill(taken, inside, uncertainty, n, spacing, rng)


def share_among_classes(class_pixels: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """How many of n places each class gets: as the square root of its area.

    So a class of a hundredth of the map gets a tenth of what the largest gets, not a hundredth.
    """
    weight = np.sqrt(class_pixels.astype(np.float64))
    if weight.sum() == 0:
        return np.zeros(len(class_pixels), dtype=np.int64)
    ideal = n * weight / weight.sum()
    shares: NDArray[np.int64] = np.floor(ideal).astype(np.int64)
    for c in np.argsort(shares - ideal, kind="stable")[: n - int(shares.sum())]:
        shares[c] += 1
    return shares


def _shares(
    candidates: Candidates, inside: Positions, class_pixels: NDArray[np.int64], n: int
) -> list[tuple[Positions, int]]:
    """Candidates of each class with how many of them are wanted; the rarest class first."""
    index = candidates.index[inside]
    present = np.bincount(index, minlength=len(class_pixels)) > 0
    wanted = share_among_classes(np.where(present, np.maximum(class_pixels, 1), 0), n)
    order = np.argsort(class_pixels, kind="stable")
    return [(inside[index == c], int(wanted[c])) for c in order if wanted[c] > 0]


def _most_uncertain(members: Positions, uncertainty: NDArray[np.float64], n: int) -> Positions:
    """The most uncertain tenth, or `_AT_LEAST` times as many as are wanted."""
    size = max(round(UNCERTAIN_SHARE * len(members)), _AT_LEAST * n)
    return np.asarray(members[np.argsort(-uncertainty[members], kind="stable")[:size]])


def _fill(
    taken: Positions,
    inside: Positions,
    uncertainty: NDArray[np.float64],
    n: int,
    spacing: Spacing,
    rng: np.random.Generator,
) -> Positions:
    """What one class is short of goes to all, down to the most certain ones."""
    missing = n - len(taken)
    if missing <= 0:
        return taken
    pool = _most_uncertain(inside, uncertainty, n)
    more = _take(rng.permutation(pool), missing, spacing)
    ranked = inside[np.argsort(-uncertainty[inside], kind="stable")]
    rest = _take(ranked, missing - len(more), spacing)
    return np.concatenate([taken, more, rest])


def _take(order: Positions, n: int, spacing: Spacing) -> Positions:
    """The first n that lie far enough from all that are taken."""
    taken: list[int] = []
    for position in order.tolist():
        if len(taken) >= n:
            break
        if spacing.take(position):
            taken.append(position)
    return np.array(taken, dtype=np.int64)


def _one_per_cell(
    candidates: Candidates, members: Positions, n: int, spacing: Spacing, rng: np.random.Generator
) -> Positions:
    """One of each square of the scene, the squares as large as n of them allow."""
    free = members[spacing.free[members]]
    if len(free) == 0:
        return free
    rowcol = candidates.rowcol[free]
    side = float(np.ptp(rowcol, axis=0).max() + 1)
    offset = rng.uniform(0, 1, 2)
    while True:
        cells = np.floor(rowcol / side + offset).astype(np.int64)
        _, cell = np.unique(cells, axis=0, return_inverse=True)
        if cell.max() + 1 >= min(n, len(free)) or side < 1:
            break
        side *= 0.9
    order = rng.permutation(len(free))
    _, first = np.unique(cell.reshape(-1)[order], return_index=True)
    chosen = _take(rng.permutation(free[order[first]]), n, spacing)
    more = _take(rng.permutation(free), n - len(chosen), spacing)
    return np.concatenate([chosen, more])


def _describe(candidates: Candidates, pool: Positions, looks: Looks | None) -> NDArray[np.float64]:
    """What candidates look like and what the model says of them, each column of spread 1."""
    parts = [candidates.probabilities[pool].astype(np.float64)]
    if looks is not None:
        parts.append(looks(candidates.rowcol[pool]))
    table = np.concatenate(parts, axis=1)
    return np.asarray((table - table.mean(axis=0)) / (table.std(axis=0) + 1e-6))


def _unlike_first(table: NDArray[np.float64], rng: np.random.Generator) -> Positions:
    """An order in which each is drawn the rather, the less it is like those before it.

    References:
        Arthur and Vassilvitskii (2007), k-means++: the advantages of careful seeding.
    """
    order: list[int] = []
    nearest = np.full(len(table), np.inf)
    left = np.ones(len(table), dtype=bool)
    while left.any():
        weight = np.where(left, np.minimum(nearest, 1e12), 0.0)
        total = weight.sum()
        at = int(rng.choice(len(table), p=weight / total) if total else np.flatnonzero(left)[0])
        order.append(at)
        left[at] = False
        nearest = np.minimum(nearest, ((table - table[at]) ** 2).sum(axis=1))
    return np.array(order, dtype=np.int64)
