"""P-accuracy: honest estimators look honest, broken ones do not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pointillist.accuracy.estimators import StratifiedSample
from pointillist.errors import InputError
from pointillist.raster import ArraySource
from pointillist.studies.coverage import (
    AccuracyCell,
    _one_stratum,
    _sampler,
    allocate,
    count_census,
    judge,
)
from pointillist.studies.places import Place


@pytest.fixture(scope="module")
def world() -> tuple[np.ndarray, Place]:
    """A map that is wrong on a seventh of its pixels, unevenly by class."""
    rng = np.random.default_rng(3)
    mask = np.kron(rng.integers(0, 5, (20, 25)), np.ones((10, 10), dtype=np.int16)).astype(np.int16)
    mask[:5] = -1
    found = mask.copy()
    wrong = rng.random(mask.shape) < np.where(mask == 2, 0.35, 0.1)
    found[wrong] = rng.integers(0, 5, int(wrong.sum()))
    found = np.maximum(found, 0)
    return found, Place("toy", ArraySource(np.zeros((1, *mask.shape), dtype=np.uint8)), mask)


@pytest.mark.parametrize("design", ["simple", "stratified", "systematic"])
def test_estimates_are_unbiased_and_intervals_hold(
    world: tuple[np.ndarray, Place], design: str
) -> None:
    found, place = world
    cell = AccuracyCell("toy", design, 400, draws=1500)
    census = count_census(found, place)
    assert census.sum() == (place.mask >= 0).sum()
    rng = np.random.default_rng(1)
    draw = _sampler(cell, census, found, place)
    told = judge([draw(rng) for _ in range(cell.draws)], census)
    assert abs(told["overall"]["bias"]) < 0.1
    # a small world holds some 120 different systematic samples only
    assert (0.88 if design == "systematic" else 0.93) < told["overall"]["coverage"] < 0.99
    assert max(abs(b) for b in told["area"]["bias"]) < 0.12
    assert min(told["area"]["coverage"]) > (0.8 if design == "systematic" else 0.925)
    assert sum(told["area"]["truth"]) == pytest.approx(1.0)
    assert sum(told["area"]["n"]) == pytest.approx(400, rel=0.03)


def test_a_biased_sample_is_found_out(world: tuple[np.ndarray, Place]) -> None:
    """Samples that avoid wrong pixels give a rosy figure, and the study says so."""
    found, place = world
    census = count_census(found, place)
    rosy = np.where(np.eye(5, dtype=bool), census, census // 2)
    rng = np.random.default_rng(2)
    samples = [
        _one_stratum(rng.multivariate_hypergeometric(rosy.ravel(), 400).reshape(5, 5))
        for _ in range(300)
    ]
    told = judge(samples, census)
    assert told["overall"]["bias"] > 1
    assert told["overall"]["coverage"] < 0.6


def test_a_stratum_with_one_sample_is_not_estimable(world: tuple[np.ndarray, Place]) -> None:
    census = count_census(*world)
    counts = np.zeros((5, 6, 5), dtype=np.int64)
    for c in range(5):
        counts[c, c, c] = 1 if c == 4 else 20
    sample = StratifiedSample(
        counts, census.sum(axis=1).astype(float), tuple("abcde"), np.arange(5)
    )
    told = judge([sample, replace(sample)], census)
    assert told["overall"]["estimable"] == 0.0
    assert told["overall"]["coverage"] is None


def test_allocation() -> None:
    assert allocate(np.array([900, 90, 10, 0]), 100).tolist() == [89, 9, 2, 0]
    assert allocate(np.array([1, 99]), 50).sum() == 49  # a stratum of one pixel gives one


def test_unknown_design() -> None:
    with pytest.raises(InputError, match="simple, stratified, systematic for P-accuracy, got 'b"):
        AccuracyCell("dubai1", "balanced")
