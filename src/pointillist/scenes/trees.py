"""Trees of `terrain`: single crowns that join to woods where they stand close."""

from __future__ import annotations

import numpy as np

from pointillist.scenes.canvas import Canvas
from pointillist.scenes.legends import BARE_SOIL, VEGETATION
from pointillist.scenes.noise import Field, fractal_noise

_CELL_PX = 7


def paint_trees(rng: np.random.Generator, canvas: Canvas) -> None:
    """Grow trees where the density allows: broadleaf and conifer, domed crowns of many tones."""
    shape = canvas.shape
    n_rows, n_cols = (n // _CELL_PX + 3 for n in shape)
    row, col = (
        (rng.random((n_rows, n_cols)) + i - 1) * _CELL_PX for i in np.ogrid[:n_rows, :n_cols]
    )
    at = tuple(
        np.clip(x, 0, n - 1).astype(np.int64) for x, n in zip((row, col), shape, strict=True)
    )
    chance = canvas.tree_density[at]
    needles = (
        fractal_noise(rng, shape, 150, 4)[at] + 0.5 * rng.standard_normal((n_rows, n_cols)) > 0.8
    )
    radius = rng.uniform(2.3, 6.6, (n_rows, n_cols)) * np.where(needles, 0.75, 1.0)
    radius[rng.random((n_rows, n_cols)) >= chance] = 0
    tone = rng.uniform(0.75, 1.3, (n_rows, n_cols))
    top = radius * rng.uniform(1.6, 2.6, (n_rows, n_cols))
    height, tree_tone, is_needle = _crowns(
        shape, (row, col, radius, top, tone, needles.astype(np.float64))
    )
    ground_ok = (canvas.mask == VEGETATION) | (canvas.mask == BARE_SOIL)
    crown = (height > 0) & ground_ok & (canvas.height == 0)
    leaf, needle = canvas.spectrum("broadleaf"), canvas.spectrum("conifer")
    colour = np.where(is_needle[crown][:, None] > 0.5, needle, leaf)
    fine = 1 + 0.16 * rng.standard_normal(shape)
    canvas.paint(crown, VEGETATION, colour, (tree_tone * fine)[crown], height[crown])


def _crowns(shape: tuple[int, int], trees: tuple[Field, ...]) -> tuple[Field, Field, Field]:
    """Height, tone and kind of the tallest crown over each pixel (heights 0 where none)."""
    row, col, radius, top, tone, needles = trees
    rows, cols = np.arange(shape[0]) + 0.5, np.arange(shape[1]) + 0.5
    cell_row, cell_col = (np.floor(x / _CELL_PX).astype(np.int64) + 1 for x in (rows, cols))
    height, best_tone, kind = np.zeros(shape), np.ones(shape), np.zeros(shape)
    for dr in (-1, 0, 1):
        for dc in (-1, 0, 1):
            cell = np.ix_(cell_row + dr, cell_col + dc)
            reach = radius[cell]
            d2 = (rows[:, None] - row[cell]) ** 2 + (cols[None, :] - col[cell]) ** 2
            dome = top[cell] * np.sqrt(np.maximum(1 - 0.75 * d2 / np.maximum(reach, 0.1) ** 2, 0))
            taller = (d2 < reach**2) & (dome > height)
            height[taller] = dome[taller]
            best_tone[taller] = tone[cell][taller]
            kind[taller] = needles[cell][taller]
    return height, best_tone, kind
