"""`classic` scenes are those of the reference study."""

from __future__ import annotations

import numpy as np
import pytest

from pointillist.errors import InputError
from pointillist.scenes import CLASS_MEANS, CLASSIC_LEGEND, generate_classic
from pointillist.scenes.legends import BARE_SOIL, ROAD, URBAN, VEGETATION, WATER


@pytest.fixture(scope="module")
def scenes() -> list[tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(3)
    return [generate_classic(rng) for _ in range(12)]


def test_shapes_types_and_range(scenes) -> None:
    image, mask = scenes[0]
    assert image.shape == (3, 128, 128)
    assert image.dtype == np.float32
    assert mask.shape == (128, 128)
    assert mask.dtype == np.uint8
    assert image.min() >= 0
    assert image.max() <= 1


def test_classes_come_in_the_order_of_the_study() -> None:
    assert CLASSIC_LEGEND.names == ("Urban", "Vegetation", "Water", "Bare Soil", "Road")
    assert CLASSIC_LEGEND.codes == (1, 2, 3, 4, 5)


def test_every_scene_holds_the_classes_that_are_always_painted(scenes) -> None:
    for _, mask in scenes:
        assert {VEGETATION, WATER, ROAD, BARE_SOIL} <= set(np.unique(mask))


def test_means_and_noise_are_those_of_the_study(scenes) -> None:
    image = np.concatenate([i.reshape(3, -1) for i, _ in scenes], axis=1)
    mask = np.concatenate([m.ravel() for _, m in scenes])
    for index in (URBAN, VEGETATION, WATER, BARE_SOIL, ROAD):
        pixels = image[:, mask == index]
        # 0.10 of water's red lies 1.25 deviations above 0: clipping moves it by 0.004
        assert np.allclose(pixels.mean(axis=1), CLASS_MEANS[index], atol=0.006)
    assert image[1][mask == VEGETATION].std() == pytest.approx(0.08, abs=0.001)


def test_roads_are_four_pixels_in_the_middle_half(scenes) -> None:
    for _, mask in scenes:
        rows = np.flatnonzero((mask == ROAD).all(axis=1))
        cols = np.flatnonzero((mask == ROAD).all(axis=0))
        for lines in (rows, cols):
            assert len(lines) == 4
            assert 32 <= lines[0] < 96


def test_the_river_is_sixteen_thick_and_swings_over_two_periods(scenes) -> None:
    mask = scenes[0][1]
    seen = np.zeros(128, dtype=bool)
    for _, mask in scenes:
        for col in range(128):
            rows = np.flatnonzero(mask[:, col] == WATER)
            centre = 128 / 3 + 8 * np.sin(4 * np.pi * col / 128)
            assert (np.abs(rows + 0.5 - centre) <= 8.5).all()
            seen[col] |= len(rows) == 16
    assert seen.mean() > 0.9


def test_the_same_generator_state_gives_the_same_scene() -> None:
    first, second = (generate_classic(np.random.default_rng(5), 96) for _ in range(2))
    assert np.array_equal(first[0], second[0])
    assert np.array_equal(first[1], second[1])
    assert not np.array_equal(first[1], generate_classic(np.random.default_rng(6), 96)[1])


def test_a_scene_too_small_for_its_shapes_is_refused() -> None:
    with pytest.raises(InputError, match="at least 64 px a side, got 32"):
        generate_classic(np.random.default_rng(0), 32)
