"""Towns of `terrain`: streets, blocks, lots, buildings and gardens.

Everything is asked per pixel: in the town's own coordinates a pixel lies in a block and a lot, and
what stands on the lot follows from hashed numbers of that lot. No shape is ever drawn one by one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pointillist.scenes.canvas import Canvas, grain
from pointillist.scenes.illumination import SUN_AZIMUTH
from pointillist.scenes.landforms import Ground
from pointillist.scenes.legends import BARE_SOIL, ROAD, URBAN, VEGETATION
from pointillist.scenes.noise import Field, fractal_noise, hash_uniform, value_noise
from pointillist.scenes.roads import Town

RESIDENTIAL, DENSE, INDUSTRIAL, PARK, BUILDING_SITE = range(5)
_SIDEWALK_PX = 1.3
_ROOFS = (
    "red tile", "brown tile", "slate", "grey roof", "light roof", "gravel roof", "green roof",
)  # fmt: skip
# Chance of each roof by kind of block.
_ROOF_CHANCES = {
    RESIDENTIAL: (0.36, 0.26, 0.20, 0.12, 0.02, 0.03, 0.01),
    DENSE: (0.30, 0.14, 0.18, 0.20, 0.08, 0.08, 0.02),
    INDUSTRIAL: (0.03, 0.05, 0.08, 0.34, 0.25, 0.20, 0.05),
}


@dataclass(frozen=True)
class _Lots:
    """For each of the N pixels of a town: its block and lot.

    Args:
        street_px: Distance from the edge of the nearest street, negative on it.
        block: Number of the block.
        kind: Kind of block.
        lot: Number of the lot, unique in the town.
        size_u: Lot's width and `size_v` depth, px.
        u: Position in the lot along the street, from its middle.
        v: Position in the lot away from the street it faces, from the sidewalk.
        inset_px: Distance from the edge of the block.
        turn: Direction of the town's streets in radians.
    """

    street_px: Field
    block: Field
    kind: NDArray[np.int64]
    lot: Field
    size_u: Field
    size_v: Field
    u: Field
    v: Field
    inset_px: Field
    turn: float


def paint_town(rng: np.random.Generator, canvas: Canvas, ground: Ground, town: Town) -> None:
    """Paint one town over the countryside; never into water or its banks."""
    reach = 1.75 * town.radius
    rows = slice(max(int(town.row - reach), 0), int(town.row + reach) + 1)
    cols = slice(max(int(town.col - reach), 0), int(town.col + reach) + 1)
    part = canvas.window(rows, cols)
    if 0 in part.shape:
        return
    at_row, at_col = np.indices(part.shape).astype(np.float64)
    at_row, at_col = at_row + rows.start - town.row, at_col + cols.start - town.col
    outline = 0.20 * fractal_noise(rng, part.shape, 0.8 * town.radius, 5)
    centrality = np.hypot(at_row, at_col) / town.radius + np.maximum(outline, -0.4)
    where = (centrality < 1) & (ground.wetness[rows, cols] > 7)
    bend = [6 * value_noise(rng, part.shape, 130) for _ in range(2)]
    lots = _lay_out(
        rng, (at_row + bend[0])[where], (at_col + bend[1])[where], centrality[where], reach
    )
    # Numbers of single lots, in the order of `where`, become maps of the window.
    grains = grain(rng, part.shape, 0.05, 0.05 * value_noise(rng, part.shape, 6))[where]
    _paint_ground(rng, part, where, lots, grains)
    _paint_buildings(part, where, lots, grains, _find_whole_lots(where, lots.lot))


def _lay_out(
    rng: np.random.Generator, row: Field, col: Field, centrality: Field, reach: float
) -> _Lots:
    """Streets at uneven distances, blocks between them, lots along the streets."""
    turn = float(rng.uniform(0, np.pi))
    salt = int(rng.integers(2**40))
    u = row * np.cos(turn) + col * np.sin(turn)
    v = col * np.cos(turn) - row * np.sin(turn)
    iu, from_u, length = _between_lines(rng, u, 64, 118, reach)
    iv, from_v, depth = _between_lines(rng, v, 46, 68, reach)
    half = 2.0 + 1.1 * hash_uniform(salt, np.floor(iu + (from_u > length / 2)))
    street_px = np.minimum(
        np.minimum(from_u, length - from_u) - half, np.minimum(from_v, depth - from_v) - 2.2
    )
    block = iu * 1009 + iv
    kind = _choose_kind(salt, block, centrality)
    wanted = np.choose(kind, [17.0, 13.0, 44.0, 30.0, 30.0])
    inner = np.maximum(length - 2 * (half + _SIDEWALK_PX), 1.0)
    n_lots = np.maximum(np.floor(inner / wanted), 1)
    place = np.clip((from_u - half - _SIDEWALK_PX) / inner, 0, 0.999999) * n_lots
    number = np.floor(place)
    back = from_v > depth / 2
    lot = (block * 64 + number) * 2 + back
    return _Lots(
        street_px=street_px,
        block=block,
        kind=kind,
        lot=hash_uniform(salt + 1, lot) * 2**40,
        size_u=inner / n_lots,
        size_v=depth / 2 - 2.2 - _SIDEWALK_PX,
        u=(place - number - 0.5) * inner / n_lots,
        v=np.minimum(from_v, depth - from_v) - 2.2 - _SIDEWALK_PX,
        inset_px=street_px - _SIDEWALK_PX,
        turn=turn,
    )


def _between_lines(
    rng: np.random.Generator, at: Field, low: float, high: float, reach: float
) -> tuple[Field, Field, Field]:
    """Cut an axis at uneven steps: number of the piece, position in it, its length."""
    n = int(4 * reach / low) + 4
    lines = np.cumsum(rng.uniform(low, high, size=n))
    lines -= lines[n // 2]
    piece = np.clip(np.searchsorted(lines, at, side="right") - 1, 0, n - 2)
    return piece.astype(np.float64), at - lines[piece], lines[piece + 1] - lines[piece]


def _choose_kind(salt: int, block: Field, centrality: Field) -> NDArray[np.int64]:
    """Dense in the centre, houses around, industry at the rim, a park or building site anywhere."""
    draw = hash_uniform(salt + 2, block)
    # One value per block, so that no block is of two kinds.
    _, number = np.unique(block, return_inverse=True)
    number = number.reshape(-1)
    count = np.maximum(np.bincount(number), 1)
    middle = (np.bincount(number, weights=centrality) / count)[number]
    kind = np.full(block.shape, RESIDENTIAL)
    kind[(middle < 0.42) & (draw < 0.75)] = DENSE
    kind[(middle > 0.55) & (draw > 0.72)] = INDUSTRIAL
    kind[(draw > 0.50) & (draw < 0.57)] = PARK
    kind[(draw > 0.60) & (draw < 0.645)] = BUILDING_SITE
    return kind


def _paint_ground(
    rng: np.random.Generator,
    part: Canvas,
    where: NDArray[np.bool_],
    lots: _Lots,
    grains: Field,
) -> None:
    """Gardens, yards, parks and building sites; sidewalks and streets."""
    lush = np.clip(0.35 + 0.3 * value_noise(rng, part.shape, 12)[where], 0, 1)
    lush = np.clip(lush + 0.4 * (hash_uniform(21, lots.lot) - 0.5), 0, 1)
    part.paint(where, VEGETATION, part.blend("lawn", "dry grass", lush), grains)
    density = np.choose(lots.kind, [0.17, 0.06, 0.03, 0.30, 0.01]).astype(np.float32)
    density[(lots.inset_px > 0) & (lots.inset_px < 4)] *= 1.8
    site = lots.kind == BUILDING_SITE
    dug = np.clip(0.5 + 0.4 * fractal_noise(rng, part.shape, 24, 4)[where], 0, 1)[site]
    _cover(part, where, site, BARE_SOIL, part.blend("dark soil", "gravel", dug), grains)
    paved = _find_paving(lots)
    shade = 0.72 + 0.5 * hash_uniform(22, lots.lot)
    tarred = hash_uniform(23, lots.block) < 0.5
    surface = np.where(
        (tarred & (lots.kind == INDUSTRIAL))[:, None],
        part.spectrum("worn asphalt"),
        part.spectrum("paving"),
    )
    _cover(part, where, paved, URBAN, surface[paved], grains * shade)
    density[paved] *= 0.4
    street = lots.street_px < 0
    age = np.clip(0.5 + 0.45 * value_noise(rng, part.shape, 90)[where], 0, 1)[street]
    _cover(part, where, street, ROAD, part.blend("asphalt", "worn asphalt", age), grains)
    density[street] = 0.0
    part.tree_density[where] = density
    parked = paved & (lots.kind != RESIDENTIAL) & (lots.inset_px > 1)
    parked &= value_noise(rng, part.shape, 30)[where] > 0.3
    _park_cars(part, where, parked, lots)


def _park_cars(
    part: Canvas, where: NDArray[np.bool_], parked: NDArray[np.bool_], lots: _Lots
) -> None:
    """Rows of parked cars, 2 × 4 px in bays of 3 × 6."""
    bay_u, bay_v = np.floor(lots.u / 3), np.floor(lots.v / 6)
    car = parked & (hash_uniform(27, lots.lot, bay_u, bay_v) < 0.5) & (np.mod(bay_v, 2) == 0)
    car &= (lots.u - 3 * bay_u < 2) & (lots.v - 6 * bay_v < 4)
    tone = 0.25 + 2.2 * hash_uniform(28, lots.lot, bay_u, bay_v) ** 2
    _cover(part, where, car, URBAN, part.spectrum("grey roof"), tone)


def _find_paving(lots: _Lots) -> NDArray[np.bool_]:
    """Sidewalks, drives, courtyards and industrial yards."""
    sidewalk = (lots.inset_px < 0) & (lots.kind != PARK)
    drive_at = (hash_uniform(24, lots.lot) - 0.5) * lots.size_u * 0.8
    drive = (np.abs(lots.u - drive_at) < 1.4) & (lots.v < 0.45 * lots.size_v)
    patio = (hash_uniform(25, lots.lot) < 0.5) & (lots.v > 0.5 * lots.size_v)
    patio &= (lots.v < 0.68 * lots.size_v) & (np.abs(lots.u) < 4)
    yard = hash_uniform(26, lots.lot) < np.choose(lots.kind, [0.04, 0.62, 0.90, 0.0, 0.0])
    houses = (lots.kind == RESIDENTIAL) & (drive | patio)
    path = (lots.kind == PARK) & (np.abs(lots.u) < 1.0)
    return np.asarray(sidewalk | houses | yard | path)


def _find_whole_lots(where: NDArray[np.bool_], lot: Field) -> NDArray[np.bool_]:
    """Which pixels lie in lots that the town's outline does not cut through."""
    rim = where & ~ndimage.binary_erosion(where, border_value=1)
    _, number = np.unique(lot, return_inverse=True)
    number = number.reshape(-1)
    cut = np.bincount(number, weights=rim[where]) > 0
    return np.asarray(~cut[number])


