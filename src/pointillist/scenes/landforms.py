"""Ground and water of `terrain`: heights, meandering river and brook, lakes, sand bars."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pointillist.scenes.canvas import Canvas, grain
from pointillist.scenes.legends import BARE_SOIL, WATER
from pointillist.scenes.noise import (
    CurveField,
    Field,
    Shape,
    fractal_noise,
    measure_curves,
    value_noise,
)


@dataclass(frozen=True)
class Ground:
    """Heights and water, before anything is painted.

    Args:
        elevation: (H, W) m.
        wetness: (H, W) px from the water's edge, negative in water.
        water: (H, W) which pixels are river, brook or lake.
        lake: (H, W) which of them are lake.
    """

    elevation: Field
    wetness: Field
    water: NDArray[np.bool_]
    lake: NDArray[np.bool_]


def shape_ground(rng: np.random.Generator, shape: Shape) -> Ground:
    """Heights with a valley along the river and hollows at the lakes."""
    elevation = 16 * fractal_noise(rng, shape, 380, octaves=7, gain=0.45)
    river = _river_edge(rng, shape)
    lakes = _lake_edge(rng, shape, river)
    wetness = np.minimum(river, lakes)
    elevation -= 9 * np.exp(-np.maximum(wetness, 0) / 70)
    return Ground(elevation, wetness, wetness < 0, lakes < 0)


def _river_edge(rng: np.random.Generator, shape: Shape) -> Field:
    """Distance from the edge of river and brook, negative inside."""
    size = min(shape)
    width = float(np.clip(size / 40, 5, 24) * rng.uniform(0.8, 1.25))
    heading = rng.uniform(0, 2 * np.pi)
    middle = np.array(shape) * rng.uniform(0.3, 0.7, size=2)
    river = _meander(rng, middle, heading, float(np.hypot(*shape)), 9.5 * width)
    edge = _bank(rng, measure_curves([river], shape), width / 2)
    if size >= 256:
        start = river[len(river) // 2 + int(rng.integers(-200, 200))]
        side = heading + rng.choice([-1, 1]) * rng.uniform(1.1, 1.6)
        brook = _meander(rng, start, side, float(np.hypot(*shape)), 70.0)
        brook = brook[len(brook) // 2 :]
        edge = np.minimum(edge, _bank(rng, measure_curves([brook], shape), 2.2))
    return edge


def _bank(rng: np.random.Generator, curve: CurveField, half_width: float) -> Field:
    """Distance from an uneven bank."""
    shape = curve.distance.shape
    wide = value_noise(rng, (shape[0], shape[1]), 90) * 0.22
    rough = value_noise(rng, (shape[0], shape[1]), 9) * 0.07
    return curve.distance - half_width * (1 + wide + rough)


def _meander(
    rng: np.random.Generator, middle: Field, heading: float, reach: float, wavelength: float
) -> Field:
    """A sine-generated curve (Langbein & Leopold 1966) through `middle`, (N, 2) row/col."""
    n = int(5 * reach)
    s = np.arange(n) * 0.6
    slow = np.cumsum(rng.standard_normal(n // 100 + 2)) * 0.25
    drift = np.interp(np.arange(n), np.arange(len(slow)) * 100, slow)
    swing = 0.95 + 0.4 * np.sin(2 * np.pi * s / (wavelength * 3.7) + rng.uniform(0, 6.28))
    angle = heading + swing * np.sin(2 * np.pi * s / (1.6 * wavelength) + drift)
    path = np.cumsum(np.stack([np.sin(angle), np.cos(angle)], axis=1) * 0.6, axis=0)
    shifted: Field = path - path[n // 2] + middle
    return shifted


def _lake_edge(rng: np.random.Generator, shape: Shape, river: Field) -> Field:
    """Distance from the edge of lakes, negative inside; lakes keep away from the river."""
    edge = np.full(shape, np.inf)
    rows, cols = np.ogrid[: shape[0], : shape[1]]
    warp = fractal_noise(rng, shape, 70, octaves=5, gain=0.55)
    for _ in range(int(rng.poisson(1.3 * shape[0] * shape[1] / 2**20 + 0.4)) + (min(shape) > 400)):
        radius = float(min(shape) ** 0.5 * rng.uniform(0.8, 2.2))
        row, col = (rng.uniform(0, n) for n in shape)
        if river[int(row), int(col)] < radius + 40:
            continue
        stretch, turn = rng.uniform(1, 1.9), rng.uniform(0, np.pi)
        dr, dc = rows - row, cols - col
        u = (dr * np.cos(turn) + dc * np.sin(turn)) / stretch
        v = -dr * np.sin(turn) + dc * np.cos(turn)
        edge = np.minimum(edge, np.hypot(u, v) - radius * (1 + 0.22 * warp))
    return edge


def paint_water(rng: np.random.Generator, canvas: Canvas, ground: Ground) -> None:
    """Water with shallows and glitter, sand bars at the bends, reeds at the lakes."""
    shape = canvas.shape
    bars = (ground.wetness < 7) & (ground.wetness > -2.5) & ~ground.lake
    bars &= value_noise(rng, shape, 55) + 0.3 * value_noise(rng, shape, 6) > 1.5
    water = ground.water & ~bars
    murk = np.where(ground.lake, rng.uniform(0.0, 0.5), rng.uniform(0.45, 1.0))
    murk = murk + 0.18 * fractal_noise(rng, shape, 60, 4)
    shallow = np.exp(np.minimum(ground.wetness, 0) / 4) * 0.5
    colour = canvas.blend("clear water", "turbid water", np.clip(murk + shallow, 0, 1.3)[water])
    tone = grain(rng, shape, 0.03, 0.05 * value_noise(rng, shape, 9))[water]
    canvas.paint(water, WATER, colour, tone)
    canvas.tree_density[ground.water] = 0
    tone = grain(rng, shape, 0.06, 0.10 * value_noise(rng, shape, 7))[bars]
    wet = np.clip(0.5 - ground.wetness / 12, 0, 1)[bars]
    canvas.paint(bars, BARE_SOIL, canvas.blend("gravel", "dark soil", wet), tone)
    canvas.tree_density[bars] = 0
