"""Codes, names, colours: in files, and as indices inside."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pointillist.errors import LegendError, MissingFileError
from pointillist.legend import Legend, LegendClass, choose_colors, parse_color


def test_names_are_numbered_from_one() -> None:
    legend = Legend.from_names(["Water", "Road"])
    assert legend.codes == (1, 2)
    assert legend.names == ("Water", "Road")
    assert len(legend) == 2
    assert len(set(legend.colors)) == 2


def test_texts_are_sorted_and_numbers_stay_codes() -> None:
    assert Legend.from_values(["urban", " forest", "urban", None, ""]).names == ("forest", "urban")
    numeric = Legend.from_values([7, 3, "7", 3.0])
    assert numeric.codes == (3, 7)
    assert numeric.names == ("3", "7")
    mixed = Legend.from_values(["3", "b"])
    assert mixed.codes == (1, 2)


def test_missing_values_are_no_class() -> None:
    assert Legend.from_values([1.0, float("nan"), 2.0, None, np.float32("nan")]).codes == (1, 2)
    assert Legend.from_values(["a", float("nan")]).names == ("a",)
    with pytest.raises(LegendError, match="at least one class value"):
        Legend.from_values([float("nan")])


def test_fractions_are_names_and_wide_codes_are_kept() -> None:
    assert Legend.from_values([1.5, 2]).names == ("1.5", "2")
    assert Legend.from_values(["10", "9", "1000"]).codes == (9, 10, 1000)
    with pytest.raises(LegendError, match="between 0 and 65534, got -3"):
        Legend.from_values([-3, 4])


def test_indices_of_many_shapes_and_types() -> None:
    legend = Legend.from_names(["a", "b", "c"], codes=[300, 2, 11])
    for dtype in (np.uint16, np.int32, np.int64):
        codes = np.array([[[300, 2, 11, 65535]]], dtype=dtype)
        assert legend.to_indices(codes).tolist() == [[[0, 1, 2, -1]]]
    assert legend.to_indices(np.array([2, 11, 44], dtype=np.uint8)).tolist() == [1, 2, -1]
    assert legend.to_codes(np.int8(-1)) == 65535
    assert legend.to_codes(np.empty((0, 3), dtype=int)).shape == (0, 3)


def test_codes_and_indices_with_gaps() -> None:
    legend = Legend.from_names(["a", "b", "c"], codes=[40, 2, 11])
    indices = np.array([[0, 1], [2, -1]])
    codes = legend.to_codes(indices)
    assert codes.dtype == np.uint8
    assert codes.tolist() == [[40, 2], [11, 255]]
    np.testing.assert_array_equal(legend.to_indices(codes), indices)
    assert legend.to_indices([0, 3, 255, 1000]).tolist() == [-1, -1, -1, -1]


@pytest.mark.parametrize(("top", "dtype", "nodata"), [(254, "uint8", 255), (255, "uint16", 65535)])
def test_the_type_of_a_map_never_has_a_class_as_nodata(top, dtype, nodata) -> None:
    legend = Legend.from_names(["a", "b"], codes=[0, top])
    assert legend.dtype == np.dtype(dtype)
    assert legend.nodata == nodata
    assert nodata not in legend.codes


def test_classes_are_found_by_name_or_code() -> None:
    legend = Legend.from_names(["Bare Soil", "3", "water"], codes=[3, 8, 9])
    assert legend.index_of("Bare Soil") == 0
    assert legend.index_of("bare soil ") == 0
    assert legend.index_of("3") == 1  # a name beats a code
    assert legend.index_of(9) == 2
    assert legend.index_of("9.0") == 2
    assert legend.index_of("ice") is None


@pytest.mark.parametrize("suffix", [".yaml", ".csv", ".qml"])
def test_files_are_read_back(suffix: str, tmp_path: Path) -> None:
    legend = Legend.from_names(
        ["Wasser", "Wiese & Weide"], codes=[2, 17], colors=[(0, 0, 255), (10, 200, 30)]
    )
    path = tmp_path / f"legend{suffix}"
    if suffix == ".yaml":
        legend.write(path)
    elif suffix == ".csv":
        path.write_text('code,name,color\n2,Wasser,#0000ff\n17,Wiese & Weide,"10,200,30"\n')
    else:
        from pointillist.raster.style import qml_text

        path.write_text(qml_text(legend), encoding="utf-8")
    assert Legend.read(path) == legend


def test_short_forms(tmp_path: Path) -> None:
    path = tmp_path / "legend.yaml"
    path.write_text("classes: {1: Water, 5: Road}\n")
    assert Legend.read(path).codes == (1, 5)
    path.write_text("- {name: Water}\n- {name: Road}\n")
    assert Legend.read(path).names == ("Water", "Road")
    table = tmp_path / "legend.csv"
    table.write_text("\ufeffCode,Name\n1,Water\n2,Road\n", encoding="utf-8")
    assert Legend.read(table).codes == (1, 2)
    table.write_text("code;name;color\n1; Water ;#0000ff\n2;Road;200,10,10\n")
    legend = Legend.read(table)
    assert legend.names == ("Water", "Road")
    assert legend.colors == ((0, 0, 255), (200, 10, 10))
    path.write_text("classes: [{code: 4}, {code: 5, name: null}, {code: 6, name: ' Sea '}]\n")
    assert Legend.read(path).names == ("4", "5", "Sea")
    path.write_text("classes: [{name: Sea, colour: [1, 2, 3]}, {name: Road}]\n")
    assert Legend.read(path).colors[0] == (1, 2, 3)


def test_a_qgis_style_of_a_colour_ramp(tmp_path: Path) -> None:
    path = tmp_path / "map.qml"
    path.write_text(
        '<qgis><pipe><colorrampshader><item value="1" label="Water" color="#0000ff" alpha="255"/>'
        '<item value="4" label="" color="#00ff00"/></colorrampshader></pipe></qgis>'
    )
    legend = Legend.read(path)
    assert legend.codes == (1, 4)
    assert legend.names == ("Water", "4")


def test_a_legend_is_plain_data_and_back() -> None:
    legend = Legend.from_names(["a", "b"], codes=[3, 9])
    assert Legend.from_dict(legend.to_dict()) == legend


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.yaml", "classes: [{code: 1, name: a}, {code: 1, name: b}]", "class code once, got 1"),
        ("a.yaml", "classes: [{code: 1, name: a}, {code: 2, name: a}]", "class name once, got a"),
        ("a.yaml", "classes: [{code: x, name: a}]", "whole number as code of class 'a', got 'x'"),
        ("a.yaml", "classes: [{code: 70000, name: a}]", "between 0 and 65534, got 70000"),
        ("a.yaml", "classes: [{code: -1, name: a}]", "between 0 and 65534, got -1"),
        ("a.yaml", "classes: [{code: 1, name: a, color: pink}]", "colour like '#2266cc'"),
        ("a.yaml", "{1: 0, no: 1}", "list 'classes' of entries"),
        ("a.yaml", "classes: {1: no, 2: b}", "Put the name in quotes"),
        ("a.yaml", "classes: [{code: 1.5, name: a}]", "whole number as code of class 'a', got 1.5"),
        ("a.yaml", "classes: [{code: null, name: a}]", "whole number as code of class 'a'"),
        ("a.yaml", "classes: []", "at least one class, got none"),
        ("a.csv", "code,name\n1,\n", "a name for class 1, got an empty one"),
        ("a.csv", "code,name\n1,a\n1.0,b\n", "class code once, got 1"),
        ("a.csv", "code,name\n", "columns code,name,color"),
        ("a.qml", '<q><paletteEntry value="x" color="#000000"/></q>', "whole number as code"),
        ("a.yaml", "just a text", "list 'classes' of entries"),
        ("a.yaml", "{", "cannot be read as a legend"),
        ("a.csv", "number,title\n1,a\n", "columns code,name,color"),
        ("a.qml", "<qgis></qgis>", "paletted values, found none"),
        ("a.qml", "<qgis>", "cannot be read as a legend"),
        ("a.txt", "1 a", "legend as .yaml, .csv or .qml"),
    ],
)
def test_bad_files_are_named(name: str, text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(LegendError, match=message) as caught:
        Legend.read(path)
    assert name in str(caught.value)


def test_files_that_are_no_text(tmp_path: Path) -> None:
    folder = tmp_path / "legend.yaml"
    folder.mkdir()
    with pytest.raises(LegendError, match=r"legend\.yaml' cannot be read as a legend"):
        Legend.read(folder)
    table = tmp_path / "legend.csv"
    table.write_bytes(b"code,name\n1,Stra\xdfe\n")  # not UTF-8
    with pytest.raises(LegendError, match=r"legend\.csv' cannot be read as a legend"):
        Legend.read(table)


def test_colours_out_of_range() -> None:
    with pytest.raises(LegendError, match="three numbers 0…255 for 'a'"):
        Legend((LegendClass(1, "a", (0, 0, 256)),))


def test_missing_and_empty() -> None:
    with pytest.raises(MissingFileError, match=r"nothing\.yaml' does not exist"):
        Legend.read("nothing.yaml")
    with pytest.raises(LegendError, match="at least one class"):
        Legend(())
    with pytest.raises(LegendError, match="at least one class value"):
        Legend.from_values([None, " "])
    with pytest.raises(LegendError, match="a name for class 1, got an empty one"):
        Legend((LegendClass(1, " ", (0, 0, 0)),))


def test_colours_follow_meaning_and_never_repeat() -> None:
    water, forest, urban = choose_colors(["Water", "forest", "Urban"])
    assert water[2] > max(water[:2])
    assert forest[1] > max(forest[0], forest[2])
    assert urban[0] > max(urban[1:])
    many = choose_colors([f"class {i}" for i in range(60)])
    assert len(set(many)) == 60
    lakes = choose_colors(["lake", "river", "sea", "water"])
    assert len(set(lakes)) == 4


def test_colours_are_read_in_three_ways() -> None:
    assert parse_color("#2266CC") == parse_color("34,102,204") == parse_color([34, 102, 204])
    assert parse_color("#2266ccff") == (34, 102, 204)
    with pytest.raises(LegendError, match="colour like"):
        parse_color("300,0,0")
