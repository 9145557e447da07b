from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from pointillist.grid import assign_spatial_blocks
from pointillist.legend import Legend
from pointillist.points import LabelledPixels
from pointillist.raster import ArraySource
from pointillist.training import TrainingTask
from pointillist.training.holdout import (
    MIN_FEATURES,
    MIN_PER_CLASS,
    MOST_HELD,
    hold_out,
    hold_out_blocks,
)


def _task(
    n: int, rng: np.random.Generator, shares: tuple[float, ...] = (0.6, 0.3, 0.1)
) -> TrainingTask:
    source = ArraySource(np.zeros((2, 200, 300), dtype=np.float32))
    rowcol = np.stack([rng.integers(0, 200, n), rng.integers(0, 300, n)], axis=1)
    pixels = LabelledPixels(rowcol, rng.choice(len(shares), n, p=shares), np.arange(n))
    legend = Legend.from_names([f"class {i}" for i in range(len(shares))])
    return TrainingTask((source,), (pixels,), legend, 0, source.band_names)


def test_whole_blocks_are_held_out(rng: np.random.Generator) -> None:
    task = _task(300, rng)
    holdout = hold_out_blocks(task, 0.15, rng)
    assert holdout.validation is not None
    kept, held = holdout.train.labels[0], holdout.validation.labels[0]
    assert len(kept) + len(held) == 300
    assert 0.08 * 300 < len(held) < 0.2 * 300
    side = round(np.sqrt(200 * 300 / 60))
    both = np.concatenate([kept.rowcol, held.rowcol])
    blocks = assign_spatial_blocks(both, side)
    assert not set(blocks[: len(kept)]) & set(blocks[len(kept) :])


def test_every_class_keeps_enough(rng: np.random.Generator) -> None:
    for seed in range(10):
        task = _task(120, np.random.default_rng(seed))
        holdout = hold_out_blocks(task, 0.3, np.random.default_rng(seed))
        before, after = task.class_counts(), holdout.train.class_counts()
        assert np.all(after >= np.minimum(before, MIN_PER_CLASS))
        assert np.all(after >= np.floor(before / 2))


def test_a_class_of_three_points_keeps_them_all() -> None:
    for seed in range(20):
        task = _task(200, np.random.default_rng(seed), shares=(0.6, 0.385, 0.015))
        if task.class_counts()[2] == 3:
            holdout = hold_out_blocks(task, 0.2, np.random.default_rng(seed))
            assert holdout.validation is not None
            assert holdout.train.class_counts()[2] == 3
            return
    raise AssertionError("no draw gave three points")


def test_polygons_are_watched_at_a_thousand_pixels_and_kept_whole() -> None:
    rng = np.random.default_rng(0)
    source = ArraySource(np.zeros((1, 400, 400), dtype=np.float32))
    rowcol = np.argwhere(np.ones((400, 400)))
    squares = rowcol // 40
    pixels = LabelledPixels.from_arrays(rowcol, squares.sum(axis=1) % 2, squares @ [10, 1])
    legend = Legend.from_names(["a", "b"])
    task = TrainingTask((source,), (pixels,), legend, 0, source.band_names)
    holdout = hold_out_blocks(task, 0.15, rng)
    assert holdout.validation is not None
    assert 0.8 * MOST_HELD < holdout.validation.n_labels < 1.2 * MOST_HELD
    assert holdout.everything is task
    assert holdout.train.n_labels < 0.9 * task.n_labels


def test_too_few_points_hold_out_nothing_and_say_so(rng: np.random.Generator) -> None:
    task = _task(MIN_FEATURES - 1, rng)
    holdout = hold_out_blocks(task, 0.15, rng)
    assert holdout.validation is None
    assert holdout.train is task
    assert "too few" in holdout.reason


def test_nothing_is_held_out_when_not_asked(rng: np.random.Generator) -> None:
    holdout = hold_out_blocks(_task(200, rng), 0.0, rng)
    assert holdout.validation is None


@pytest.mark.parametrize("seed", [0, 1])
def test_the_same_seed_holds_out_the_same(seed: int) -> None:
    def held() -> np.ndarray:
        task = _task(200, np.random.default_rng(9))
        validation = hold_out_blocks(task, 0.2, np.random.default_rng(seed)).validation
        assert validation is not None
        return validation.labels[0].feature

    np.testing.assert_array_equal(held(), held())


@pytest.mark.parametrize(("refit", "n_held"), [(0.0, 2), (0.3, 0)])
def test_points_that_a_second_term_has_learnt_are_not_held_out_again(refit, n_held, rng) -> None:
    task = _task(100, rng)
    at = np.column_stack([[0, 0], task.labels[0].rowcol[:2]])
    card = SimpleNamespace(provenance={"config": {"refit": refit}})
    begin: Any = SimpleNamespace(model=SimpleNamespace(card=card), judged_at=at)
    holdout = hold_out(task, 0.15, begin)
    assert (holdout.validation.n_labels if holdout.validation else 0) >= n_held
    assert (holdout.validation is None) == (n_held == 0)
