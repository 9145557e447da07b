"""Seeded randomness in space: smooth noise, hashed identities, distances to curves.

Decisions about classes hang on these numbers, so they are float64 throughout: rounding then differs
between platforms by far less than any threshold can feel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

Field = NDArray[np.float64]
Shape = tuple[int, int]

# Work goes strip by strip, so that what is computed on the way stays in the processor's cache.
_STRIP_PX = 32
_MARGIN_PX = 24


def value_noise(rng: np.random.Generator, shape: Shape, cell_px: float) -> Field:
    """Smooth noise (H, W), mean 0 and standard deviation near 1, with features of `cell_px`."""
    (first_row, row_taps), (first_col, col_taps) = (
        _spline_taps(n, cell_px, float(rng.random())) for n in shape
    )
    knots = rng.standard_normal((int(first_row[-1]) + 4, int(first_col[-1]) + 4))
    # 151/315 is the mean sum of squared weights of a cubic B-spline, per axis.
    knots /= 151 / 315
    tall = sum(row_taps[k][:, None] * knots[first_row + k] for k in range(4))
    tall = np.asarray(tall)
    smooth = np.empty(shape)
    for start in range(0, shape[0], _STRIP_PX):
        strip = tall[start : start + _STRIP_PX]
        total = col_taps[0] * strip[:, first_col]
        for k in range(1, 4):
            total += col_taps[k] * strip[:, first_col + k]
        smooth[start : start + _STRIP_PX] = total
    return smooth


def fractal_noise(
    rng: np.random.Generator, shape: Shape, cell_px: float, octaves: int = 6, gain: float = 0.5
) -> Field:
    """Sum of noises of ever smaller cells (halved) and amplitudes (times `gain`); deviation ~1."""
    total, power = np.zeros(shape), 0.0
    for octave in range(octaves):
        cell = cell_px / 2**octave
        if cell < 2:
            break
        total += gain**octave * value_noise(rng, shape, cell)
        power += gain ** (2 * octave)
    return np.asarray(total / np.sqrt(power))


def _spline_taps(n: int, cell_px: float, phase: float) -> tuple[NDArray[np.int64], Field]:
    """For n pixels, the first of four knots and the cubic B-spline weights (4, n) of all four."""
    at = np.arange(n) / cell_px + phase
    first = np.floor(at).astype(np.int64)
    t = at - first
    taps = np.stack([(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, 1 + 3 * t + 3 * t**2 - 3 * t**3, t**3])
    return first, taps / 6


def hash_uniform(salt: int, *ids: ArrayLike) -> Field:
    """A uniform number 0…1 for every combination of whole numbers: the same wherever it is asked.

    Args:
        salt: Tells different questions about the same thing apart.
        ids: Whole numbers that name the thing; arrays broadcast.
    """
    state: NDArray[np.uint64] = np.asarray(_mix(np.array([salt], dtype=np.uint64)))
    for part in ids:
        state = _mix(state ^ np.asarray(part, dtype=np.int64).astype(np.uint64))
    uniform: Field = (state >> np.uint64(11)).astype(np.float64) / 2**53
    return uniform


def _mix(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """SplitMix64 (Steele et al. 2014): every bit of the input touches every bit of the output."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@dataclass(frozen=True)
class CurveField:
    """For every pixel, the nearest of some curves.

    Args:
        distance: (H, W) px from the pixel's centre; infinite where there is no curve at all.
        along: (H, W) px along the curve.
    """

    distance: Field
    along: Field


def measure_curves(curves: Sequence[Field], shape: Shape) -> CurveField:
    """Distances to curves given as dense (N, 2) row/col positions, at most 0.7 px apart."""
    points = np.concatenate([_with_tangent(c) for c in curves]) if curves else np.zeros((0, 5))
    # A margin, so that a curve which leaves the scene does not end at its edge.
    padded = shape[0] + 2 * _MARGIN_PX, shape[1] + 2 * _MARGIN_PX
    pixel = np.floor(points[:, :2]).astype(np.int64) + _MARGIN_PX
    inside = ((pixel >= 0) & (pixel < np.array(padded))).all(axis=1)
    points, pixel = points[inside], pixel[inside]
    if not len(points):
        return CurveField(np.full(shape, np.inf), np.zeros(shape))
    owner = np.full(padded, -1, dtype=np.int64)
    owner[pixel[:, 0], pixel[:, 1]] = np.arange(len(points))
    nearest = ndimage.distance_transform_edt(
        owner < 0, return_distances=False, return_indices=True
    )[:, _MARGIN_PX:-_MARGIN_PX, _MARGIN_PX:-_MARGIN_PX]
    own = points[owner[nearest[0], nearest[1]]]
    rows, cols = np.ogrid[: shape[0], : shape[1]]
    dr, dc = rows + 0.5 - own[..., 0], cols + 0.5 - own[..., 1]
    forward = dr * own[..., 2] + dc * own[..., 3]
    across = dr * own[..., 3] - dc * own[..., 2]
    # Near the curve the perpendicular counts (no steps of whole pixels), beyond its ends the rest.
    beyond = np.maximum(np.abs(forward) - 1.5, 0)
    return CurveField(np.hypot(across, beyond), own[..., 4] + forward)


def _with_tangent(curve: Field) -> Field:
    """Positions, unit tangents and length so far: (N, 5)."""
    step = np.gradient(curve, axis=0)
    tangent = step / np.maximum(np.hypot(step[:, :1], step[:, 1:]), 1e-9)
    moved = np.hypot(*np.diff(curve, axis=0, prepend=curve[:1]).T)
    return np.concatenate([curve, tangent, np.cumsum(moved)[:, None]], axis=1)
