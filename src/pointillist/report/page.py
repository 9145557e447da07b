"""The report page of an assessment: one HTML file that needs no other."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pointillist.report import wording
from pointillist.report.figures import draw_area_bars, draw_class_bars, draw_error_matrix
from pointillist.report.files import write_file
from pointillist.report.stated import Assessed, Stated, amount, as_dict, count

if TYPE_CHECKING:
    from jinja2 import Environment

# Above this, a drawn matrix is no longer legible; the table still is.
MAX_DRAWN_CLASSES = 40


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
    """The report page as text."""
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
            confusions=wording.largest_confusions(a),
            classes=_class_rows(a),
            matrix=_matrix_rows(a),
            totals=_column_totals(a),
            overall=Stated.read(a["overall_accuracy"]),
            mean_iou=Stated.read(a["mean_iou"]),
            confidence=wording.confidence(a),
            n_unmapped=sum(a["unmapped"].values()),
            figures=_figures(a),
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


def _figures(a: Mapping[str, Any]) -> dict[str, str]:
    drawn = {"bars": draw_class_bars(a), "area": draw_area_bars(a)}
    if len(a["classes"]) <= MAX_DRAWN_CLASSES:
        drawn["matrix"] = draw_error_matrix(a)
    return {name: _data_uri(svg) for name, svg in drawn.items()}


def _data_uri(svg: str) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode("utf-8")).decode("ascii")


def _class_rows(a: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row per class with everything stated of it."""
    totals = _column_totals(a)
    rows = []
    for j, entry in enumerate(a["legend"]):
        name = entry["name"]
        figures = ("users_accuracy", "producers_accuracy", "f1", "iou")
        row: dict[str, Any] = {key: Stated.read(a[key][name]) for key in figures}
        row |= {key: Stated.read(value) for key, value in a["area"][name].items()}
        row |= {"name": name, "color": entry["color"], "found": totals[j]}
        row["mapped"] = sum(a["confusion_matrix"][j])
        rows.append(row)
    return rows


def _matrix_rows(a: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Rows of the error matrix with their totals; the unmapped pixels last, if any."""
    rows = [
        {"name": name, "cells": cells, "total": sum(cells), "index": i}
        for i, (name, cells) in enumerate(zip(a["classes"], a["confusion_matrix"], strict=True))
    ]
    unmapped = [a["unmapped"][name] for name in a["classes"]]
    if any(unmapped):
        rows.append({"name": "no class", "cells": unmapped, "total": sum(unmapped), "index": -1})
    return rows


def _column_totals(a: Mapping[str, Any]) -> list[int]:
    columns = zip(*a["confusion_matrix"], strict=True)
    unmapped = [a["unmapped"][name] for name in a["classes"]]
    return [sum(column) + more for column, more in zip(columns, unmapped, strict=True)]
