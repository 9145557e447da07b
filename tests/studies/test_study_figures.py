"""The figures: what they draw, on which scale, and that they can be shown in the dark."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pytest
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D
from study_cases import make_records

from pointillist.accuracy.learning_curve import Curve
from pointillist.legend import Legend
from pointillist.studies import find_study
from pointillist.studies.classic import ClassicCell
from pointillist.studies.evidence import Evidence
from pointillist.studies.examples import Example
from pointillist.studies.figures import (
    LEAST_SEEDS,
    draw_bars,
    draw_classes,
    draw_density,
    draw_sampling,
    to_svg,
)
from pointillist.studies.panels import draw_panels

NAMES = ("density", "sampling", "baselines")


def score(cell: ClassicCell) -> float:
    """Nearly 1, far below where points are interior, and unsteady from seed to seed."""
    return (0.7 if cell.strategy == "interior" else 0.98) + 0.02 * (cell.seed % 2)


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    folder = tmp_path_factory.mktemp("records")
    for name in NAMES:
        make_records(find_study(name), folder, 4, score)
    return Evidence(folder)


def drawn(axes: Any, marker: str) -> list[tuple[float, float]]:
    """Places of the marks of a kind."""
    lines = [line for line in axes.lines if line.get_marker() == marker]
    return [(float(x), float(y)) for line in lines for x, y in line.get_xydata()]


def test_the_reference_studys_final_model_is_drawn_beside_its_table(evidence: Evidence) -> None:
    figure = draw_density(evidence, None)
    assert figure is not None
    crosses = drawn(figure.axes[0], "x")
    assert (200.0, 0.9290) in crosses
    assert (250.0, 0.9540) in crosses


def test_each_design_has_its_curve(evidence: Evidence) -> None:
    curve = Curve(ceiling=0.99, gap=0.3, rate=0.7)
    for curves in ({}, {"per image": curve}, {"per class": curve, "per image": curve}):
        figure = draw_density(evidence, curves)
        assert figure is not None
        axes: Any = figure.axes[0]
        assert sum(len(line.get_xydata()) == 100 for line in axes.lines) == len(curves)
        said = [text.get_text() for text in axes.get_legend().get_texts()]
        assert sum("with fitted curve" in text for text in said) == len(curves)


def test_interior_points_do_not_flatten_the_others(evidence: Evidence) -> None:
    figure = draw_sampling(evidence)
    assert figure is not None
    near, interior = figure.axes
    assert len(drawn(interior, "D")) == 5
    assert drawn(near, "D") == []
    assert np.ptp(near.get_ylim()) < 0.2 < np.ptp(interior.get_ylim())


def test_no_interval_of_two_seeds_and_none_beyond_one(tmp_path: Path) -> None:
    for seeds, least in ((4, 0.01), (2, 0.0)):
        make_records(find_study("baselines"), tmp_path / str(seeds), seeds, score)
        figure = draw_bars(Evidence(tmp_path / str(seeds)).table("baselines"))
        assert figure is not None
        bars = [c for c in figure.axes[0].collections if isinstance(c, LineCollection)]
        parts = [np.asarray(part) for bar in bars for part in bar.get_segments()]
        ends = np.concatenate(parts)[:, 0]
        assert ends.max() <= 1.0
        assert max(np.ptp(part[:, 0]) for part in parts) >= least
        if seeds < LEAST_SEEDS:
            assert max(np.ptp(part[:, 0]) for part in parts) == 0


def test_rows_with_the_same_labels_lie_on_one_line(evidence: Evidence) -> None:
    lines = evidence.table("baselines")
    figure = draw_bars(lines)
    assert figure is not None
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert names[:2] == ["1 per class", "5 per class"]
    assert len(names) == len(set(names)) < len(lines)
    assert not any("forest" in name for name in names)


def test_legends_name_marks_and_no_intervals(evidence: Evidence) -> None:
    for figure in (draw_sampling(evidence), draw_bars(evidence.table("baselines"))):
        assert figure is not None
        (legend,) = figure.legends
        assert legend.legend_handles
        assert all(isinstance(handle, Line2D) for handle in legend.legend_handles)


def test_figures_have_no_ground_of_their_own(evidence: Evidence) -> None:
    first, second = draw_classes(evidence), draw_classes(evidence)
    assert first is not None
    assert second is not None
    svg = to_svg(first)
    assert svg == to_svg(second)
    assert b"fill: #ffffff" not in svg


def test_what_has_no_class_is_thin_grey_and_right_pixels_too() -> None:
    legend = Legend.from_names(["a", "b"])
    truth = np.array([[0, 1], [-1, 0]], np.int8)
    points = np.full((2, 2), -1, np.int8)
    example = Example("e", legend, points, np.zeros((2, 2), np.int8), truth)
    shown = {title: decode(png) for title, png in draw_panels(example)}
    assert (shown["points"][..., 3] < 64).all()
    assert (shown["wrong pixels"][..., 3] == 255).tolist() == [[False, True], [False, False]]
    assert (shown["truth"][..., 3] == 255).tolist() == [[True, True], [False, True]]


def decode(png: bytes) -> Any:
    return (255 * matplotlib.image.imread(io.BytesIO(png))).round().astype(int)
