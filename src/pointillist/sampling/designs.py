"""Designs of points on a mask of classes: pure numpy, quick on 25 million pixels.

A mask holds a class index per pixel and −1 where no point may lie.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from pointillist.errors import InputError

Mask = NDArray[np.integer]
RowCol = NDArray[np.int64]

MAX_DEPTH_PX = 4
_MIN_SHARE_OF_CLASS = 0.1
_MAX_CLASS = 65_534  # as in a legend


def draw_points(
    mask: Mask, n: int, design: str, rng: np.random.Generator, n_classes: int | None = None
) -> RowCol:
    """Draw pixels by a design.

    Args:
        mask: (H, W) class index, −1 where no point may lie.
        n: Points in total, at least 1.
        design: One of `DESIGNS`.
        rng: Source of randomness.
        n_classes: Number of classes; as many as occur when absent.

    Returns:
        (N, 2) distinct pixels. N is n, but for `systematic`: what a regular grid gives, n on
        average. Where a class has too few pixels for `balanced`, the others give more.

    Raises:
        InputError: An unknown design, a bad mask, or more points than pixels.
    """
    mask = as_labels(mask)
    if design not in _DESIGNS:
        raise InputError(
            f"Expected a design of {', '.join(DESIGNS)}, got '{design}'. Choose one of these."
        )
    if n < 1:
        raise InputError(f"Expected at least 1 point, got {n}.")
    available = int(np.count_nonzero(mask >= 0))
    if n > available:
        raise InputError(
            f"Expected at most {available} points, the pixels there are to choose from, got {n}. "
            "Ask for fewer."
        )
    if design in ("balanced", "stratified"):
        counts = class_counts(mask, n_classes)
        shares = _equal if design == "balanced" else _proportional
        return draw_per_class(mask, shares(counts, n, rng), rng)
    return _DESIGNS[design](mask, n, rng)


def as_labels(mask: Mask) -> Mask:
    """The mask with −1 for every negative value, in a byte per pixel where its classes allow.

    Args:
        mask: (H, W) class index, negative where no point may lie.

    Raises:
        InputError: Not a two-dimensional array of whole numbers, or numbers too large for classes.
    """
    mask = np.asarray(mask)
    if mask.ndim != 2 or mask.dtype.kind not in "iu":
        raise InputError(
            f"Expected a mask (rows, columns) of whole numbers, got shape {mask.shape} of "
            f"{mask.dtype}. Give one class index per pixel, −1 where unlabelled."
        )
    least, top = int(mask.min(initial=0)), int(mask.max(initial=0))
    if top > _MAX_CLASS:
        raise InputError(
            f"Expected class indices of at most {_MAX_CLASS} in the mask, got {top}. If that marks "
            "unlabelled pixels, name it as ignore_index."
        )
    if least < -1:
        mask = np.maximum(mask, -1)
    # an eighth of the memory to go through, many times
    return mask.astype(np.int8, copy=False) if top <= np.iinfo(np.int8).max else mask


def class_counts(mask: Mask, n_classes: int | None = None) -> NDArray[np.int64]:
    """Pixels per class (C,)."""
    top = int(mask.max(initial=-1)) + 1
    n = max(top, n_classes or 0)
    if n <= 64:  # counting class by class needs no copy of the labelled pixels
        return np.array([np.count_nonzero(mask == c) for c in range(n)], dtype=np.int64)
    return np.asarray(np.bincount(mask[mask >= 0], minlength=n), dtype=np.int64)


def draw_simple(mask: Mask, n: int, rng: np.random.Generator) -> RowCol:
    """Simple random sample of the labelled pixels, without replacement."""
    return _pick(mask >= 0, n, rng)


def draw_spread(mask: Mask, n: int, rng: np.random.Generator) -> RowCol:
    """One pixel in each of n cells of a square grid that begins at a random place.

    Cells are made small enough that at least n of them hold a labelled pixel; n of those are
    chosen at random, and in each one of its labelled pixels.
    """
    open_to = mask >= 0
    side = max(1.0, np.sqrt(np.count_nonzero(open_to) / n))
    while True:
        rows, cols = _cell_edges(open_to.shape, side, rng)
        occupied = _occupied_cells(open_to, rows, cols)
        if len(occupied) >= n:
            break
        side = max(1.0, side * min(0.97, np.sqrt(len(occupied) / n)))
    points = np.empty((n, 2), dtype=np.int64)
    for i, (r, c) in enumerate(rng.permutation(occupied)[:n].tolist()):
        part = open_to[rows[r] : rows[r + 1], cols[c] : cols[c + 1]]
        at = np.flatnonzero(part)
        row, col = divmod(int(at[rng.integers(len(at))]), part.shape[1])
        points[i] = rows[r] + row, cols[c] + col
    return points


def draw_systematic(mask: Mask, n: int, rng: np.random.Generator) -> RowCol:
    """Every labelled pixel on a square grid with a random start; n of them on average.

    The steps come from the mask alone, never from how many pixels a start happens to hit: so each
    labelled pixel has the same chance. A start that hits none is drawn again, which keeps that.
    """
    open_to = mask >= 0
    rows, cols = _box(open_to)
    part = open_to[rows, cols]
    steps = _grid_steps(part.shape, np.count_nonzero(part) / n)
    while True:
        at_rows, at_cols = (
            _every(step, length, rng) for step, length in zip(steps, part.shape, strict=True)
        )
        hit = np.argwhere(part[np.ix_(at_rows, at_cols)])
        if len(hit):
            at_rows, at_cols = at_rows[hit[:, 0]], at_cols[hit[:, 1]]
            return np.stack([rows.start + at_rows, cols.start + at_cols], axis=1)


def _every(step: float, length: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Indices a step apart along an axis, from a random start within the first step."""
    at: NDArray[np.int64] = np.floor(np.arange(rng.uniform() * step, length, step)).astype(np.int64)
    return at[at < length]  # rounding may reach the end


