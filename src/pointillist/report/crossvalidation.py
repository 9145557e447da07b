"""A spatial cross-validation as a table in the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pointillist.report.stated import Stated, count

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table


def render_crossvalidation(found: Mapping[str, Any]) -> Group:
    """Make what `assess --model RUN --cv blocks` prints: headline, classes, what it can tell.

    Args:
        found: The JSON of the cross-validation.
    """
    from rich.console import Group
    from rich.text import Text

    overall = Stated.read(found["overall_accuracy"]).percent()
    mean_iou = Stated.read(found["mean_iou"]).percent()
    head = (
        f"Overall accuracy {overall} %   mean IoU {mean_iou} %   "
        f"[Spatial cross-validation of the recipe {found['recipe']}, n = {count(found['n'])}]"
    )
    told = [Text(f"• {line}", style="dim") for line in found["what_it_tells"]]
    notices = [Text(f"• {line}", style="yellow") for line in found["notices"]]
    return Group(
        Text(head, style="bold"),
        Text(describe_folds(found), style="dim"),
        Text(),
        _class_table(found),
        *told,
        *notices,
    )


def describe_folds(found: Mapping[str, Any]) -> str:
    """How the folds were cut, how they differ, and how far apart they keep the points."""
    folds = found["folds"]
    by_fold = ", ".join(Stated.read(fold["overall_accuracy"]).percent() for fold in folds)
    blocks, distance = found["blocks"], found["median_distance_px"]
    text = (
        f"{len(folds)} folds of squares of {blocks['side_px']} px ({blocks['n']} with labels); "
        f"overall accuracy by fold: {by_fold} %."
    )
    if distance["held_out"] is not None:
        text += (
            f" Held-out pixels lie {_tenth(distance['held_out'])} px (median) from the nearest "
            f"learnt one; any place of the scene {_tenth(distance['anywhere'])} px from the "
            "nearest label of the run."
        )
    return text


def _class_table(found: Mapping[str, Any]) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("class", overflow="fold", min_width=8)
    for title in ("user's\n%", "producer's\n%", "F1\n%", "IoU\n%", "labels\npixels"):
        table.add_column(title, justify="right", no_wrap=True)
    for entry in found["legend"]:
        name = entry["name"]
        cells = [
            Stated.read(found[key][name]).percent()
            for key in ("users_accuracy", "producers_accuracy", "f1", "iou")
        ]
        cells.append(count(found["totals"]["reference"][name]))
        table.add_row(Text.assemble(("■ ", entry["color"]), name), *cells)
    return table


def _tenth(value: float) -> str:
    return f"{value:.1f}"
