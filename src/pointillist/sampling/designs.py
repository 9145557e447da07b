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
        (N, 2) distinct pixels. N is n, but for `systematic`: the nearest number that a regular
        grid gives. Where a class has too few pixels for `balanced`, the others give more.

    Raises:
        InputError: An unknown design, a bad mask, or more points than pixels.
    """
    check_mask(mask)
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
        return _draw_per_class(mask, shares(counts, n, rng), rng)
    return _DESIGNS[design](mask, n, rng)


def check_mask(mask: Mask) -> None:
    """Refuse anything but a two-dimensional array of whole numbers.

    Raises:
        InputError: Says what it got.
    """
    shape, dtype = np.shape(mask), np.asarray(mask).dtype
    if len(shape) != 2 or dtype.kind not in "iu":
        raise InputError(
            f"Expected a mask (rows, columns) of whole numbers, got shape {shape} of {dtype}. "
            "Give one class index per pixel, −1 where unlabelled."
        )


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
        per_cell = _count_cells(open_to, rows, cols)
        occupied = np.flatnonzero(per_cell)
        if len(occupied) >= n:
            break
        side = max(1.0, side * min(0.97, np.sqrt(len(occupied) / n)))
    chosen = rng.choice(occupied, n, replace=False)
    points = np.empty((n, 2), dtype=np.int64)
    for i, cell in enumerate(chosen):
        r, c = divmod(int(cell), len(cols) - 1)
        part = open_to[rows[r] : rows[r + 1], cols[c] : cols[c + 1]]
        at = np.flatnonzero(part)
        row, col = divmod(int(at[rng.integers(len(at))]), part.shape[1])
        points[i] = rows[r] + row, cols[c] + col
    return points


def draw_systematic(mask: Mask, n: int, rng: np.random.Generator) -> RowCol:
    """Every labelled pixel on a square grid with a random start; about n of them."""
    open_to = mask >= 0
    ideal = np.sqrt(np.count_nonzero(open_to) / n)
    start = rng.uniform(size=2)
    best: RowCol | None = None
    for factor in np.linspace(0.9, 1.1, 21):
        step = max(1.0, ideal * factor)
        rows = np.floor(np.arange(start[0] * step, mask.shape[0], step)).astype(np.int64)
        cols = np.floor(np.arange(start[1] * step, mask.shape[1], step)).astype(np.int64)
        if len(rows) == 0 or len(cols) == 0:
            continue
        hit = np.argwhere(open_to[np.ix_(rows, cols)])
        found = np.stack([rows[hit[:, 0]], cols[hit[:, 1]]], axis=1)
        if len(found) and (best is None or abs(len(found) - n) < abs(len(best) - n)):
            best = found
    return draw_simple(mask, n, rng) if best is None else best


def draw_interior(mask: Mask, n: int, rng: np.random.Generator) -> RowCol:
    """Simple random sample of pixels away from class borders.

    A pixel may be drawn where it lies at least 4 px from another class. A class so thin that less
    than a tenth of it does is drawn from its most interior tenth or more.
    """
    depth = interior_depth(mask)
    cutoff = MAX_DEPTH_PX
    while True:
        eligible = mask >= 0
        for c, count in enumerate(class_counts(mask)):
            members = mask == c
            level = _class_cutoff(depth, members, int(count), cutoff)
            eligible &= ~members | (depth >= level)
        if cutoff == 0 or np.count_nonzero(eligible) >= n:
            return _pick(eligible, n, rng)
        cutoff -= 1


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


def _class_cutoff(
    depth: NDArray[np.uint8], members: NDArray[np.bool_], count: int, highest: int
) -> int:
    """The greatest depth that at least a tenth of a class reaches."""
    if count == 0:
        return 0
    at = np.bincount(depth[members], minlength=MAX_DEPTH_PX + 1)
    reached = np.cumsum(at[::-1])[::-1]
    levels = np.flatnonzero(reached >= _MIN_SHARE_OF_CLASS * count)
    return int(min(levels.max(), highest))


def _draw_per_class(mask: Mask, wanted: NDArray[np.int64], rng: np.random.Generator) -> RowCol:
    """Simple random sample of `wanted` pixels of each class."""
    drawn = [_pick(mask == c, int(n), rng) for c, n in enumerate(wanted) if n]
    return np.concatenate(drawn)


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
    """N of the True pixels, or all where there are fewer."""
    at = np.flatnonzero(eligible)
    if n < len(at):
        at = at[rng.choice(len(at), n, replace=False)]
    rowcol: RowCol = np.stack(np.divmod(at, eligible.shape[1]), axis=1).astype(np.int64)
    return rowcol


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


def _count_cells(
    open_to: NDArray[np.bool_], rows: NDArray[np.int64], cols: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Labelled pixels in each cell, row by row."""
    along = np.add.reduceat(open_to.view(np.uint8), rows[:-1], axis=0, dtype=np.uint32)
    return np.add.reduceat(along, cols[:-1], axis=1, dtype=np.int64).reshape(-1)


_DESIGNS: dict[str, Callable[[Mask, int, np.random.Generator], RowCol]] = {
    "simple": draw_simple,
    "balanced": draw_simple,  # per class, see `draw_points`
    "stratified": draw_simple,
    "spread": draw_spread,
    "systematic": draw_systematic,
    "interior": draw_interior,
}
DESIGNS = tuple(_DESIGNS)