def _box(open_to: NDArray[np.bool_]) -> tuple[slice, slice]:
    """Rows and columns from the first to the last that holds an open pixel."""
    rows, cols = (np.flatnonzero(open_to.any(axis=axis)) for axis in (1, 0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(cols[0]), int(cols[-1]) + 1)


def _grid_steps(shape: tuple[int, ...], pixels_per_point: float) -> tuple[float, float]:
    """Steps along rows and columns, alike unless the area is narrower than that."""
    short = min(np.sqrt(pixels_per_point), *shape)
    long = pixels_per_point / short
    return (short, long) if shape[0] <= shape[1] else (long, short)


def draw_interior(mask: Mask, n: int, rng: np.random.Generator) -> RowCol:
    """Simple random sample of pixels away from class borders.

    A pixel may be drawn where it lies at least 4 px from another class. A class so thin that less
    than a tenth of it does is drawn from its most interior tenth or more.
    """
    depth = interior_depth(mask)
    reached = _pixels_by_depth(mask, depth)
    levels = _levels(reached)
    while levels.any() and reached[np.arange(len(levels)), levels].sum() < n:
        levels = np.minimum(levels, levels.max() - 1)
    return _pick(_deeper_than(mask, depth, levels), n, rng)


def draw_interior_per_class(
    mask: Mask, wanted: NDArray[np.int64], rng: np.random.Generator
) -> RowCol:
    """Like `draw_interior`, with a number of pixels (C,) for each class."""
    depth = interior_depth(mask)
    reached = _pixels_by_depth(mask, depth)
    levels = _levels(reached)
    for c, n in enumerate(wanted[: len(levels)]):  # classes after these have no pixel
        while levels[c] > 0 and reached[c, levels[c]] < n:
            levels[c] -= 1
    eligible = _deeper_than(mask, depth, levels)
    return draw_per_class(np.where(eligible, mask, -1), wanted, rng)


def interior_depth(mask: Mask) -> NDArray[np.uint8]:
    """Distance of each pixel to the nearest pixel of another value, in steps, 0…4.

    Steps go to the four neighbours; the edge of the mask is no border.
    """
    near = np.zeros(mask.shape, dtype=bool)  # beside another value
    down, right = mask[1:] != mask[:-1], mask[:, 1:] != mask[:, :-1]
    near[1:] |= down
    near[:-1] |= down
    near[:, 1:] |= right
    near[:, :-1] |= right
    depth = np.zeros(mask.shape, dtype=np.uint8)
    for _ in range(MAX_DEPTH_PX):
        depth += ~near
        grown = near.copy()
        grown[1:] |= near[:-1]
        grown[:-1] |= near[1:]
        grown[:, 1:] |= near[:, :-1]
        grown[:, :-1] |= near[:, 1:]
        near = grown
    return depth


def _pixels_by_depth(mask: Mask, depth: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Pixels (C, 5) of each class that lie at least 0…4 steps from a border."""
    n_classes, n_levels = int(mask.max(initial=-1)) + 1, MAX_DEPTH_PX + 1
    keys = (mask.astype(np.int32) + 1) * n_levels + depth  # class −1 first, dropped below
    counts = np.bincount(keys.reshape(-1), minlength=(n_classes + 1) * n_levels)
    by_depth = counts.reshape(n_classes + 1, n_levels)[1:]
    reached: NDArray[np.int64] = np.cumsum(by_depth[:, ::-1], axis=1)[:, ::-1]
    return reached


def _levels(reached: NDArray[np.int64]) -> NDArray[np.int64]:
    """The greatest depth (C,) that at least a tenth of each class reaches."""
    enough = (reached >= _MIN_SHARE_OF_CLASS * reached[:, :1]) & (reached[:, :1] > 0)
    return np.asarray((enough * np.arange(reached.shape[1])).max(axis=1, initial=0))


def _deeper_than(
    mask: Mask, depth: NDArray[np.uint8], levels: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Pixels (H, W) at least as deep as their class asks for; never unlabelled ones."""
    least = np.append(levels, MAX_DEPTH_PX + 1).astype(np.uint8)  # −1 reads the last one
    return np.asarray(depth >= least[mask])


def draw_per_class(mask: Mask, wanted: NDArray[np.int64], rng: np.random.Generator) -> RowCol:
    """Simple random sample of `wanted` pixels (C,) of each class; all where it has fewer."""
    drawn = [_pick(mask == c, int(n), rng) for c, n in enumerate(wanted) if n]
    return np.concatenate([np.empty((0, 2), dtype=np.int64), *drawn])


def _equal(counts: NDArray[np.int64], n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """The same number for each class present; what a class is short of goes to the others."""
    wanted = np.zeros_like(counts)
    while (missing := n - int(wanted.sum())) > 0:
        open_to = np.flatnonzero(wanted < counts)
        share = np.zeros_like(counts)
        share[open_to] = missing // len(open_to)
        share[rng.permutation(open_to)[: missing % len(open_to)]] += 1
        wanted = np.minimum(wanted + share, counts)
    return wanted


def _proportional(counts: NDArray[np.int64], n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Numbers in proportion to the pixels, at least one of each class (where n allows)."""
    ideal = counts * (n / counts.sum())
    wanted = np.floor(ideal).astype(np.int64)
    wanted[(counts > 0) & (wanted == 0)] = 1
    while wanted.sum() > n:
        wanted[np.argmax(wanted - ideal + (wanted > 1) * counts.sum())] -= 1
    order = np.argsort(wanted - ideal, kind="stable")
    for c in order[: n - wanted.sum()]:
        wanted[c] += 1
    return np.asarray(np.minimum(wanted, counts), dtype=np.int64)


def _pick(eligible: NDArray[np.bool_], n: int, rng: np.random.Generator) -> RowCol:
    """N of the True pixels, or all where there are fewer.

    Draws ranks among the True pixels and looks up only the rows that hold them.
    """
    per_row = np.count_nonzero(eligible, axis=1)
    ends = np.cumsum(per_row)
    available = int(ends[-1]) if len(ends) else 0
    if n >= available:
        return np.argwhere(eligible)
    ranks = rng.choice(available, n, replace=False)
    rows = np.searchsorted(ends, ranks, side="right")
    places = ranks - (ends - per_row)[rows]
    cols = np.empty(n, dtype=np.int64)
    order = np.argsort(rows, kind="stable")
    starts = np.flatnonzero(np.diff(rows[order], prepend=-1))
    for members in np.split(order, starts[1:]):
        cols[members] = np.flatnonzero(eligible[rows[members[0]]])[places[members]]
    return np.stack([rows, cols], axis=1)


def _cell_edges(
    shape: tuple[int, int], side: float, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Edges of cells along rows and columns, the first cell cut at random."""
    edges = []
    for length in shape:
        inner = np.arange(rng.uniform(0, 1) * side, length, side)
        whole = np.unique(np.concatenate([[0], np.round(inner), [length]]).astype(np.int64))
        edges.append(whole)
    return edges[0], edges[1]


def _occupied_cells(
    open_to: NDArray[np.bool_], rows: NDArray[np.int64], cols: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Cells (K, 2) by row and column of the grid that hold an open pixel."""
    along = np.maximum.reduceat(open_to.view(np.uint8), rows[:-1], axis=0)
    return np.argwhere(np.maximum.reduceat(along, cols[:-1], axis=1))


_DESIGNS: dict[str, Callable[[Mask, int, np.random.Generator], RowCol]] = {
    "simple": draw_simple,
    "balanced": draw_simple,  # per class, see `draw_points`
    "stratified": draw_simple,
    "spread": draw_spread,
    "systematic": draw_systematic,
    "interior": draw_interior,
}
DESIGNS = tuple(_DESIGNS)
