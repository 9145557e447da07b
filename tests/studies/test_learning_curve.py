"""Learning curves and costs."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pointillist.accuracy.learning_curve import Curve, fit_curve
from pointillist.errors import InputError
from pointillist.studies.cost import CostModel
from pointillist.studies.learning_curve import find_budgets

TRUTH = Curve(0.985, 0.12, 0.6)
NUMBERS = (5, 25, 50, 100, 250, 500)


@pytest.fixture(autouse=True)
def fewer_bootstraps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pointillist.studies.learning_curve._N_BOOTSTRAPS", 200)


def test_a_curve_is_found_again() -> None:
    found = fit_curve(NUMBERS, TRUTH.score(np.array(NUMBERS, dtype=float)).tolist())
    assert found.ceiling == pytest.approx(TRUTH.ceiling, abs=1e-4)
    assert found.rate == pytest.approx(TRUTH.rate, rel=0.01)
    assert found.points_for(TRUTH.score(77.0).item()) == pytest.approx(77, rel=0.01)


def test_a_curve_that_ends_near_one_is_found_too() -> None:
    found = fit_curve([20, 40, 80], [0.5, 0.8, 0.999])
    assert found.ceiling <= 1
    assert float(found.score(160)) >= 0.9


def test_budgets_hold_the_truth(rng: np.random.Generator) -> None:
    scores = {n: dict(enumerate(TRUTH.score(float(n)) + rng.normal(0, 0.001, 10))) for n in NUMBERS}
    full = dict(enumerate(0.984 + rng.normal(0, 0.0005, 10)))
    _, (at95, at98, at99) = find_budgets(scores, full)
    assert at95.points < at98.points < at99.points
    assert at98.low <= TRUTH.points_for(0.98 * 0.984) <= at98.high
    assert at98.inside
    assert not at95.inside


def test_hard_seeds_do_not_widen_a_budget(rng: np.random.Generator) -> None:
    """What a seed's test images add to all of its scores is not doubt about the share."""
    hard = rng.normal(0, 0.01, 10)
    scores = {n: dict(enumerate(TRUTH.score(float(n)) + hard)) for n in NUMBERS}
    full = dict(enumerate(0.984 + hard))
    _, (together,) = find_budgets(scores, full, [0.98])
    shuffled = dict(enumerate(rng.permutation(list(full.values()))))
    _, (apart,) = find_budgets(scores, shuffled, [0.98])
    assert together.low <= TRUTH.points_for(0.98 * 0.984) <= together.high
    assert together.high - together.low < 0.5 * (apart.high - apart.low)


def test_rows_of_fewer_seeds_take_part() -> None:
    scores = {n: dict.fromkeys(range(8), float(TRUTH.score(float(n)))) for n in NUMBERS}
    _, (budget,) = find_budgets(scores, {0: 0.984}, [0.98])
    assert budget.low == pytest.approx(budget.high)
    assert budget.points == pytest.approx(TRUTH.points_for(0.98 * 0.984), rel=0.01)


def test_a_score_above_the_ceiling_is_never_reached() -> None:
    assert math.isinf(TRUTH.points_for(0.99))
    _, (budget,) = find_budgets(
        {n: dict.fromkeys(range(3), float(TRUTH.score(float(n)))) for n in NUMBERS},
        dict.fromkeys(range(3), 0.9999),
        [0.999],
    )
    assert math.isinf(budget.points)
    assert not budget.inside


def test_too_few_numbers_of_points() -> None:
    with pytest.raises(InputError, match="three numbers of points at least, got 2"):
        fit_curve([5, 5, 10], [0.8, 0.81, 0.9])


def test_costs() -> None:
    cost = CostModel(seconds_per_point=3, minutes_per_mask=10, hourly_wage=18)
    assert cost.points_seconds(200) == 600
    assert cost.saved(200) == pytest.approx(0.0)
    assert cost.saved(20) == pytest.approx(0.9)
    assert cost.money(cost.points_seconds(200)) == pytest.approx(3.0)
    assert cost.break_even == pytest.approx(200)
    with pytest.raises(InputError, match="times and a wage above 0, got 0 s per point"):
        CostModel(seconds_per_point=0)
