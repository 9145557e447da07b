"""Held-out points: how right the light model is, and what more of them would bring."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pointillist.grid import Grid
from pointillist.labelling.judging import Lesson, expect_progress, judge_light
from pointillist.labelling.light import LightModel, fit_light

GRID = Grid(400, 400)


def lesson(n: int, noise: float, asked: int = 0) -> Lesson:
    """Classes that differ in 3 of 40 features; the last `asked` points were suggested, and hard."""
    rng = np.random.default_rng(0)
    index = rng.integers(0, 3, n + asked)
    spread = np.where(np.arange(n + asked) < n, noise, 1.5)
    centres = np.eye(40)[:3] * 3
    features = centres[index] + rng.normal(0, 1, (n + asked, 40)) * spread[:, None]
    rowcol = rng.integers(0, 400, (n + asked, 2))
    owner = np.arange(n + asked)
    return Lesson(features.astype(np.float32), index, owner, owner < n, rowcol)


def test_the_curve_rises_and_says_what_fifty_more_would_bring() -> None:
    progress = expect_progress(lesson(60, 1.0), GRID)
    assert [p.labels for p in progress.curve] == sorted({p.labels for p in progress.curve})
    assert progress.curve[0].accuracy < progress.curve[-1].accuracy
    now, then = progress.ahead
    assert (now.labels, then.labels) == (60, 110)
    assert progress.curve[-1].accuracy <= now.accuracy <= then.accuracy <= 1
    assert "of your points when it has not seen them" in progress.sentence


def test_thousands_of_points_are_judged_in_a_few_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    from pointillist.labelling import judging

    fits = []

    def count(features: np.ndarray, index: np.ndarray) -> LightModel:
        fits.append(len(index))
        return fit_light(features, index)

    monkeypatch.setattr(judging, "fit_light", count)
    expect_progress(lesson(60, 1.0), GRID)
    few, fits[:] = len(fits), []
    progress = expect_progress(lesson(3000, 1.0), GRID)
    assert len(fits) == 25 < few
    assert progress.curve[-1].accuracy > progress.curve[0].accuracy


def test_where_nothing_can_be_told_it_says_so() -> None:
    few = expect_progress(lesson(12, 1.0), GRID)
    assert (few.curve, few.ahead) == ((), ())
    assert few.sentence.startswith("18 more clicks")
    easy = lesson(60, 0.01)
    flat = expect_progress(replace(easy, features=easy.features[:, :3]), GRID)
    assert flat.curve[0].accuracy > 0.9
    assert flat.ahead == ()
    assert "less than can be told" in flat.sentence


def test_suggested_points_teach_but_do_not_judge() -> None:
    progress = expect_progress(lesson(60, 0.2, asked=40), GRID)
    assert progress.judged == 60
    assert progress.curve[-1].labels == pytest.approx(80, abs=3)
    assert progress.curve[-1].accuracy > 0.85


def test_points_that_judge_do_not_teach() -> None:
    random = lesson(300, 1.0)
    unlearnable = Lesson(
        random.features * 0, random.index, random.owner, random.clicked, random.rowcol
    )
    held = np.arange(300) < 80
    assert judge_light(unlearnable, held, in_turns=False) < 0.5
    assert judge_light(random, held, in_turns=False) > 0.8
    assert judge_light(random, np.ones(300, bool), in_turns=True) > 0.8
