"""Scenes of random colours, in which shape and texture alone tell what a thing is.

A network that learns to tell these families apart learns edges, textures, sizes and neighbourhoods,
and nothing of what colour anything has: what it has learnt serves on any imagery. The weights that
a slim network starts from are made so, see `benchmarks/pretrain_slim.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

FloatArray = NDArray[np.floating]

FAMILIES = ("ground", "parcel", "roof", "line", "crown", "smooth", "rough", "dots")
GROUND, PARCEL, ROOF, LINE, CROWN, SMOOTH, ROUGH, DOTS = range(len(FAMILIES))


def generate_families(
    rng: np.random.Generator, side_px: int = 192
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Generate one scene.

    Things come in sizes that differ by a factor of four from scene to scene, in colours that mean
    nothing, under light, blur and noise that differ too.

    Args:
        rng: Source of everything.
        side_px: Side of the scene.

    Returns:
        Image (3, side, side), mean 0 and standard deviation 1 per band; index (side, side) into
        `FAMILIES`.

    Example:
        >>> image, family = generate_families(np.random.default_rng(0), 64)
        >>> image.shape, family.max() < len(FAMILIES)
        ((3, 64, 64), True)
    """
    canvas = _Canvas.prime(rng, side_px)
    _paint_parcels(canvas)
    _paint_areas(canvas)
    _paint_lines(canvas)
    _paint_crowns(canvas)
    _paint_dots(canvas)
    _paint_roofs(canvas)
    return _photograph(canvas), canvas.family


