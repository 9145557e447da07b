"""The report page of an assessment: one HTML file that needs no other."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from pointillist.report import wording
from pointillist.report.figures import draw_area_bars, draw_class_bars, draw_error_matrix
from pointillist.report.files import write_file
from pointillist.report.stated import Assessed, Stated, amount, as_dict, count

if TYPE_CHECKING:
    from jinja2 import Environment

# Above this, a drawn matrix is no longer legible; the table still is.
MAX_DRAWN_CLASSES = 16


def write_page(
    assessment: Assessed, path: str | os.PathLike[str], *, overwrite: bool = False
) -> Path:
    """Write the report page.

    Args:
        assessment: An `Assessment` or its JSON; every number of the page comes from it.
        path: HTML file.
        overwrite: Replace a file that exists.

    Returns:
        The path.

    Raises:
        OutputExistsError: The file exists and `overwrite` is not set.
        OutputError: It cannot be written.
    """
    return write_file(path, render_page(assessment), overwrite=overwrite)


def render_page(assessment: Assessed) -> str:
    """The report page as text.

    Args:
        assessment: An `Assessment`, which may also hold where the map is wrong (`errors`), or its
            JSON.
    """
    from pointillist import __version__

    a = as_dict(assessment)
    return (
        _environment()
        .get_template("assessment.html")
        .render(
            a=a,
            version=__version__,
            kind_name=wording.KIND_NAMES[a["kind"]],
            kind_text=wording.explain_kind(a),
            methods=wording.explain_methods(a),
            references=wording.references(a),
            confusions=a["confusions"],
            classes=_class_rows(a),
            matrix=_matrix_rows(a, count_cells(a)),
            proportions=_matrix_rows(a, a["matrix_proportions"]),
            overall=Stated.read(a["overall_accuracy"]),
            mean_iou=Stated.read(a["mean_iou"]),
            kappa=Stated.read(a.get("kappa")),
            confidence=wording.confidence(a),
            figures=_figures(a),
            errors=_error_map(assessment),
            over_the_map=getattr(assessment, "ground", None) is not None,
        )
    )


def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("pointillist.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(count=count, amount=amount)
    return environment


def _figures(a: Mapping[str, Any]) -> dict[str, Markup]:
    drawn = {"bars": draw_class_bars(a), "area": draw_area_bars(a)}
    if len(a["classes"]) <= MAX_DRAWN_CLASSES:
        drawn["matrix"] = draw_error_matrix(a)
        if a["kind"] != "descriptive" and _all_known(a["matrix_proportions"]):
            drawn["proportions"] = draw_error_matrix(a, proportions=True)
    return {name: Markup(svg) for name, svg in drawn.items()}


def _error_map(assessment: Assessed) -> Markup | None:
    from pointillist.report.error_picture import draw_error_map

    drawn = draw_error_map(assessment)
    return None if drawn is None else Markup(drawn)


def _all_known(table: Sequence[Sequence[float | None]]) -> bool:
    return all(value is not None for row in table for value in row)


def _class_rows(a: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row per class with everything stated of it."""
    rows, mapped = [], a.get("mapped_area") or {}
    for entry in a["legend"]:
        name = entry["name"]
        figures = ("users_accuracy", "producers_accuracy", "f1", "iou")
        row: dict[str, Any] = {key: Stated.read(a[key][name]) for key in figures}
        row |= {key: Stated.read(a["area"][name][key]) for key in ("proportion", "hectares")}
        row |= {"name": name, "color": entry["color"], "mapped": mapped.get(name)}
        row |= {"n_found": a["totals"]["reference"][name], "n_mapped": a["totals"]["map"][name]}
        rows.append(row)
    return rows


def count_cells(a: Mapping[str, Any]) -> list[list[int]]:
    """Counts (C + 1, C), the last row without a class in the map."""
    return [*a["confusion_matrix"], [a["unmapped"][name] for name in a["classes"]]]


def _matrix_rows(a: Mapping[str, Any], cells: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
    """Rows of the error matrix with their totals; the unmapped pixels last, if any."""
    totals = a["totals"]
    rows = [
        {"name": name, "cells": row, "total": totals["map"][name], "index": i}
        for i, (name, row) in enumerate(zip(a["classes"], cells, strict=False))
    ]
    if totals["unmapped"]:
        rows.append(
            {"name": "no class", "cells": cells[-1], "total": totals["unmapped"], "index": -1}
        )
    return rows
