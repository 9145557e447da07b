"""Cross-validation by spatial block: how good is the recipe, when no points can be spared?

Neighbouring points are alike, so folds of single points would flatter any recipe. Here whole
squares of the scene are held out together; the predictions at all held-out points are pooled in
one error matrix. It judges the recipe at these points. It is no design-based accuracy of the map
unless the points are a probability sample.

References:
    Roberts et al. (2017), Cross-validation strategies for data with temporal, spatial,
    hierarchical, or phylogenetic structure, Ecography 40.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pointillist.accuracy import (
    ErrorMatrix,
    error_matrix,
    mean_iou,
    overall_accuracy,
    producers_accuracy,
    users_accuracy,
)
from pointillist.errors import InputError, PointsError
from pointillist.features import group_around
from pointillist.grid import assign_spatial_blocks
from pointillist.models import TrainedModel
from pointillist.raster import PixelSource
from pointillist.training.task import TrainingTask

_BLOCKS_PER_FOLD = 5


@dataclass(frozen=True, eq=False)
class CrossValidation:
    """Held-out predictions at every labelled pixel, scene after scene in the task's order.

    Args:
        classes: Class names by index.
        reference: (N,) class index of the label.
        predicted: (N,) class index predicted by the model that had not seen it; −1 for none.
        fold: (N,) in which fold the pixel was held out, from 0.
        n_folds: Number of folds.
        block_px: Side of the squares that were held out together.
        notes: What a reader has to know: classes that a fold could not learn.
    """

    classes: tuple[str, ...]
    reference: NDArray[np.int64]
    predicted: NDArray[np.int64]
    fold: NDArray[np.int64]
    n_folds: int
    block_px: int
    notes: tuple[str, ...] = ()

    @property
    def matrix(self) -> ErrorMatrix:
        """Pooled error matrix, rows prediction, columns label."""
        return error_matrix(self.predicted, self.reference, self.classes)

    @property
    def overall_accuracy(self) -> float:
        """Share of the labelled pixels predicted right while held out."""
        return overall_accuracy(self.matrix)

    @property
    def pixels_per_fold(self) -> tuple[int, ...]:
        """Labelled pixels held out in each fold."""
        return tuple(int(n) for n in np.bincount(self.fold, minlength=self.n_folds))

    def lines(self) -> list[str]:
        """The result as lines to print."""
        matrix = self.matrix
        rows = zip(
            self.classes,
            matrix.found.tolist(),
            users_accuracy(matrix).tolist(),
            producers_accuracy(matrix).tolist(),
            strict=True,
        )
        width = max(5, *(len(name) for name in self.classes))
        return [
            f"{self.n_folds} folds of squares of {self.block_px} px, held-out labelled pixels: "
            f"{', '.join(str(n) for n in self.pixels_per_fold)}.",
            f"{'class':{width}}  labels  user's  producer's",
            *(f"{c:{width}}  {n:6d}  {u:6.3f}  {p:10.3f}" for c, n, u, p in rows),
            f"Overall accuracy {self.overall_accuracy:.3f}, mean IoU {mean_iou(matrix):.3f}, "
            f"pooled over {len(self.reference)} held-out labelled pixels.",
            *self.notes,
        ]


def cross_validate(
    task: TrainingTask,
    fit: Callable[[TrainingTask], TrainedModel],
    n_folds: int = 5,
    block_px: int | None = None,
    seed: int = 0,
    report: Callable[[str], None] | None = None,
    step: Callable[[float, str], None] | None = None,
) -> CrossValidation:
    """Train without each fold in turn and predict what was left out.

    All pixels of one polygon or line stay in one fold.

    Args:
        task: Scenes and labelled pixels.
        fit: Trains a model on a part of the task; nothing else of it may see the labels.
        n_folds: Number of folds, at least 2.
        block_px: Side of the squares held out together. By default a fold gets about five squares:
            side = √(area of the box around the labels / (5 · n_folds)), halved while fewer than
            two squares per fold have labels.
        seed: Decides between assignments to folds that are equally good.
        report: Takes a line when a fold is done.
        step: Takes the fraction done and what to show beside it, when a fold is done.

    Raises:
        InputError: Fewer than two folds, or a side below 1.
        PointsError: The labels lie in fewer squares than there are folds.
    """
    if n_folds < 2 or (block_px is not None and block_px < 1):
        raise InputError(
            f"Expected at least 2 folds and blocks of at least 1 px, "
            f"got {n_folds} folds and {block_px} px."
        )
    places = locate_features(task)
    side = block_px or default_block_px(places, n_folds)
    fold = _fold_of_pixels(task, places, side, n_folds, seed)
    reference = np.concatenate([pixels.index for pixels in task.labels])
    predicted = np.full(len(reference), -1, dtype=np.int64)
    for k in range(n_folds):
        train, held = _cut(task, fold != k), _cut(task, fold == k)
        predicted[fold == k] = _predict_labels(fit(train), held)
        if report is not None:
            report(f"Fold {k + 1} of {n_folds}: {held.n_labels} labelled pixels held out.")
        if step is not None:
            step((k + 1) / n_folds, f"{k + 1} of {n_folds} folds")
    notes = _notes(task, fold, n_folds)
    return CrossValidation(
        task.legend.names, reference, predicted, fold, n_folds, side, tuple(notes)
    )


def predict_at(model: TrainedModel, source: PixelSource, rowcol: ArrayLike) -> NDArray[np.float32]:
    """Class probabilities (N, C) at some pixels, from windows around them; NaN on nodata."""
    pixels = np.asarray(rowcol, dtype=np.int64).reshape(-1, 2)
    probabilities = np.full((len(pixels), len(model.legend)), np.nan, dtype=np.float32)
    for group in group_around(pixels, model.halo_px):
        read = source.read(group.window)
        rows, cols = group.rowcol.T
        probabilities[group.members] = model.predict(read.data, read.valid)[:, rows, cols].T
    return probabilities


@dataclass(frozen=True, eq=False)
class Places:
    """Where the features lie: scene, mean pixel, class; and the feature of every pixel.

    Args:
        scene: (F,) number of the scene.
        rowcol: (F, 2) mean pixel.
        index: (F,) class.
        of_pixel: (N,) feature of every labelled pixel.
    """

    scene: NDArray[np.int64]
    rowcol: NDArray[np.int64]
    index: NDArray[np.int64]
    of_pixel: NDArray[np.int64]


def locate_features(task: TrainingTask) -> Places:
    """Where the features of a task lie, scene after scene."""
    scenes, centres, classes, of_pixel = [], [], [], []
    offset = 0
    for scene, pixels in enumerate(task.labels):
        _, first, own = np.unique(pixels.feature, return_index=True, return_inverse=True)
        size = np.maximum(np.bincount(own, minlength=len(first)), 1)
        sums = [np.bincount(own, weights=axis, minlength=len(first)) for axis in pixels.rowcol.T]
        centres.append(np.stack([s / size for s in sums], axis=1).astype(np.int64))
        scenes.append(np.full(len(first), scene))
        classes.append(pixels.index[first])
        of_pixel.append(own + offset)
        offset += len(first)
    return Places(*(np.concatenate(part) for part in (scenes, centres, classes, of_pixel)))


def default_block_px(places: Places, n_folds: int) -> int:
    """Side of squares of which each fold gets about five, and two at the very least."""
    area = 0.0
    for scene in np.unique(places.scene):
        rowcol = places.rowcol[places.scene == scene]
        area += float(np.prod(np.ptp(rowcol, axis=0) + 1.0))
    side = max(1, round(math.sqrt(area / (_BLOCKS_PER_FOLD * n_folds))))
    while side > 1 and number_blocks(places, side).max(initial=-1) + 1 < 2 * n_folds:
        side //= 2
    return side


def number_blocks(places: Places, side: int) -> NDArray[np.int64]:
    """Square (F,) of each feature, numbered over all scenes."""
    numbers = np.zeros(len(places.scene), dtype=np.int64)
    offset = 0
    for scene in np.unique(places.scene):
        here = places.scene == scene
        numbers[here] = assign_spatial_blocks(places.rowcol[here], side) + offset
        offset = int(numbers.max()) + 1
    return numbers


def _fold_of_pixels(
    task: TrainingTask, places: Places, side: int, n_folds: int, seed: int
) -> NDArray[np.int64]:
    block = number_blocks(places, side)
    n_blocks = int(block.max(initial=-1)) + 1
    if n_blocks < n_folds:
        raise PointsError(
            f"Expected labels in at least {n_folds} squares of {side} px, one per fold, got "
            f"{n_blocks}. Take fewer folds or smaller squares."
        )
    counts = np.zeros((n_blocks, len(task.legend)))
    np.add.at(counts, (block, places.index), 1)
    return assign_folds(counts, n_folds, np.random.default_rng(seed))[block][places.of_pixel]


def assign_folds(
    counts: NDArray[np.float64], n_folds: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Deal blocks out to folds so that every fold gets about its share of every class.

    Largest block first, each to the fold whose class counts it brings nearest to equal shares
    (least sum over classes of (count − share)² / share).

    Args:
        counts: (K, C) labelled features per block and class.
        n_folds: At most K.
        rng: Order among blocks of the same size.

    Returns:
        (K,) fold of each block; no fold is empty.
    """
    counts = counts[:, counts.sum(axis=0) > 0]
    share = counts.sum(axis=0) / n_folds
    dealt = np.zeros((n_folds, counts.shape[1]))
    fold = np.zeros(len(counts), dtype=np.int64)
    shuffled = rng.permutation(len(counts))
    order = shuffled[np.argsort(-counts[shuffled].sum(axis=1), kind="stable")]
    for position, block in enumerate(order.tolist()):
        empty = np.flatnonzero(dealt.sum(axis=1) == 0)
        last_chance = len(order) - position <= len(empty)
        choices = empty if last_chance else np.arange(n_folds)
        cost = (counts[block] * (counts[block] + 2 * (dealt[choices] - share)) / share).sum(axis=1)
        best = int(choices[np.lexsort((dealt[choices].sum(axis=1), cost.round(9)))[0]])
        fold[block] = best
        dealt[best] += counts[block]
    return fold


