"""The page on the next click: tables and figure, made from the records and from nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pointillist.studies.clicks_table import (
    AIMS,
    ClickCurve,
    find_random,
    name_strategy,
    read_curves,
    strategies_of,
    table_rows,
)
from pointillist.studies.figures import INK, OURS, canvas, to_svg
from pointillist.studies.named import find_study
from pointillist.studies.statistics import mean_over_seeds
from pointillist.studies.tables import read_lines

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PICTURE = Path("images/clicks.svg")
_COLOURS = {
    "random": "#7b8794",
    "margin": OURS,
    "entropy": "#2f6db3",
    "diverse": "#8e44ad",
    "spread": "#b58900",
    "oracle": "#c2571a",
}
_HEAD = """# Where to click next, measured

Made by `pointillist report` from `studies/records/clicks.jsonl`. The protocol is
[P-clicks](protocols.md), what was decided from it [decision 9](decisions/0009-next-click.md).

A simulated mapper answers each suggested place with the class of the mask and never errs: **an
upper bound** on what people gain. Rounds of 50 clicks after 50 simple random ones, {seeds} seeds, a
random forest grown anew after every round, mean IoU over a lattice of some 50,000 labelled pixels
of each scene. A click where the mask holds no class counts as a click. `terrain` is generated,
another scene for each seed. "Unsure within 2 px": the mapper cannot tell within 2 px of another
class and the click is lost, on both sides of the comparison. `random` is simple random placement.
The oracle draws among the places where the map is wrong, which nobody can; it is meant as a bound
and is none where errors are borders and noise.

![Learning curves by scene, and clicks needed by strategy](images/clicks.svg)
"""


def write_clicks_page(records: Path, page: Path) -> bool:
    """Write the page and its figure.

    Args:
        records: Folder of the records.
        page: Markdown file; the figure goes into `images` beside it.

    Returns:
        Whether there were records to make it of.
    """
    study = find_study("clicks")
    curves = read_curves(read_lines(study, study.seeds, records))
    if not curves:
        return False
    seeds = min(curve.n_seeds for curve in curves)
    parts = [_HEAD.format(seeds=seeds)]
    for n_random, n_half in AIMS.items():
        parts.append(
            f"## What random placement reaches with {n_random}\n\n"
            f"Clicks at which the mean curve reaches it. Last column: mean IoU after {n_half} "
            f"clicks less that of random placement after {n_random}, averaged over the scenes, "
            "with the 95 % interval over seeds; from 0 on, half the points are enough.\n\n"
            + _markdown(*table_rows(curves, n_random))
        )
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text("\n".join(parts), encoding="utf-8")
    picture = page.parent / PICTURE
    picture.parent.mkdir(parents=True, exist_ok=True)
    picture.write_bytes(to_svg(draw_clicks(curves)))
    return True


def _markdown(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    marks = ["---", *["---:"] * (len(heads) - 1)]
    return "".join(f"| {' | '.join(row)} |\n" for row in (heads, marks, *rows))


def draw_clicks(curves: Sequence[ClickCurve]) -> Figure:
    """Learning curves of each scene above, clicks needed by strategy below."""
    scenes = list(dict.fromkeys(curve.scene for curve in curves))
    n = max(len(scenes), 2)
    with canvas(9.6, 5.4, nrows=2, ncols=n, height_ratios=[1.2, 1]) as (figure, axes):
        for panel, scene in zip(axes[0], scenes, strict=False):
            _draw_curves(panel, [c for c in curves if c.scene == scene and c.unsure_px == 0])
            panel.set_title(scene, fontsize=9)
        for panel in axes[0][len(scenes) :]:
            panel.remove()
        axes[0][0].set_ylabel("mean IoU")
        handles, labels = axes[0][0].get_legend_handles_labels()
        for panel in axes[1]:
            panel.remove()
        grid = axes[1][0].get_gridspec()
        halves = [grid[1, : n // 2], grid[1, n // 2 :]]
        for (n_random, n_half), place in zip(AIMS.items(), halves, strict=True):
            panel = figure.add_subplot(place)
            _draw_needed(panel, curves, n_random, n_half)
            if place != halves[0]:
                panel.tick_params(labelleft=False)
        figure.legend(handles, labels, loc="outside upper center", ncols=6, fontsize=8)
    return figure


def _draw_curves(panel: Any, curves: Sequence[ClickCurve]) -> None:
    """Means with their intervals; random placement's score at 300 and 1000 as lines."""
    for curve in curves:
        colour = _COLOURS.get(curve.chosen_by, INK)
        panel.plot(curve.clicks, curve.mean, color=colour, label=curve.chosen_by)
        if curve.n_seeds > 1 and curve.chosen_by in ("random", "margin"):
            means = [mean_over_seeds(column.tolist()) for column in curve.scores.T]
            low, high = [m.low for m in means], [m.high for m in means]
            panel.fill_between(curve.clicks, low, high, color=colour, alpha=0.15, linewidth=0)
        if curve.chosen_by == "random":
            for n_random in AIMS:
                if n_random in curve.clicks:
                    panel.axhline(float(curve.at(n_random).mean()), color=colour,
                                  linewidth=0.7, linestyle=":")  # fmt: skip
    panel.set_xlabel("clicks")
    panel.set_xlim(0, 1000)
    floor = min(float(curve.mean[1:].min()) for curve in curves)
    top = max(float(curve.mean.max()) for curve in curves)
    panel.set_ylim(floor - 0.03, top + 0.03)


def _draw_needed(panel: Any, curves: Sequence[ClickCurve], n_random: int, n_half: int) -> None:
    """A dot per scene and the mean as a bar; runs that never get there stand at the right edge."""
    names = strategies_of(curves)
    for y, (chosen_by, unsure_px) in enumerate(names):
        needed = []
        for curve in curves:
            if (curve.chosen_by, curve.unsure_px) != (chosen_by, unsure_px):
                continue
            other = find_random(curves, curve)
            if other is None or n_random not in other.clicks:
                continue
            clicks = curve.clicks_for(float(other.at(n_random).mean()))
            most = float(curve.clicks[-1])
            reached = np.isfinite(clicks)
            needed.append(clicks if reached else most)
            marker = "o" if reached else ">"
            panel.plot(needed[-1], y, marker, color=_COLOURS.get(chosen_by, INK), markersize=4.5)
        if needed:
            panel.plot([np.mean(needed)] * 2, [y - 0.32, y + 0.32], color=INK, linewidth=1.6)
    panel.axvline(n_half, color=INK, linewidth=0.8, linestyle="--")
    labels = [name_strategy(*name).split(" (")[0].replace(", ", ",\n") for name in names]
    panel.set_yticks(range(len(names)), labels)
    panel.invert_yaxis()
    panel.set_xlim(0, None)
    panel.grid(axis="y", visible=False)
    panel.set_xlabel(f"clicks for what random reaches with {n_random} (dashed: half)")
