"""Class shares: which are used, how they are estimated, and what that does to a map."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from pointillist.accuracy import error_matrix, overall_accuracy
from pointillist.errors import InputError
from pointillist.legend import Legend
from pointillist.points import LabelledPixels
from pointillist.raster import ArraySource
from pointillist.training import ForestConfig, TrainConfig, TrainingTask, Workshop, fit_recipe
from pointillist.training.class_shares import (
    calibrate,
    decide_shares,
    draw_to_prior,
    estimate_shares,
    fit_calibration,
    parse_class_shares,
    wants_estimate,
)

NAMES = ("a", "b", "c")
SHARES = np.array([0.8, 0.15, 0.05])
CONFIG = TrainConfig(recipe="forest", forest=ForestConfig(n_trees=40, sigmas=(), n_jobs=1))


@pytest.fixture(scope="module")
def world() -> tuple[np.ndarray, np.ndarray]:
    """One band in which three classes of unequal size overlap."""
    rng = np.random.default_rng(3)
    mask = rng.choice(3, (160, 160), p=SHARES)
    image = (mask * 25 + rng.normal(0, 14, mask.shape)).astype(np.float32)[None]
    return image, mask


def task_of(world, per_class=(60, 60, 60), **sets) -> TrainingTask:
    image, mask = world
    rng = np.random.default_rng(5)
    at = np.concatenate(
        [rng.choice(np.flatnonzero(mask == c), n, replace=False) for c, n in enumerate(per_class)]
    )
    rowcol = np.stack(np.unravel_index(at, mask.shape), axis=1)
    labels = LabelledPixels.from_arrays(rowcol, mask.ravel()[at])
    task = TrainingTask((ArraySource(image),), (labels,), Legend.from_names(NAMES), 0, ("x",))
    return replace(task, **sets)


def accuracy_of(world, **sets) -> float:
    image, mask = world
    config = CONFIG.model_copy(update=sets)
    model = fit_recipe(task_of(world, design="balanced"), config, Workshop()).model
    return overall_accuracy(error_matrix(model.predict(image).argmax(axis=0), mask, NAMES))


def test_balanced_points_are_corrected_nearly_as_well_as_with_the_true_shares(world):
    raw = accuracy_of(world, class_shares="points")
    estimated = accuracy_of(world, class_shares="auto")
    known = accuracy_of(world, class_shares=dict(zip(NAMES, SHARES.tolist(), strict=True)))
    assert known > raw + 0.05
    assert estimated > raw + 0.8 * (known - raw)


def test_the_model_says_which_shares_it_used(world):
    told: list[str] = []
    fitted = fit_recipe(task_of(world, design="balanced"), CONFIG, Workshop(say=told.append))
    facts = fitted.model.card.provenance
    assert facts["class_shares"] == "estimated"
    assert list(facts["class_share_values"]) == list(NAMES)
    assert facts["class_share_values"]["a"] == pytest.approx(0.8, abs=0.12)
    assert any("class shares are estimated as a " in line for line in told)


@pytest.mark.parametrize(
    ("design", "per_class", "expected"),
    [
        ("simple", (60, 60, 60), False),
        ("balanced", (10, 60, 30), True),
        (None, (60, 60, 60), True),
        (None, (60, 50, 55), True),
        ("purposive", (60, 30, 10), True),
        (None, (60, 30, 10), False),
    ],
)
def test_auto_goes_by_the_design_and_else_by_even_counts(world, design, per_class, expected):
    assert wants_estimate(task_of(world, per_class, design=design), "auto") is expected


def test_purposive_points_are_taken_half_way(world):
    """Nobody knows in what proportions somebody clicks; the estimate alone goes astray at times."""
    counts = (90, 50, 10)
    prior = np.array(counts) / sum(counts)
    told: list[str] = []
    facts = {}
    for setting in ("auto", "estimate"):
        task = task_of(world, counts, design="purposive")
        config = CONFIG.model_copy(update={"class_shares": setting})
        model = fit_recipe(task, config, Workshop(say=told.append)).model
        values = model.card.provenance["class_share_values"]
        facts[setting] = np.array([values[name] for name in NAMES])
    half = np.sqrt(facts["estimate"] * prior)
    np.testing.assert_allclose(facts["auto"], half / half.sum(), atol=1e-3)
    assert any(line.startswith("Points that somebody placed") for line in told)


def test_points_leaves_balanced_points_alone(world):
    decided = decide_shares(task_of(world, design="balanced"), "points")
    assert decided.factors is None
    assert decided.how == "points"


def test_stated_shares_need_not_sum_to_one(world):
    decided = decide_shares(task_of(world), {"a": 80, "b": 15, "c": 5})
    np.testing.assert_allclose(decided.factors, SHARES * 3)
    assert "(they sum to 100, scaled to 1)" in decided.sentence
    rounded = decide_shares(task_of(world), {"a": 0.8, "b": 0.15, "c": 0.051})
    assert "scaled" not in rounded.sentence


@pytest.mark.parametrize(
    ("stated", "message"),
    [
        ({"a": 0.5, "b": 0.5}, r"no share for 'c'"),
        ({"a": 0.5, "b": 0.3, "c": 0.1, "d": 0.1}, r"no class 'd'"),
        ({"a": 1.0, "b": 0.0, "c": 0.0}, r"shares above 0 for all classes"),
        ({"a": float("nan"), "b": 0.1, "c": 0.1}, r"shares above 0 for all classes"),
        ({"a": 0.5, "b": 0.6, "c": -0.1}, r"none below 0 for others, got -0\.1 for 'c'"),
    ],
)
def test_refuses_shares_that_do_not_fit(world, stated, message):
    with pytest.raises(InputError, match=message):
        decide_shares(task_of(world), stated)


@pytest.mark.parametrize(
    ("setting", "design", "message"),
    [
        ("auto", "balanced", r"^The points are balanced, .*--class-shares points\.$"),
        ("estimate", "purposive", r"^As asked, .*--class-shares points\.$"),
        ("estimate", "simple", r"^As asked, .* design simple hold the scene's shares themselves"),
    ],
)
def test_says_why_shares_are_estimated(world, setting, design, message):
    said: list[str] = []
    config = CONFIG.model_copy(update={"class_shares": setting})
    fit_recipe(task_of(world, design=design), config, Workshop(say=said.append))
    assert any(re.search(message, line) for line in said), said


def test_estimates_the_shares_of_a_mixture_to_a_few_percent():
    rng = np.random.default_rng(1)
    index = rng.choice(3, 20_000, p=SHARES)
    x = index * 2.0 + rng.normal(size=len(index))
    density = np.exp(-0.5 * (x[:, None] - 2.0 * np.arange(3)) ** 2)
    balanced = density / density.sum(axis=1, keepdims=True)
    found = estimate_shares(balanced, np.full(3, 1 / 3))
    assert found.sum() == pytest.approx(1.0)
    np.testing.assert_allclose(found, SHARES, atol=0.04)


@pytest.mark.parametrize(("n", "trust"), [(1, 0.01), (50, 0.5), (100, 1.0), (1000, 1.0)])
def test_few_points_draw_an_estimate_to_their_own_shares(n, trust):
    shares, prior = np.array([0.9, 0.1, 0.0]), np.array([0.5, 0.5, 0.0])
    drawn = draw_to_prior(shares, prior, n)
    assert drawn.sum() == pytest.approx(1.0)
    assert drawn[2] == 0
    assert np.log(drawn[0] / drawn[1]) == pytest.approx(trust * np.log(9.0))


def test_three_points_per_class_hardly_move_the_map(world):
    for seed in range(4):
        task = task_of(world, (3, 3, 3), design="balanced", seed=seed)
        model = fit_recipe(task, CONFIG, Workshop()).model
        shares = list(model.card.provenance["class_share_values"].values())
        np.testing.assert_allclose(shares, 1 / 3, atol=0.1)


def test_a_class_without_points_gets_no_share():
    probabilities = np.array([[0.7, 0.3, 0.0], [0.2, 0.8, 0.0]])
    found = estimate_shares(probabilities, np.array([0.5, 0.5, 0.0]))
    assert found[2] == 0
    assert found.sum() == pytest.approx(1.0)


def test_calibration_tempers_what_is_too_sure():
    rng = np.random.default_rng(2)
    index = rng.integers(0, 2, 3000)
    right = np.where(rng.random(3000) < 0.7, index, 1 - index)
    sure = np.where(right[:, None] == np.arange(2), 0.99, 0.01)
    honest = calibrate(sure, fit_calibration(sure, index))
    assert honest.max(axis=1).mean() == pytest.approx(0.7, abs=0.03)


@pytest.mark.parametrize("text", ["auto", "points", "estimate"])
def test_parses_words(text):
    assert parse_class_shares(text) == text


def test_what_is_stated_for_a_class_without_points_is_told(world):
    task = task_of(world, legend=Legend.from_names((*NAMES, "snow")))
    decided = decide_shares(task, {"a": 0.4, "b": 0.1, "c": 0.1, "snow": 0.4})
    assert decided.sentence.endswith("Nothing of 'snow' is mapped: no points show it.")
    with pytest.raises(InputError, match=r"none below 0 for others, got -1 for 'snow'"):
        decide_shares(task, {"a": 0.4, "b": 0.1, "c": 0.1, "snow": -1})


def test_parses_shares_by_name():
    assert parse_class_shares("a=0.4,b=0.6,") == {"a": 0.4, "b": 0.6}
    assert parse_class_shares("Bare land=60%, Water = 0.4") == {"Bare land": 0.6, "Water": 0.4}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("most", r"Expected --class-shares auto"),
        ("a=0.5,b=x", r"a number after 'b='"),
        ("a=0.5,b:0.5", r"shares like .* got 'b:0\.5' among them"),
        ("a=0.5;b=0.5", r"shares like .* got 'a=0\.5;b=0\.5' among them"),
    ],
)
def test_refuses_what_is_neither(text, message):
    with pytest.raises(InputError, match=message):
        parse_class_shares(text)


def test_a_class_named_twice_is_refused() -> None:
    with pytest.raises(InputError, match=r"one share per class .* got two for 'Water'"):
        parse_class_shares("Water=0.1,Land=0.8,Water=0.1")