@dataclass
class _Canvas:
    """A scene in the making.

    Args:
        rng: Source of everything.
        scale: Size of things, about 1.
        image: (3, n, n).
        family: (n, n).
        rows: (n, n) number of each pixel's row.
        cols: And of its column.
        turn: Direction of streets and roofs, radians.
    """

    rng: np.random.Generator
    scale: float
    image: NDArray[np.float32]
    family: NDArray[np.uint8]
    rows: NDArray[np.float32]
    cols: NDArray[np.float32]
    turn: float = 0.0

    @classmethod
    def prime(cls, rng: np.random.Generator, n: int) -> _Canvas:
        """Bare ground."""
        scale = float(np.exp(rng.uniform(np.log(0.5), np.log(2.0))))
        rows, cols = np.mgrid[0:n, 0:n].astype(np.float32)
        image = np.empty((3, n, n), np.float32)
        canvas = cls(rng, scale, image, np.zeros((n, n), np.uint8), rows, cols)
        image[:] = canvas.colour()[:, None, None]
        image += rng.uniform(0.005, 0.05) * canvas.noise(rng.uniform(1, 3) * scale)
        slow = rng.uniform(0.0, 0.06) * canvas.noise(rng.uniform(8, 30) * scale)
        image += slow * rng.normal(1, 0.2, 3)[:, None, None]
        return canvas

    @property
    def n(self) -> int:
        """Side in pixels."""
        return len(self.family)

    def noise(self, sigma_px: float) -> NDArray[np.float32]:
        """(n, n) Gaussian noise of one scale, variance 1; coarse noise is made small, enlarged."""
        step = max(1, int(sigma_px / 3))
        side = -(-self.n // step) + 4
        white = self.rng.standard_normal((side, side)).astype(np.float32)
        found = ndimage.gaussian_filter(white, sigma_px / step, mode="wrap")
        if step > 1:
            found = ndimage.zoom(found, step, order=1)
        row, col = self.rng.integers(0, max(1, len(found) - self.n), 2)
        found = found[row : row + self.n, col : col + self.n]
        return np.asarray((found - found.mean()) / (found.std() + 1e-6), dtype=np.float32)

    def colour(self) -> NDArray[np.float32]:
        """(3,) some brightness, and a little of a hue."""
        drawn = self.rng.uniform(0.05, 0.95) + self.rng.normal(0, 0.13, 3)
        return np.clip(drawn, 0, 1).astype(np.float32)

    def colours(self, fewest: int, most: int) -> NDArray[np.float32]:
        """(N, 3) a palette."""
        return np.stack([self.colour() for _ in range(self.rng.integers(fewest, most + 1))])

    def along(self, turn: float) -> tuple[FloatArray, FloatArray]:
        """Coordinates (n, n) in a direction and across it."""
        u = np.cos(turn) * self.cols + np.sin(turn) * self.rows
        v = -np.sin(turn) * self.cols + np.cos(turn) * self.rows
        return u, v

    def put(self, where: NDArray[np.bool_], colours: FloatArray, family: int) -> None:
        """Paint pixels (n, n) with colours (3, n, n)."""
        self.image[:, where] = colours[:, where]
        self.family[where] = family

    def near(
        self, row: float, col: float, reach: float
    ) -> tuple[tuple[slice, slice], NDArray[np.float64], NDArray[np.float64]]:
        """The part of the canvas around a place, and how far its pixels lie from it."""
        top, left = max(0, int(row - reach)), max(0, int(col - reach))
        bottom, right = min(self.n, int(row + reach) + 2), min(self.n, int(col + reach) + 2)
        rows, cols = np.mgrid[top:bottom, left:right]
        return np.s_[top:bottom, left:right], rows - row, cols - col


def _paint_parcels(canvas: _Canvas) -> None:
    """Fields in rows, each of one colour, some striped."""
    rng, scale = canvas.rng, canvas.scale
    if rng.random() >= 0.5:
        return
    where = canvas.noise(30 * scale) > rng.normal(0.3, 0.5)
    u, v = canvas.along(rng.uniform(0, np.pi))
    width, depth = rng.uniform(18, 50, 2) * scale
    row = np.floor(v / depth).astype(int)
    shift = rng.uniform(0, width, row.max() - row.min() + 1)
    lot = row * 97 + np.floor((u + shift[row - row.min()]) / width).astype(int)
    parcel = np.unique(lot, return_inverse=True)[1].reshape(lot.shape)
    n = int(parcel.max()) + 1
    palette = canvas.colours(2, 4)
    colours = palette[rng.integers(len(palette), size=n)] + rng.normal(0, 0.04, (n, 3))
    stripes: FloatArray = np.zeros(lot.shape, np.float32)
    if rng.random() < 0.6:
        period = rng.uniform(2.5, 7) * max(scale, 0.7)
        striped = rng.random(n) < 0.6
        across = np.where((np.arange(n) % 2)[parcel] == 0, u, v)
        waves = np.where(striped[parcel], np.sin(2 * np.pi * across / period), 0)
        stripes = waves * rng.uniform(0.01, 0.06)
    painted = colours[parcel].transpose(2, 0, 1) + stripes + 0.015 * canvas.noise(1.0)
    canvas.put(where, painted, PARCEL)


def _paint_areas(canvas: _Canvas) -> None:
    """Large areas with ragged edges, rough or smooth."""
    rng, scale = canvas.rng, canvas.scale
    for family, chance in ((ROUGH, 0.45), (SMOOTH, 0.5)):
        if rng.random() >= chance:
            continue
        outline = canvas.noise(rng.uniform(12, 40) * scale)
        where = outline + 0.15 * canvas.noise(4 * scale) > rng.uniform(0.4, 1.5)
        colour = canvas.colour()[:, None, None]
        if family == SMOOTH:
            fine = rng.uniform(0.002, 0.012) * canvas.noise(rng.uniform(0.7, 2))
            coarse = rng.uniform(0, 0.05) * canvas.noise(40 * scale)
        else:
            fine = rng.uniform(0.05, 0.15) * canvas.noise(rng.uniform(0.8, 2.5) * scale)
            coarse = rng.uniform(0.02, 0.08) * canvas.noise(6 * scale)
        canvas.put(where, colour + fine + coarse, family)


def _paint_lines(canvas: _Canvas) -> None:
    """Roads or rivers: straight, bent or winding, most of them in two directions."""
    rng = canvas.rng
    canvas.turn = rng.uniform(0, np.pi)
    colour = None
    for _ in range(rng.integers(0, 6)):
        usual = rng.choice([0, np.pi / 2])
        turn = canvas.turn + usual + rng.normal(0, 0.15 if rng.random() < 0.7 else 1.0)
        col, row = rng.uniform(0, canvas.n, 2)
        bend = rng.normal(0, 0.0025) * rng.choice([0, 1])
        swing = rng.uniform(0, 8) * rng.choice([0, 1])
        u = np.cos(turn) * (canvas.cols - col) + np.sin(turn) * (canvas.rows - row)
        v = -np.sin(turn) * (canvas.cols - col) + np.cos(turn) * (canvas.rows - row)
        v = v + bend * u * u + swing * np.sin(u / (20 * canvas.scale))
        where = np.abs(v) < rng.uniform(1.2, 6) * canvas.scale
        if colour is None or rng.random() < 0.3:
            colour = canvas.colour()
        surface = colour[:, None, None] + 0.02 * canvas.noise(1.0)
        if rng.random() < 0.2:
            surface = surface + 0.15 * (np.abs(v) < 0.5)
        canvas.put(where, surface, LINE)


def _paint_crowns(canvas: _Canvas) -> None:
    """Trees, alone and in woods: rough, with a sunny and a shaded side."""
    rng, scale, n = canvas.rng, canvas.scale, canvas.n
    if rng.random() >= 0.65:
        return
    density = canvas.noise(rng.uniform(8, 30) * scale)
    colour, sun = canvas.colour(), rng.uniform(0, 2 * np.pi)
    rough = canvas.noise(0.8)
    if rng.random() < 0.5:
        where = density + 0.3 * canvas.noise(2.5 * scale) > rng.uniform(0.5, 1.4)
        down, right = np.gradient(canvas.noise(2.2 * scale))
        shade = down * np.sin(sun) + right * np.cos(sun)
        shade = shade / (shade.std() + 1e-6)
        wood = colour[:, None, None] + rng.uniform(0.03, 0.1) * shade + 0.03 * rough
        canvas.put(where, wood, CROWN)
    for _ in range(int(rng.integers(5, 80) / max(scale, 0.6))):
        row, col = rng.uniform(0, n, 2)
        radius = rng.uniform(1.5, 6) * scale
        if density[int(row), int(col)] < -0.3 and rng.random() < 0.8:
            continue
        part, down, right = canvas.near(row, col, radius)
        where = down * down + right * right < radius * radius * (1 + 0.2 * rough[part])
        own = (colour + rng.normal(0, 0.03, 3))[:, None, None]
        light = 0.08 * (down * np.sin(sun) + right * np.cos(sun)) / radius
        crown = own + light + 0.04 * rough[part]
        canvas.image[:, *part][:, where] = crown[:, where]
        canvas.family[part][where] = CROWN


def _paint_dots(canvas: _Canvas) -> None:
    """Dots in rows, as in an orchard."""
    rng, scale = canvas.rng, canvas.scale
    if rng.random() >= 0.3:
        return
    where = canvas.noise(25 * scale) > rng.uniform(0.3, 1.2)
    u, v = canvas.along(rng.uniform(0, np.pi))
    period_u, period_v = rng.uniform(5, 11, 2) * scale
    waves = np.cos(2 * np.pi * u / period_u) + np.cos(2 * np.pi * v / period_v)
    soil, tree = canvas.colour(), canvas.colour()
    dots = np.where(waves > rng.uniform(0, 0.8), tree[:, None, None], soil[:, None, None])
    canvas.put(where, dots + 0.03 * canvas.noise(0.8), DOTS)


def _paint_roofs(canvas: _Canvas) -> None:
    """Buildings: rectangles and corners, with a shadow, some with a ridge or a rim."""
    rng, scale = canvas.rng, canvas.scale
    if rng.random() >= 0.75:
        return
    density = canvas.noise(rng.uniform(15, 40) * scale)
    sun, canvas.turn = rng.uniform(0, 2 * np.pi), rng.uniform(0, np.pi)
    palette = canvas.colours(1, 4)
    height = rng.uniform(0, 5) * scale * rng.choice([0, 1, 1])
    dark = rng.uniform(0.3, 0.75)
    for _ in range(int(rng.integers(6, 60) / max(scale, 0.6) ** 1.5)):
        row, col = rng.uniform(0, canvas.n, 2)
        if density[int(row), int(col)] < 0 and rng.random() < 0.85:
            continue
        half_u = rng.uniform(3, 14) * scale
        half_v = half_u * rng.uniform(0.4, 1.0)
        turn = canvas.turn + rng.choice([0, np.pi / 2]) + rng.normal(0, 0.1)
        reach = np.hypot(half_u, half_v) + height + 1
        part, down, right = canvas.near(row, col, reach)
        outline = _make_outline(half_u, half_v, turn, corner=rng.random() < 0.25)
        roof, u, v = outline(down, right)
        shadow = np.zeros_like(roof)
        for length in np.linspace(0.3, 1, 3) * height:
            if length > 0:
                shadow |= outline(down - length * np.sin(sun), right - length * np.cos(sun))[0]
        pixels = canvas.image[:, *part]
        pixels[:, shadow & ~roof] *= dark
        colour = palette[rng.integers(len(palette))] + rng.normal(0, 0.03, 3)
        surface = colour[:, None, None] + 0.02 * rng.standard_normal(roof.shape)
        if rng.random() < 0.4:
            surface = surface + rng.uniform(0.03, 0.12) * np.sign(v)
        if rng.random() < 0.3:
            surface = surface + 0.1 * ((np.abs(u) > half_u - 1.5) | (np.abs(v) > half_v - 1.5))
        pixels[:, roof] = surface[:, roof]
        canvas.family[part][roof] = ROOF


_Outline = Callable[[FloatArray, FloatArray], tuple[NDArray[np.bool_], FloatArray, FloatArray]]


def _make_outline(half_u: float, half_v: float, turn: float, *, corner: bool) -> _Outline:
    """What tells which places are in a turned rectangle, and where; without a quarter if asked."""

    def outline(
        down: FloatArray, right: FloatArray
    ) -> tuple[NDArray[np.bool_], FloatArray, FloatArray]:
        u = np.cos(turn) * right + np.sin(turn) * down
        v = -np.sin(turn) * right + np.cos(turn) * down
        inside = (np.abs(u) < half_u) & (np.abs(v) < half_v)
        if corner:
            inside &= ~((u > 0) & (v > 0))
        return inside, u, v

    return outline


def _photograph(canvas: _Canvas) -> NDArray[np.float32]:
    """Blur, uneven light, bands that mix the colours at random, noise."""
    rng, n, image = canvas.rng, canvas.n, canvas.image
    if rng.random() < 0.7:
        image = ndimage.gaussian_filter(image, (0, *(rng.uniform(0.3, 1.1),) * 2))
    slope = (canvas.cols - n / 2) * np.cos(canvas.turn) + (canvas.rows - n / 2) * np.sin(
        canvas.turn
    )
    lit = image * (1 + rng.uniform(0, 0.15) * slope / n)
    mix = np.eye(3) * rng.uniform(0.5, 1) + rng.normal(0, 0.25, (3, 3))
    bands = np.einsum("ij,jyx->iyx", mix, lit)
    bands += rng.uniform(0, 0.02) * rng.standard_normal(bands.shape)
    mean, spread = (f(bands, axis=(1, 2), keepdims=True) for f in (np.mean, np.std))
    return np.asarray((bands - mean) / (spread + 1e-3), dtype=np.float32)
