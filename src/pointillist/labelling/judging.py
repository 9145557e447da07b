"""How good is the live map at points it has not seen, and what would more of them bring?

It is judged by the person's own points: a part is held out, whole squares of the scene at a time,
the rest teaches. That says how the map gets better with points. It is no estimate of the map's
accuracy, for which a blind sample is drawn (`checking`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pointillist.grid import Grid, assign_spatial_blocks
from pointillist.labelling.light import fit_light

if TYPE_CHECKING:
    from pointillist.accuracy.learning_curve import Curve

N_MORE = 50
MIN_JUDGED = 30
_N_FOLDS, _N_DRAWS = 5, 6
# With many labels one draw is as good as several with few: so many labels, over all draws.
_N_DRAWN = 2400
_SHARES = (0.3, 0.45, 0.65, 0.85, 1.0)
_N_SQUARES = 60
_N_TURNS = 10
_HARDLY = 0.005
_UNKNOWN = f"What {N_MORE} more would bring is less than can be told from so few."

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Lesson:
    """Labelled pixels with what the light model looks at.

    Args:
        features: (N, F).
        index: (N,) class indices.
        owner: (N,) number of the label that each belongs to.
        clicked: (N,) whether the person chose the place; others are harder than the scene, so
            that they do not judge.
        rowcol: (N, 2) pixels of the scene.
    """

    features: NDArray[np.float32]
    index: NDArray[np.int64]
    owner: NDArray[np.int64]
    clicked: Mask
    rowcol: NDArray[np.int64]


@dataclass(frozen=True)
class CurvePoint:
    """How right the map is after so many labels."""

    labels: int
    accuracy: float


@dataclass(frozen=True)
class Progress:
    """What the points there are say of the points to come.

    Args:
        curve: From few labels to all that taught; empty where it cannot be told.
        judged: Labels that judged.
        ahead: The curve drawn on: at the labels there are, and at `N_MORE` more; empty where it
            cannot be told.
        sentence: All that in words.
    """

    curve: tuple[CurvePoint, ...]
    judged: int
    ahead: tuple[CurvePoint, ...]
    sentence: str


def expect_progress(lesson: Lesson, grid: Grid) -> Progress:
    """Fit the light model to parts of the points, and draw the curve on."""
    # imported here: the page must not wait for it
    from pointillist.accuracy.learning_curve import fit_curve

    judged = len(np.unique(lesson.owner[lesson.clicked]))
    folds = _folds(lesson, grid)
    if judged < MIN_JUDGED or folds.max(initial=0) < 1:
        return Progress((), judged, (), _too_few(judged))
    curve = tuple(_measure(lesson, folds))
    if len({point.labels for point in curve}) < len(_SHARES):
        return Progress((), judged, (), _too_few(judged))
    if curve[-1].accuracy - curve[0].accuracy < standard_error(curve[-1].accuracy, judged):
        return Progress(curve, judged, (), f"{_now(curve, judged)} {_UNKNOWN}")
    fitted = fit_curve([p.labels for p in curve], [p.accuracy for p in curve])
    n_labels = len(np.unique(lesson.owner))
    ahead = _draw_on(fitted, curve[-1], n_labels)
    return Progress(curve, judged, ahead, f"{_now(curve, judged)} {_later(ahead)}")


def _draw_on(fitted: Curve, last: CurvePoint, n_labels: int) -> tuple[CurvePoint, ...]:
    """The curve's rise from the last measured point on, to the labels there are and beyond."""
    reached = float(fitted.score(last.labels))
    return tuple(
        CurvePoint(n, min(1.0, last.accuracy + float(fitted.score(n)) - reached))
        for n in (n_labels, n_labels + N_MORE)
    )


