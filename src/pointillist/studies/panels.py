"""Panels of an example as PNG: image, points, map, truth, wrong pixels."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray

from pointillist.legend import Legend
from pointillist.studies.examples import Example

# Thin greys, which are pale on paper and dark on a dark page.
_BLANK, _RIGHT, _WRONG = (128, 136, 144, 38), (96, 122, 113, 46), (178, 34, 34, 255)
_DOT_SHARE = 60


def draw_panels(example: Example) -> list[tuple[str, bytes]]:
    """Title and PNG of each panel; the image is left out where it is not at hand."""
    wrong = np.full((*example.truth.shape, 4), _RIGHT, dtype=np.uint8)
    wrong[example.found != example.truth] = _WRONG
    wrong[example.truth < 0] = _BLANK
    panels = [
        ("points", _dots(example)),
        ("map", colour(example.found, example.legend)),
        ("truth", colour(example.truth, example.legend)),
        ("wrong pixels", wrong),
    ]
    if example.image is not None:
        panels.insert(0, ("image", example.image))
    return [(title, to_png(pixels)) for title, pixels in panels]


def share_wrong(example: Example) -> float:
    """Share of the pixels with a known class that are mapped as another."""
    known = example.truth >= 0
    return float(np.mean(example.found[known] != example.truth[known]))


def colour(index: NDArray[np.int8], legend: Legend) -> NDArray[np.uint8]:
    """Class indices (H, W) in the colours of the legend (H, W, 4); thin grey where none is."""
    table = np.array([*((*color, 255) for color in legend.colors), _BLANK], dtype=np.uint8)
    return table[index]


def to_png(pixels: NDArray[np.uint8]) -> bytes:
    """Encode (H, W, 3), or (H, W, 4) with opacity, as PNG."""
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(pixels).save(out, format="PNG", optimize=True)
    return out.getvalue()


def _dots(example: Example) -> NDArray[np.uint8]:
    """Points as squares that can be seen, on a pale image where there is one."""
    size = example.points.shape
    ground = np.full((*size, 4), _BLANK, dtype=np.uint8)
    if example.image is not None:
        ground[..., :3] = 255 - (255 - example.image.astype(np.uint16)) // 3
        ground[..., 3] = 255
    side = max(1, round(max(size) / _DOT_SHARE))
    for row, col in np.argwhere(example.points >= 0):
        part = np.s_[
            max(0, row - side // 2) : row - side // 2 + side,
            max(0, col - side // 2) : col - side // 2 + side,
        ]
        ground[part] = (*example.legend.colors[int(example.points[row, col])], 255)
    return ground
