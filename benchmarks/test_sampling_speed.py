"""Seconds to draw 200 points on 25 megapixels: each strategy is meant to stay under one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pointillist.sampling import sample_point_labels, sample_points_per_class

SIDE_PX = 5000


@pytest.fixture(scope="module")
def mask() -> np.ndarray:
    rng = np.random.default_rng(0)
    made = rng.integers(0, 5, (80, 80)).repeat(63, axis=0).repeat(63, axis=1)
    made = made[:SIDE_PX, :SIDE_PX].astype(np.int64)
    made[rng.random(made.shape) < 0.02] = -1
    return made


@pytest.mark.parametrize("strategy", ["simple", "spread", "balanced", "systematic", "interior"])
def test_sample_point_labels(benchmark: Any, mask: np.ndarray, strategy: str) -> None:
    benchmark.pedantic(sample_point_labels, (mask, 200, strategy), {"rng": 1}, rounds=3)


@pytest.mark.parametrize("strategy", ["random", "stratified", "interior"])
def test_sample_points_per_class(benchmark: Any, mask: np.ndarray, strategy: str) -> None:
    benchmark.pedantic(sample_points_per_class, (mask, 40, strategy), {"rng": 1}, rounds=3)
