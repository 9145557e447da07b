"""Cross-validate a run: its recipe learns again from its points, without one fold at a time."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pointillist import accuracy
from pointillist.accuracy.breakdown import count_totals, rank_confusions
from pointillist.errors import InputError
from pointillist.legend import Legend
from pointillist.models import TrainedModel
from pointillist.training.block_size import BlockSize, choose_block_size
from pointillist.training.command import fit_recipe, open_scenes, read_task
from pointillist.training.config import TrainConfig, parse_duration, read_config
from pointillist.training.crossvalidation import (
    CrossValidation,
    cross_validate,
    locate_features,
    number_blocks,
)
from pointillist.training.inputs import read_inputs
from pointillist.training.recipe import Workshop
from pointillist.training.run import Run
from pointillist.training.task import TrainingTask

WHAT_IT_TELLS = (
    "It tells how well this recipe learns from these points: every point was predicted by a model "
    "that had learnt nothing within its square.",
    "It does not tell how accurate the map is: the points are where somebody put them, and the map "
    "itself was made by a model that has seen them all. No interval can be given for it. For the "
    "map, draw a reference sample (`pointillist sample MAP --for reference`).",
)
N_PLACES = 2000
"""Places of the scenes whose distance to the points is measured."""


@dataclass(frozen=True, eq=False)
class RunCrossValidation:
    """What the cross-validation of a run found.

    Args:
        model: The run.
        recipe: What learnt.
        legend: Classes.
        folds: Held-out predictions.
        blocks: Side of the squares, and why.
        pixel_size: Side of a pixel in map units; None without a georeference.
        n_features: Labelled points, lines and polygons.
        distance_px: Medians of the distance to the nearest learnt feature: `held_out`, and
            `anywhere` in the scenes.
        notices: What the reader must know.
    """

    model: str
    recipe: str
    legend: Legend
    folds: CrossValidation
    blocks: BlockSize
    pixel_size: float | None
    n_features: int
    distance_px: dict[str, float | None]
    notices: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The content of `assess --model RUN --cv blocks --json`."""
        matrix = self.folds.matrix
        names = matrix.classes
        cells = np.vstack([matrix.counts, matrix.unmapped]) / max(matrix.n, 1)

        def by_class(values: NDArray[np.float64]) -> dict[str, float | None]:
            return dict(zip(names, (_number(v) for v in values), strict=True))

        return {
            "kind": "cross-validation",
            "model": self.model,
            "recipe": self.recipe,
            "n": matrix.n,
            "features": self.n_features,
            "classes": list(names),
            "confusion_matrix": matrix.counts.tolist(),
            "unmapped": dict(zip(names, matrix.unmapped.tolist(), strict=True)),
            "totals": count_totals(matrix),
            "confusions": rank_confusions(matrix, cells),
            "overall_accuracy": _number(accuracy.overall_accuracy(matrix)),
            "users_accuracy": by_class(accuracy.users_accuracy(matrix)),
            "producers_accuracy": by_class(accuracy.producers_accuracy(matrix)),
            "f1": by_class(accuracy.f1(matrix)),
            "iou": by_class(accuracy.iou(matrix)),
            "mean_iou": _number(accuracy.mean_iou(matrix)),
            "folds": self._folds(),
            "blocks": {
                "side_px": self.blocks.side_px,
                "side": self._in_map_units(self.blocks.side_px),
                "n": self.blocks.n_blocks,
                "range_px": self.blocks.range_px,
                "covers_range": self.blocks.covers_range,
            },
            "median_distance_px": self.distance_px,
            "pixel_size": self.pixel_size,
            "legend": self.legend.to_dict(),
            "what_it_tells": list(WHAT_IT_TELLS),
            "notices": [*self.folds.notes, *self.notices],
        }

    def write_json(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
        """Write `to_dict` to a file, complete or not at all."""
        from pointillist.report import write_file

        text = json.dumps(self.to_dict(), indent=2, ensure_ascii=False, allow_nan=False)
        return write_file(path, text + "\n", overwrite=overwrite)

    def _folds(self) -> list[dict[str, Any]]:
        right = self.folds.predicted == self.folds.reference
        members = [self.folds.fold == k for k in range(self.folds.n_folds)]
        return [
            {"n": int(held.sum()), "overall_accuracy": float(right[held].mean())}
            for held in members
        ]

    def _in_map_units(self, pixels: float) -> float | None:
        return None if self.pixel_size is None else pixels * self.pixel_size


def cross_validate_run(
    model: str | os.PathLike[str],
    *,
    n_folds: int = 5,
    block_px: int | None = None,
    budget: str | None = None,
    seed: int | None = None,
    say: Callable[[str], None] | None = None,
    step: Callable[[float, str], None] | None = None,
) -> RunCrossValidation:
    """Let a run's recipe learn from its points again, without one fold of squares at a time.

    Args:
        model: Run folder.
        n_folds: Number of folds; so many trainings.
        block_px: Side of the squares; chosen from the points when None, see `choose_block_size`.
        budget: Time for all folds together, e.g. `10m`; each trains like the run when None.
        seed: Of folds and trainings; that of the run when None.
        say: Takes lines for the person.
        step: Takes the fraction done and what to show beside it.

    Raises:
        InputError: The run does not say what it learnt from; fewer than two folds.
        PointsError: Too few points or squares.
        MissingFileError: Scenes or points are not there any more.
    """
    if n_folds < 2:
        raise InputError(f"Expected at least 2 --folds, got {n_folds}.")
    if block_px is not None and block_px < 1:
        raise InputError(f"Expected a --block of at least 1 pixel, got {block_px}.")
    run, tell = Run(Path(model)), say or _silent
    inputs = read_inputs(run)
    metrics, card = run.metrics, run.model.card
    config = _config_of_a_fold(run, metrics, budget, n_folds, seed)
    task, _ = read_task(
        open_scenes(inputs.scenes, inputs.bands),
        inputs.points,
        card.legend,
        inputs.class_field,
        inputs.crs,
        config.seed,
    )
    as_trained = replace(task, seed=read_config(run.config_path).seed)
    notices = [] if as_trained.fingerprint() == inputs.task else [_changed(task, metrics)]
    places = locate_features(task)
    blocks = choose_block_size(places, n_folds, config.seed)
    if block_px is not None:
        n_blocks = int(number_blocks(places, block_px).max(initial=-1)) + 1
        blocks = replace(blocks, side_px=block_px, n_blocks=n_blocks)
    tell(_say_blocks(blocks, n_folds, task.resolution))
    found = cross_validate(
        task, _learner(config), n_folds, blocks.side_px, config.seed, report=tell, step=step
    )
    if not blocks.covers_range:
        notices.append(
            f"Labels are alike over some {blocks.range_px:.0f} px, more than the squares are long: "
            "there are too few points for larger ones, so these figures are likely to flatter."
        )
    return RunCrossValidation(
        str(model),
        card.recipe,
        card.legend,
        found,
        blocks,
        task.resolution,
        len(places.scene),
        _median_distances(task, found, config.seed),
        tuple(notices),
    )


def _config_of_a_fold(
    run: Run, metrics: dict[str, Any], budget: str | None, n_folds: int, seed: int | None
) -> TrainConfig:
    """The run's configuration; what only made a short round of it is left out."""
    data = read_config(run.config_path, {"seed": seed}).model_dump(mode="json")
    if metrics.get("from") is not None:  # a round of 150 steps on earlier weights
        data["budget"] = None
        data["unet"].pop("steps")
    if budget is not None:
        data["budget"] = f"{parse_duration(budget) / n_folds:.3f}s"
        data["unet"]["steps"] = _UNLIMITED_STEPS
    return TrainConfig.model_validate(data)


_UNLIMITED_STEPS = 10_000_000


def _learner(config: TrainConfig) -> Callable[[TrainingTask], TrainedModel]:
    def fit(part: TrainingTask) -> TrainedModel:
        workshop = Workshop(seconds=config.budget_s, start=time.monotonic())
        return fit_recipe(part, config, workshop).model

    return fit


def _changed(task: TrainingTask, metrics: dict[str, Any]) -> str:
    before = sum(metrics.get("labelled_pixels", {}).values())
    return (
        f"Scenes or points have changed since the run was trained ({before} labelled pixels then, "
        f"{task.n_labels} now): these figures are about what is there now."
    )


def _say_blocks(blocks: BlockSize, n_folds: int, resolution: float | None) -> str:
    side = f"{blocks.side_px} px"
    if resolution is not None:
        side += f" ({blocks.side_px * resolution:g} map units)"
    alike = (
        "labels near each other agree no more than chance"
        if blocks.range_px is None
        else f"labels are alike over some {blocks.range_px:.0f} px"
    )
    return f"{n_folds} folds of squares of {side}, {blocks.n_blocks} in all; {alike}."


def _median_distances(
    task: TrainingTask, found: CrossValidation, seed: int
) -> dict[str, float | None]:
    """How far held-out pixels are from what was learnt, and any place from all points."""
    from scipy.spatial import KDTree

    rng = np.random.default_rng(seed)
    ends = np.cumsum([len(pixels) for pixels in task.labels])[:-1]
    folds = np.split(found.fold, ends)
    held_out: list[NDArray[np.float64]] = []
    anywhere: list[NDArray[np.float64]] = []
    for source, pixels, fold in zip(task.sources, task.labels, folds, strict=True):
        if not len(pixels):
            continue
        for k in range(found.n_folds):
            held, learnt = pixels.rowcol[fold == k], pixels.rowcol[fold != k]
            if len(held) and len(learnt):
                held_out.append(KDTree(learnt).query(held)[0])
        places = rng.uniform(0, source.grid.shape, (N_PLACES, 2))
        anywhere.append(KDTree(pixels.rowcol).query(places)[0])
    return {
        name: round(float(np.median(np.concatenate(parts))), 1) if parts else None
        for name, parts in (("held_out", held_out), ("anywhere", anywhere))
    }


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _silent(_: str) -> None:
    """Say nothing."""
