"""Point masks from full masks: the reference study's API."""

from __future__ import annotations

import numpy as np
import pytest

from pointillist.errors import InputError
from pointillist.sampling import STRATEGIES, sample_point_labels, sample_points_per_class


@pytest.fixture
def mask(rng: np.random.Generator) -> np.ndarray:
    made = rng.choice(4, (16, 16), p=[0.4, 0.3, 0.2, 0.1]).repeat(8, axis=0).repeat(8, axis=1)
    made[:10] = -1
    return made


@pytest.mark.parametrize(
    "strategy", ["random", "stratified", "simple", "spread", "balanced", "interior"]
)
def test_labels_are_kept_at_the_points_and_nowhere_else(strategy, mask) -> None:
    points = sample_point_labels(mask, 40, strategy, rng=3)
    assert points.dtype == np.int64
    assert points.shape == mask.shape
    chosen = points >= 0
    assert chosen.sum() == 40
    np.testing.assert_array_equal(points[chosen], mask[chosen])
    assert (points[~chosen] == -1).all()


@pytest.mark.parametrize(("theirs", "ours"), [("random", "simple"), ("stratified", "spread")])
def test_the_studys_names_are_this_projects_designs(theirs, ours, mask) -> None:
    for draw in (sample_point_labels, sample_points_per_class):
        np.testing.assert_array_equal(draw(mask, 12, theirs, rng=7), draw(mask, 12, ours, rng=7))


@pytest.mark.parametrize("strategy", ["random", "stratified", "simple", "spread", "interior"])
def test_per_class_gives_each_class_its_number(strategy, mask) -> None:
    points = sample_points_per_class(mask, 9, strategy, rng=np.random.default_rng(1))
    counts = np.bincount(points[points >= 0], minlength=4)
    assert counts.tolist() == [9, 9, 9, 9]
    chosen = points >= 0
    np.testing.assert_array_equal(points[chosen], mask[chosen])


def test_a_rare_class_gives_all_it_has_and_an_absent_one_nothing() -> None:
    mask = np.zeros((20, 20), dtype=np.uint8)
    mask[0, :3] = 2
    for strategy in ("random", "spread", "interior"):
        points = sample_points_per_class(mask, 10, strategy, rng=0, num_classes=5)
        assert np.bincount(points[points >= 0], minlength=5).tolist() == [10, 0, 3, 0, 0]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_seed_or_generator_decides(strategy, mask) -> None:
    one = sample_point_labels(mask, 30, strategy, rng=5)
    np.testing.assert_array_equal(
        one, sample_point_labels(mask, 30, strategy, rng=np.random.default_rng(5))
    )
    assert not np.array_equal(one, sample_point_labels(mask, 30, strategy, rng=6))
    fresh = [sample_point_labels(mask, 30, strategy) for _ in range(3)]
    assert not all(np.array_equal(fresh[0], other) for other in fresh[1:])


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("ignored", [255, 0, -1, -9999])
def test_the_ignored_value_is_never_drawn(strategy, ignored, mask) -> None:
    dtype = np.uint8 if ignored >= 0 else np.int32
    values = np.where(mask < 0, ignored, mask + 1).astype(dtype)
    points = sample_point_labels(values, 40, strategy, rng=2, ignore_index=ignored)
    chosen = points >= 0
    assert (mask[chosen] >= 0).all()
    np.testing.assert_array_equal(points[chosen], mask[chosen] + 1)
    if strategy not in ("systematic", "balanced"):
        assert chosen.sum() == 40


@pytest.mark.parametrize("strategy", ["random", "spread", "interior"])
def test_per_class_ignores_what_it_is_told_to(strategy, mask) -> None:
    values = np.where(mask < 0, 255, mask).astype(np.uint8)
    points = sample_points_per_class(values, 6, strategy, rng=2, ignore_index=255)
    assert np.bincount(points[points >= 0]).tolist() == [6, 6, 6, 6]


def test_per_class_interior_stays_away_from_borders() -> None:
    mask = np.repeat([0, 1], 40)[None].repeat(60, axis=0)
    points = sample_points_per_class(mask, 50, "interior", rng=0)
    cols = np.argwhere(points >= 0)[:, 1]
    assert np.where(cols < 40, 40 - cols, cols - 39).min() > 4


def test_another_value_for_unlabelled(mask) -> None:
    bytes_ = np.where(mask < 0, 255, mask).astype(np.uint8)
    one = sample_point_labels(mask, 30, rng=5)
    np.testing.assert_array_equal(one, sample_point_labels(bytes_, 30, rng=5, ignore_index=255))


def test_nothing_labelled() -> None:
    empty = np.full((4, 4), -1)
    assert (sample_points_per_class(empty, 3) == -1).all()
    with pytest.raises(InputError, match="at most 0 points"):
        sample_point_labels(empty, 3)


def test_bad_requests(mask) -> None:
    with pytest.raises(InputError, match="strategy of random, stratified"):
        sample_point_labels(mask, 3, "wild")
    with pytest.raises(InputError, match="strategy per class"):
        sample_points_per_class(mask, 3, "systematic")
    with pytest.raises(InputError, match="at least 1 point per class"):
        sample_points_per_class(mask, 0)
    with pytest.raises(InputError, match="whole numbers"):
        sample_point_labels(mask.astype(float), 3)


def test_the_input_is_left_as_it_was(mask) -> None:
    before = mask.copy()
    sample_points_per_class(mask, 5, "interior", rng=0)
    sample_point_labels(mask, 5, "spread", rng=0)
    np.testing.assert_array_equal(mask, before)
