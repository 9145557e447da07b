"""Learn from points on scenes in memory, map a scene, score the map against its dense mask."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pointillist.accuracy import ErrorMatrix, error_matrix, iou, mean_iou, overall_accuracy
from pointillist.errors import InputError
from pointillist.models import TrainedModel
from pointillist.points import LabelledPixels
from pointillist.prediction import EngineRequest, Tiling, Wanted, choose_engine, predict_scene
from pointillist.prediction.choice import fullest_part
from pointillist.prediction.smoothing import Smoothing
from pointillist.sampling import draw_points
from pointillist.studies.places import Place
from pointillist.studies.settings import setting_of
from pointillist.training.calibration import Reliability
from pointillist.training.command import fit_recipe
from pointillist.training.config import read_config
from pointillist.training.recipe import Workshop
from pointillist.training.task import TrainingTask

RECIPES = ("stack", "unet", "forest")
_FACTS = (
    "steps", "precision", "device", "network_weight", "class_shares", "heldout_accuracy",
    "calibration_error", "network_calibration_error", "temperature", "stack_temperature",
    "ended_early",
)  # fmt: skip
DESIGNS = ("simple", "balanced")
_N_BAND = 512


@dataclass(frozen=True)
class Lesson:
    """How to learn.

    Args:
        recipe: `unet` or `forest`.
        seed: Of points and training.
        budget: Time for the whole training, e.g. `10m`; None for the recipe's own length.
        steps: Optimiser steps; None for the recipe's own length.
        learning_rate: Peak of the schedule of `unet`; None for the recipe's own.
        design: How the points were drawn, as a file of points would say; None if it does not.
        class_shares: As `TrainConfig.class_shares`.
        setting: Name of what differs from the default recipe; None for the plain network.
    """

    recipe: str
    seed: int
    budget: str | None = None
    steps: int | None = None
    learning_rate: float | None = None
    design: str | None = None
    class_shares: str = "auto"
    setting: str | None = None


def draw_labels(place: Place, n_points: int, design: str, seed: int) -> LabelledPixels:
    """Points on a scene with the classes of its mask: a new draw for each seed.

    Raises:
        InputError: Another design than `simple` and `balanced`.
    """
    if design not in DESIGNS:
        raise InputError(f"Expected a design of {' or '.join(DESIGNS)}, got {design!r}.")
    rng = np.random.default_rng([seed, n_points, DESIGNS.index(design)])
    rowcol = draw_points(place.mask, n_points, design, rng)
    return LabelledPixels.from_arrays(rowcol, place.mask[rowcol[:, 0], rowcol[:, 1]])


def disturb_labels(
    labels: LabelledPixels, place: Place, wrong_share: float, off_px: float, seed: int
) -> LabelledPixels:
    """Points as hasty people click them.

    Args:
        labels: The points, all right.
        place: Their scene.
        wrong_share: Share of the points that get another class, each of the others equally likely.
        off_px: Points lie anywhere within this distance of where their class was seen, but not
            outside the scene; 0 leaves them.
        seed: Of what is wrong; the same points are wrong whatever their distance.
    """
    rng, n = np.random.default_rng([seed, len(labels), 2]), len(labels)
    wrong = rng.permutation(n)[: round(wrong_share * n)]
    index = labels.index.copy()
    steps = rng.integers(1, len(place.legend), len(wrong))
    index[wrong] = (index[wrong] + steps) % len(place.legend)
    angle, radius = rng.uniform(0, 2 * np.pi, n), off_px * np.sqrt(rng.random(n))
    away = np.rint(np.stack([radius * np.sin(angle), radius * np.cos(angle)], axis=1))
    rowcol = labels.rowcol + away.astype(labels.rowcol.dtype)
    rowcol = np.clip(rowcol, 0, np.array(place.mask.shape) - 1)
    return LabelledPixels.from_arrays(rowcol, index)


def learn(
    places: Sequence[Place], labels: Sequence[LabelledPixels], lesson: Lesson
) -> tuple[TrainedModel, dict[str, Any]]:
    """Train a recipe on the points of one scene or several.

    Returns:
        The model, and `train_seconds`, `steps`, `precision` and `device` where there are such.
    """
    if lesson.recipe not in RECIPES:
        raise InputError(f"Expected a recipe of {', '.join(RECIPES)}, got {lesson.recipe!r}.")
    start = time.monotonic()
    config = read_config(
        None,
        {
            **setting_of(lesson.setting),
            "recipe": lesson.recipe,
            "seed": lesson.seed,
            "budget": lesson.budget,
            "unet.steps": lesson.steps if lesson.budget is None else 10**9,
            "class_shares": lesson.class_shares,
            **({"unet.learning_rate": lesson.learning_rate} if lesson.learning_rate else {}),
        },
    )
    task = TrainingTask(
        tuple(place.source for place in places),
        tuple(labels),
        places[0].legend,
        lesson.seed,
        places[0].source.band_names,
        design=lesson.design,
    )
    fitted = fit_recipe(task, config, Workshop(seconds=config.budget_s, start=start))
    facts = {k: v for k, v in fitted.facts.items() if k in _FACTS}
    return fitted.model, {"train_seconds": round(time.monotonic() - start, 1), **facts}


def learn_and_score(
    places: Sequence[Place], labels: Sequence[LabelledPixels], lesson: Lesson, target: Place
) -> dict[str, Any]:
    """Train on the points of some scenes, map one, score it: the figures of a record."""
    model, facts = learn(places, labels, lesson)
    start, reliability = time.monotonic(), Reliability()
    found = map_place(model, target, reliability)
    seconds = round(time.monotonic() - start, 1)
    return {
        **score_map(found, target),
        **facts,
        "map_calibration_error": round(reliability.error, 4),
        "predict_seconds": seconds,
    }


def map_place(
    model: TrainedModel, place: Place, reliability: Reliability | None = None
) -> NDArray[np.int16]:
    """Map a whole scene.

    Args:
        model: What maps it.
        place: The scene.
        reliability: Counts how sure the model is where the mask says what is true.

    Returns:
        (H, W) class indices, −1 where there is no data.
    """
    grid = place.source.grid
    smoothing = Smoothing.of_model(model)
    tiling = Tiling.of_model(model, smoothing=smoothing)
    blocks = tiling.plan(grid.shape)
    middle = blocks[len(blocks) // 2].read
    engine = choose_engine(
        model,
        EngineRequest(),
        grid.height * grid.width,
        lambda: fullest_part(place.source.read(middle)),
    )
    found = np.full(grid.shape, -1, dtype=np.int16)
    wanted = Wanted(probabilities=reliability is not None, smoothing=smoothing)
    for block, result in predict_scene(place.source, blocks, engine, wanted):
        if result is None:
            continue
        found[block.core.slices] = result.index
        if reliability is not None and result.probabilities is not None:
            truth = place.mask[block.core.slices]
            labelled = truth >= 0
            reliability.add(result.probabilities[:, labelled].T, truth[labelled])
    return found


def count_pixels(
    found: NDArray[np.integer], mask: NDArray[np.integer], names: tuple[str, ...]
) -> ErrorMatrix:
    """Count a large map against its mask, in bands of rows, so that little memory is taken."""
    matrix = ErrorMatrix.empty(names)
    for row in range(0, len(found), _N_BAND):
        part = np.s_[row : row + _N_BAND]
        matrix = matrix + error_matrix(found[part], mask[part], names)
    return matrix


def score_map(found: NDArray[np.int16], place: Place) -> dict[str, Any]:
    """Compare a map with the dense mask; every labelled pixel counts.

    Returns:
        `miou` over the classes that the mask holds, `overall_accuracy`, `iou` by class (NaN where
        the mask does not hold it).
    """
    names = place.legend.names
    labelled = place.mask >= 0
    # a pixel left without a class is wrong: it counts as the class after the true one
    wrong = (place.mask + 1) % len(names)
    filled = np.where((found < 0) & labelled, wrong, found)
    matrix = count_pixels(filled, place.mask, names)
    by_class = iou(matrix)
    present = np.bincount(place.mask[labelled], minlength=len(names)) > 0
    return {
        "miou": mean_iou(matrix) if present.all() else float(np.mean(by_class[present])),
        "overall_accuracy": overall_accuracy(matrix),
        "iou": [float(v) if p else None for v, p in zip(by_class, present, strict=True)],
    }
