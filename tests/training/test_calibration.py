"""Temperature and expected calibration error against what they must be."""

from __future__ import annotations

import numpy as np
import pytest

from pointillist.training.calibration import (
    calibration_facts,
    expected_calibration_error,
    fit_temperature,
    soften,
    soften_crosswise,
)


def _drawn(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Logits, and labels drawn with the probabilities they state."""
    logits = rng.normal(0, 2, (n, 4))
    shares = soften(logits, 1.0)
    index = (shares.cumsum(axis=1) > rng.random((n, 1))).argmax(axis=1)
    return logits, index


@pytest.mark.parametrize("sureness", [0.5, 1.0, 3.0])
def test_the_temperature_undoes_what_was_done_to_the_logits(rng, sureness):
    logits, index = _drawn(4000, rng)
    assert fit_temperature(sureness * logits, index) == pytest.approx(sureness, rel=0.1)


def test_few_points_turn_it_little_and_very_few_not_at_all(rng):
    logits, index = _drawn(4000, rng)
    assert fit_temperature(3 * logits[:19], index[:19]) == 1.0
    few = fit_temperature(3 * logits[:25], index[:25])
    assert 1.0 < few < fit_temperature(3 * logits, index) + 0.5


def test_points_that_are_all_right_do_not_freeze_it():
    index = np.zeros(40, dtype=np.int64)
    logits = np.tile([2.0, 0.0], (40, 1))
    assert 0.25 <= fit_temperature(logits, index) < 1.0


def test_error_by_hand():
    probabilities = np.array([[0.95, 0.05], [0.95, 0.05], [0.35, 0.65], [0.4, 0.6]])
    index = np.array([0, 1, 1, 1])
    # bin .9–1: half right at .95; bin .6–.7: all right at .625 on average
    assert expected_calibration_error(probabilities, index) == pytest.approx(
        0.5 * 0.45 + 0.5 * 0.375
    )


def test_an_honest_model_has_a_small_error_and_a_boaster_a_large_one(rng):
    logits, index = _drawn(8000, rng)
    assert expected_calibration_error(soften(logits, 1.0), index) < 0.02
    assert expected_calibration_error(soften(logits, 0.3), index) > 0.1


def test_points_on_nodata_do_not_count():
    probabilities = np.array([[0.9, 0.1], [np.nan, np.nan]])
    index = np.array([0, 0])
    assert expected_calibration_error(probabilities, index) == pytest.approx(0.1)
    assert np.isnan(expected_calibration_error(probabilities[1:], index[1:]))
    assert calibration_facts(probabilities[1:], index[1:]) == {}
    assert calibration_facts(probabilities, index)["calibration_points"] == 1


def test_no_point_is_softened_by_its_own_label(rng):
    logits, index = _drawn(100, rng)
    before = soften_crosswise(3 * logits, index)
    changed = index.copy()
    changed[0] = (changed[0] + 1) % 4
    after = soften_crosswise(3 * logits, changed)
    np.testing.assert_allclose(after[::5], before[::5])
    assert not np.allclose(after, before)
