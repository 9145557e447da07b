"""The reference study's own API: point masks from full masks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pointillist.errors import InputError
from pointillist.sampling.designs import (
    as_labels,
    class_counts,
    draw_interior_per_class,
    draw_per_class,
    draw_points,
    draw_spread,
)

# the reference study's names beside this project's
_NAMES = {"random": "simple", "stratified": "spread"}
STRATEGIES = ("random", "stratified", "simple", "spread", "balanced", "systematic", "interior")
PSEUDO_STRATIFIED = "pseudo-stratified"
STRATEGIES_PER_CLASS = ("random", "stratified", "simple", "spread", "interior", PSEUDO_STRATIFIED)

Rng = int | np.random.Generator | None


def sample_point_labels(
    mask: NDArray[np.integer],
    num_points: int = 200,
    strategy: str = "simple",
    *,
    rng: Rng = None,
    ignore_index: int = -1,
) -> NDArray[np.int64]:
    """Keep the labels of `num_points` pixels of a full mask.

    Args:
        mask: (H, W) class index, `ignore_index` or negative where unlabelled.
        num_points: Points in total; with `systematic` on average.
        strategy: `simple` (or `random`), `spread` (or `stratified`: one per cell of a spatial
            grid), `balanced` (the same number per class), `systematic`, `interior`.
        rng: Generator or seed; a fresh one when absent.
        ignore_index: Value of unlabelled pixels in `mask`; every negative value is taken as such.

    Returns:
        (H, W) int64: the class index at the points, −1 elsewhere.

    Raises:
        InputError: A bad mask, an unknown strategy, or more points than labelled pixels.

    Example:
        >>> points = sample_point_labels(np.zeros((32, 32), dtype=int), 10, rng=0)
        >>> int((points >= 0).sum())
        10
    """
    labels = _labels(mask, ignore_index)
    rowcol = draw_points(labels, num_points, _design(strategy), np.random.default_rng(rng))
    return _point_mask(labels, rowcol)


def sample_points_per_class(
    mask: NDArray[np.integer],
    num_points_per_class: int,
    strategy: str = "random",
    *,
    rng: Rng = None,
    num_classes: int | None = None,
    ignore_index: int = -1,
) -> NDArray[np.int64]:
    """Keep the labels of `num_points_per_class` pixels of every class in a full mask.

    Args:
        mask: (H, W) class index, `ignore_index` or negative where unlabelled.
        num_points_per_class: Points of each class; all its pixels where it has fewer.
        strategy: `random` (or `simple`), `stratified` (or `spread`), `interior`, within each class;
            `pseudo-stratified` is what the reference study calls stratified: evenly spaced places
            in a shuffled list of the class's pixels, which is random sampling again.
        rng: Generator or seed; a fresh one when absent.
        num_classes: Classes to look for; as many as occur when absent.
        ignore_index: Value of unlabelled pixels in `mask`; every negative value is taken as such.

    Returns:
        (H, W) int64: the class index at the points, −1 elsewhere.

    Raises:
        InputError: A bad mask, an unknown strategy, or a number below 1.
    """
    labels = _labels(mask, ignore_index)
    per_class = {
        "simple": draw_per_class,
        "spread": _spread_per_class,
        "interior": draw_interior_per_class,
    }
    pseudo = strategy == PSEUDO_STRATIFIED
    draw = _pseudo_stratified if pseudo else per_class.get(_design(strategy))
    if draw is None:
        raise InputError(
            f"Expected a strategy per class of {', '.join(STRATEGIES_PER_CLASS)}, "
            f"got '{strategy}'. Choose one of these, or a number of points in total."
        )
    if num_points_per_class < 1:
        raise InputError(f"Expected at least 1 point per class, got {num_points_per_class}.")
    rng = np.random.default_rng(rng)
    wanted = np.minimum(class_counts(labels, num_classes), num_points_per_class)
    return _point_mask(labels, draw(labels, wanted, rng))


def _spread_per_class(
    labels: NDArray[np.integer], wanted: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.int64]:
    drawn = [
        draw_spread(np.where(labels == c, labels, -1), int(n), rng)
        for c, n in enumerate(wanted)
        if n
    ]
    return np.concatenate([np.empty((0, 2), dtype=np.int64), *drawn])


def _pseudo_stratified(
    labels: NDArray[np.integer], wanted: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Shuffle the pixels of a class, then take evenly spaced places of the list."""
    drawn = []
    for c, n in enumerate(wanted):
        shuffled = rng.permutation(np.argwhere(labels == c))
        drawn.append(shuffled[np.linspace(0, len(shuffled) - 1, int(n)).astype(np.int64)])
    return np.concatenate([np.empty((0, 2), dtype=np.int64), *drawn])


def _labels(mask: NDArray[np.integer], ignore_index: int) -> NDArray[np.integer]:
    mask = np.asarray(mask)
    if ignore_index >= 0 and mask.dtype.kind in "iu":
        signed = np.int16 if mask.dtype.itemsize == 1 else np.int64
        mask = np.where(mask == ignore_index, -1, mask.astype(signed, copy=False))
    return as_labels(mask)


def _design(strategy: str) -> str:
    if strategy not in STRATEGIES:
        raise InputError(
            f"Expected a strategy of {', '.join(STRATEGIES)}, got '{strategy}'. "
            "Choose one of these."
        )
    return _NAMES.get(strategy, strategy)


def _point_mask(labels: NDArray[np.integer], rowcol: NDArray[np.int64]) -> NDArray[np.int64]:
    points = np.full(labels.shape, -1, dtype=np.int64)
    rows, cols = rowcol[:, 0], rowcol[:, 1]
    points[rows, cols] = labels[rows, cols]
    return points
