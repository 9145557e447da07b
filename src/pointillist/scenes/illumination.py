"""From reflectance to grey levels: sun and shadow, blur of the optics, haze, noise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pointillist.scenes.canvas import Canvas
from pointillist.scenes.legends import VEGETATION
from pointillist.scenes.noise import Field, value_noise

SUN_AZIMUTH = float(np.deg2rad(225))
"""Direction in the image towards the sun: angle from down (row axis) to right (column axis)."""
_SUN_ELEVATION = float(np.deg2rad(48))
_SHADOW_STEPS = 16
_BLUR_PX = 0.75
_NOISE_LEVELS = 4.0

# Brightest reflectance of the stretch, light scattered into shadows, and haze, by band.
_WHITE = (0.40, 0.39, 0.36, 0.72, 0.62)
_SKYLIGHT = (0.26, 0.30, 0.38, 0.20, 0.16)
_HAZE = (0.010, 0.015, 0.026, 0.004, 0.001)
_GAMMA = 1.5


def render(rng: np.random.Generator, canvas: Canvas, elevation: Field) -> NDArray[np.uint8]:
    """Light the painted scene and take its picture: (B, H, W) grey levels."""
    shape = canvas.shape
    sun = _hillshade(elevation, canvas) * (1 - _cast_shadows(canvas.height))
    haze = float(rng.uniform(0.5, 1.7)) * (1 + 0.25 * value_noise(rng, shape, 300))
    # Flight lines joined to a mosaic are never quite of one brightness.
    mosaic = 0.11 * value_noise(rng, shape, 260)
    image = np.empty((len(canvas.bands), *shape), dtype=np.uint8)
    for i, band in enumerate(canvas.bands):
        light = _SKYLIGHT[band] + (1 - _SKYLIGHT[band]) * sun
        cast = 1 + mosaic + 0.025 * value_noise(rng, shape, 220)
        light = light * cast
        seen = ndimage.gaussian_filter(canvas.reflectance[i] * light, _BLUR_PX, mode="nearest")
        signal = np.clip((seen + haze * _HAZE[band]) / _WHITE[band], 0, 1)
        levels = 255 * signal ** (1 / _GAMMA) + _NOISE_LEVELS * rng.standard_normal(shape)
        image[i] = np.clip(np.rint(levels), 0, 255).astype(np.uint8)
    return image


def _sun_vector() -> tuple[float, float, float]:
    flat = np.cos(_SUN_ELEVATION)
    return (
        float(flat * np.cos(SUN_AZIMUTH)),
        float(flat * np.sin(SUN_AZIMUTH)),
        float(np.sin(_SUN_ELEVATION)),
    )


def _hillshade(elevation: Field, canvas: Canvas) -> Field:
    """Sunlight on ground and crowns relative to level ground; roofs are shaded where painted."""
    crowns = np.where(canvas.mask == VEGETATION, canvas.height, 0)
    surface = elevation + 0.55 * ndimage.gaussian_filter(crowns.astype(np.float64), 0.8)
    slope_row, slope_col = np.gradient(surface)
    to_row, to_col, up = _sun_vector()
    lit = (up - to_row * slope_row - to_col * slope_col) / np.sqrt(1 + slope_row**2 + slope_col**2)
    shade: Field = np.clip(lit / up, 0.25, 1.6)
    return shade


def _cast_shadows(height: NDArray[np.float32]) -> Field:
    """Share of sunlight (H, W) that things further towards the sun take away."""
    to_row, to_col, up = _sun_vector()
    flat = np.hypot(to_row, to_col)
    rise = up / flat
    shadow = np.zeros(height.shape)
    for step in range(1, _SHADOW_STEPS + 1):
        dr, dc = round(step * to_row / flat), round(step * to_col / flat)
        excess = _shifted(height, dr, dc) - height - rise * step
        shadow = np.maximum(shadow, np.clip(excess / 0.8, 0, 1))
    soft: Field = ndimage.gaussian_filter(shadow, 0.6)
    return soft


def _shifted(height: NDArray[np.float32], dr: int, dc: int) -> Field:
    """Value `dr` rows and `dc` columns further on; 0 beyond the edge."""
    moved = np.zeros(height.shape)
    n_rows, n_cols = height.shape
    to = slice(max(-dr, 0), n_rows - max(dr, 0)), slice(max(-dc, 0), n_cols - max(dc, 0))
    source = slice(max(dr, 0), n_rows - max(-dr, 0)), slice(max(dc, 0), n_cols - max(-dc, 0))
    moved[to] = height[source]
    return moved
