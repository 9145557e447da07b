"""Every design keeps one contract; each is also what its name says."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.spatial import cKDTree

from pointillist.errors import InputError
from pointillist.sampling import DESIGNS, draw_points
from pointillist.sampling.designs import (
    _equal,
    _proportional,
    draw_interior_per_class,
    interior_depth,
)


@pytest.fixture
def mask(rng: np.random.Generator) -> np.ndarray:
    """Five classes of unequal size in blobs, a tenth unlabelled."""
    coarse = rng.choice(5, (20, 25), p=[0.5, 0.25, 0.15, 0.06, 0.04])
    made = coarse.repeat(12, axis=0).repeat(12, axis=1)
    made[rng.random(made.shape) < 0.1] = -1
    return made


@pytest.mark.parametrize("design", DESIGNS)
class TestContract:
    def test_distinct_labelled_pixels_and_as_many_as_asked_for(self, design, mask, rng) -> None:
        points = draw_points(mask, 100, design, rng)
        assert points.dtype == np.int64
        assert points.shape[1] == 2
        assert len(np.unique(points, axis=0)) == len(points)
        assert (mask[points[:, 0], points[:, 1]] >= 0).all()
        if design == "systematic":
            assert 80 <= len(points) <= 120
        else:
            assert len(points) == 100

    def test_the_generator_decides(self, design, mask) -> None:
        one, same, other = (
            draw_points(mask, 50, design, np.random.default_rng(seed)) for seed in (1, 1, 2)
        )
        np.testing.assert_array_equal(one, same)
        assert not np.array_equal(one, other)

    @pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (2, 3)])
    def test_tiny_masks(self, design, shape, rng) -> None:
        mask = np.zeros(shape, dtype=np.int64)
        points = draw_points(mask, 1, design, rng)
        assert len(points) >= 1
        assert (points >= 0).all()
        assert (points < shape).all()

    def test_every_pixel_at_once(self, design, rng) -> None:
        mask = np.array([[0, 1, 1, -1], [2, 2, 0, 1]])
        points = draw_points(mask, 7, design, rng)
        assert len(points) == 7
        assert {tuple(p) for p in points.tolist()} == {
            tuple(p) for p in np.argwhere(mask >= 0).tolist()
        }

    def test_memory_order_and_type_do_not_matter(self, design, mask) -> None:
        one = draw_points(mask, 60, design, np.random.default_rng(3))
        wide = np.full((2 * mask.shape[0], 3 * mask.shape[1]), 7)
        wide[::2, ::3] = mask
        turned = mask[::-1, ::-1].copy()[::-1, ::-1]
        same = [np.asfortranarray(mask), wide[::2, ::3], turned]
        for other in [*same, *(mask.astype(t) for t in (np.int8, np.int16, np.int32))]:
            np.testing.assert_array_equal(
                one, draw_points(other, 60, design, np.random.default_rng(3))
            )

    @pytest.mark.parametrize("hole", [-2, -128, -200, -9999])
    def test_any_negative_value_is_no_place_for_a_point(self, design, hole, mask) -> None:
        other = np.where(mask < 0, hole, mask)
        np.testing.assert_array_equal(
            draw_points(mask, 60, design, np.random.default_rng(3)),
            draw_points(other, 60, design, np.random.default_rng(3)),
        )

    def test_one_class_and_absent_classes(self, design, rng) -> None:
        mask = np.full((30, 40), 3, dtype=np.uint8)  # classes 0, 1, 2 do not occur
        points = draw_points(mask, 12, design, rng, n_classes=6)
        assert 8 <= len(points) <= 16
        assert len(np.unique(points, axis=0)) == len(points)

    def test_a_few_labelled_pixels_in_a_large_void(self, design, rng) -> None:
        mask = np.full((300, 400), -1, dtype=np.int8)
        mask[280, 5], mask[11, 390], mask[150, 200] = 0, 1, 1
        points = draw_points(mask, 2, design, rng)
        assert (mask[points[:, 0], points[:, 1]] >= 0).all()
        assert 1 <= len(points) <= 3

    def test_more_points_than_pixels(self, design, rng) -> None:
        with pytest.raises(InputError, match="at most 3 points"):
            draw_points(np.array([[0, 0, 1, -1]]), 4, design, rng)

    def test_no_points(self, design, mask, rng) -> None:
        with pytest.raises(InputError, match="at least 1 point, got 0"):
            draw_points(mask, 0, design, rng)


def test_unknown_design(mask, rng) -> None:
    with pytest.raises(InputError, match=r"simple, balanced, stratified.*got 'clever'"):
        draw_points(mask, 5, "clever", rng)


def test_a_value_that_is_no_class(rng) -> None:
    mask = np.zeros((3, 3), dtype=np.int64)
    mask[0] = 2_147_483_647
    with pytest.raises(InputError, match="at most 65534 in the mask, got 2147483647"):
        draw_points(mask, 1, "balanced", rng)


@pytest.mark.parametrize("bad", [np.zeros((2, 2, 2), dtype=int), np.zeros((3, 3))])
def test_not_a_mask(bad, rng) -> None:
    with pytest.raises(InputError, match="mask \\(rows, columns\\) of whole numbers"):
        draw_points(bad, 1, "simple", rng)


def test_simple_gives_every_pixel_the_same_chance() -> None:
    mask = np.zeros((6, 7), dtype=np.int8)
    mask[2, 3:] = -1
    counts = np.zeros(mask.shape, dtype=int)
    rng = np.random.default_rng(0)
    for _ in range(3000):
        rows, cols = draw_points(mask, 5, "simple", rng).T
        counts[rows, cols] += 1
    assert (counts[mask < 0] == 0).all()
    # drawing without replacement varies less than the multinomial: a χ² test is on the safe side
    assert stats.chisquare(counts[mask >= 0]).pvalue > 0.001


@pytest.mark.parametrize(("shape", "n"), [((12, 17), 12), ((9, 9), 60), ((3, 60), 4)])
def test_systematic_gives_every_pixel_the_same_chance(shape, n) -> None:
    """A grid fitted to n after its start was drawn would leave pixels out for good."""
    mask = np.zeros(shape, dtype=np.int8)
    mask[1:3, 4:7] = -1
    counts, drawn, repeats = np.zeros(shape), 0, 3000
    rng = np.random.default_rng(0)
    for _ in range(repeats):
        points = draw_points(mask, n, "systematic", rng)
        counts[points[:, 0], points[:, 1]] += 1
        drawn += len(points)
    share = n / (mask >= 0).sum()
    assert drawn / repeats == pytest.approx(n, rel=0.03)
    z = (counts[mask >= 0] / repeats - share) / np.sqrt(share * (1 - share) / repeats)
    assert abs(z).max() < 4.5


def test_systematic_on_a_narrow_strip_keeps_to_its_number() -> None:
    for seed in range(10):
        for shape in ((1, 400), (400, 1), (2, 300)):
            points = draw_points(
                np.zeros(shape, int), 10, "systematic", np.random.default_rng(seed)
            )
            assert 9 <= len(points) <= 11


def test_per_class_designs_give_every_pixel_of_a_class_the_same_chance() -> None:
    mask = np.repeat([0, 1, 2], [20, 12, 8]).reshape(5, 8)
    for design in ("balanced", "stratified"):
        counts = np.zeros(mask.shape, dtype=int)
        rng = np.random.default_rng(1)
        for _ in range(2000):
            rows, cols = draw_points(mask, 9, design, rng).T
            counts[rows, cols] += 1
        for c in range(3):
            assert stats.chisquare(counts[mask == c]).pvalue > 0.001


def _mean_distance(points: np.ndarray) -> float:
    return float(cKDTree(points).query(points, k=2)[0][:, 1].mean())


def test_spread_is_measurably_wider_than_simple(mask) -> None:
    ratios = [
        _mean_distance(draw_points(mask, 150, "spread", np.random.default_rng(seed)))
        / _mean_distance(draw_points(mask, 150, "simple", np.random.default_rng(seed)))
        for seed in range(8)
    ]
    assert min(ratios) > 1.05
    assert np.mean(ratios) > 1.2


def test_spread_has_one_point_per_cell_where_it_can() -> None:
    points = draw_points(np.zeros((100, 100), dtype=int), 100, "spread", np.random.default_rng(0))
    per_quarter = np.histogram2d(*points.T, bins=2, range=[(0, 100), (0, 100)])[0]
    assert (abs(per_quarter - 25) <= 6).all()


def test_systematic_is_a_regular_grid_with_a_random_start() -> None:
    mask = np.zeros((90, 120), dtype=int)
    starts = set()
    for seed in range(5):
        points = draw_points(mask, 100, "systematic", np.random.default_rng(seed))
        rows, cols = np.unique(points[:, 0]), np.unique(points[:, 1])
        assert len(rows) * len(cols) == len(points)
        assert np.ptp(np.diff(rows)) <= 1
        assert np.ptp(np.diff(cols)) <= 1
        starts.add((int(rows[0]), int(cols[0])))
    assert len(starts) > 1


def test_balanced_gives_each_class_the_same_and_the_rest_what_one_is_short_of(rng) -> None:
    mask = np.repeat([0, 1, 2], [500, 400, 10])[None]
    classes = mask[tuple(draw_points(mask, 90, "balanced", rng).T)]
    assert np.bincount(classes).tolist() == [40, 40, 10]
    classes = mask[tuple(draw_points(mask, 9, "balanced", rng).T)]
    assert np.bincount(classes).tolist() == [3, 3, 3]
    classes = mask[tuple(draw_points(mask, 2, "balanced", rng).T)]
    assert len(set(classes.tolist())) == 2


def test_stratified_is_in_proportion_with_one_of_each_class_where_it_can(rng) -> None:
    mask = np.repeat([0, 1, 2], [6000, 3990, 10])[None]
    classes = mask[tuple(draw_points(mask, 100, "stratified", rng).T)]
    counts = np.bincount(classes, minlength=3)
    assert counts[2] == 1
    assert abs(counts[0] - 60) <= 1
    assert abs(counts[1] - 39) <= 1
    for n in (1, 2):
        assert len(draw_points(mask, n, "stratified", rng)) == n


@pytest.mark.parametrize("allocate", [_equal, _proportional])
def test_allocations_always_add_up(allocate) -> None:
    rng = np.random.default_rng(2)
    for _ in range(300):
        counts = rng.integers(0, 40, rng.integers(1, 9))
        counts[rng.random(len(counts)) < 0.3] = 0
        counts[0] += 1  # a class of one pixel among them
        n = int(rng.integers(0, counts.sum() + 1))
        wanted = allocate(counts, n, rng)
        assert wanted.sum() == n
        assert (wanted >= 0).all()
        assert (wanted <= counts).all()
        if n >= np.count_nonzero(counts):
            assert (wanted[counts > 0] > 0).all()


def test_fewer_points_than_classes_go_to_the_largest() -> None:
    wanted = _proportional(np.array([5, 900, 50, 1, 700]), 2, np.random.default_rng(0))
    assert wanted.tolist() == [0, 1, 0, 0, 1]


def test_interior_stays_away_from_borders(rng) -> None:
    mask = np.zeros((60, 60), dtype=int)
    mask[:, 30:] = 1
    points = draw_points(mask, 200, "interior", rng)
    distance = np.where(points[:, 1] < 30, 30 - points[:, 1], points[:, 1] - 29)
    assert distance.min() > 4


def test_interior_of_a_thin_class_is_its_most_interior_tenth(rng) -> None:
    mask = np.zeros((60, 60), dtype=int)
    mask[30:33] = 1  # a road of three pixels
    points = draw_interior_per_class(mask, np.array([5, 20]), rng)
    classes = mask[points[:, 0], points[:, 1]]
    assert np.bincount(classes).tolist() == [5, 20]
    assert set(points[classes == 1, 0].tolist()) == {31}


def test_interior_goes_to_the_border_when_there_is_no_other_way(rng) -> None:
    mask = (np.indices((10, 10)).sum(axis=0) % 2).astype(int)
    assert len(draw_points(mask, 60, "interior", rng)) == 60


def test_depth_counts_steps_from_another_value() -> None:
    mask = np.zeros((1, 12), dtype=int)
    mask[0, 6:] = 1
    assert interior_depth(mask).tolist() == [[4, 4, 3, 2, 1, 0, 0, 1, 2, 3, 4, 4]]


def test_many_classes(rng) -> None:
    mask = rng.integers(0, 127, (50, 60)).astype(np.int8)
    for design in DESIGNS:
        assert len(draw_points(mask, 200, design, rng)) >= 150
