"""Thousands of reference samples of one map, as counts: drawn from a census or on a grid."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pointillist.accuracy.estimators import StratifiedSample

Counts = NDArray[np.int64]

OLD_MAP_PX = 64
"""Side of the cells of the coarse map whose classes are strata that are not the map's classes."""


@dataclass(frozen=True, eq=False)
class Draws:
    """Samples of one design.

    Args:
        counts: (D, H, C, C) samples by draw, stratum, map class and reference class.
        sizes: (H,) pixels of the strata.
        map_class: (H,) class of the map that each stratum consists of; None where strata are
            something else.
        post: Whether strata were formed after a simple random draw.
    """

    counts: Counts
    sizes: NDArray[np.float64]
    map_class: NDArray[np.int64] | None = None
    post: bool = False

    def __len__(self) -> int:
        return len(self.counts)

    def sample(self, draw: int) -> StratifiedSample:
        """One of them, as `assess` has it."""
        n_strata, n_classes = self.counts.shape[1:3]
        counts = np.zeros((n_strata, n_classes + 1, n_classes), dtype=np.int64)
        counts[:, :n_classes] = self.counts[draw]
        names = tuple(str(h) for h in range(n_strata))
        return StratifiedSample(counts, self.sizes, names, self.map_class, post=self.post)


def draw_simple(census: Counts, n: int, draws: int, rng: np.random.Generator) -> Draws:
    """Simple random samples without replacement.

    Args:
        census: (C, C) pixels by map class and class of the mask.
        n: Points of a sample.
        draws: Samples.
        rng: Source of randomness.
    """
    counts = _hypergeometric(census.ravel(), n, draws, rng).reshape(draws, 1, *census.shape)
    return Draws(counts, np.array([float(census.sum())]))


def draw_by_class(census: Counts, points: Counts, draws: int, rng: np.random.Generator) -> Draws:
    """Stratified by map class, with so many points (C,) each."""
    present = np.flatnonzero(census.sum(axis=1))
    counts = np.zeros((draws, len(present), *census.shape), dtype=np.int64)
    for h, c in enumerate(present):
        counts[:, h, c] = _hypergeometric(census[c], int(points[c]), draws, rng)
    return Draws(counts, census.sum(axis=1)[present].astype(np.float64), present)


def draw_post_stratified(census: Counts, n: int, draws: int, rng: np.random.Generator) -> Draws:
    """Simple random samples whose map classes are strata afterwards."""
    simple = draw_simple(census, n, draws, rng).counts[:, 0]
    present = np.flatnonzero(census.sum(axis=1))
    counts = np.zeros((draws, len(present), *census.shape), dtype=np.int64)
    for h, c in enumerate(present):
        counts[:, h, c] = simple[:, c]
    return Draws(counts, census.sum(axis=1)[present].astype(np.float64), present, post=True)


def draw_by_other_strata(
    by_stratum: Counts, points: Counts, draws: int, rng: np.random.Generator
) -> Draws:
    """Stratified by something else than the map's classes, as in Stehman (2014).

    Args:
        by_stratum: (H, C, C) the census within each stratum.
        points: (H,) points of each.
        draws: Samples.
        rng: Source of randomness.
    """
    shape = by_stratum.shape[1:]
    parts = [
        _hypergeometric(pixels.ravel(), int(n), draws, rng).reshape(draws, *shape)
        for pixels, n in zip(by_stratum, points, strict=True)
    ]
    return Draws(np.stack(parts, axis=1), by_stratum.sum(axis=(1, 2)).astype(np.float64))


