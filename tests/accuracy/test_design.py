"""Which points are a probability sample, and of which design."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pointillist.accuracy.design import (
    Design,
    DesignRequest,
    MapFacts,
    SampleRecord,
    find_design,
)
from pointillist.accuracy.strata import read_stratum_sizes
from pointillist.errors import InputError, MissingFileError, PointsError
from pointillist.legend import Legend

LEGEND = Legend.from_names(["Water", "Forest"])


def record(metadata: dict[str, Any] | None = None, **columns: list[Any]) -> SampleRecord:
    arrays = {name: np.array(values, dtype=object) for name, values in columns.items()}
    return SampleRecord("sites.gpkg", arrays, metadata or {})


def facts(at_points: list[int], pixels: tuple[int, int] = (300, 700)) -> MapFacts:
    return MapFacts(LEGEND, np.array(pixels), np.array(at_points))


def find(request: DesignRequest, of: SampleRecord, about: MapFacts) -> Design | str:
    return find_design(request, of, np.arange(len(about.at_points)), about)


def test_nothing_said_and_nothing_recorded_is_descriptive() -> None:
    reason = find(DesignRequest(), record(), facts([0, 1]))
    assert isinstance(reason, str)
    assert "--design simple" in reason


@pytest.mark.parametrize("name", ["purposive", "interior", "spread"])
def test_recorded_designs_without_probabilities_are_descriptive(name: str) -> None:
    reason = find(DesignRequest(), record(design=[name, name]), facts([0, 1]))
    assert isinstance(reason, str)
    assert f"'{name}'" in reason


def test_purposive_points_cannot_be_declared_a_sample() -> None:
    with pytest.raises(InputError, match="records its points as 'purposive'"):
        find(DesignRequest("simple"), record({"design": "purposive"}), facts([0]))


def test_mixed_designs_are_descriptive() -> None:
    reason = find(DesignRequest(), record(design=["simple", "purposive"]), facts([0, 1]))
    assert isinstance(reason, str)
    assert "'mixed'" in reason


def test_simple_design_by_assertion_takes_the_size_of_the_map() -> None:
    design = find(DesignRequest("simple"), record(), facts([0, 1, 1]))
    assert isinstance(design, Design)
    assert design.sizes.tolist() == [1000]
    assert design.strata == ("all",)


def test_points_without_a_map_class_stand_for_pixels_not_counted() -> None:
    design = find(DesignRequest("simple"), record(), facts([0, 1, 1, -1]))
    assert isinstance(design, Design)
    assert design.sizes[0] == pytest.approx(1000 / 0.75)


def test_recorded_simple_design_takes_the_inclusion_probabilities() -> None:
    of = record(design=["simple"] * 2, inclusion_probability=[0.004, 0.004])
    design = find(DesignRequest(), of, facts([0, 1]))
    assert isinstance(design, Design)
    assert design.sizes.tolist() == [500]


def test_recorded_strata_that_are_the_map_classes() -> None:
    of = record(
        design=["balanced"] * 4,
        stratum=["Water", "Water", "Forest", "Forest"],
        inclusion_probability=[2 / 300, 2 / 300, 2 / 700, 2 / 700],
    )
    design = find(DesignRequest(), of, facts([0, 0, 1, 1]))
    assert isinstance(design, Design)
    assert design.are_map_classes
    assert dict(zip(design.strata, design.sizes, strict=True)) == pytest.approx(
        {"Water": 300, "Forest": 700}
    )


def test_strata_named_like_classes_but_of_another_map() -> None:
    of = record(
        {"design": "stratified", "stratum_sizes": {"Water": 10, "Forest": 90}},
        stratum=["Water", "Forest"],
    )
    design = find(DesignRequest(), of, facts([1, 1]))
    assert isinstance(design, Design)
    assert not design.are_map_classes
    assert design.stratum.tolist() == [0, 1]


def test_numeric_strata_meet_their_sizes() -> None:
    request = DesignRequest(strata="zone", stratum_sizes={"1": 10.0, "2": 30.0})
    design = find(request, record(zone=[1.0, 2.0]), facts([0, 1]))
    assert isinstance(design, Design)
    assert design.name == "stratified"
    assert design.sizes.tolist() == [10, 30]


def test_without_a_field_strata_are_the_classes_of_the_map() -> None:
    design = find(DesignRequest("stratified"), record(), facts([0, 1, -1]))
    assert isinstance(design, Design)
    assert design.are_map_classes
    assert design.stratum.tolist() == [0, 1, -1]
    assert design.sizes.tolist() == [300, 700]


def test_skipped_points_still_count_for_the_size_of_their_stratum() -> None:
    of = record(design=["simple"] * 4, inclusion_probability=[0.01] * 4)
    design = find_design(DesignRequest(), of, np.array([0, 3]), facts([0, 1]))
    assert isinstance(design, Design)
    assert design.sizes.tolist() == [400]


def test_unknown_sizes_are_an_error_when_asserted_and_a_notice_otherwise() -> None:
    strata = ["north", "south"]
    with pytest.raises(InputError, match="--stratum-sizes"):
        find(DesignRequest("stratified"), record(stratum=strata), facts([0, 1]))
    reason = find(DesignRequest(), record({"design": "stratified"}, stratum=strata), facts([0, 1]))
    assert isinstance(reason, str)
    assert "--stratum-sizes" in reason


def test_bad_requests_are_refused() -> None:
    with pytest.raises(InputError, match=r"probability sample .* got 'clever'"):
        DesignRequest("clever")
    with pytest.raises(PointsError, match=r"field 'zone' .* it has: stratum"):
        find(DesignRequest(strata="zone"), record(stratum=["a"]), facts([0]))
    with pytest.raises(PointsError, match="row 2 has none in field 'stratum'"):
        find(DesignRequest("stratified"), record(stratum=["a", None]), facts([0, 1]))
    with pytest.raises(InputError, match="'b' has none among a"):
        find(
            DesignRequest("stratified", stratum_sizes={"a": 1}),
            record(stratum=["a", "b"]),
            facts([0, 1]),
        )


@pytest.mark.parametrize("header", ["stratum,pixels\n", ""])
def test_stratum_sizes_from_csv(tmp_path: Path, header: str) -> None:
    path = tmp_path / "sizes.csv"
    path.write_text(f"{header}north, 100\nsouth,300.5\n", encoding="utf-8")
    assert read_stratum_sizes(path) == {"north": 100, "south": 300.5}


def test_broken_stratum_sizes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="--stratum-sizes"):
        read_stratum_sizes(tmp_path / "none.csv")
    path = tmp_path / "sizes.csv"
    path.write_text("north,100\nsouth,many\n", encoding="utf-8")
    with pytest.raises(InputError, match="stratum 'south'"):
        read_stratum_sizes(path)
    path.write_text("north\n", encoding="utf-8")
    with pytest.raises(InputError, match="two columns"):
        read_stratum_sizes(path)
