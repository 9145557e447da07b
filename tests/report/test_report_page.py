"""The report page: plain words for every kind of assessment, no resource from elsewhere."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from pointillist.accuracy import Assessment, assess_census, error_matrix
from pointillist.accuracy.assess import assess_points
from pointillist.accuracy.classes import join_classes
from pointillist.accuracy.design import DesignRequest, SampleRecord
from pointillist.accuracy.reference import Reference
from pointillist.errors import OutputError, OutputExistsError
from pointillist.legend import Legend
from pointillist.report import render_page, write_page
from pointillist.report.figures import draw_area_bars, draw_class_bars, draw_error_matrix
from pointillist.report.wording import methods_text, references

NAMES = ("Water", "Forest <old> & wild", "Road")


@pytest.fixture
def census() -> Assessment:
    legend = Legend.from_names(NAMES)
    matrix = error_matrix([0, 0, 1, 1, 0, -1], [0, 0, 1, 0, 1, 1], NAMES)
    return assess_census(matrix, legend)


def points(request: DesignRequest) -> Assessment:
    rng = np.random.default_rng(3)
    legend = Legend.from_names(NAMES)
    in_map = rng.integers(0, 3, 120)
    truth = np.where(rng.random(120) < 0.8, in_map, rng.integers(0, 3, 120))
    record = SampleRecord("sites.gpkg", {}, {})
    classes = join_classes(legend, legend, by_code=False)
    reference = Reference(in_map, truth, np.arange(120), classes, record, (), True)
    return assess_points(reference, np.array([500, 300, 200]), request)


def test_page_needs_no_other_resource(census: Assessment) -> None:
    page = render_page(census)
    sources = re.findall(r"(?:src|href)=\"([^\"]{0,30})|url\(|@import|<script|<link", page)
    assert all(s.startswith("data:image/png;base64,") for s in sources)


def test_names_are_escaped(census: Assessment) -> None:
    page = render_page(census)
    assert "Forest &lt;old&gt; &amp; wild" in page
    assert "<old>" not in page


def test_census_is_called_a_census(census: Assessment) -> None:
    page = render_page(census)
    assert "Census" in page
    assert "All 6 labelled pixels" in page
    assert "50.0 %" in page  # overall accuracy, 3 of 6
    assert "no class" in page
    assert "1 of 6 reference pixels have no class in the map" in page


def test_estimates_show_intervals_and_their_method() -> None:
    result = points(DesignRequest("simple"))
    page, stated = render_page(result), result.to_dict()
    low, high = stated["overall_accuracy"]["ci"]
    assert f"{100 * low:.1f}–{100 * high:.1f}" in page
    assert "simple random" in methods_text(stated)
    assert "Cochran" in page
    stratified = points(DesignRequest("stratified")).to_dict()
    assert "Olofsson" in references(stratified)[0]
    assert "The strata are the classes of the map" in methods_text(stratified)
    assert "of 500 pixels" in methods_text(stratified)
    assert "[Say who labelled the points" in methods_text(stratified)


def test_descriptive_figures_carry_no_interval() -> None:
    page = render_page(points(DesignRequest()))
    assert "Descriptive figures" in page
    assert "they carry no intervals" in page
    assert "--design simple" in page


def test_figures_draw_a_class_that_is_nowhere(census: Assessment) -> None:
    stated = census.to_dict()
    for draw in (draw_error_matrix, draw_class_bars, draw_area_bars):
        svg = draw(stated)
        assert svg.startswith("<svg")
        assert "Road" in svg
    assert "not defined" in draw_class_bars(stated)


def test_figures_are_the_same_every_time(census: Assessment) -> None:
    assert render_page(census) == render_page(census)


def test_largest_confusions_come_first(census: Assessment) -> None:
    found = census.to_dict()["confusions"]
    assert {(c["reference"], c["map"]) for c in found} == {
        ("Water", NAMES[1]), (NAMES[1], "Water"), (NAMES[1], None),
    }  # fmt: skip
    assert found[0]["share_of_all"] == pytest.approx(1 / 6)
    assert found[0]["n"] == 1
    assert {round(c["share"], 6) for c in found} == {round(1 / 3, 6)}


def test_many_classes_still_make_a_page() -> None:
    names = [f"class {i}" for i in range(60)]
    legend = Legend.from_names(names)
    page = render_page(assess_census(error_matrix(range(60), range(60), names), legend))
    assert "None: map and reference agree everywhere." in page


def test_page_is_written_once(census: Assessment, tmp_path: Path) -> None:
    path = write_page(census, tmp_path / "report.html")
    assert path.read_text(encoding="utf-8") == render_page(census)
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]
    with pytest.raises(OutputExistsError, match="--overwrite"):
        write_page(census, path)
    write_page(census, path, overwrite=True)
    with pytest.raises(OutputError, match="nowhere"):
        write_page(census, tmp_path / "nowhere" / "report.html")
