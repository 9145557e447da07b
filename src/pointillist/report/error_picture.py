"""The map of errors as an SVG figure: a small picture, and points over it."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pointillist.legend import parse_color
from pointillist.report.stated import Assessed, as_dict
from pointillist.report.svg import INK, PAPER, draw

WIDTH = 720.0
MAX_POINTS = 20_000
_RIGHT, _WRONG = np.array([150.0, 178.0, 196.0]), np.array([196.0, 44.0, 22.0])
_PALE = 0.55

Image = NDArray[np.uint8]


def draw_error_map(assessment: Assessed) -> str | None:
    """Where reference and map disagree; None where nothing says so.

    A census becomes a picture in which red grows with the share of wrong pixels; points become
    rings (right) and crosses (wrong), so that colour is not needed to tell them apart. Under the
    points lies the map, pale, where the assessment has kept a look at it (`ground`).

    Args:
        assessment: An `Assessment`, whose grid of errors is finer than that of its JSON, or its
            JSON.
    """
    a = as_dict(assessment)
    extent = a.get("map_extent")
    if extent is None:
        return None
    grid = getattr(assessment, "error_grid", None)
    if grid is not None:
        picture = _paint_errors(grid.labelled, grid.wrong)
    elif a.get("error_grid"):
        cells = a["error_grid"]
        picture = _paint_errors(np.array(cells["labelled"]), np.array(cells["wrong"]))
    elif a.get("places"):
        ground = getattr(assessment, "ground", None)
        return _frame(extent, None if ground is None else _paint_map(ground, a), a["places"])
    else:
        return None
    return _frame(extent, picture, None)


def _frame(
    extent: Mapping[str, Any], picture: Image | None, places: Mapping[str, Any] | None
) -> str:
    scale = WIDTH / max(extent["height"], extent["width"])
    width, height = extent["width"] * scale, extent["height"] * scale
    body = []
    if picture is not None:
        body.append(
            f'<image width="{width:.2f}" height="{height:.2f}" preserveAspectRatio="none" '
            f'style="image-rendering: pixelated" href="{_png(picture)}"/>'
        )
    body.append(
        f'<rect x=".5" y=".5" width="{width - 1:.2f}" height="{height - 1:.2f}" fill="none" '
        f'stroke="{INK}" stroke-opacity=".4"/>'
    )
    said = "Map of errors: red where pixels of the reference are mapped wrongly, deeper the more."
    if places is not None:
        right = np.array(
            [m == r for m, r in zip(places["map"], places["reference"], strict=True)], dtype=bool
        )
        body += _marks(_pixels_of(places, extent) * scale, right)
        said = (
            f"Map of errors: {int(right.sum())} points where the map is right (rings) and "
            f"{int((~right).sum())} where it is wrong (crosses)."
        )
    return draw(width, height, said, body, "errors")


def _pixels_of(places: Mapping[str, Any], extent: Mapping[str, Any]) -> NDArray[np.float64]:
    """(n, 2) column and row of points, with fractions."""
    a, b, c, d, e, f = extent["transform"]
    xy = np.array([places["x"], places["y"]], dtype=np.float64).reshape(2, -1)
    matrix = np.array([[a, b], [d, e]])
    return np.asarray(np.linalg.solve(matrix, xy - np.array([[c], [f]])).T)


def _paint_errors(labelled: NDArray[np.int64], wrong: NDArray[np.int64]) -> Image:
    """RGBA (h, w, 4) of cells: blue-grey where right, red where wrong, clear where unlabelled."""
    depth = np.sqrt(wrong / np.maximum(labelled, 1))[..., None]  # a few wrong ones should be seen
    alpha = np.where(labelled > 0, 255, 0)
    return _rgba(_RIGHT * (1 - depth) + _WRONG * depth, alpha)


def _paint_map(index: NDArray[np.integer], a: Mapping[str, Any]) -> Image:
    """RGBA (h, w, 4) of the map's classes, pale; clear where it has none."""
    colors = np.array([*(parse_color(c["color"]) for c in a["legend"]), (0, 0, 0)], dtype=float)
    return _rgba(255 * _PALE + (1 - _PALE) * colors[index], np.where(index < 0, 0, 255))


def _rgba(color: NDArray[np.float64], alpha: NDArray[np.integer]) -> Image:
    return np.concatenate([np.round(color), alpha[..., None]], axis=-1).astype(np.uint8)


def _marks(xy: NDArray[np.float64], right: NDArray[np.bool_]) -> list[str]:
    """Rings for right ones, crosses for wrong ones, the latter on top."""
    size = float(np.clip(95 / np.sqrt(max(len(right), 1)), 2.6, 6.0))
    rings = "".join(_ring(x, y, size * 0.62) for x, y in xy[right][:MAX_POINTS])
    crosses = "".join(_cross(x, y, size) for x, y in xy[~right][:MAX_POINTS])
    strokes = (
        (rings, PAPER, 0.62),
        (rings, "var(--ring)", 0.3),
        (crosses, PAPER, 0.95),
        (crosses, "var(--cross)", 0.5),
    )
    return [
        f'<path d="{path}" fill="none" stroke="{stroke}" stroke-width="{size * share:.2f}" '
        'stroke-linecap="round"/>'
        for path, stroke, share in strokes
        if path
    ]


def _ring(x: float, y: float, r: float) -> str:
    arc = f"a{r:.2f} {r:.2f} 0 1 0"
    return f"M{x - r:.1f} {y:.1f}{arc} {2 * r:.2f} 0{arc} {-2 * r:.2f} 0"


def _cross(x: float, y: float, r: float) -> str:
    d = 2 * r
    return f"M{x - r:.1f} {y - r:.1f}l{d:.2f} {d:.2f}M{x - r:.1f} {y + r:.1f}l{d:.2f} {-d:.2f}"


def _png(rgba: Image) -> str:
    """A picture as a data address."""
    from PIL import Image as Pillow

    buffer = io.BytesIO()
    colors = Pillow.fromarray(rgba).quantize(255, method=Pillow.Quantize.FASTOCTREE)
    colors.save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
