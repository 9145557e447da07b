"""Figures of an assessment as SVG text, drawn from its JSON and from nothing else."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pointillist.legend import Color, parse_color
from pointillist.report.stated import Stated
from pointillist.report.wording import shares

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, QUIET, GRID_LINE = "#1f2328", "#667077", "#e3e6e8"
_RIGHT, _WRONG = (24, 92, 140), (190, 74, 38)
_SANS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "pointillist",
    "font.size": 9,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": QUIET,
    "xtick.color": QUIET,
    "ytick.color": INK,
}
MAX_ANNOTATED = 14


def draw_error_matrix(a: Mapping[str, Any]) -> str:
    """Heat map: how each reference class (column) is shared out among the map classes (rows).

    Args:
        a: An assessment as JSON. Estimated proportions are used where there are any, so that a
            class sampled more densely does not look larger than it is.
    """
    import matplotlib as mpl

    table = np.array(shares(a))
    names = list(a["classes"])
    rows = [*names, "no class"]
    if not table[-1].any():
        table, rows = table[:-1], rows[:-1]
    total = table.sum(axis=0)
    column_share = np.divide(table, total, out=np.full(table.shape, np.nan), where=total > 0)
    with mpl.rc_context(_STYLE):
        side = 0.62 * min(max(len(names), 4), 14) + 1.2
        figure, axes = _canvas(side + 0.6, side * len(rows) / len(names) + 0.2)
        axes.imshow(_matrix_colors(column_share), aspect="equal", interpolation="nearest")
        if len(names) <= MAX_ANNOTATED:
            _annotate(axes, column_share)
        axes.set_xticks(range(len(names)), names, rotation=35, ha="left", rotation_mode="anchor")
        axes.set_yticks(range(len(rows)), rows)
        axes.xaxis.tick_top()
        axes.tick_params(length=0, pad=5)
        axes.tick_params(axis="x", colors=INK)
        axes.set_xlabel("Reference (each column is 100 %)", labelpad=8, color=QUIET)
        axes.set_ylabel("Map", color=QUIET)
        _white_lines(axes, len(rows), len(names))
        return _svg(figure)


def draw_class_bars(a: Mapping[str, Any]) -> str:
    """User's and producer's accuracy per class as bars, with intervals where they exist."""
    series = [
        ([Stated.read(a[key][name]) for name in a["classes"]], strength)
        for key, strength in (("users_accuracy", 1.0), ("producers_accuracy", 0.45))
    ]
    return _draw_bars(a, series, "Accuracy, %", width=8.6)


def draw_area_bars(a: Mapping[str, Any]) -> str:
    """Share of the area per class as bars, with intervals where they exist."""
    values = [Stated.read(a["area"][name]["proportion"]) for name in a["classes"]]
    return _draw_bars(a, [(values, 1.0)], "Share of the area, %", width=5.2, full_scale=False)


def _draw_bars(
    a: Mapping[str, Any],
    series: Sequence[tuple[list[Stated], float]],
    label: str,
    *,
    width: float,
    full_scale: bool = True,
) -> str:
    import matplotlib as mpl

    colors = [parse_color(c["color"]) for c in a["legend"]]
    thickness = 0.72 / len(series)
    with mpl.rc_context(_STYLE):
        figure, axes = _canvas(width, 0.7 + 0.24 * len(colors) * (len(series) + 0.6))
        for k, (values, strength) in enumerate(series):
            at = np.arange(len(colors)) + (k - (len(series) - 1) / 2) * thickness
            _bars(axes, at, values, [_tint(c, strength) for c in colors], thickness * 0.86)
            _say_undefined(axes, at, values)
        axes.set_yticks(range(len(colors)), a["classes"])
        axes.invert_yaxis()
        axes.tick_params(length=0)
        axes.set_xlabel(label, color=QUIET)
        axes.set_xlim(0, 100 if full_scale else None)
        axes.xaxis.grid(True, color=GRID_LINE, linewidth=0.8)
        axes.set_axisbelow(True)
        axes.spines[:].set_visible(False)
        return _svg(figure)


def _bars(
    axes: Axes, at: np.ndarray, values: list[Stated], colors: Sequence[Any], height: float
) -> None:
    width = [100 * (v.value or 0.0) for v in values]
    axes.barh(at, width, height=height, color=colors, linewidth=0)
    for y, v in zip(at, values, strict=True):
        if v.low is not None and v.high is not None:
            axes.plot([100 * v.low, 100 * v.high], [y, y], color=INK, linewidth=1.1)
            for end in (v.low, v.high):
                axes.plot([100 * end] * 2, [y - 0.11, y + 0.11], color=INK, linewidth=1.1)


def _say_undefined(axes: Axes, at: np.ndarray, values: list[Stated]) -> None:
    """Where there is no bar, say that it is not 0."""
    for y, v in zip(at, values, strict=True):
        if v.value is None:
            axes.text(0.8, y, "not defined", va="center", fontsize=7.5, color=QUIET)


def _matrix_colors(share: np.ndarray) -> np.ndarray:
    """RGB per cell: blue where map and reference agree, red where not, deeper with the share."""
    right = (np.eye(*share.shape) > 0)[..., None]
    full = np.where(right, np.array(_RIGHT), np.array(_WRONG)) / 255
    depth = np.sqrt(np.nan_to_num(share))[..., None]
    return np.asarray(1 - depth * (1 - full))


def _annotate(axes: Axes, share: np.ndarray) -> None:
    for (i, j), value in np.ndenumerate(share):
        if np.isnan(value) or value < 0.0005:
            text = "·"
        else:
            text = f"{100 * value:.0f}" if value >= 0.0995 else f"{100 * value:.1f}"
        axes.text(j, i, text, ha="center", va="center", fontsize=8.5,
                  color="white" if value > 0.35 else INK)  # fmt: skip


def _white_lines(axes: Axes, n_rows: int, n_columns: int) -> None:
    axes.spines[:].set_visible(False)
    axes.set_xticks(np.arange(n_columns + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(n_rows + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=2)
    axes.tick_params(which="minor", length=0)


def _canvas(width: float, height: float) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.add_subplot()


def _tint(color: Color, strength: float) -> tuple[float, float, float]:
    r, g, b = (1 - strength * (1 - v / 255) for v in color)
    return r, g, b


def _svg(figure: Figure) -> str:
    """SVG text whose lettering uses the reader's own sans-serif face."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    text = buffer.getvalue()
    text = re.sub(r"'DejaVu Sans'(, [^;\"]*)?", _SANS, text)
    return text[text.index("<svg") :]
