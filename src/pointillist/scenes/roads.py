"""Where the towns of `terrain` lie and the main roads that join them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pointillist.scenes.canvas import Canvas, grain
from pointillist.scenes.landforms import Ground
from pointillist.scenes.legends import ROAD, URBAN, VEGETATION
from pointillist.scenes.noise import (
    CurveField,
    Field,
    Shape,
    hash_uniform,
    measure_curves,
    value_noise,
)

MAIN_HALF_PX = 3.6


@dataclass(frozen=True)
class Town:
    """One town.

    Args:
        row: Centre.
        col: Centre.
        radius: px, before the outline is made uneven.
    """

    row: float
    col: float
    radius: float


def place_towns(rng: np.random.Generator, ground: Ground) -> list[Town]:
    """Towns on dry land, away from each other: about one in 600 × 600 px, at least one."""
    height, width = ground.wetness.shape
    area = height * width
    n_towns = max(1, round(area / 360_000))
    reach = float(np.sqrt(0.24 * area / (np.pi * n_towns)))
    towns: list[Town] = []
    for _ in range(n_towns):
        radius = reach * rng.uniform(0.82, 1.18)
        tries = rng.uniform(0.12, 0.88, size=(24, 2)) * (height, width)
        wet = ground.wetness[tries[:, 0].astype(int), tries[:, 1].astype(int)]
        gaps = [
            min((np.hypot(r - t.row, c - t.col) - t.radius for t in towns), default=2 * radius)
            for r, c in tries
        ]
        best = int(
            np.argmax(np.minimum(np.array(gaps) / radius, 1.6) + np.minimum(wet / radius, 0.7))
        )
        towns.append(Town(float(tries[best, 0]), float(tries[best, 1]), radius))
    return towns


def lay_main_roads(rng: np.random.Generator, towns: list[Town], shape: Shape) -> CurveField:
    """Join every town to the nearest earlier one, and the first and last to the scene's edges."""
    curves = []
    for i, town in enumerate(towns[1:], start=1):
        nearest = min(towns[:i], key=lambda t: np.hypot(t.row - town.row, t.col - town.col))
        curves.append(_curve(rng, (town.row, town.col), (nearest.row, nearest.col)))
    for town in (towns[0], towns[-1])[: len(towns)]:
        away = rng.uniform(0, 2 * np.pi)
        for turn in (0.0, np.pi + rng.uniform(-0.6, 0.6))[: 2 if len(towns) == 1 else 1]:
            reach = 1.2 * float(np.hypot(*shape))
            end = town.row + reach * np.sin(away + turn), town.col + reach * np.cos(away + turn)
            curves.append(_curve(rng, (town.row, town.col), end))
    return measure_curves(curves, shape)


def _curve(rng: np.random.Generator, start: tuple[float, float], end: tuple[float, float]) -> Field:
    """A winding road: a line with a few slow bends that vanish at its ends."""
    a, b = np.array(start), np.array(end)
    length = float(np.hypot(*(b - a)))
    t = np.linspace(0, 1, max(int(2.2 * length), 4))[:, None]
    side = np.array([-(b - a)[1], (b - a)[0]]) / max(length, 1e-9)
    bends = sum(
        rng.normal(0, 0.05 / k**1.3) * length * np.sin(np.pi * k * t + rng.uniform(0, 3))
        for k in range(1, 2 + int(length // 120))
    )
    path: Field = a + (b - a) * t + side * bends * np.sin(np.pi * t)
    return path


def paint_main_roads(rng: np.random.Generator, canvas: Canvas, roads: CurveField) -> None:
    """Asphalt of several ages with centre line, edge lines and cars; verges beside it."""
    shape = canvas.shape
    verge = (roads.distance < MAIN_HALF_PX + 2.5) & (canvas.mask != URBAN)
    tone = grain(rng, shape, 0.07, 0.10 * value_noise(rng, shape, 9))
    canvas.paint(verge, VEGETATION, canvas.spectrum("meadow"), tone[verge])
    canvas.tree_density[roads.distance < MAIN_HALF_PX + 4] = 0
    road = roads.distance < MAIN_HALF_PX
    age = hash_uniform(11, np.floor(roads.along / 230))[road]
    colour = canvas.blend("asphalt", "worn asphalt", age)
    tone = grain(rng, shape, 0.045, 0.05 * value_noise(rng, shape, 14))
    canvas.paint(road, ROAD, colour, tone[road])
    centre = (roads.distance < 0.45) & (np.mod(roads.along, 12.0) < 5.0)
    canvas.paint(centre, ROAD, canvas.spectrum("paint"), 0.85)
    _paint_cars(canvas, roads)


def _paint_cars(canvas: Canvas, roads: CurveField) -> None:
    """A car here and there in its lane, 4 × 2 px, of any colour."""
    slot = np.floor(roads.along / 5.0)
    lane = (roads.distance > 0.9) & (roads.distance < 2.7)
    car = lane & (hash_uniform(12, slot) < 0.05) & (np.mod(roads.along, 5.0) < 4.0)
    tone = 0.25 + 2.6 * hash_uniform(13, slot[car]) ** 2
    canvas.paint(car, ROAD, canvas.spectrum("grey roof"), tone, height=1.5)