def _cut(task: TrainingTask, keep: NDArray[np.bool_]) -> TrainingTask:
    ends = np.cumsum([len(pixels) for pixels in task.labels])[:-1]
    return task.subset(np.split(keep, ends))


def _predict_labels(model: TrainedModel, held: TrainingTask) -> NDArray[np.int64]:
    """Class index (N,) at the labelled pixels of the task; −1 where there is no data."""
    probabilities = np.concatenate(
        [
            predict_at(model, source, pixels.rowcol)
            for source, pixels in zip(held.sources, held.labels, strict=True)
        ]
    )
    known = ~np.isnan(probabilities[:, 0])
    return np.where(known, np.nan_to_num(probabilities).argmax(axis=1), -1)


def _notes(task: TrainingTask, fold: NDArray[np.int64], n_folds: int) -> list[str]:
    """One sentence for each class that a fold had to predict without having learnt it."""
    notes = []
    for k in range(n_folds):
        held = _cut(task, fold == k).class_counts()
        left = _cut(task, fold != k).class_counts()
        for i in np.flatnonzero((held > 0) & (left == 0)):
            notes.append(
                f"Fold {k + 1} holds out all labels of '{task.legend.names[i]}' ({held[i]}), so "
                "its model cannot know the class: they count as wrong."
            )
    return notes
