"""Fields, meadows, woods and lanes of `terrain`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pointillist.scenes.canvas import Canvas, grain
from pointillist.scenes.landforms import Ground
from pointillist.scenes.legends import BARE_SOIL, ROAD, VEGETATION
from pointillist.scenes.noise import Field, Shape, fractal_noise, hash_uniform, value_noise

_REGION_PX = 250.0
_LANE_HALF_PX = 1.6
_STRIP_PX = 32

# What grows on a parcel, or does not: share of parcels, materials mixed, least and most cover by
# the second material, class. Stubble and ploughed land are bare; a crop that has come up is not.
_CROPS: tuple[tuple[float, str, str, float, float, int], ...] = (
    (0.15, "dark soil", "cereal", 0.00, 0.10, BARE_SOIL),
    (0.14, "pale soil", "cereal", 0.00, 0.12, BARE_SOIL),
    (0.13, "stubble", "dry grass", 0.00, 0.60, BARE_SOIL),
    (0.08, "dark soil", "cereal", 0.25, 0.60, VEGETATION),
    (0.08, "pale soil", "cereal", 0.28, 0.65, VEGETATION),
    (0.11, "dark soil", "cereal", 0.85, 1.00, VEGETATION),
    (0.13, "cereal", "ripe cereal", 0.55, 1.05, VEGETATION),
    (0.11, "meadow", "dry grass", 0.10, 0.70, VEGETATION),
    (0.02, "cereal", "rapeseed", 0.55, 0.90, VEGETATION),
    (0.10, "meadow", "dry grass", 0.65, 1.10, VEGETATION),
)


@dataclass(frozen=True)
class Parcels:
    """Which parcel every pixel belongs to.

    Args:
        key: (H, W) uniform 0…1, one number per parcel.
        edge_px: (H, W) distance from the parcel's edge.
        lane_px: (H, W) distance from the nearest lane; large where there is none.
        across: (H, W) px across the rows in which the parcel is worked.
    """

    key: Field
    edge_px: Field
    lane_px: Field
    across: Field


def split_parcels(rng: np.random.Generator, shape: Shape) -> Parcels:
    """Cut the land into regions with a direction of their own and these into parcels."""
    salt = int(rng.integers(2**40))
    bend = [14 * value_noise(rng, shape, 160) + 2.2 * value_noise(rng, shape, 35) for _ in range(2)]
    rows = np.arange(shape[0])[:, None] + bend[0]
    cols = np.arange(shape[1])[None, :] + bend[1]
    # Strip by strip, so that what is computed on the way stays in the processor's cache.
    strips = [slice(i, i + _STRIP_PX) for i in range(0, shape[0], _STRIP_PX)]
    parts = [_split_strip(salt, rows[strip], cols[strip]) for strip in strips]
    key, edge_px, lane_px, across = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Parcels(key, edge_px, lane_px, across)


def _split_strip(salt: int, rows: Field, cols: Field) -> tuple[Field, Field, Field, Field]:
    """The four fields of `Parcels` at some positions."""
    region, edge_px, is_lane = _regions(salt, rows, cols)
    turn = np.pi * hash_uniform(salt + 1, region)
    u = rows * np.cos(turn) + cols * np.sin(turn)
    v = cols * np.cos(turn) - rows * np.sin(turn)
    width = 34 + 62 * hash_uniform(salt + 2, region)
    strip = np.floor(u / width)
    length = 90 + 150 * hash_uniform(salt + 3, region, strip)
    place = v / length + hash_uniform(salt + 4, region, strip)
    piece = np.floor(place)
    side = np.minimum(u / width - strip, strip + 1 - u / width) * width
    end = np.minimum(place - piece, piece + 1 - place) * length
    lane_px = np.where(is_lane, edge_px, 99.0)
    key = hash_uniform(salt + 5, region, strip, piece)
    return key, np.minimum(np.minimum(side, end), edge_px), lane_px, u


def _regions(
    salt: int, rows: Field, cols: Field
) -> tuple[NDArray[np.int64], Field, NDArray[np.bool_]]:
    """Voronoi cells of a jittered grid: number, distance from the edge, whether that is a lane."""
    cell_row, cell_col = (np.floor(x / _REGION_PX).astype(np.int64) for x in (rows, cols))
    low_row, low_col = cell_row.min() - 1, cell_col.min() - 1
    r, c = np.ogrid[low_row : cell_row.max() + 2, low_col : cell_col.max() + 2]
    seed_row = (r + 0.15 + 0.7 * hash_uniform(salt + 6, r, c)) * _REGION_PX
    seed_col = (c + 0.15 + 0.7 * hash_uniform(salt + 7, r, c)) * _REGION_PX
    nearest, next_nearest = np.full(rows.shape, np.inf), np.full(rows.shape, np.inf)
    first, second = np.zeros_like(cell_row), np.zeros_like(cell_row)
    for dr in (0, 1, 2):
        for dc in (0, 1, 2):
            at = cell_row - low_row - 1 + dr, cell_col - low_col - 1 + dc
            d = (rows - seed_row[at]) ** 2 + (cols - seed_col[at]) ** 2
            number = (cell_row + dr - 1) * 100_003 + cell_col + dc - 1
            nearer, between = d < nearest, d < next_nearest
            second = np.where(nearer, first, np.where(between, number, second))
            next_nearest = np.where(nearer, nearest, np.minimum(d, next_nearest))
            first = np.where(nearer, number, first)
            nearest = np.minimum(d, nearest)
    edge_px = (np.sqrt(next_nearest) - np.sqrt(nearest)) / 2
    pair = np.minimum(first, second), np.maximum(first, second)
    return first, edge_px, hash_uniform(salt + 8, *pair) < 0.55


def paint_fields(rng: np.random.Generator, canvas: Canvas, parcels: Parcels) -> None:
    """Crops and bare fields with rows, tramlines and uneven growth; grass strips at their edges."""
    shape = canvas.shape
    uneven = fractal_noise(rng, shape, 80, 5)
    shares = np.cumsum([crop[0] for crop in _CROPS])
    kind = np.searchsorted(shares / shares[-1], parcels.key, side="right")
    first = canvas.spectra(tuple(c[1] for c in _CROPS))[kind]
    second = canvas.spectra(tuple(c[2] for c in _CROPS))[kind]
    low, high = (np.array([c[i] for c in _CROPS])[kind] for i in (3, 4))
    inner = hash_uniform(1, np.floor(parcels.key * 2**40))
    cover = low + (high - low) * np.clip(inner + 0.28 * uneven, 0, 1)
    bare = np.array([c[5] == BARE_SOIL for c in _CROPS])[kind]
    tone = _row_tones(parcels, inner, bare) * (
        0.82 + 0.36 * hash_uniform(2, np.floor(inner * 2**40))
    )
    tone *= grain(rng, shape, 0.045, 0.07 * uneven + 0.045 * value_noise(rng, shape, 3))
    share = cover.astype(np.float32)[..., None]
    everywhere = np.ones(shape, dtype=np.bool_)
    colour = first * (1 - share) + second * share
    canvas.paint(everywhere, None, colour.reshape(-1, len(canvas.bands)), tone.reshape(-1))
    canvas.mask[:] = np.array([c[5] for c in _CROPS], dtype=np.uint8)[kind]
    canvas.tree_density[:] = 0.0008
    _paint_edges(rng, canvas, parcels, inner)


def _row_tones(parcels: Parcels, inner: Field, bare: NDArray[np.bool_]) -> Field:
    """Furrows on bare land; faint rows and, in some fields, tramlines where something grows."""
    period = 4.2 + 3.0 * inner
    chance = hash_uniform(3, np.floor(inner * 2**40))
    strength = np.where(bare, 0.10 + 0.10 * chance, 0.02 * chance)
    rows = 1 + strength * np.sin(2 * np.pi * parcels.across / period)
    tram = (np.mod(parcels.across, 22.0) < 1.4) & ~bare & (chance < 0.55)
    return np.where(tram, rows * 0.84, rows)


def _paint_edges(rng: np.random.Generator, canvas: Canvas, parcels: Parcels, inner: Field) -> None:
    shape = canvas.shape
    ragged = parcels.edge_px + 0.7 * value_noise(rng, shape, 5)
    strip = ragged < 1.4 + 1.6 * (inner > 0.6)
    tone = grain(rng, shape, 0.08, 0.12 * value_noise(rng, shape, 6))
    grass = canvas.blend(
        "meadow", "dry grass", np.clip(0.4 + 0.3 * value_noise(rng, shape, 40), 0, 1)
    )
    canvas.paint(strip, VEGETATION, grass[strip], tone[strip])
    hedge = (parcels.edge_px < 5) & (hash_uniform(5, np.floor(parcels.key * 2**40)) < 0.22)
    canvas.tree_density[hedge] = 0.5


def paint_lanes(rng: np.random.Generator, canvas: Canvas, parcels: Parcels) -> None:
    """Farm lanes: asphalt, gravel or trodden earth, with verges."""
    shape = canvas.shape
    lane = parcels.lane_px < _LANE_HALF_PX
    worn = np.clip(0.5 + 0.5 * fractal_noise(rng, shape, 200, 3), 0, 1)
    tone = grain(rng, shape, 0.06, 0.08 * value_noise(rng, shape, 12))
    surface = canvas.blend("worn asphalt", "pale soil", worn)
    canvas.paint(lane, ROAD, surface[lane], tone[lane])
    canvas.tree_density[parcels.lane_px < 4.5] = 0


def paint_woods(rng: np.random.Generator, canvas: Canvas, ground: Ground) -> None:
    """Forest floor and river meadows; the trees themselves come later, by density."""
    shape = canvas.shape
    tone = grain(rng, shape, 0.08, 0.10 * value_noise(rng, shape, 8))
    near = ground.wetness + 9 * fractal_noise(rng, shape, 50, 4)
    meadow = near < np.where(ground.lake, 10, 20)
    grass = canvas.blend(
        "meadow", "dry grass", np.clip(0.3 + 0.25 * value_noise(rng, shape, 45), 0, 1)
    )
    canvas.paint(meadow, VEGETATION, grass[meadow], tone[meadow])
    canvas.tree_density[meadow] = 0.10 + 0.35 * (value_noise(rng, shape, 40)[meadow] > 0.4)
    wooded = fractal_noise(rng, shape, 190, 6, 0.5) + 0.25 * (ground.elevation / 16)
    forest = wooded > np.quantile(wooded, 0.83)
    canvas.paint(forest, VEGETATION, canvas.spectrum("broadleaf") * np.float32(0.7), tone[forest])
    canvas.tree_density[forest] = 0.93
    fringe = (wooded > np.quantile(wooded, 0.80)) & ~forest & (canvas.mask == VEGETATION)
    canvas.tree_density[fringe] = 0.25
