"""P-clicks: where to click next. Rounds of suggested points, a simulated mapper who answers them.

The mapper knows the mask, so what is measured is an upper bound. Scores are those of a lattice of
some 50,000 pixels over the whole scene: a map of it after every round would take days.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pointillist.errors import InputError
from pointillist.points import LabelledPixels
from pointillist.raster.source import ArraySource
from pointillist.sampling import draw_points
from pointillist.scenes import generate_terrain
from pointillist.studies.click_learners import ForestLearner, Learner, NetworkLearner
from pointillist.studies.mapping import score_map
from pointillist.studies.places import GENERATED, NOWHERE, Folders, Place, read_place
from pointillist.suggestion import (
    STRATEGIES,
    Candidates,
    Spacing,
    choose,
    find_strategy,
)
from pointillist.suggestion.command import DEFAULT_DISTANCE_PX
from pointillist.suggestion.looks import look_at
from pointillist.suggestion.scouting import Scouted

ORACLE = "oracle"
"""Draws at random among the places where the map is wrong: nobody can, so it is a bound, not a
strategy."""

TERRAIN, TERRAIN_PX = GENERATED, 1536
_MOST_POINTS = 1000

RowCol = NDArray[np.int64]


@dataclass(frozen=True)
class ClicksCell:
    """One run of the protocol.

    Args:
        scene: A Dubai scene, or `terrain`: another generated scene for each seed.
        chosen_by: A strategy of `suggest`, or `oracle`, which sees where the map is wrong.
        n_points: Clicks in total.
        recipe: `forest`, or `unet` on a machine with a GPU.
        seed: Of points and training.
        first_points: Simple random points before the first round.
        round_points: Clicks per round.
        unsure_px: The mapper cannot tell, and the click is lost, where the mask holds another class
            within so many pixels; 0 for one who always can.
        steps: Optimiser steps of `unet` in every round, from new weights; None for the recipe's.
    """

    scene: str
    chosen_by: str
    n_points: int = 500
    recipe: str = "forest"
    seed: int = 0
    first_points: int = 50
    round_points: int = 50
    unsure_px: int = 0
    steps: int | None = None

    def __post_init__(self) -> None:
        if self.chosen_by not in (*STRATEGIES, ORACLE):
            raise InputError(
                f"Expected chosen_by among {', '.join(STRATEGIES)}, {ORACLE}; "
                f"got {self.chosen_by!r}."
            )
        if self.recipe not in ("forest", "unet"):
            raise InputError(f"Expected a recipe of forest or unet, got {self.recipe!r}.")
        if not 0 < self.first_points <= self.n_points <= _MOST_POINTS or self.round_points < 1:
            raise InputError(
                f"Expected 1 to {_MOST_POINTS} clicks in all, the first ones included, in rounds "
                f"of at least 1; got {self.n_points}, {self.first_points} and {self.round_points}."
            )


def run_clicks(cell: ClicksCell, folders: Folders = NOWHERE) -> dict[str, Any]:
    """Click round by round, learn after every round, score the scene.

    Returns:
        Record: `curve`, a row per round of `clicks`, `labels` (clicks that were answered), `miou`
        and `overall_accuracy`; the figures after the last round; seconds.
    """
    start = time.monotonic()
    folder = None if cell.scene == TERRAIN else folders.find_scenes()
    learner = _find_learner(cell, folder)
    place = learner.place
    clicks = _draw_simple(place, cell.seed)
    at_random = clicks if cell.chosen_by == "random" else None
    clicks = clicks[: cell.first_points]
    curve: list[dict[str, float]] = []
    while True:
        labels = answer(place, clicks, cell.unsure_px)
        learner.learn(labels, cell.seed)
        figures = score_map(learner.found(), learner.lattice)
        curve.append(
            {
                "clicks": len(clicks),
                "labels": len(labels),
                "miou": figures["miou"],
                "overall_accuracy": figures["overall_accuracy"],
            }
        )
        n = min(cell.round_points, cell.n_points - len(clicks))
        if n == 0:
            break
        if at_random is not None:
            clicks = at_random[: len(clicks) + n]
            continue
        rng = np.random.default_rng([cell.seed, len(clicks)])
        more = _choose(learner.scout(rng), clicks, n, cell, place, rng)
        clicks = np.concatenate([clicks, more])
        if len(more) < n:
            break
    return {
        "protocol": "P-clicks",
        "cell": asdict(cell),
        **figures,
        "curve": curve,
        "classes": list(place.legend.names),
        "seconds": round(time.monotonic() - start, 1),
    }


@lru_cache(maxsize=1)
def find_place(scene: str, seed: int, folder: Path | None) -> Place:
    """The scene with its truth; `terrain` is another one for each seed."""
    if scene != TERRAIN:
        assert folder is not None, "real scenes are files"
        return read_place(scene, folder)
    made = generate_terrain(seed, TERRAIN_PX, TERRAIN_PX)
    source = ArraySource(made.image, None, None, made.band_names, scene)
    return Place(scene, source, made.mask.astype(np.int16), made.legend)


@lru_cache(maxsize=1)
def _find_forest(scene: str, seed: int, folder: Path | None) -> ForestLearner:
    """The learner of a scene: several runs share its features."""
    return ForestLearner(find_place(scene, seed, folder), seed)


def _find_learner(cell: ClicksCell, folder: Path | None) -> Learner:
    if cell.recipe == "forest":
        return _find_forest(cell.scene, cell.seed, folder)
    return NetworkLearner(find_place(cell.scene, cell.seed, folder), cell.steps)


def answer(place: Place, clicks: RowCol, unsure_px: int) -> LabelledPixels:
    """What the simulated mapper says of places: the mask's class, or nothing where it holds none.

    Within `unsure_px` of another class the mapper cannot tell either.
    """
    index = place.mask[clicks[:, 0], clicks[:, 1]]
    known = index >= 0
    if unsure_px > 0:
        steps = np.arange(-unsure_px, unsure_px + 1)
        around = np.stack(np.meshgrid(steps, steps, indexing="ij"), axis=-1).reshape(-1, 2)
        near = np.clip(clicks[:, None] + around, 0, np.array(place.mask.shape) - 1)
        known &= (place.mask[near[..., 0], near[..., 1]] == index[:, None]).all(axis=1)
    return LabelledPixels.from_arrays(clicks[known], index[known])


def _draw_simple(place: Place, seed: int) -> RowCol:
    """Simple random points; the first n of them are a simple random sample too."""
    rng = np.random.default_rng([seed, _MOST_POINTS])
    return rng.permutation(draw_points(place.mask, _MOST_POINTS, "simple", rng))


def _choose(
    scouted: Scouted,
    clicks: RowCol,
    n: int,
    cell: ClicksCell,
    place: Place,
    rng: np.random.Generator,
) -> RowCol:
    """The places of the next round, chosen as `suggest` chooses them."""
    candidates = scouted.candidates
    if cell.chosen_by == ORACLE:
        candidates = _wrong(candidates, place)
    strategy = find_strategy("random" if cell.chosen_by == ORACLE else cell.chosen_by)
    spacing = Spacing(
        candidates.rowcol.astype(np.float64), DEFAULT_DISTANCE_PX, clicks.astype(np.float64)
    )
    chosen = choose(
        candidates,
        n,
        strategy,
        spacing,
        rng,
        class_pixels=scouted.class_pixels,
        looks=lambda rowcol: look_at(place.source, rowcol),
    )
    return candidates.rowcol[chosen]


def _wrong(candidates: Candidates, place: Place) -> Candidates:
    """Those where the map is wrong; all where too few are."""
    truth = place.mask[candidates.rowcol[:, 0], candidates.rowcol[:, 1]]
    wrong = (truth >= 0) & (truth != candidates.index)
    return candidates.subset(wrong) if wrong.sum() >= len(truth) / 100 else candidates