def judge_light(lesson: Lesson, held: Mask, *, in_turns: bool) -> float:
    """Share of right ones among the labels that judge.

    Args:
        lesson: All pixels.
        held: (N,) which of them judge.
        in_turns: A tenth of the labels judges at a time and the rest teaches; else those that
            judge never teach.
    """
    if not in_turns:
        return float(np.mean(_right(lesson, ~held, held)))
    turn = lesson.owner % _N_TURNS
    right = [_right(lesson, turn != k, (turn == k) & held) for k in range(_N_TURNS)]
    return float(np.mean(np.concatenate(right)))


def _measure(lesson: Lesson, folds: NDArray[np.int64]) -> Iterator[CurvePoint]:
    """Accuracy at growing shares of the labels that teach, the mean over some draws."""
    rng = np.random.default_rng(0)
    numbers = np.unique(lesson.owner)
    n_draws = min(_N_DRAWS, max(1, _N_DRAWN // len(numbers)))
    keys = [rng.random(numbers.max() + 1)[lesson.owner] for _ in range(n_draws)]
    for share in _SHARES:
        right, sizes = [], []
        for fold in range(int(folds.max()) + 1):
            judge = (folds == fold) & lesson.clicked
            for key in keys[: 1 if share == 1 else n_draws]:
                teach = (folds != fold) & (key < np.quantile(key[folds != fold], share))
                if share == 1:
                    teach = folds != fold
                sizes.append(len(np.unique(lesson.owner[teach])))
                right.append(_right(lesson, teach, judge))
        yield CurvePoint(round(float(np.mean(sizes))), float(np.mean(np.concatenate(right))))


def _right(lesson: Lesson, teach: Mask, judge: Mask) -> NDArray[np.float64]:
    """Of each label that judges, the share of its pixels that are right."""
    if not judge.any():
        return np.zeros(0)
    taught = np.unique(lesson.index[teach])
    if len(taught) < 2:
        right = np.isin(lesson.index[judge], taught)  # all the map could say
    else:
        model = fit_light(lesson.features[teach], lesson.index[teach])
        found = model.classes[model.predict(lesson.features[judge]).argmax(axis=1)]
        right = found == lesson.index[judge]
    _, owner = np.unique(lesson.owner[judge], return_inverse=True)
    return np.asarray(np.bincount(owner, right) / np.bincount(owner), dtype=np.float64)


def _folds(lesson: Lesson, grid: Grid) -> NDArray[np.int64]:
    """(N,) fold of each pixel: squares of the scene, dealt out so that folds are alike in size."""
    side = max(16, round(math.sqrt(grid.height * grid.width / _N_SQUARES)))
    _, first = np.unique(lesson.owner, return_index=True)
    at = np.searchsorted(np.unique(lesson.owner), lesson.owner)
    square = assign_spatial_blocks(lesson.rowcol[first], side)
    sizes = np.bincount(square)
    fold_of = np.zeros(len(sizes), dtype=np.int64)
    load = np.zeros(min(_N_FOLDS, max(len(sizes), 1)))
    for number in np.argsort(-sizes, kind="stable"):
        fold_of[number] = int(load.argmin())
        load[fold_of[number]] += sizes[number]
    return np.asarray(fold_of[square][at] if len(at) else at, dtype=np.int64)


def _too_few(judged: int) -> str:
    missing = MIN_JUDGED - judged
    if missing > 0:
        return f"{missing} more clicks, and the page can say what further points would bring."
    return "What further points would bring can be told once they lie in several parts."


def _now(curve: tuple[CurvePoint, ...], judged: int) -> str:
    now = curve[-1].accuracy
    error = 100 * standard_error(now, judged)
    return f"Right at {100 * now:.0f} % (±{error:.0f}) of your points when it has not seen them."


def _later(ahead: tuple[CurvePoint, ...]) -> str:
    now, then = ahead
    if then.accuracy - now.accuracy < _HARDLY:
        return f"{N_MORE} more would hardly change that."
    return f"{N_MORE} more would bring about {100 * then.accuracy:.0f} %."


def standard_error(share: float, n: int) -> float:
    """Of a share among n, never 0."""
    return math.sqrt(max(share * (1 - share), 1e-4) / n)
