"""An assessment as tables in the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pointillist.report.stated import NOTHING, Assessed, Stated, as_dict, count
from pointillist.report.wording import KIND_NAMES, confidence, explain_kind

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text


def render_table(assessment: Assessed) -> Group:
    """Make what `assess` prints: headline, accuracy and area of every class, notices.

    Args:
        assessment: An `Assessment` or its JSON.

    Returns:
        Anything `rich` prints.
    """
    from rich.console import Group
    from rich.text import Text

    a = as_dict(assessment)
    notices = [Text(f"• {notice}", style="yellow") for notice in a["notices"]]
    interval = f"In brackets: {confidence(a)} % intervals." if a["kind"] == "design-based" else ""
    return Group(
        _headline(a),
        Text(explain_kind(a), style="dim"),
        Text(),
        _accuracy_table(a),
        _area_table(a),
        *([Text(interval, style="dim")] if interval else []),
        *notices,
    )


def _headline(a: Mapping[str, Any]) -> Text:
    from rich.text import Text

    parts = []
    for label, key in (("Overall accuracy", "overall_accuracy"), ("mean IoU", "mean_iou")):
        stated = Stated.read(a[key])
        interval = stated.percent_interval()
        parts.append(f"{label} {stated.percent()} %" + (f" ({interval})" if interval else ""))
    if "kappa" in a:
        kappa = Stated.read(a["kappa"]).value
        parts.append("kappa not defined" if kappa is None else f"kappa {kappa:.3f}")
    kind = KIND_NAMES[a["kind"]]
    return Text(f"{'   '.join(parts)}   [{kind}, n = {count(a['n'])}]", style="bold")


def _accuracy_table(a: Mapping[str, Any]) -> Table:
    figures = ("users_accuracy", "producers_accuracy", "f1", "iou")
    n = "points" if a["kind"] == "design-based" else "pixels"
    titles = ("user's\n%", "producer's\n%", "F1\n%", "IoU\n%", f"mapped\n{n}", f"reference\n{n}")
    table = _table(titles)
    for entry in a["legend"]:
        name = entry["name"]
        cells = [_percent(a[key][name]) for key in figures[:2]]
        cells += [Stated.read(a[key][name]).percent() for key in figures[2:]]
        cells += [count(a["totals"][side][name]) for side in ("map", "reference")]
        table.add_row(_class_name(entry), *cells)
    return table


def _area_table(a: Mapping[str, Any]) -> Table:
    """How much there is of each class, and, where that is another thing, how much is mapped."""
    mapped = (a.get("mapped_area") or {}) if a["kind"] != "descriptive" else {}
    share = {"design-based": "area, estimated\n%", "census": "area, reference\n%"}
    titles = [*(["area, mapped\n%"] if mapped else []), share.get(a["kind"], "area, mapped\n%")]
    has_hectares = any(Stated.read(v["hectares"]).value is not None for v in a["area"].values())
    table = _table([*titles, *(["\nhectares"] if has_hectares else [])])
    for entry in a["legend"]:
        area = a["area"][entry["name"]]
        cells = [_percent(area["proportion"], 2)]
        if mapped:
            shown = mapped.get(entry["name"])
            cells.insert(0, NOTHING if shown is None else f"{100 * shown['proportion']:.2f}")
        if has_hectares:
            hectares = Stated.read(area["hectares"])
            interval = hectares.amount_interval() if hectares.low is not None else ""
            cells.append(hectares.amount() + (f" ({interval})" if interval else ""))
        table.add_row(_class_name(entry), *cells)
    return table


def _table(titles: Any) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("class", overflow="fold", min_width=8)
    for title in titles:
        table.add_column(title, justify="right", no_wrap=True)
    return table


def _class_name(entry: Mapping[str, Any]) -> Text:
    from rich.text import Text

    return Text.assemble(("■ ", entry["color"]), entry["name"])


def _percent(stated: Any, digits: int = 1) -> str:
    """Value in percent, with its interval where it has one."""
    s = Stated.read(stated)
    if s.low is None:
        return s.percent(digits)
    return f"{s.percent(digits)} ({s.percent_interval(digits)})"
