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
    OwnClasses,
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
    reason = find(DesignRequest(), record(design=["simple", "systematic"]), facts([0, 1]))
    assert isinstance(reason, str)
    assert "'mixed'" in reason


def test_a_few_purposive_points_are_found_among_others() -> None:
    mixed = record(design=["simple", "Purposive ", "simple"])
    reason = find(DesignRequest(), mixed, facts([0, 1, 1]))
    assert isinstance(reason, str)
    assert "records 1 of its points as 'purposive'" in reason
    with pytest.raises(InputError, match="records 1 of its points as 'purposive'"):
        find(DesignRequest("simple"), mixed, facts([0, 1, 1]))
    with pytest.raises(InputError, match="records its points as 'spread'"):
        find(DesignRequest("simple"), record(design=["spread"]), facts([0]))


@pytest.mark.parametrize(
    ("request_", "recorded"),
    [
        (DesignRequest("simple"), "stratified"),
        (DesignRequest("simple"), "balanced"),
        (DesignRequest("stratified"), "simple"),
        (DesignRequest(strata="zone", stratum_sizes={"a": 5}), "systematic"),
    ],
)
def test_a_recorded_design_is_not_overruled(request_: DesignRequest, recorded: str) -> None:
    with pytest.raises(InputError, match=rf"sites\.gpkg records, '{recorded}', got"):
        find(request_, record({"design": recorded}, zone=["a", "a"]), facts([0, 1]))


def test_a_grid_may_be_judged_as_simple() -> None:
    design = find(DesignRequest("simple"), record({"design": "systematic"}), facts([0, 1]))
    assert isinstance(design, Design)


def test_strata_of_a_simple_sample_are_refused() -> None:
    with pytest.raises(InputError, match="Expected --design stratified with --strata and --strat"):
        DesignRequest("simple", "zone", {"a": 5})


def test_classes_that_a_crosswalk_joins_stay_strata() -> None:
    """Points were drawn by the map's own classes; 0 and 1 are one class in the joined legend."""
    own = OwnClasses(
        Legend.from_names(["Beech", "Pine", "Water"]),
        np.array([0, 1, 1, 2]),
        np.array([900, 50, 50]),
        np.array([0, 0, 1, -1]),
    )
    joined = MapFacts(
        Legend.from_names(["Forest", "Water"]), np.array([950, 50]), np.array([0, 0, 0, 1]), own=own
    )
    design = find(DesignRequest("stratified"), record(), joined)
    assert isinstance(design, Design)
    assert design.strata == ("Beech", "Pine", "Water")
    assert design.sizes.tolist() == [900, 50, 50]
    assert design.stratum.tolist() == [0, 1, 1, 2]
    assert design.map_class is not None
    assert design.map_class.tolist() == [0, 0, 1]


@pytest.mark.parametrize(
    ("values", "got"),
    [
        ([0.5, None, 0.5], "got none in row 2"),
        ([0.5, 0.5, "n/a"], "got 'n/a' in row 3"),
        ([50, 50, 25], "got '50' in row 1 .3 in all"),
    ],
)
def test_chances_that_cannot_be_used_are_refused(values: list[Any], got: str) -> None:
    with pytest.raises(PointsError, match=got):
        find(DesignRequest("simple"), record(inclusion_probability=values), facts([0, 1, 1]))


def test_a_stratum_has_one_size(tmp_path: Path) -> None:
    sizes = tmp_path / "sizes.csv"
    sizes.write_text("stratum,pixels\na,900\nb,100\na,50\n")
    with pytest.raises(InputError, match=r"each stratum once in .*sizes\.csv', got 'a' 2 times"):
        read_stratum_sizes(sizes)


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
