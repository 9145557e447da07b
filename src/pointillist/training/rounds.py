"""Rounds of points: a run goes on from another, and what the next points are likely to bring.

Rounds are compared by points that were there from the first: those held out of a network's first
training, and of a forest its first points, each judged by the trees that have not seen it. Points
suggested later are hard ones, so that a score on them would fall while the map gets better.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pointillist.accuracy.learning_curve import fit_curve
from pointillist.errors import GridError, InputError, LegendError
from pointillist.legend import Legend
from pointillist.models import TrainedModel, load
from pointillist.points import derive_legend
from pointillist.training.run import Run
from pointillist.training.task import TrainingTask

ROUND_STEPS = 150
"""Steps of a round that goes on from an earlier run, unless others are asked for."""

ROUND_BUDGET = "45s"
"""Time for such a round, unless another is asked for."""

MIN_ROUNDS, MIN_JUDGED, MOST_JUDGED = 3, 30, 2000

Places = NDArray[np.int64]


@dataclass(frozen=True)
class Round:
    """One round.

    Args:
        points: Labelled features that were learnt from or held out.
        accuracy: Share of right classes among the points that rounds are compared by.
        judged: How many these are.
    """

    points: int
    accuracy: float
    judged: int


@dataclass(frozen=True, eq=False)
class Start:
    """What a round goes on from.

    Args:
        name: The run or file.
        model: The trained model.
        config: Its configuration; None where only a model file is at hand.
        rounds: The rounds so far.
        judged_at: (M, 3) scene, row and column of the points that rounds are compared by; None
            where there are none.
    """

    name: str
    model: TrainedModel
    config: Path | None = None
    rounds: tuple[Round, ...] = ()
    judged_at: Places | None = None


@dataclass(frozen=True, eq=False)
class Judged:
    """How the points that rounds are compared by were classified.

    Args:
        at: (M, 3) scene, row and column.
        right: (M,) whether the class was right.
    """

    at: Places
    right: NDArray[np.bool_]


def read_start(path: str | os.PathLike[str], out: Path) -> Start:
    """Read the run or model file that a round goes on from.

    Raises:
        InputError: It is the run that is to be written.
        PointillistError: There is no model.
    """
    place = Path(path)
    if place.resolve() == out.resolve():
        raise InputError(
            f"Expected another folder for the new run than '{place}', which it goes on from. "
            "Choose one with --out."
        )
    model = load(place)
    run = Run(place)
    if not place.is_dir():
        return Start(place.name, model)
    metrics = run.metrics if run.metrics_path.exists() else {}
    at = metrics.get("judged_at")
    return Start(
        str(place),
        model,
        run.config_path if run.config_path.exists() else None,
        read_rounds(place),
        np.array(at, dtype=np.int64).reshape(-1, 3) if at else None,
    )


def read_rounds(path: str | os.PathLike[str]) -> tuple[Round, ...]:
    """The rounds that a run records; none where it is no run, or records none."""
    metrics = Run(Path(path)).metrics_path
    if not metrics.is_file():
        return ()
    return tuple(Round(**row) for row in json.loads(metrics.read_text("utf-8")).get("rounds", []))


def settings_to_go_on(start: Start, overrides: dict[str, Any]) -> dict[str, Any]:
    """Options of a round: those asked for, else the recipe of the run, 150 steps, 45 seconds.

    Raises:
        InputError: Another recipe is asked for.
    """
    recipe = start.model.card.recipe
    asked = overrides.get("recipe")
    if asked not in (None, "auto", recipe):
        raise InputError(
            f"Expected the recipe of '{start.name}', {recipe}, to go on from it, got {asked!r}. "
            "Leave out --recipe, or train from the start without --from."
        )
    found = {**overrides, "recipe": recipe}
    if overrides.get("budget") is None and overrides.get("unet.steps") is None:
        found |= {"budget": ROUND_BUDGET, "unet.steps": ROUND_STEPS}
    return found


def legend_to_go_on(
    start: Start, points: Sequence[str | os.PathLike[str]], class_field: str | None
) -> Legend:
    """The legend of the run, with the classes that the points have besides; codes stay."""
    known = start.model.legend
    new = [
        name
        for name in derive_legend(list(points), class_field).names
        if name != "none" and known.index_of(name) is None
    ]
    if not new:
        return known
    if all(code == name for code, name in zip(map(str, known.codes), known.names, strict=True)):
        if not all(name.isdigit() for name in new):
            raise LegendError(
                f"Expected class numbers as in '{start.name}', got {new[0]!r}. Say which number "
                "is which with --legend."
            )
        return Legend.from_values([*known.names, *new])
    return known.extended(new)


def check_bands(start: Start, task: TrainingTask) -> None:
    """A run goes on only with scenes of as many bands.

    Raises:
        GridError: The scenes have others.
    """
    wanted = start.model.bands
    if len(task.bands) != len(wanted):
        raise GridError(
            f"Expected scenes of the {len(wanted)} bands of '{start.name}' ({', '.join(wanted)}), "
            f"got {len(task.bands)} ({', '.join(task.bands)}). Choose them with --bands."
        )


def masks_at(task: TrainingTask, at: Places) -> list[NDArray[np.bool_]]:
    """Which labelled pixels of each scene lie at some places (M, 3)."""
    masks = []
    for scene, pixels in enumerate(task.labels):
        here = {(int(row), int(col)) for number, row, col in at if number == scene}
        masks.append(np.array([(int(r), int(c)) in here for r, c in pixels.rowcol], dtype=bool))
    return masks


def places_of(task: TrainingTask) -> Places:
    """(M, 3) scene, row and column of all labelled pixels."""
    parts = [
        np.column_stack([np.full(len(pixels), scene), pixels.rowcol])
        for scene, pixels in enumerate(task.labels)
    ]
    return np.concatenate(parts).astype(np.int64)


def record_round(
    task: TrainingTask, judged: Judged | None, earlier: Sequence[Round] = ()
) -> dict[str, Any]:
    """What `metrics.json` says of the rounds; nothing where there is nothing to compare them by."""
    if judged is None or len(judged.at) == 0:
        return {}
    step = 1 if earlier else -(-len(judged.at) // MOST_JUDGED)  # pixels of polygons may be many
    judged = Judged(judged.at[::step], judged.right[::step])
    n_points = sum(len(np.unique(pixels.feature)) for pixels in task.labels)
    this = Round(n_points, round(float(judged.right.mean()), 4), len(judged.at))
    return {"rounds": [asdict(r) for r in (*earlier, this)], "judged_at": judged.at.tolist()}


def expect_gain(rounds: Sequence[Round], n_more: int = 50) -> str:
    """One sentence on what the next points are likely to bring, or why that cannot be told.

    The gain is that of a saturating power law through the rounds.
    """
    numbers = sorted({r.points for r in rounds})
    if len(numbers) < MIN_ROUNDS:
        return (
            f"What {n_more} more points would bring cannot be told yet: that takes "
            f"{MIN_ROUNDS} rounds, there {_are(len(numbers))}."
        )
    last = max(rounds, key=lambda r: r.points)
    if last.judged < MIN_JUDGED:
        return (
            f"What {n_more} more points would bring cannot be told: rounds are compared by "
            f"{last.judged} points only, {MIN_JUDGED} are the least."
        )
    known = f"known to ±{100 * _standard_error(last):.1f} percentage points (one standard error)"
    first = min(rounds, key=lambda r: r.points)
    moved = last.accuracy - first.accuracy
    if moved < _standard_error(last):
        return (
            f"What {n_more} more points would bring cannot be told: over {len(numbers)} rounds the "
            f"accuracy on the {last.judged} points they are compared by moved by "
            f"{100 * moved:+.1f} percentage points to {last.accuracy:.3f}, {known}."
        )
    curve = fit_curve([r.points for r in rounds], [r.accuracy for r in rounds])
    gain = float(curve.score(last.points + n_more) - curve.score(last.points))
    return (
        f"Expected gain of the next {n_more} points: {100 * gain:+.1f} percentage points of "
        f"accuracy, by the curve through {len(numbers)} rounds. It was {last.accuracy:.3f} on the "
        f"{last.judged} points rounds are compared by, {known}; that is no estimate of the map's "
        "accuracy."
    )


def _standard_error(judged: Round) -> float:
    """Of the share of right points, never 0."""
    return math.sqrt(max(judged.accuracy * (1 - judged.accuracy), 1e-4) / judged.judged)


def _are(n: int) -> str:
    return "is 1" if n == 1 else "are none" if n == 0 else f"are {n}"
