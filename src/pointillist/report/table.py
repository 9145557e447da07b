"""An assessment as a table in the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pointillist.report.stated import Assessed, Stated, as_dict, count
from pointillist.report.wording import KIND_NAMES, confidence, explain_kind

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text


def render_table(assessment: Assessed) -> Group:
    """Make what `assess` prints: headline, one row per class, notices.

    Args:
        assessment: An `Assessment` or its JSON.

    Returns:
        Anything `rich` prints.
    """
    from rich.console import Group
    from rich.text import Text

    a = as_dict(assessment)
    notices = [Text(f"• {notice}", style="yellow") for notice in a["notices"]]
    return Group(
        _headline(a), Text(explain_kind(a), style="dim"), Text(), _class_table(a), *notices
    )


def _headline(a: Mapping[str, Any]) -> Text:
    from rich.text import Text

    parts = []
    for label, key in (("Overall accuracy", "overall_accuracy"), ("mean IoU", "mean_iou")):
        stated = Stated.read(a[key])
        interval = stated.percent_interval()
        parts.append(f"{label} {stated.percent()} %" + (f" ({interval})" if interval else ""))
    kind = KIND_NAMES[a["kind"]]
    return Text(f"{'   '.join(parts)}   [{kind}, n = {count(a['n'])}]", style="bold")


def _class_table(a: Mapping[str, Any]) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    estimated = a["kind"] == "design-based"
    columns = ["user's\n%", "producer's\n%", "F1\n%", "IoU\n%", "reference\nn", "area\n%"]
    has_hectares = any(Stated.read(v["hectares"]).value is not None for v in a["area"].values())
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("class", overflow="fold", min_width=8)
    for name in [*columns, *(["hectares"] if has_hectares else [])]:
        table.add_column(name, justify="right", no_wrap=True)
    for j, entry in enumerate(a["legend"]):
        name = entry["name"]
        cells = [_percent(a[key][name]) for key in ("users_accuracy", "producers_accuracy")]
        cells += [Stated.read(a[key][name]).percent() for key in ("f1", "iou")]
        found = sum(row[j] for row in a["confusion_matrix"]) + a["unmapped"][name]
        cells += [count(found), _percent(a["area"][name]["proportion"])]
        if has_hectares:
            cells.append(Stated.read(a["area"][name]["hectares"]).amount())
        table.add_row(Text.assemble(("■ ", entry["color"]), name), *cells)
    if estimated:
        table.caption = f"± {confidence(a)} % intervals of the estimates"
    return table


def _percent(stated: Any) -> str:
    """Value in percent, with half the width of its interval."""
    s = Stated.read(stated)
    if s.low is None or s.high is None:
        return s.percent()
    return f"{s.percent()} ± {50 * (s.high - s.low):.1f}"
