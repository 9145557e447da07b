"""What holds for every allocation, every map, every area: of samples that judge a map."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pointillist.grid import Grid, Transform, Window
from pointillist.legend import Legend
from pointillist.sampling.allocation import (
    ALLOCATIONS,
    allocate,
    expected_error,
    simple_size,
    stratified_size,
)
from pointillist.sampling.layers import Reading
from pointillist.sampling.planning import SampleRequest
from pointillist.sampling.population import Population
from pointillist.sampling.reference import draw_reference

SIZES = hnp.arrays(np.int64, st.integers(1, 9), elements=st.integers(0, 10**9)).filter(
    lambda sizes: sizes.sum() > 0
)
NAMES = ("a", "b", "c", "d")


class ArrayLayer:
    """A small map in memory."""

    name = "array"
    is_truth = False
    legend = Legend.from_names(NAMES)

    def __init__(self, mask: np.ndarray) -> None:
        self.mask = mask
        self.grid = Grid(*mask.shape, Transform(10, 0, 0, 0, -10, 0))

    def fingerprint(self) -> str:
        return "0"

    def read(self, window: Window) -> Reading:
        return Reading(self.mask[window.slices].astype(np.int16))


class ArrayArea:
    """An area of interest of single pixels."""

    name = "area.gpkg"

    def __init__(self, inside: np.ndarray) -> None:
        self.inside = inside

    def touches(self, window: Window) -> bool:
        return bool(self.inside[window.slices].any())

    def mask(self, window: Window) -> np.ndarray:
        return self.inside[window.slices]

    def fingerprint(self) -> str:
        return "0"


SHAPES = st.shared(st.tuples(st.integers(1, 20), st.integers(1, 20)), key="shape")
MASKS = hnp.arrays(np.int64, SHAPES, elements=st.integers(-1, 3))
AREAS = hnp.arrays(np.bool_, SHAPES)


@pytest.mark.parametrize("allocation", ALLOCATIONS)
@given(sizes=SIZES, share=st.floats(0, 1), minimum=st.integers(1, 60), data=st.data())
def test_allocations_add_up_within_their_bounds(
    allocation: str, sizes: np.ndarray, share: float, minimum: int, data: st.DataObject
) -> None:
    least = int(np.minimum(minimum, sizes).sum())
    most = min(int(sizes.sum()), 10**6)
    assume(least <= most)
    n = least + int(share * (most - least))
    users = data.draw(hnp.arrays(np.float64, len(sizes), elements=st.floats(0, 1)))
    points = allocate(sizes, n, allocation, expected=users, minimum=minimum)
    assert points.sum() == n
    assert (points >= np.minimum(minimum, sizes)).all()
    assert (points <= sizes).all()


@given(sizes=SIZES, share=st.floats(0, 1), data=st.data())
def test_proportional_is_within_one_point_where_nothing_binds(
    sizes: np.ndarray, share: float, data: st.DataObject
) -> None:
    sizes = sizes + 10**7
    n = 1000 + int(share * 9000)
    points = allocate(sizes, n, "proportional", minimum=1)
    assert np.abs(points - n * sizes / sizes.sum()).max() < 1 + 1e-6
    assert np.ptp(allocate(sizes, n, "equal", minimum=1)) <= 1


@given(sizes=SIZES, data=st.data())
def test_neyman_is_best_and_reaches_the_target(sizes: np.ndarray, data: st.DataObject) -> None:
    """Eq. 13 gives the error that was asked for, but for rounding; no other allocation does."""
    sizes = sizes + 10**6
    users = data.draw(hnp.arrays(np.float64, len(sizes), elements=st.floats(0.05, 0.95)))
    n = stratified_size(sizes, users, 0.01)
    errors = {
        allocation: expected_error(sizes, allocate(sizes, n, allocation, expected=users), users)
        for allocation in ALLOCATIONS
    }
    assert errors["neyman"] == pytest.approx(0.01, rel=0.02)
    assert errors["neyman"] <= min(errors.values()) * 1.001
    overall = float((sizes * users).sum() / sizes.sum())
    assert n <= simple_size(int(sizes.sum()), overall, 0.01) + 1


@pytest.mark.parametrize("blind", [False, True])
@pytest.mark.parametrize("design", ["simple", "stratified", "systematic"])
@settings(max_examples=60)
@given(mask=MASKS, inside=AREAS, share=st.floats(0, 1), seed=st.integers(0, 2**32 - 1))
def test_points_are_a_sample_of_the_area(
    design: str, blind: bool, mask: np.ndarray, inside: np.ndarray, share: float, seed: int
) -> None:
    there = inside & (mask >= 0)
    assume(there.any())
    sizes = np.bincount(mask[there], minlength=4)
    least = int((sizes > 0).sum())
    n = least + int(share * (there.sum() - least))
    population = Population(ArrayLayer(mask), area=ArrayArea(inside))  # type: ignore[arg-type]
    request = SampleRequest(design, n, seed=seed, blind=blind)
    xy, columns, facts = draw_reference(population, request)
    rowcol = population.layer.grid.transform.rowcol(xy)
    at = tuple(rowcol.T)
    assert len(np.unique(rowcol, axis=0)) == len(rowcol) == facts["n"]
    assert there[at].all()
    if design != "systematic":
        assert len(rowcol) == n
    assert facts["population"] == there.sum()
    if blind:
        assert "map_class" not in columns
        assert all(value is None for value in columns["class"])
    else:
        assert columns["map_class"].tolist() == [NAMES[c] for c in mask[at]]
    if not (blind and design == "stratified"):
        assert (1 / columns["inclusion_probability"]).sum() == pytest.approx(there.sum())
    if design == "stratified":
        assert sum(facts["stratum_points"].values()) == n
        assert sorted(facts["stratum_sizes"].values()) == sorted(sizes[sizes > 0].tolist())
    again = draw_reference(population, request)
    assert np.array_equal(again[0], xy)
    assert again[2] == facts


@pytest.mark.slow
@pytest.mark.parametrize("design", ["simple", "stratified", "systematic"])
def test_every_pixel_has_the_chance_that_is_written(design: str) -> None:
    """Over 1500 draws each pixel turns up as often as its inclusion probability says."""
    rng = np.random.default_rng(4)
    mask = rng.integers(-1, 3, (9, 11))
    inside = rng.random(mask.shape) < 0.8
    population = Population(ArrayLayer(mask), area=ArrayArea(inside))  # type: ignore[arg-type]
    hits, draws = np.zeros(mask.shape), 1500
    expected = np.zeros(mask.shape)
    there = inside & (mask >= 0)
    sizes = np.bincount(mask[there], minlength=3)
    if design == "stratified":
        expected[there] = 4 / sizes[mask[there]]
    else:
        expected[there] = 12 / there.sum()
    for seed in range(draws):
        xy, _, _ = draw_reference(population, SampleRequest(design, 12, seed=seed))
        hits[tuple(population.layer.grid.transform.rowcol(xy).T)] += 1
    error = np.sqrt(expected * (1 - expected) / draws)
    off = np.abs(hits / draws - expected)[there] / error[there]
    assert hits[~there].sum() == 0
    assert off.max() < 4.5
