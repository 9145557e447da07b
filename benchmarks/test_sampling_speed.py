"""Seconds to draw 200 points on 25 megapixels: each strategy is meant to stay under one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pointillist.sampling import sample_point_labels, sample_points_per_class

SIDE_PX = 5000
UNLABELLED = 255
OPTIONS = {"rng": 1, "ignore_index": UNLABELLED}


@pytest.fixture(scope="module", params=["int64", "uint8"])
def mask(request: Any) -> np.ndarray:
    rng = np.random.default_rng(0)
    made = rng.integers(0, 5, (80, 80)).repeat(63, axis=0).repeat(63, axis=1)
    made = made[:SIDE_PX, :SIDE_PX].astype(request.param)
    made[rng.random(made.shape) < 0.02] = UNLABELLED
    return made


@pytest.mark.parametrize("strategy", ["simple", "spread", "balanced", "systematic", "interior"])
def test_sample_point_labels(benchmark: Any, mask: np.ndarray, strategy: str) -> None:
    benchmark.pedantic(sample_point_labels, (mask, 200, strategy), OPTIONS, rounds=3)


@pytest.mark.parametrize("strategy", ["random", "stratified", "interior"])
def test_sample_points_per_class(benchmark: Any, mask: np.ndarray, strategy: str) -> None:
    benchmark.pedantic(sample_points_per_class, (mask, 40, strategy), OPTIONS, rounds=3)
