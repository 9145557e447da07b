"""Recipe `stack`: a network and a forest together; weighed, resumable, mapped like any model."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

import pointillist
from pointillist.legend import Legend
from pointillist.models import EnsembleModel
from pointillist.points import LabelledPixels
from pointillist.raster import ArraySource, open_scene
from pointillist.training import train
from pointillist.training.heldout import HeldOut
from pointillist.training.rounds import Judged
from pointillist.training.stack import Pair, _weighed, choose_weight, guess_weight
from pointillist.training.task import TrainingTask

CONFIG: dict[str, Any] = {
    "seed": 1,
    "unet": {
        "encoder": "slim",
        "weights": "none",
        "chip_px": 64,
        "batch_size": 4,
        "steps": 40,
        "steps_per_epoch": 10,
        "precision": "fp32",
        "holdout": 0.45,
        "device": "cpu",
    },
    "forest": {"n_trees": 20, "sigmas": [1.0, 2.0], "n_jobs": 1},
}


def _probabilities(right: np.ndarray, sure: float) -> np.ndarray:
    rows = np.full((len(right), 2), 1 - sure, dtype=np.float32)
    rows[np.arange(len(right)), right] = sure
    return rows


def test_the_better_part_gets_the_larger_weight():
    index = np.zeros(60, dtype=np.int64)
    good = _probabilities(index, 0.9)
    bad = _probabilities(1 - index, 0.8)
    assert choose_weight(good, bad, index) > 0.7
    assert choose_weight(bad, good, index) < 0.3


def test_alike_parts_get_equal_weights():
    index = np.arange(40) % 2
    part = _probabilities(index, 0.8)
    assert choose_weight(part, part.copy(), index) == pytest.approx(0.5)


def test_few_points_that_disagree_leave_both_alike():
    """The forest is right three times more among forty: no reason to drop the network."""
    index = np.zeros(40, dtype=np.int64)
    wrong = np.arange(40)
    network = np.where((wrong < 12)[:, None], *(np.float32([[0.2, 0.8], [0.9, 0.1]])[:, None]))
    forest = np.where((wrong >= 31)[:, None], *(np.float32([[0.2, 0.8], [0.9, 0.1]])[:, None]))
    assert choose_weight(network, forest, index) == pytest.approx(0.5)
    many = [np.tile(part, (100, 1)) for part in (network, forest)]
    assert choose_weight(*many, np.zeros(4000, dtype=np.int64)) < 0.5


def test_no_points_leave_both_alike():
    nothing = np.full((3, 2), np.nan, dtype=np.float32)
    assert choose_weight(nothing, nothing, np.zeros(3, dtype=np.int64)) == 0.5


def test_fewer_than_thirty_points_decide_nothing():
    """All of them right by one part and wrong by the other: still nothing to go by."""
    index = np.zeros(29, dtype=np.int64)
    good, bad = _probabilities(index, 0.9), _probabilities(1 - index, 0.8)
    assert choose_weight(good, bad, index) == 0.5
    assert choose_weight(good, bad, index, usual=0.6) == 0.6


def test_several_networks_count_more_unless_points_say_otherwise():
    index = np.arange(40) % 2
    part = _probabilities(index, 0.8)
    assert choose_weight(part, part.copy(), index, usual=0.6) == pytest.approx(0.6)
    bad = _probabilities(1 - index, 0.9)
    assert choose_weight(bad, part, index, usual=0.6) < 0.3


@pytest.mark.parametrize(("n_points", "expected"), [(45, 0.05), (200, 0.75)])
def test_after_few_steps_some_tens_of_points_do_not_make_a_network_count(
    n_points: int, expected: float
):
    task = TrainingTask(
        (ArraySource(np.zeros((1, 1, n_points), dtype=np.float32)),),
        (LabelledPixels.from_mask(np.zeros((1, n_points), dtype=np.int64)),),
        Legend.from_names(["a", "b"]),
        seed=0,
        bands=("one",),
    )
    index = np.zeros(n_points, dtype=np.int64)
    logits = np.log(_probabilities(index, 0.9))
    held_out = HeldOut(task, logits, np.zeros(2), 1.0)
    pair = Pair(held_out, _probabilities(1 - index, 0.8), by_steps=0.05)
    assert pair.weight == pytest.approx(expected)


def test_points_on_nodata_do_not_count():
    index = np.zeros(60, dtype=np.int64)
    good, bad = _probabilities(index, 0.9), _probabilities(1 - index, 0.8)
    expected = choose_weight(good[:30], bad[:30], index[:30])
    good[30:] = np.nan
    assert choose_weight(good, bad, index) == expected


def test_a_network_that_nobody_judges_counts_by_its_steps():
    assert guess_weight(1) == pytest.approx(0.1)
    assert guess_weight(100) == pytest.approx(0.25)
    assert guess_weight(5000) == 0.5


@pytest.mark.slow
def test_it_learns_and_is_what_auto_means(small_world: Any) -> None:
    path = small_world.folder / "config.yaml"
    path.write_text(yaml.safe_dump(CONFIG))
    run = train(small_world.scene, small_world.points, small_world.folder / "run", config=path)
    said = run.log_path.read_text(encoding="utf-8")
    assert re.search(
        r"right at \d+ of \d+ held-out points; their calibration error is 0\.\d{3}", said
    )
    assert f"{run.metrics['calibration_error']:.3f}" in said
    model = pointillist.load(run)
    assert isinstance(model, EnsembleModel)
    assert [part.kind for part in model.parts] == ["network", "forest"]
    assert model.card.recipe == "stack"
    assert run.metrics["steps"] == 40
    assert run.metrics["network_weight"] == pytest.approx(float(model.weights[0]), abs=1e-4)
    assert model.temperature == pytest.approx(run.metrics["stack_temperature"], abs=1e-3)
    assert model.temperature != 1.0
    with open_scene(small_world.scene) as scene:
        pixels = scene.read(scene.grid.window)
    predicted = model.predict(pixels.data, pixels.valid).argmax(axis=0)
    names = np.array(model.legend.names)[predicted]
    truth = np.array(["Forest", "Urban", "Water"])[small_world.mask]
    assert np.mean(names == truth) > 0.85
    mapped = pointillist.predict(run, small_world.scene, small_world.folder / "map.tif", block=64)
    with open_scene(mapped) as raster:
        codes = raster.read(raster.grid.window).data[0]
    expected = np.array(model.legend.codes)[predicted]
    assert (codes == expected).mean() > 0.995
    assert Path(mapped).exists()


@pytest.mark.slow
def test_too_little_time_is_told(small_world: Any) -> None:
    path = small_world.folder / "config.yaml"
    path.write_text(yaml.safe_dump(CONFIG))
    run = train(
        small_world.scene, small_world.points, small_world.folder / "run", config=path,
        budget="1m", steps=2,
    )  # fmt: skip
    said = run.log_path.read_text(encoding="utf-8")
    assert "The time sufficed for 2 steps only, so the map is mostly the forest's." in said
    assert "The network counts 10%" in said


def test_held_out_points_are_weighed_by_the_shares_of_the_scene() -> None:
    judged = Judged(np.zeros((4, 3), dtype=np.int64), np.array([True, True, True, False]))
    index = np.array([0, 0, 1, 1])
    assert _weighed(judged, index, None) == ""
    words = _weighed(judged, index, np.array([1.8, 0.2]))
    assert words == ", 95% of them weighed by the class shares of the scene"
