"""Is the finished map better than the live one? Both are judged by the same held-out points.

A network holds points out of its training, whole squares of the scene at a time; the light model
then learns from the others and is asked about the same ones. A forest judges each point by the
trees that have not seen it; the light model then leaves out a tenth of the labels at a time.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pointillist.labelling.judging import MIN_JUDGED, Lesson, judge_light, standard_error
from pointillist.labelling.quick import QuickMap, thin_owners
from pointillist.legend import Legend
from pointillist.points import LabelledPixels, read_labels

_NAMES = {"forest": "forest", "unet": "network", "stack": "network and forest"}


@dataclass(frozen=True)
class Verdict:
    """What held-out points say of two maps.

    Args:
        recipe: Of the finished map.
        labels: It was made from so many.
        judged: Labelled pixels that judged both; 0 where none could.
        full: Share of them that the finished map had right.
        quick: Share of them that the live map had right.
    """

    recipe: str
    labels: int
    judged: int = 0
    full: float = 0.0
    quick: float = 0.0

    @property
    def is_better(self) -> bool:
        """Whether the finished map is to be shown instead of the live one."""
        return self.judged < MIN_JUDGED or self.full > self.quick

    @property
    def sentence(self) -> str:
        """Both scores in words."""
        name = _NAMES.get(self.recipe, self.recipe)
        if self.judged < MIN_JUDGED:
            return f"Too few points to say whether the {name} or the live map is better."
        error = 100 * standard_error(self.full, self.judged)
        return (
            f"Right at points held out ({self.judged}): {name} {100 * self.full:.0f} %, live map "
            f"{100 * self.quick:.0f} % (±{error:.0f})."
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain data for the page."""
        return {
            "recipe": self.recipe,
            "labels": self.labels,
            "judged": self.judged,
            "full": self.full,
            "quick": self.quick,
            "is_better": self.is_better,
            "sentence": self.sentence,
        }


def compare(quick: QuickMap, run: Path, points: Path, legend: Legend) -> Verdict:
    """Judge the model of a run and the light model.

    Args:
        quick: The live map of the scene.
        run: Folder of the training.
        points: What it learnt from.
        legend: The classes.
    """
    metrics = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    scene = quick.pyramid.scene
    pixels = read_labels(points, scene, class_field="class", legend=legend).pixels
    recipe, n_labels = str(metrics["recipe"]), len(np.unique(pixels.feature))
    if not metrics.get("rounds"):
        return Verdict(recipe, n_labels)
    judged_at = np.asarray(metrics["judged_at"], dtype=np.int64)[:, 1:]
    held = _is_among(pixels.rowcol, judged_at, scene.grid.width)
    lesson, held = _lesson(quick, pixels, held)
    in_turns = recipe == "forest"
    score = judge_light(lesson, held, in_turns=in_turns)
    return Verdict(
        recipe, n_labels, int(held.sum()), float(metrics["rounds"][-1]["accuracy"]), score
    )


def _lesson(
    quick: QuickMap, pixels: LabelledPixels, held: NDArray[np.bool_]
) -> tuple[Lesson, NDArray[np.bool_]]:
    """All pixels that judge, and of the others as many as teach the live map."""
    use = held | thin_owners(pixels.feature)
    features, has_data = quick.features_at(0, pixels.rowcol[use])
    rows = np.flatnonzero(use)[has_data]
    clicked = np.ones(len(rows), dtype=bool)
    lesson = Lesson(
        features, pixels.index[rows], pixels.feature[rows], clicked, pixels.rowcol[rows]
    )
    return lesson, held[rows]


def _is_among(
    rowcol: NDArray[np.int64], others: NDArray[np.int64], width: int
) -> NDArray[np.bool_]:
    """Which pixels (N, 2) are among others (M, 2)."""
    return np.isin(rowcol[:, 0] * width + rowcol[:, 1], others[:, 0] * width + others[:, 1])