def draw_grid(
    found: NDArray[np.int16],
    mask: NDArray[np.int16],
    n: int,
    draws: int,
    rng: np.random.Generator,
    turn_deg: float = 0.0,
    stretch: float = 1.0,
) -> Draws:
    """Square grids with a random start, judged as if they were simple random.

    Args:
        found: (H, W) the map's classes, −1 for none.
        mask: (H, W) the true ones, −1 for unlabelled.
        n: Points of a sample, on average (with `stretch` 1).
        draws: Samples.
        rng: Source of randomness.
        turn_deg: Turns the grid.
        stretch: Lengthens its step.
    """
    n_classes = int(max(found.max(), mask.max())) + 1
    known = (found >= 0) & (mask >= 0)
    cell = np.where(known, found.astype(np.int64) * n_classes + mask, -1)
    step = stretch * float(np.sqrt(known.sum() / n))
    nodes = _nodes(cell.shape, step, np.deg2rad(turn_deg))
    counts = np.zeros((draws, 1, n_classes, n_classes), dtype=np.int64)
    for d in range(draws):
        at = np.floor(nodes + _start(step, np.deg2rad(turn_deg), rng)).astype(np.int64)
        inside = np.all((at >= 0) & (at < np.array(cell.shape)), axis=1)
        hit = cell[at[inside, 0], at[inside, 1]]
        counted = np.bincount(hit[hit >= 0], minlength=n_classes**2)
        counts[d, 0] = counted.reshape(n_classes, n_classes)
    return Draws(counts, np.array([float(known.sum())]))


def _nodes(shape: tuple[int, ...], step: float, turn: float) -> NDArray[np.float64]:
    """(K, 2) rows and columns of a grid's nodes, enough to cover the scene from any start."""
    reach = math.ceil(math.hypot(*shape) / 2 / step) + 2
    i, j = np.mgrid[-reach : reach + 1, -reach : reach + 1].reshape(2, -1) * step
    middle = np.array(shape, dtype=np.float64)[:, None] / 2
    turned = np.stack([i * np.cos(turn) - j * np.sin(turn), i * np.sin(turn) + j * np.cos(turn)])
    return np.asarray((turned + middle).T)


def _start(step: float, turn: float, rng: np.random.Generator) -> NDArray[np.float64]:
    i, j = rng.uniform(0, step, 2)
    return np.array([i * np.cos(turn) - j * np.sin(turn), i * np.sin(turn) + j * np.cos(turn)])


def _hypergeometric(pixels: Counts, n: int, draws: int, rng: np.random.Generator) -> Counts:
    return np.asarray(rng.multivariate_hypergeometric(pixels, n, size=draws), dtype=np.int64)


def share_out(sizes: Counts, n: int) -> Counts:
    """Samples per stratum in proportion to its size, at least two where it has any pixel."""
    wanted = np.maximum(np.round(n * sizes / sizes.sum()).astype(np.int64), 2 * (sizes > 0))
    wanted[np.argmax(wanted)] -= wanted.sum() - n
    return np.asarray(np.minimum(wanted, sizes), dtype=np.int64)


def share_out_equally(sizes: Counts, n: int) -> Counts:
    """The same number of samples for every stratum that has any pixel."""
    present = np.flatnonzero(sizes)
    points = np.zeros(len(sizes), dtype=np.int64)
    points[present] = n // len(present)
    points[present[: n % len(present)]] += 1
    return np.asarray(np.minimum(points, sizes), dtype=np.int64)


def cut_by_old_map(found: NDArray[np.int16], mask: NDArray[np.int16], n_classes: int) -> Counts:
    """(H, C, C) the census by the commonest map class of cells: a coarse map as the strata."""
    known = (found >= 0) & (mask >= 0)
    columns = -(-found.shape[1] // OLD_MAP_PX)
    row, col = (np.arange(side) // OLD_MAP_PX for side in found.shape)
    square = (row[:, None] * columns + col[None])[known]
    classes = np.zeros((int(square.max()) + 1, n_classes), dtype=np.int64)
    np.add.at(classes, (square, found[known]), 1)
    stratum = classes.argmax(axis=1)[square]
    shape = (n_classes, n_classes, n_classes)
    flat = np.ravel_multi_index((stratum, found[known], mask[known]), shape)
    counted = np.bincount(flat, minlength=n_classes**3).reshape(shape)
    return np.asarray(counted[counted.sum(axis=(1, 2)) > 0], dtype=np.int64)
