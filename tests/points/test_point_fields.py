from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pointillist.errors import ClassFieldError, LegendError, PointsError
from pointillist.grid import Grid
from pointillist.legend import Legend
from pointillist.points import choose_class_field, merge_legends, read_labels
from pointillist.points.fields import index_classes, legend_of_values, read_class_values


def frame(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame(columns)


def test_composed_and_decomposed_umlauts_are_one_class() -> None:
    """Some systems write ü as u and a diaeresis; nobody sees the difference."""
    table = frame(**{"class": ["Gr\u00fcnland", "Gru\u0308nland", "Wald"]})
    values = read_class_values(table["class"], "class")
    assert sorted(values.names) == ["Gr\u00fcnland", "Wald"]
    legend = Legend.from_names(["Gru\u0308nland"])
    assert legend.index_of("Gr\u00fcnland") == 0


def test_the_field_asked_for_wins() -> None:
    assert choose_class_field(frame(cover=["a"], **{"class": ["b"]}), "cover", "p") == "cover"
    assert choose_class_field(frame(Cover=["a"]), "cover", "p") == "Cover"


def test_else_the_field_named_class() -> None:
    table = frame(name=["x"], other=["y"], CLASS=[1])
    assert choose_class_field(table, None, "p") == "CLASS"


def test_else_the_only_text_field() -> None:
    assert choose_class_field(frame(id=[1], cover=["a"], note=[None]), None, "p") == "cover"
    categories = pd.Categorical(["a"])
    assert choose_class_field(frame(id=[1], cover=categories), None, "p") == "cover"


def test_else_an_error_lists_the_fields() -> None:
    with pytest.raises(ClassFieldError, match=r"2 that fit \(a, b\).*fields are: id, a, b"):
        choose_class_field(frame(id=[1], a=["x"], b=["y"]), None, "sites.gpkg")
    with pytest.raises(ClassFieldError, match=r"neither. Its fields are: id, n. .*--class-field"):
        choose_class_field(frame(id=[1], n=[2.5]), None, "sites.gpkg")
    with pytest.raises(ClassFieldError, match=r"a field 'kind' in s.gpkg, .* fields are: id"):
        choose_class_field(frame(id=[1]), "kind", "s.gpkg")


@pytest.mark.parametrize(
    ("column", "names", "which"),
    [
        (pd.Series(["b", "a", None, " a "]), ("b", "a"), [0, 1, -1, 1]),
        (pd.Series([1, 3, 7]), ("1", "3", "7"), [0, 1, 2]),
        (pd.Series([1.0, np.nan, 3.0]), ("1", "3"), [0, -1, 1]),
        (pd.Series([1, None, 3], dtype="Int64"), ("1", "3"), [0, -1, 1]),
        (pd.Series(["x", "y", None], dtype="string"), ("x", "y"), [0, 1, -1]),
        (pd.Series(pd.Categorical(["x", None, "y"])), ("x", "y"), [0, -1, 1]),
        (pd.Series([b"wood", b"sea\x00"]), ("wood", "sea"), [0, 1]),
        (pd.Series(["", "NULL", "None", "NA"]), ("None",), [-1, -1, 0, -1]),
        (pd.Series([True, False]), ("True", "False"), [0, 1]),
        (pd.Series([["a"], ["b"]]), ("['a']", "['b']"), [0, 1]),
    ],
)
def test_classes_of_any_type(column: Any, names: tuple[str, ...], which: list[int]) -> None:
    values = read_class_values(column, "class")
    assert values.names == names
    assert values.which.tolist() == which


def test_spellings_that_differ_in_case_are_one_class() -> None:
    values = read_class_values(pd.Series(["Forest", "forest", "forest", "FOREST"]), "class")
    assert values.names == ("forest",)
    assert values.counts().tolist() == [4]
    assert values.merged == ("'Forest' (1) as 'forest' (2)", "'FOREST' (1) as 'forest' (2)")


def test_spaces_and_decimals_are_no_other_spelling() -> None:
    assert read_class_values(pd.Series(["Forest", " Forest", "marsh"]), "class").merged == ()
    assert read_class_values(pd.Series([1.0, 2.0, 1.0]), "class").merged == ()


def test_merged_spellings_are_told(tmp_path: Path) -> None:
    path = tmp_path / "points.csv"
    path.write_text("x,y,class\n1,1,Land\n2,2,Land\n3,3,land\n1,3,water\n")
    labels = read_labels(path, Grid(9, 9))
    assert "read as one: 'land' (1) as 'Land' (2)." in "\n".join(labels.report.lines())


def test_measurements_are_no_classes() -> None:
    with pytest.raises(PointsError, match=r"field 'ndvi' of p holds 0.25"):
        read_class_values(pd.Series([0.25, 1.0]), "ndvi", "p")
    with pytest.raises(PointsError, match=r"at most 1000 classes, but field 'id' of p has 2,000"):
        read_class_values(pd.Series(np.arange(2000)), "id", "p")


def test_values_match_a_legend_by_name_or_code() -> None:
    legend = Legend.from_names(["water", "forest"], codes=[3, 7])
    values = read_class_values(pd.Series(["Forest", "3", None, "marsh", "7.0"]), "class")
    assert index_classes(values, legend).tolist() == [1, 0, -1, -2, 1]


def test_a_recorded_legend_keeps_codes_and_colours() -> None:
    recorded = Legend.from_names(["sea", "land", "ice"], [4, 9, 11], [(1, 2, 3)] * 3)
    legend = legend_of_values(["land", "moor"], recorded)
    assert legend.names == ("land", "moor")
    assert legend.codes == (9, 12)
    assert legend.colors[0] == (1, 2, 3)


def test_legends_that_agree_are_joined() -> None:
    one = Legend.from_names(["a", "b"], [1, 2])
    two = Legend.from_names(["C", "A"], [3, 1])
    assert merge_legends([one, two]).names == ("a", "b", "C")


def test_legends_that_clash_are_refused() -> None:
    one = Legend.from_names(["forest"], [1])
    with pytest.raises(LegendError, match=r"1 is 'forest' in a.gpkg and 'water' in b.gpkg"):
        merge_legends([one, Legend.from_names(["water"], [1])], ["a.gpkg", "b.gpkg"])
    with pytest.raises(LegendError, match=r"'Forest' is 1 in legend 1 and 2 in legend 2"):
        merge_legends([one, Legend.from_names(["Forest"], [2])])
