"""What a network says at held-out points: the right pixels, the right class shares, no nodata."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from pointillist.legend import Legend
from pointillist.models import Normalisation
from pointillist.points import LabelledPixels
from pointillist.raster import ArraySource
from pointillist.training import TrainingTask
from pointillist.training.calibration import soften
from pointillist.training.heldout import judge, look_at, weigh_up
from pointillist.training.loading import PointsAmidChips
from pointillist.training.stack import Pair, choose_weight


class _Mirror(nn.Module):
    """Logits that are the image's first band, and its negative."""

    def __init__(self) -> None:
        super().__init__()
        self.unused = nn.Parameter(torch.zeros(1))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return torch.cat([images[:, :1], -images[:, :1]], dim=1)


def _task(n: int = 40, valid: np.ndarray | None = None) -> TrainingTask:
    rng = np.random.default_rng(1)
    image = rng.normal(10, 2, (1, 50, 60)).astype(np.float32)
    source = ArraySource(image, valid)
    rowcol = np.stack([rng.integers(0, 50, n), rng.integers(0, 60, n)], axis=1)
    rowcol = np.unique(rowcol, axis=0)
    pixels = LabelledPixels.from_arrays(rowcol, np.arange(len(rowcol)) % 2)
    legend = Legend.from_names(["a", "b"])
    return TrainingTask((source,), (pixels,), legend, 0, source.band_names)


NORMALISATION = Normalisation((10.0,), (2.0,))


def test_each_point_is_looked_at_in_its_own_chip():
    task = _task()
    found = look_at(_Mirror().eval(), task, 32, NORMALISATION)
    rows, cols = task.labels[0].rowcol.T
    expected = (task.sources[0].read(task.sources[0].grid.window).data[0, rows, cols] - 10) / 2
    np.testing.assert_allclose(found, np.stack([expected, -expected], axis=1), atol=1e-5)


def test_the_training_is_watched_at_each_point_once():
    task = _task()
    chips = PointsAmidChips(task, NORMALISATION, 32, most=256)
    seen = [chips[i] for i in range(len(chips))]
    assert all(int((target >= 0).sum()) == 1 for _, target in seen)
    np.testing.assert_array_equal([int(t[16, 16]) for _, t in seen], task.labels[0].index)
    values = [float(image[0, 16, 16]) for image, _ in seen]
    np.testing.assert_allclose(values, look_at(_Mirror().eval(), task, 32, NORMALISATION)[:, 0])
    assert len(PointsAmidChips(task, NORMALISATION, 32, most=7)) == 7


def test_points_on_nodata_are_neither_right_nor_counted():
    valid = np.ones((50, 60), dtype=bool)
    valid[:25] = False
    task = _task(valid=valid)
    found = look_at(_Mirror().eval(), task, 32, NORMALISATION)
    nodata = ~valid[tuple(task.labels[0].rowcol.T)]
    assert nodata.any()
    np.testing.assert_array_equal(np.isnan(found[:, 0]), nodata)
    held_out = weigh_up(found, task, None, calibrate=True)
    assert not held_out.judge().right[nodata].any()
    assert held_out.facts()["network_calibration_points"] == (~nodata).sum()


def test_probabilities_are_for_the_points_and_for_the_scene():
    task, factors = _task(), np.array([0.25, 4.0])
    scene_logits = np.random.default_rng(2).normal(0, 2, (task.n_labels, 2)).astype(np.float32)
    held_out = weigh_up(scene_logits, task, factors, calibrate=False)
    np.testing.assert_allclose(held_out.for_the_scene, soften(scene_logits, 1.0), atol=1e-5)
    at_points = soften(scene_logits, 1.0) / factors
    at_points /= at_points.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(held_out.probabilities, at_points, atol=1e-5)


def test_a_boaster_is_softened_and_the_error_stated_before_and_after():
    task = _task(200)
    rng = np.random.default_rng(4)
    index = task.labels[0].index
    says = np.where(rng.random(len(index)) < 0.7, index, 1 - index)
    logits = np.where(says[:, None] == [0, 1], 3.0, -3.0).astype(np.float32)
    held_out = weigh_up(logits, task, None, calibrate=True)
    facts = held_out.facts()
    assert held_out.temperature > 3
    assert facts["raw_network_calibration_error"] == pytest.approx(0.3, abs=0.06)
    assert facts["network_calibration_error"] < 0.12
    assert facts["network_calibration_points"] == task.n_labels


def test_a_network_that_knows_nothing_leaves_the_map_to_the_forest():
    index = np.arange(60) % 4
    rng = np.random.default_rng(5)
    nonsense = soften(rng.normal(0, 3, (60, 4)), 1.0).astype(np.float32)
    forest = soften(4.0 * (index[:, None] == np.arange(4)), 1.0).astype(np.float32)
    assert choose_weight(nonsense, forest, index) <= 0.15


def test_a_mean_that_is_less_sure_than_it_is_right_is_sharpened():
    """Network and forest err at different points: together they are right more often than sure."""
    task = _task(200)
    rng = np.random.default_rng(6)
    index = task.labels[0].index

    def logits() -> np.ndarray:
        said = np.where(rng.random(len(index)) < 0.9, index, 1 - index)
        sureness = np.where(said == index, 2.2, 0.3)
        return (sureness * np.where(said == 1, -1, 1))[:, None] * [0.5, -0.5]

    held_out = weigh_up(logits().astype(np.float32), task, None, calibrate=False)
    pair = Pair(held_out, soften(logits(), 1.0).astype(np.float32))
    assert pair.temperature < 0.8
    raw, facts = pair.facts(1.0), pair.facts(pair.temperature)
    assert facts["raw_calibration_error"] == raw["calibration_error"]
    assert facts["calibration_error"] < 0.7 * raw["calibration_error"]
    assert facts["stack_temperature"] == pytest.approx(pair.temperature, abs=1e-3)


def test_judging_says_where_and_whether():
    task = _task(3)
    probabilities = np.array([[0.9, 0.1]] * task.n_labels, dtype=np.float32)
    judged = judge(probabilities, task)
    np.testing.assert_array_equal(judged.right, task.labels[0].index == 0)
    np.testing.assert_array_equal(judged.at[:, 1:], task.labels[0].rowcol)


def test_scores_are_those_of_the_kept_weights_at_points_on_data():
    valid = np.ones((50, 60), dtype=bool)
    valid[:25] = False
    task = _task(valid=valid)
    logits = look_at(_Mirror().eval(), task, 32, NORMALISATION)
    on_data = valid[tuple(task.labels[0].rowcol.T)]
    right = (logits[on_data, 0] < 0) == (task.labels[0].index[on_data] == 1)
    scores = weigh_up(logits, task, None, calibrate=False).scores()
    assert scores["heldout_accuracy"] == pytest.approx(right.mean(), abs=1e-4)
    assert 0 < scores["heldout_miou"] < scores["heldout_accuracy"]
    assert weigh_up(np.full_like(logits, np.nan), task, None, calibrate=False).scores() == {}