def _paint_buildings(
    part: Canvas,
    where: NDArray[np.bool_],
    lots: _Lots,
    grains: Field,
    whole: NDArray[np.bool_],
) -> None:
    """Roofs of every kind of block, the two sides of a gable lit differently."""
    inside, across, gable = _find_roofs(lots)
    inside &= whole
    choice = hash_uniform(31, lots.lot)
    roofs = part.spectra(_ROOFS)
    colour = np.zeros((len(choice), len(part.bands)), dtype=np.float32)
    for kind, chances in _ROOF_CHANCES.items():
        pick = np.searchsorted(np.cumsum(chances), choice * 0.999)
        colour[lots.kind == kind] = roofs[np.minimum(pick, len(_ROOFS) - 1)][lots.kind == kind]
    along_u = hash_uniform(32, lots.lot) < 0.7
    facing = lots.turn + np.where(along_u, np.pi / 2, 0.0)
    lit = np.cos(facing - SUN_AZIMUTH) * np.sign(across) * gable
    tone = grains * (0.78 + 0.44 * hash_uniform(33, lots.lot)) * (1 + 0.26 * lit)
    ribs = np.where(lots.kind == INDUSTRIAL, np.sin(2 * np.pi * lots.u / 5.5), 0.0)
    tone = tone * (1 + 0.05 * ribs * (hash_uniform(35, lots.lot) < 0.5))
    ridge = (np.abs(across) < 0.6) & (gable > 0)
    tone = np.where(ridge, tone * 1.1, tone)
    storeys = np.choose(lots.kind, [6.0, 12.0, 9.0, 0.0, 0.0])
    height = storeys * (0.75 + 0.5 * hash_uniform(34, lots.lot))
    _cover(part, where, inside, URBAN, colour[inside], tone, height)
    density = part.tree_density[where]
    density[inside] = 0
    part.tree_density[where] = density


