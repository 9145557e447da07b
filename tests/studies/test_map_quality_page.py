"""The table of ten minutes in docs/map_quality.md is written by hand: it says what records say."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from pointillist.studies.evidence import Evidence

ROOT = Path(__file__).resolve().parents[2]
RECIPES = ("forest", "unet", "stack")
COLUMNS = [(design, recipe) for design in ("simple", "balanced") for recipe in RECIPES]

Scores = Mapping[tuple[str, str, str], tuple[float, float]]
"""Mean IoU and overall accuracy of the first draw by `scene, points`, design and recipe."""


@pytest.fixture(scope="module")
def scores() -> Scores:
    found: dict[tuple[str, str, str], tuple[float, float]] = {}
    for line in Evidence(ROOT / "studies" / "records").table("laptop"):
        cell, run = line.row.cell, line.runs.get(0)
        if run is not None:
            place = f"`{cell.scene}`, {cell.n_points}"
            found[place, cell.design, cell.recipe] = (run["miou"], run["overall_accuracy"])
    return found


def _rows(start: str) -> dict[str, list[list[float]]]:
    """The figures of the table's rows whose first column begins so: IoU and accuracy by column."""
    page = (ROOT / "docs" / "map_quality.md").read_text(encoding="utf-8")
    table = page[page.index("| scene, points | simple: forest") :].split("\n\n")[0]
    rows = [line.strip("|").split("|") for line in table.splitlines()[2:]]
    return {
        name.strip(): [[float(x) for x in re.findall(r"\.\d+", cell)] for cell in cells]
        for name, *cells in rows
        if name.strip().startswith(start)
    }


def test_every_place_is_as_recorded(scores: Scores) -> None:
    rows = _rows("`dubai")
    assert len(rows) == 12
    for place, told in rows.items():
        measured = [scores[place, *column] for column in COLUMNS]
        np.testing.assert_allclose(told, measured, atol=0.00051, rtol=0, err_msg=place)


def test_means_are_of_the_records_not_of_rounded_figures(scores: Scores) -> None:
    columns = defaultdict(list)
    for (place, *column), figures in scores.items():
        columns[place.partition(", ")[2], *column].append(figures)
    rows = _rows("mean")
    assert len(rows) == 3
    for name, told in rows.items():
        points = name.removeprefix("mean, ")
        measured = [np.mean(columns[points, *column], axis=0) for column in COLUMNS]
        np.testing.assert_allclose(told, measured, atol=0.00051, rtol=0, err_msg=name)
