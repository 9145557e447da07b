"""Noise, hashes and distances that scenes are made of."""

from __future__ import annotations

import numpy as np
import pytest

from pointillist.scenes.noise import fractal_noise, hash_uniform, measure_curves, value_noise


def test_noise_has_mean_0_and_deviation_1(rng) -> None:
    field = value_noise(rng, (400, 500), 7)
    assert field.shape == (400, 500)
    assert field.mean() == pytest.approx(0, abs=0.1)
    assert field.std() == pytest.approx(1, abs=0.1)


def test_noise_is_smooth_at_the_scale_of_its_cells(rng) -> None:
    field = value_noise(rng, (200, 200), 40)
    assert np.abs(np.diff(field, axis=0)).max() < 0.15


def test_fractal_noise_has_deviation_1(rng) -> None:
    assert fractal_noise(rng, (600, 600), 30).std() == pytest.approx(1, abs=0.2)


def test_hashes_are_uniform_and_depend_on_every_part() -> None:
    ids = np.arange(20_000)
    first = hash_uniform(1, ids)
    assert ((first >= 0) & (first < 1)).all()
    assert np.histogram(first, bins=10)[0].min() > 1800
    for other in (hash_uniform(2, ids), hash_uniform(1, ids, 0), hash_uniform(1, ids, -3)):
        assert abs(np.corrcoef(first, other)[0, 1]) < 0.03
    assert np.array_equal(first, hash_uniform(1, ids))


def test_distance_to_a_slanted_line_is_exact() -> None:
    t = np.arange(-20, 140, 0.5)
    line = np.stack([10 + 0.6 * t, 5 + 0.8 * t], axis=1)
    field = measure_curves([line], (90, 110))
    rows, cols = np.indices((90, 110)) + 0.5
    expected = np.abs((rows - 10) * 0.8 - (cols - 5) * 0.6)
    near = expected < 12
    assert field.distance[near] == pytest.approx(expected[near], abs=0.05)


def test_no_curve_is_infinitely_far() -> None:
    assert np.isinf(measure_curves([], (4, 5)).distance).all()
    assert np.isinf(measure_curves([np.full((3, 2), -60.0)], (4, 5)).distance).all()