def _find_roofs(lots: _Lots) -> tuple[NDArray[np.bool_], Field, Field]:
    """Which pixels are roof, their distance across the ridge, and whether the roof has a gable."""
    free = lots.inset_px > 0.5
    # Detached houses, each a little turned, some with a wing.
    tilt = (hash_uniform(41, lots.lot) - 0.5) * 0.3
    half_u = np.minimum(3.6 + 3.0 * hash_uniform(42, lots.lot), lots.size_u / 2 - 1.2)
    half_v = 3.4 + 2.6 * hash_uniform(43, lots.lot)
    middle = 3.0 + 4.5 * hash_uniform(44, lots.lot) + half_v
    u = lots.u * np.cos(tilt) + (lots.v - middle) * np.sin(tilt)
    v = (lots.v - middle) * np.cos(tilt) - lots.u * np.sin(tilt)
    house = (np.abs(u) < half_u) & (np.abs(v) < half_v)
    wing_at = np.where(hash_uniform(45, lots.lot) < 0.5, -1.0, 1.0) * half_u * 0.5
    wing = (np.abs(u - wing_at) < half_u * 0.5) & (np.abs(v - half_v) < 3.2)
    house |= wing & (hash_uniform(46, lots.lot) < 0.35)
    house &= hash_uniform(47, lots.lot) < 0.94
    shed_u = lots.size_u * 0.3
    shed = (np.abs(lots.u - shed_u) < 1.6) & (np.abs(lots.v - lots.size_v * 0.82) < 1.4)
    house |= shed & (hash_uniform(48, lots.lot) < 0.35)
    # Town houses wall to wall along the street, with some back wings.
    deep = 9.0 + 4.0 * hash_uniform(49, lots.block)
    row = (lots.inset_px < deep) & (hash_uniform(50, lots.lot) < 0.95)
    row |= (np.abs(lots.u + 2) < 2.6) & (lots.v < deep + 7) & (hash_uniform(51, lots.lot) < 0.4)
    # Halls.
    hall_u = lots.size_u * (0.30 + 0.14 * hash_uniform(52, lots.lot))
    far = lots.size_v * (0.70 + 0.25 * hash_uniform(53, lots.lot))
    hall = (np.abs(lots.u) < hall_u) & (lots.v > 4.5) & (lots.v < far)
    hall &= hash_uniform(54, lots.lot) < 0.88
    inside = free & np.choose(lots.kind, [house, row, hall, house & False, house & False])
    along_u = hash_uniform(32, lots.lot) < 0.7
    across = np.where(along_u, v, u)
    across = np.where(lots.kind == DENSE, lots.v - deep / 2, across)
    chance = np.choose(lots.kind, [0.92, 0.6, 0.0, 0.0, 0.0])
    return inside, across, (hash_uniform(55, lots.lot) < chance).astype(np.float64)


def _cover(
    part: Canvas,
    where: NDArray[np.bool_],
    which: NDArray[np.bool_],
    class_index: int,
    colour: NDArray[np.float32],
    tone: Field,
    height: Field | None = None,
) -> None:
    """Paint those of the pixels `where` that are `which`."""
    chosen = np.zeros_like(where)
    chosen[where] = which
    part.paint(chosen, class_index, colour, tone[which], 0.0 if height is None else height[which])
