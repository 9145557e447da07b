"""Figures of an assessment as SVG text, drawn from its JSON and from nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pointillist.report.stated import Stated, count
from pointillist.report.svg import (
    INK,
    LINE,
    PAPER,
    QUIET,
    RIGHT,
    WRONG,
    draw,
    line,
    rectangle,
    shorten,
    words,
)

WIDTH = 360.0
"""Of bars, in units that are pixels on a telephone."""

_MAP_ROWS = "Map ↓"
_CHARACTER, _CELL_HEIGHT = 6.4, 34.0


def draw_error_matrix(a: Mapping[str, Any], *, proportions: bool = False) -> str:
    """Heat map: map classes in rows, reference classes in columns.

    The deeper a cell, the more of its reference class (column) it holds.

    Args:
        a: An assessment as JSON.
        proportions: Write shares of the whole in percent (estimated, where the sample is a
            probability sample) instead of counts.
    """
    names = list(a["classes"])
    counts = np.array([*a["confusion_matrix"], [a["unmapped"][name] for name in names]], float)
    table = _proportions(a) if proportions else counts
    rows = [*names, "no class"]
    if not counts[-1].any():
        table, rows = table[:-1], rows[:-1]
    texts = [[f"{100 * v:.1f}" if proportions else count(v) for v in row] for row in table]
    cell = max(46.0, max(len(text) for row in texts for text in row) * _CHARACTER + 10)
    longest = max(len(name) for name in rows)
    left = 18 + min(max(longest, len(_MAP_ROWS)), 16) * _CHARACTER
    upright = all(len(name) * _CHARACTER < cell - 4 for name in names)
    top = 44.0 if upright else 26 + min(longest, 14) * _CHARACTER * 0.62 + 14
    body = [_column_names(names, left, top, cell, upright), *_row_names(rows, left, top)]
    depth = np.sqrt(_column_shares(table))
    for (i, j), value in np.ndenumerate(table):
        place = left + j * cell, top + i * _CELL_HEIGHT
        body.append(_cell(place, cell, i == j, float(depth[i, j]), texts[i][j], value > 0))
    end = 34.0 if not upright else 4.0
    what = "shares of the whole in percent" if proportions else "counts"
    return draw(
        left + cell * len(names) + end,
        top + _CELL_HEIGHT * len(rows) + 4,
        f"Error matrix as {what}: map classes in rows, reference classes in columns. "
        "The same numbers are in the table below.",
        body,
        "matrix",
    )


def draw_class_bars(a: Mapping[str, Any]) -> str:
    """User's and producer's accuracy per class as bars, with intervals where they exist."""
    body, y = [], 4.0
    ends = WIDTH - 116
    for entry in a["legend"]:
        body.append(words(0, y + 10, shorten(entry["name"], 44), size=12, font_weight="600"))
        y += 17
        for key, opacity in (("users_accuracy", 1.0), ("producers_accuracy", 0.45)):
            stated = Stated.read(a[key][entry["name"]])
            body += _bar(y, 11, ends, 1.0, stated, entry["color"], opacity)
            body.append(words(WIDTH, y + 9.5, _value_text(stated), anchor="end"))
            y += 15
        y += 9
    return draw(
        WIDTH,
        y,
        "Bars of user’s and producer’s accuracy per class. The same numbers are in the table.",
        body,
    )


def draw_area_bars(a: Mapping[str, Any]) -> str:
    """Share of the area per class: as mapped and as the reference says, with intervals."""
    figures = [Stated.read(a["area"][name]["proportion"]) for name in a["classes"]]
    in_map = a.get("mapped_area") or {}
    mapped = [in_map.get(name, {}).get("proportion") for name in a["classes"]]
    if a["kind"] == "descriptive":
        mapped = [None] * len(mapped)  # that is what the figures are
    most = max([0.01, *(f.high or f.value or 0.0 for f in figures), *(m or 0.0 for m in mapped)])
    body, y = [], 4.0
    for entry, stated, shown in zip(a["legend"], figures, mapped, strict=True):
        body.append(words(0, y + 10, shorten(entry["name"], 26), size=12, font_weight="600"))
        body.append(words(WIDTH, y + 10, f"{_value_text(stated, 2)} %", anchor="end"))
        y += 16
        body += _bar(y, 12, WIDTH, most, stated, entry["color"], 1.0)
        y += 15
        if shown is not None:
            body += _dashed_bar(y, shown / most * WIDTH, shown, entry["color"])
            y += 12
        y += 9
    return draw(
        WIDTH, y, "Bars of the share of the area per class. The numbers are in the table.", body
    )


def _proportions(a: Mapping[str, Any]) -> NDArray[np.float64]:
    """(C + 1, C) shares of the whole; NaN where not estimable."""
    rows = [[np.nan if v is None else v for v in row] for row in a["matrix_proportions"]]
    return np.array(rows, dtype=np.float64)


def _column_shares(table: NDArray[np.float64]) -> NDArray[np.float64]:
    total = table.sum(axis=0)
    shares = np.divide(table, total, out=np.zeros(table.shape), where=total > 0)
    return np.asarray(np.nan_to_num(shares), dtype=np.float64)


def _column_names(names: Sequence[str], left: float, top: float, cell: float, upright: bool) -> str:
    parts = [words(left, 11, "Reference →", fill=QUIET)]
    for j, name in enumerate(names):
        x = left + (j + 0.5) * cell
        if upright:
            parts.append(words(x, top - 9, name, anchor="middle"))
        else:
            turn = f"rotate(-38 {x - 4:.1f} {top - 6:.1f})"
            parts.append(words(x - 4, top - 6, shorten(name, 14), transform=turn))
    return "".join(parts)


def _row_names(rows: Sequence[str], left: float, top: float) -> list[str]:
    parts = [words(left - 8, top - 9, _MAP_ROWS, anchor="end", fill=QUIET)]
    for i, name in enumerate(rows):
        y = top + (i + 0.5) * _CELL_HEIGHT + 4
        parts.append(words(left - 8, y, shorten(name, 16), anchor="end"))
    return parts


def _cell(
    place: tuple[float, float],
    width: float,
    right: bool,
    depth: float,
    text: str,
    has_any: bool,
) -> str:
    x, y = place
    ground = rectangle(
        x + 1, y + 1, width - 2, _CELL_HEIGHT - 2, RIGHT if right else WRONG, depth, rx="2"
    )
    ink = "var(--on-deep)" if depth > 0.62 else INK if has_any else QUIET
    frame = rectangle(x + 1, y + 1, width - 2, _CELL_HEIGHT - 2, "none", 1, rx="2", stroke=LINE)
    middle = words(
        x + width / 2, y + _CELL_HEIGHT / 2 + 4, text, anchor="middle", fill=ink,
        font_weight="600" if right else "400",
    )  # fmt: skip
    return ground + frame + middle


def _bar(
    y: float, height: float, full: float, most: float, stated: Stated, color: str, opacity: float
) -> list[str]:
    """A bar on a faint track, with its interval; a class without a figure gets words."""
    parts = [rectangle(0, y, full, height, LINE, 0.45, rx="1.5")]
    if stated.value is None:
        return [*parts, words(4, y + height - 2.5, "not defined", fill=QUIET, size=10)]
    width = stated.value / most * full
    parts.append(rectangle(0, y, width, height, color, opacity, rx="1.5", stroke=QUIET,
                           stroke_width="0.5"))  # fmt: skip
    if stated.low is not None and stated.high is not None:
        low, high = stated.low / most * full, stated.high / most * full
        middle = y + height / 2
        for stroke, weight in ((PAPER, 3.6), (INK, 1.4)):  # a light edge shows it on any colour
            parts.append(line(low, middle, high, middle, stroke, weight))
            for end in (low, high):
                parts.append(line(end, middle - 4, end, middle + 4, stroke, weight))
    return parts


def _dashed_bar(y: float, width: float, share: float, color: str) -> list[str]:
    """What the map shows, on the same scale; its figure stands where there is room."""
    frame = {"stroke": INK, "stroke_width": "0.8", "stroke_dasharray": "2 1.5"}
    inside = width > WIDTH - 90
    at, anchor = (width - 5, "end") if inside else (width + 5, "start")
    return [
        rectangle(0.5, y, width, 8, color, 0.18, **frame),
        words(at, y + 8, f"mapped {100 * share:.2f} %", anchor=anchor, fill=QUIET, size=10),
    ]


def _value_text(stated: Stated, digits: int = 1) -> str:
    interval = stated.percent_interval(digits)
    if stated.low is None:
        return stated.percent(digits)
    return f"{stated.percent(digits)} ({interval})"
