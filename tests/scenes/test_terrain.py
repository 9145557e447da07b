"""`terrain` scenes are whole, repeatable, balanced and hard by colour."""

from __future__ import annotations

import numpy as np
import pytest

from pointillist.errors import InputError
from pointillist.scenes import TERRAIN_LEGEND, GeneratedScene, generate_terrain
from pointillist.scenes.legends import BARE_SOIL, ROAD, URBAN, VEGETATION, WATER

GOLDEN = np.array(
    [
        [[61, 84, 54, 92], [133, 140, 96, 85], [126, 57, 47, 128], [107, 119, 109, 121]],
        [[86, 109, 68, 113], [143, 142, 102, 106], [114, 77, 79, 132], [126, 139, 129, 121]],
        [[98, 97, 88, 112], [165, 151, 113, 101], [126, 91, 79, 116], [125, 118, 117, 120]],
    ]
)
GOLDEN_COUNTS = [75, 3092, 310, 46, 573]


@pytest.fixture(scope="module")
def scene() -> GeneratedScene:
    return generate_terrain(seed=4, height=640, width=512, extra_bands=("nir",))


def test_shapes_types_and_bands(scene: GeneratedScene) -> None:
    assert scene.image.shape == (4, 640, 512)
    assert scene.image.dtype == np.uint8
    assert scene.mask.shape == (640, 512)
    assert scene.mask.dtype == np.uint8
    assert scene.band_names == ("red", "green", "blue", "nir")
    assert scene.legend == TERRAIN_LEGEND
    assert scene.mask.max() < len(scene.legend)


def test_the_same_seed_gives_the_same_scene() -> None:
    first, second = (generate_terrain(9, 96, 128) for _ in range(2))
    assert np.array_equal(first.image, second.image)
    assert np.array_equal(first.mask, second.mask)
    assert not np.array_equal(first.mask, generate_terrain(10, 96, 128).mask)


def test_extra_bands_do_not_change_the_others() -> None:
    plain = generate_terrain(9, 96, 128)
    more = generate_terrain(9, 96, 128, extra_bands=("nir", "swir"))
    assert np.array_equal(plain.image, more.image[:3])
    assert np.array_equal(plain.mask, more.mask)


def test_shares_of_the_classes_are_those_of_a_landscape() -> None:
    masks = [generate_terrain(seed, 512, 512).mask.ravel() for seed in range(4)]
    shares = np.bincount(np.concatenate(masks), minlength=5) / sum(map(len, masks))
    assert 0.03 < shares[URBAN] < 0.18
    assert 0.45 < shares[VEGETATION] < 0.75
    assert 0.02 < shares[WATER] < 0.14
    assert 0.08 < shares[BARE_SOIL] < 0.32
    assert 0.02 < shares[ROAD] < 0.08


@pytest.mark.parametrize(("height", "width"), [(64, 64), (64, 300), (201, 77)])
def test_any_size_from_64(height: int, width: int) -> None:
    scene = generate_terrain(2, height, width)
    assert scene.image.shape == (3, height, width)
    assert scene.image.std() > 10


def test_near_infrared_tells_water_from_growing_plants(scene: GeneratedScene) -> None:
    nir = scene.image[3]
    assert np.median(nir[scene.mask == VEGETATION]) > 2 * np.median(nir[scene.mask == WATER])


def test_colours_of_the_classes_overlap(scene: GeneratedScene) -> None:
    rgb = scene.image[:3].reshape(3, -1).T.astype(float)
    labels = scene.mask.ravel()
    means = np.stack([rgb[labels == c].mean(axis=0) for c in range(5)])
    nearest = ((rgb[:, None] - means) ** 2).sum(axis=2).argmin(axis=1)
    recall = [float((nearest[labels == c] == c).mean()) for c in range(5)]
    assert 0.3 < np.mean(recall) < 0.75


def test_borders_are_mixed_but_the_mask_is_sharp(scene: GeneratedScene) -> None:
    blue = scene.image[2].astype(float)
    step = np.abs(np.diff(blue, axis=1))
    border = np.diff(scene.mask.astype(int), axis=1) != 0
    # a border of one class pair is spread over several pixels by the optics
    assert step[border].mean() < 0.6 * blue.std()


def test_grey_levels_of_a_known_scene() -> None:
    """Golden: made by this generator (numpy 2.x, x86-64); other platforms to ±1 level."""
    scene = generate_terrain(1, 64, 64)
    assert scene.image[:, ::21, ::21].astype(int) == pytest.approx(GOLDEN, abs=1)
    assert np.bincount(scene.mask.ravel(), minlength=5) == pytest.approx(GOLDEN_COUNTS, abs=2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"seed": 0, "height": 63}, "at least 64×64 px"),
        ({"seed": -1}, "seed of at least 0, got 1024×1024 and seed -1"),
        ({"seed": 0, "extra_bands": ("thermal",)}, "among nir, swir, each once, got thermal"),
        ({"seed": 0, "extra_bands": ("nir", "nir")}, "each once, got nir, nir"),
    ],
)
def test_impossible_scenes_are_refused(arguments, message: str) -> None:
    with pytest.raises(InputError, match=message):
        generate_terrain(**arguments)
