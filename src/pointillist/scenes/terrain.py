"""`terrain`: believable scenes that are hard by colour alone.

River, lakes, woods, parcels in every stage of growth, lanes, main roads and towns are laid out on a
fractal ground, painted with overlapping spectra, lit, blurred by optics and hidden behind haze and
noise. The mask stays sharp. A pixel is meant as 1 m of the ground.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pointillist.errors import InputError
from pointillist.legend import Legend
from pointillist.scenes.canvas import BANDS, Canvas
from pointillist.scenes.countryside import paint_fields, paint_lanes, paint_woods, split_parcels
from pointillist.scenes.illumination import render
from pointillist.scenes.landforms import paint_water, shape_ground
from pointillist.scenes.legends import TERRAIN_LEGEND
from pointillist.scenes.roads import lay_main_roads, paint_main_roads, place_towns
from pointillist.scenes.settlement import paint_town
from pointillist.scenes.trees import paint_trees

MIN_SIZE = 64
"""Smallest height and width."""

EXTRA_BANDS = ("nir", "swir")
"""Bands that can be had besides red, green and blue."""


@dataclass(frozen=True)
class GeneratedScene:
    """A generated scene with its full truth.

    Args:
        image: (B, H, W) grey levels.
        mask: (H, W) class indices in the order of `legend`; every pixel has a class.
        band_names: B names.
        legend: The classes.
        epsg: Coordinate reference system to write the scene in.
        transform: Pixel to map coordinates (a, b, c, d, e, f) to write it with: 1 m pixels.
    """

    image: NDArray[np.uint8]
    mask: NDArray[np.uint8]
    band_names: tuple[str, ...]
    legend: Legend = TERRAIN_LEGEND
    epsg: int = 32632
    transform: tuple[float, float, float, float, float, float] = (1, 0, 600_000, 0, -1, 5_600_000)


def generate_terrain(
    seed: int, height: int = 1024, width: int = 1024, extra_bands: Sequence[str] = ()
) -> GeneratedScene:
    """Generate one scene; the same seed and size give the same scene everywhere, to ±1 grey level.

    Args:
        seed: At least 0.
        height: Rows, at least 64. Small scenes show a part of a town and of a river.
        width: Columns, at least 64.
        extra_bands: Any of `nir`, `swir`; they follow red, green and blue.

    Returns:
        The scene. Red, green, blue and the mask do not depend on the extra bands.

    Raises:
        InputError: A side below 64, a negative seed or an unknown band.

    Example:
        >>> scene = generate_terrain(seed=1, height=128, width=160, extra_bands=("nir",))
        >>> scene.image.shape, scene.band_names
        ((4, 128, 160), ('red', 'green', 'blue', 'nir'))
    """
    _check(seed, height, width, extra_bands)
    names = (*BANDS[:3], *extra_bands)
    canvas = Canvas.blank((height, width), tuple(BANDS.index(name) for name in names))
    # One stream per part: a change to one part leaves the others as they are.
    rngs = np.random.default_rng(seed).spawn(8)
    ground = shape_ground(rngs[0], canvas.shape)
    parcels = split_parcels(rngs[1], canvas.shape)
    paint_fields(rngs[2], canvas, parcels)
    paint_lanes(rngs[2], canvas, parcels)
    paint_woods(rngs[3], canvas, ground)
    towns = place_towns(rngs[4], ground)
    roads = lay_main_roads(rngs[4], towns, canvas.shape)
    for town in towns:
        paint_town(rngs[5], canvas, ground, town)
    paint_water(rngs[6], canvas, ground)
    paint_main_roads(rngs[4], canvas, roads)
    tree_rng, light_rng = rngs[7].spawn(2)
    paint_trees(tree_rng, canvas)
    image = render(light_rng, canvas, ground.elevation)
    return GeneratedScene(image, canvas.mask, names)


def _check(seed: int, height: int, width: int, extra_bands: Sequence[str]) -> None:
    if min(height, width) < MIN_SIZE or seed < 0:
        raise InputError(
            f"Expected a scene of at least {MIN_SIZE}×{MIN_SIZE} px and a seed of at least 0, "
            f"got {height}×{width} and seed {seed}."
        )
    unknown = [b for b in extra_bands if b not in EXTRA_BANDS]
    if unknown or len(set(extra_bands)) != len(extra_bands):
        raise InputError(
            f"Expected extra bands among {', '.join(EXTRA_BANDS)}, each once, "
            f"got {', '.join(extra_bands)}."
        )
