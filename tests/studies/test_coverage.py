"""P-accuracy: honest estimators look honest, broken ones do not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pointillist.errors import InputError
from pointillist.raster import ArraySource
from pointillist.studies import coverage_samples as samples
from pointillist.studies.coverage import (
    CONFIDENCE,
    DESIGNS,
    AccuracyCell,
    count_census,
    draw,
    judge,
    name_design,
)
from pointillist.studies.coverage_batch import check, estimate_all
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


@pytest.mark.parametrize("design", DESIGNS)
def test_estimates_are_unbiased_and_intervals_hold(
    world: tuple[np.ndarray, Place], design: str
) -> None:
    found, place = world
    cell = AccuracyCell("toy", design, 400, draws=3000)
    census = count_census(found, place)
    assert census.sum() == (place.mask >= 0).sum()
    told = judge(draw(cell, found, place), census)
    assert abs(told["overall"]["bias"]) < 0.1
    # a small world holds some 120 different systematic samples only
    assert (0.88 if design == "systematic" else 0.935) < told["overall"]["coverage"] < 0.99
    assert max(abs(b) for b in told["area"]["bias"]) < 0.1
    assert min(told["area"]["coverage"]) > (0.8 if design == "systematic" else 0.93)
    assert sum(told["area"]["truth"]) == pytest.approx(1.0)
    assert sum(told["area"]["n"]) == pytest.approx(400, rel=0.03)


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("n", [12, 300])
def test_the_batch_says_what_assess_says(
    world: tuple[np.ndarray, Place], design: str, n: int
) -> None:
    """Also where strata have one sample or none, and where all samples agree."""
    found, place = world
    draws = draw(AccuracyCell("toy", design, n, draws=60), found, place)
    figures = estimate_all(draws, CONFIDENCE)
    check(draws, figures, CONFIDENCE)
    figures["area"][0].low[:] += 1e-4
    with pytest.raises(AssertionError):
        check(draws, figures, CONFIDENCE)


def test_a_biased_sample_is_found_out(world: tuple[np.ndarray, Place]) -> None:
    """Samples that avoid wrong pixels give a rosy figure, and the study says so."""
    census = count_census(*world)
    rosy = np.where(np.eye(5, dtype=bool), census, census // 2)
    told = judge(samples.draw_simple(rosy, 400, 300, np.random.default_rng(2)), census)
    assert told["overall"]["bias"] > 1
    assert told["overall"]["coverage"] < 0.6


def test_a_stratum_with_one_sample_is_not_estimable(world: tuple[np.ndarray, Place]) -> None:
    census = count_census(*world)
    points = np.array([20, 20, 20, 20, 1])
    told = judge(samples.draw_by_class(census, points, 30, np.random.default_rng(1)), census)
    assert told["overall"]["estimable"] == 0.0
    assert told["overall"]["coverage"] is None
    assert told["users"]["estimable"][0] == 1.0


def test_a_grid_turns_and_stretches(world: tuple[np.ndarray, Place]) -> None:
    found, place = world
    cell = AccuracyCell("toy", "systematic", 200, draws=200)
    n = [
        draw(changed, found, place).counts.sum(axis=(1, 2, 3)).mean()
        for changed in (cell, replace(cell, turn_deg=30.0), replace(cell, stretch=1.25))
    ]
    assert n[0] == pytest.approx(200, rel=0.02)
    assert n[1] == pytest.approx(200, rel=0.02)
    assert n[2] == pytest.approx(200 / 1.25**2, rel=0.03)
    assert name_design({"design": "systematic", "turn_deg": 30.0}) == "systematic, turned by 30°"


def test_a_grid_along_a_striped_world_misleads_until_it_is_turned() -> None:
    """Stripes as far apart as the grid's step: whole columns of points fall on them together."""
    mask = np.zeros((400, 400), dtype=np.int16)
    mask[:, np.arange(400) % 20 < 6] = 1
    place = Place("stripes", ArraySource(np.zeros((1, 400, 400), dtype=np.uint8)), mask)
    census = samples.cut_by_old_map(mask, mask, 2).sum(axis=0)
    cell = AccuracyCell("stripes", "systematic", 400, draws=400)
    along, turned = (
        judge(draw(changed, mask, place), census)["area"]["coverage"][1]
        for changed in (cell, replace(cell, turn_deg=25.0))
    )
    assert along < 0.2
    assert turned > 0.9


def test_strata_of_an_old_map_hold_every_pixel_once(world: tuple[np.ndarray, Place]) -> None:
    found, place = world
    cut = samples.cut_by_old_map(found, place.mask.astype(np.int16), 5)
    assert (cut.sum(axis=0) == count_census(found, place)).all()
    assert 1 < len(cut) <= 5


def test_allocation() -> None:
    assert samples.share_out(np.array([900, 90, 10, 0]), 100).tolist() == [89, 9, 2, 0]
    assert samples.share_out(np.array([1, 99]), 50).sum() == 49  # a stratum of one pixel gives one
    assert samples.share_out_equally(np.array([900, 0, 90, 10]), 32).tolist() == [11, 0, 11, 10]


def test_unknown_design() -> None:
    with pytest.raises(InputError, match="systematic for P-accuracy, got 'balanced'"):
        AccuracyCell("dubai1", "balanced")
