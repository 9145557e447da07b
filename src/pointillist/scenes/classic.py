"""`classic`: the simple scenes of the reference study, for like-for-like comparison.

Everything is as in the set-up of the study: shapes with sharp borders, painted one over the other,
and independent noise on one mean colour per class. They are easy on purpose; `terrain` is not.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pointillist.errors import InputError
from pointillist.scenes.legends import BARE_SOIL, ROAD, URBAN, VEGETATION, WATER

MIN_SIZE = 64
"""Smallest side for which all shapes fit."""

CLASS_MEANS: NDArray[np.float32] = np.array(
    [
        [0.55, 0.55, 0.55],
        [0.20, 0.55, 0.20],
        [0.10, 0.20, 0.70],
        [0.60, 0.45, 0.25],
        [0.65, 0.65, 0.45],
    ],
    dtype=np.float32,
)
"""Mean reflectance (class, band R G B) of the reference study."""

NOISE_STD = 0.08
"""Standard deviation of the noise per pixel and band."""

_RIVER_THICKNESS = 16
_RIVER_SWING = 8.0
_ROAD_THICKNESS = 4


def generate_classic(
    rng: np.random.Generator, size: int = 128
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Generate one square scene of the reference study.

    Vegetation everywhere; 3–7 urban rectangles with sides of 15–50 px; a river 16 px thick whose
    centre row is size/3 + 8·sin over two full periods; 2–4 discs of bare soil with a radius of
    10–28 px; one horizontal and one vertical road of 4 px in the middle half. Later shapes
    overwrite earlier ones.

    Args:
        rng: Source of all randomness.
        size: Side in pixels, at least 64 (the study uses 128).

    Returns:
        Image (3, size, size) of reflectances 0…1 (R, G, B) and mask (size, size) of class indices
        in the order of `CLASSIC_LEGEND`.

    Raises:
        InputError: A size below 64.

    Example:
        >>> image, mask = generate_classic(np.random.default_rng(0))
        >>> image.shape, mask.shape
        ((3, 128, 128), (128, 128))
    """
    if size < MIN_SIZE:
        raise InputError(f"Expected scenes of at least {MIN_SIZE} px a side, got {size}.")
    mask = _paint_mask(rng, size)
    noise = rng.standard_normal((3, size, size), dtype=np.float32)
    image = np.ascontiguousarray(CLASS_MEANS.T)[:, mask] + np.float32(NOISE_STD) * noise
    return np.clip(image, 0, 1, out=image), mask


def _paint_mask(rng: np.random.Generator, size: int) -> NDArray[np.uint8]:
    mask = np.full((size, size), VEGETATION, dtype=np.uint8)
    rows, cols = np.ogrid[:size, :size]
    for _ in range(rng.integers(3, 7, endpoint=True)):
        height, width = rng.integers(15, 50, size=2, endpoint=True)
        row, col = rng.integers(0, size - 15, size=2, endpoint=True)
        mask[row : row + height, col : col + width] = URBAN
    centre = size / 3 + _RIVER_SWING * np.sin(2 * np.pi * 2 * cols / size)
    mask[(rows >= centre - _RIVER_THICKNESS / 2) & (rows < centre + _RIVER_THICKNESS / 2)] = WATER
    for _ in range(rng.integers(2, 4, endpoint=True)):
        radius = rng.integers(10, 28, endpoint=True)
        row, col = rng.integers(0, size, size=2)
        mask[(rows - row) ** 2 + (cols - col) ** 2 <= radius**2] = BARE_SOIL
    row, col = rng.integers(size // 4, 3 * size // 4, size=2)
    mask[row : row + _ROAD_THICKNESS, :] = ROAD
    mask[:, col : col + _ROAD_THICKNESS] = ROAD
    return mask
