"""What the records of P-clicks say: how many clicks reach what random placement reaches."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pointillist.studies.clicks import ORACLE, ClicksCell
from pointillist.studies.statistics import Mean, mean_over_seeds
from pointillist.studies.tables import Line

if TYPE_CHECKING:
    from rich.table import Table

AIMS = {300: 150, 1000: 500}
"""Random placement's points, and the half of them that are to reach the same."""


@dataclass(frozen=True, eq=False)
class ClickCurve:
    """The runs of one strategy on one scene.

    Args:
        scene: The scene.
        chosen_by: The strategy.
        unsure_px: How near a border the mapper cannot tell.
        clicks: (R,) clicks after each round.
        scores: Mean IoU (S, R) by seed and round.
    """

    scene: str
    chosen_by: str
    unsure_px: int
    clicks: NDArray[np.int64]
    scores: NDArray[np.float64]

    @property
    def n_seeds(self) -> int:
        """Number of runs."""
        return len(self.scores)

    @cached_property
    def mean(self) -> NDArray[np.float64]:
        """(R,) over the seeds."""
        return np.asarray(self.scores.mean(axis=0))

    def at(self, clicks: int) -> NDArray[np.float64]:
        """Scores (S,) after so many clicks, which must be a round's."""
        return np.asarray(self.scores[:, int(np.flatnonzero(self.clicks == clicks)[0])])

    def clicks_for(self, score: float) -> float:
        """Clicks at which the mean curve first reaches a score; infinite if it never does."""
        above = np.flatnonzero(self.mean >= score)
        if len(above) == 0:
            return math.inf
        i = int(above[0])
        if i == 0:
            return float(self.clicks[0])
        low, high = self.mean[i - 1], self.mean[i]
        part = (score - low) / (high - low)
        return float(self.clicks[i - 1] + part * (self.clicks[i] - self.clicks[i - 1]))


def read_curves(lines: Sequence[Line]) -> list[ClickCurve]:
    """The curves of a study's lines, over the seeds and rounds that all runs of a line have."""
    curves = []
    for line in lines:
        cell = line.row.cell
        if not isinstance(cell, ClicksCell):
            continue
        runs = [record["curve"] for _, record in sorted(line.runs.items())]
        n_rounds = min(len(run) for run in runs)
        curves.append(
            ClickCurve(
                cell.scene,
                cell.chosen_by,
                cell.unsure_px,
                np.array([row["clicks"] for row in runs[0][:n_rounds]]),
                np.array([[row["miou"] for row in run[:n_rounds]] for run in runs]),
            )
        )
    return curves


def find_random(curves: Sequence[ClickCurve], like: ClickCurve) -> ClickCurve | None:
    """Random placement on the same scene, with the same mapper."""
    for curve in curves:
        same = (curve.scene, curve.unsure_px) == (like.scene, like.unsure_px)
        if same and curve.chosen_by == "random":
            return curve
    return None


def strategies_of(curves: Sequence[ClickCurve]) -> list[tuple[str, int]]:
    """Strategies with the mapper's unsureness, in the order of the study; random ones left out."""
    found = dict.fromkeys((c.chosen_by, c.unsure_px) for c in curves if c.chosen_by != "random")
    return list(found)


def gain_at_half(
    curves: Sequence[ClickCurve], chosen_by: str, unsure_px: int, n_random: int
) -> Mean | None:
    """Mean IoU at half the clicks less that of random placement at all of them.

    Averaged over the scenes, with an interval over the seeds; None where records are missing.
    """
    differences = []
    for curve in curves:
        if (curve.chosen_by, curve.unsure_px) != (chosen_by, unsure_px):
            continue
        other = find_random(curves, curve)
        if other is None or n_random not in other.clicks or AIMS[n_random] not in curve.clicks:
            return None
        n = min(curve.n_seeds, other.n_seeds)
        differences.append(curve.at(AIMS[n_random])[:n] - other.at(n_random)[:n])
    if not differences:
        return None
    n = min(len(d) for d in differences)
    return mean_over_seeds(np.mean([d[:n] for d in differences], axis=0).tolist())


def name_strategy(chosen_by: str, unsure_px: int) -> str:
    """As people read it."""
    name = "oracle (sees the errors; a bound)" if chosen_by == ORACLE else chosen_by
    return f"{name}, unsure within {unsure_px} px" if unsure_px else name


def format_clicks(clicks: float, most: int) -> str:
    """`216`, or `> 500` where the curve ends below."""
    return f"> {most}" if math.isinf(clicks) else f"{clicks:.0f}"


def table_rows(curves: Sequence[ClickCurve], n_random: int) -> tuple[list[str], list[list[str]]]:
    """Heads and rows: clicks needed by strategy and scene, and the gain at half of them."""
    scenes = list(dict.fromkeys(curve.scene for curve in curves))
    heads = ["strategy", *scenes, f"mean IoU at {AIMS[n_random]} less random's at {n_random}"]
    rows = []
    for chosen_by, unsure_px in strategies_of(curves):
        row = [name_strategy(chosen_by, unsure_px)]
        for scene in scenes:
            mine = [
                c
                for c in curves
                if (c.scene, c.chosen_by, c.unsure_px) == (scene, chosen_by, unsure_px)
            ]
            other = find_random(curves, mine[0]) if mine else None
            if other is None or n_random not in other.clicks:
                row.append("")
                continue
            needed = mine[0].clicks_for(float(other.at(n_random).mean()))
            row.append(format_clicks(needed, int(mine[0].clicks[-1])))
        gain = gain_at_half(curves, chosen_by, unsure_px, n_random)
        row.append("" if gain is None else format_gain(gain))
        rows.append(row)
    return heads, rows


def format_gain(gain: Mean) -> str:
    """`+0.021 (+0.010 – +0.032)`."""
    if gain.n < 2:
        return f"{gain.value:+.3f} (1 seed)"
    return f"{gain.value:+.3f} ({gain.low:+.3f} – {gain.high:+.3f})"


def render_clicks(lines: Sequence[Line], n_random: int) -> Table:
    """A table as something `rich` prints."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    heads, rows = table_rows(read_curves(lines), n_random)
    title = f"Clicks that reach what random placement reaches with {n_random}"
    table = Table(box=SIMPLE_HEAD, pad_edge=False, title=title, title_justify="left")
    for i, head in enumerate(heads):
        table.add_column(head, justify="right" if i else "left")
    for row in rows:
        table.add_row(*row)
    return table
