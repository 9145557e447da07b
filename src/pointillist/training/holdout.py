"""Points held out to watch a training, whole spatial blocks at a time."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pointillist.grid import assign_spatial_blocks
from pointillist.training.rounds import Start, masks_at
from pointillist.training.task import TrainingTask

MIN_FEATURES = 60
MIN_PER_CLASS = 5
MOST_HELD = 1000


@dataclass(frozen=True)
class Holdout:
    """A task cut in two.

    Args:
        train: What the recipe learns from.
        validation: What it is watched with; None when nothing could be held out.
        reason: One sentence on what was done.
        everything: The task before it was cut.
    """

    train: TrainingTask
    validation: TrainingTask | None
    reason: str
    everything: TrainingTask


def hold_out_blocks(task: TrainingTask, share: float, rng: np.random.Generator) -> Holdout:
    """Hold out about `share` of the labelled pixels, by spatial block.

    Neighbouring points are alike; a held-out point beside a training point would flatter the
    model. So whole squares of the scene are held out together. A square is passed over when a
    class would keep fewer than 5 labelled pixels, or less than half of its own.

    Args:
        task: The whole task.
        share: Wanted share of the labelled pixels, 0…0.5.
        rng: Source of the choice of squares.
    """
    features = task.n_features
    if share == 0:
        return Holdout(task, None, "No points were held out, as asked.", task)
    if features < MIN_FEATURES:
        return Holdout(
            task,
            None,
            f"No points were held out: {features} are too few to spare any "
            f"(from {MIN_FEATURES} on, some are).",
            task,
        )
    block, indices = _blocks(task)
    held = _choose(block, indices, len(task.legend), share, rng)
    if not held.any():
        return Holdout(
            task,
            None,
            "No points were held out: some class has too few points to spare any.",
            task,
        )
    sizes = np.cumsum([len(pixels) for pixels in task.labels])[:-1]
    masks = np.split(held, sizes)
    n_blocks = len(np.unique(block[held]))
    return Holdout(
        task.subset([~m for m in masks]),
        _thin(task.subset(masks), rng),
        f"{int(held.sum())} of {len(held)} labelled pixels, in {n_blocks} spatial blocks, "
        "are held out to watch the training.",
        task,
    )


def _thin(task: TrainingTask, rng: np.random.Generator) -> TrainingTask:
    """At most so many pixels as it takes to judge by; those of polygons may be very many."""
    most = MOST_HELD / max(task.n_labels, 1)
    if most >= 1:
        return task
    return task.subset([rng.random(len(pixels)) < most for pixels in task.labels])


def hold_out(task: TrainingTask, share: float, begin: Start | None) -> Holdout:
    """Hold out points by the task's seed, or those of the run that is gone on from."""
    if begin is not None:
        config = begin.model.card.provenance.get("config", {})
        # a run with a second term has learnt from its held-out points in the end
        return hold_out_again(task, None if config.get("refit") else begin.judged_at)
    return hold_out_blocks(task, share, np.random.default_rng(task.seed))


def hold_out_again(task: TrainingTask, at: NDArray[np.int64] | None) -> Holdout:
    """Hold out the points that the run which is gone on from has held out, and no others.

    Its weights know all others, and points that were suggested since are no fair sample.

    Args:
        task: The whole task.
        at: (M, 3) scene, row and column of the points; None where none were held out.
    """
    masks = [] if at is None else masks_at(task, at)
    n = sum(int(mask.sum()) for mask in masks)
    if n == 0:
        return Holdout(
            task,
            None,
            "No points are held out: the run that is gone on from has learnt from all.",
            task,
        )
    return Holdout(
        task.subset([~mask for mask in masks]),
        task.subset(masks),
        f"{n} labelled pixels are held out again, as in the run that is gone on from.",
        task,
    )


def _blocks(task: TrainingTask) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Block number (unique over scenes) and class index of every labelled pixel."""
    blocks, offset = [], 0
    for source, pixels in zip(task.sources, task.labels, strict=True):
        # about 60 squares per scene: enough to choose from, large enough to separate
        side = max(16, round(math.sqrt(source.grid.height * source.grid.width / 60)))
        numbers = assign_spatial_blocks(pixels.rowcol, side)
        blocks.append(numbers + offset)
        offset += int(numbers.max(initial=-1)) + 1
    return np.concatenate(blocks), np.concatenate([p.index for p in task.labels])


def _choose(
    block: NDArray[np.int64],
    index: NDArray[np.int64],
    n_classes: int,
    share: float,
    rng: np.random.Generator,
) -> NDArray[np.bool_]:
    """Which labelled pixels to hold out."""
    wanted = share * len(block)
    total = np.bincount(index, minlength=n_classes)
    floor = np.minimum(total, np.maximum(MIN_PER_CLASS, np.ceil(total / 2)))
    left = total.copy()
    held = np.zeros(len(block), dtype=bool)
    for number in rng.permutation(int(block.max()) + 1):
        members = block == number
        taken = np.bincount(index[members], minlength=n_classes)
        too_many = held.sum() + members.sum() > 1.25 * wanted
        if too_many or np.any((left - taken < floor) & (taken > 0)):
            continue
        held |= members
        left = left - taken
        if held.sum() >= wanted:
            break
    return held
