"""Scenes of random colours: every family appears, and only shape and texture tell them apart."""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import LogisticRegression

from pointillist.scenes.families import FAMILIES, generate_families


def _scenes(first: int, n: int) -> list[tuple[np.ndarray, np.ndarray]]:
    return [generate_families(np.random.default_rng(i), 96) for i in range(first, first + n)]


def test_a_seed_makes_one_scene():
    (image, family), (again, same) = (generate_families(np.random.default_rng(3), 64) for _ in "ab")
    np.testing.assert_array_equal(image, again)
    np.testing.assert_array_equal(family, same)
    assert image.dtype == np.float32
    assert image.shape == (3, 64, 64)
    np.testing.assert_allclose(image.mean(axis=(1, 2)), 0, atol=1e-4)
    np.testing.assert_allclose(image.std(axis=(1, 2)), 1, atol=0.05)


def test_every_family_appears_and_none_is_everything():
    shares = np.bincount(
        np.concatenate([family.ravel() for _, family in _scenes(0, 60)]), minlength=len(FAMILIES)
    )
    shares = shares / shares.sum()
    assert shares.min() > 0.01
    assert shares.max() < 0.6


def test_colour_tells_nothing():
    """A pixel's colour says no more of its family than knowing which one is the most common."""
    pixels, families = (
        np.concatenate(parts)
        for parts in zip(
            *((image[:, ::6, ::6].reshape(3, -1).T, family[::6, ::6].ravel())
              for image, family in _scenes(100, 80)),
            strict=True,
        )
    )  # fmt: skip
    half = len(pixels) // 2
    model = LogisticRegression(max_iter=300).fit(pixels[:half], families[:half])
    found = float((model.predict(pixels[half:]) == families[half:]).mean())
    common = float((families[half:] == np.bincount(families[:half]).argmax()).mean())
    assert found < common + 0.03
