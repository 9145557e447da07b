"""Class names and colours in side files: ours, and those of others."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from pointillist.grid import Grid
from pointillist.legend import Legend
from pointillist.raster import open_class_raster, write_array
from pointillist.raster.style import pam_text, qml_text, read_pam_legend

NAMES = ["Wald & Wiese", "<bare>", 'so "called"', "水"]


@pytest.fixture
def codes(make_raster) -> Path:
    return make_raster(np.array([[1, 2, 3]], dtype=np.uint8), "map.tif")


def _pam(raster: Path, inner: str) -> None:
    (raster.parent / f"{raster.name}.aux.xml").write_text(
        f'<PAMDataset><PAMRasterBand band="1">{inner}</PAMRasterBand></PAMDataset>'
    )


def test_names_of_any_letters_come_back(tmp_path: Path) -> None:
    legend = Legend.from_names(NAMES, codes=[40, 2, 254, 0])
    path = write_array(tmp_path / "m.tif", np.full((2, 2), 40), Grid(2, 2), legend=legend)
    by_code = tuple(sorted(legend.classes, key=lambda c: c.code))
    with open_class_raster(path) as raster:
        assert raster.legend.classes == by_code
    assert Legend.read(path.with_suffix(".qml")).classes == by_code


def test_the_table_says_what_its_columns_mean() -> None:
    legend = Legend.from_names(["Water", "Road"], codes=[3, 40])
    band = ET.fromstring(pam_text(legend)).find("PAMRasterBand")
    assert band is not None
    categories = [c.text or "" for c in band.findall("CategoryNames/Category")]
    assert len(categories) == 41
    assert (categories[3], categories[40]) == ("Water", "Road")
    fields = [
        (f.findtext("Name"), f.findtext("Type"), f.findtext("Usage"))
        for f in band.iter("FieldDefn")
    ]
    # GDAL numbers: type 0 integer, 2 text; usage 5 value, 2 name, 6 7 8 9 red green blue alpha
    assert fields[:3] == [("Value", "0", "5"), ("Class", "2", "2"), ("Red", "0", "6")]
    rows = [[cell.text for cell in row.findall("F")] for row in band.iter("Row")]
    assert rows[1][:2] == ["40", "Road"]


def test_no_list_of_thousands_of_names() -> None:
    text = pam_text(Legend.from_names(["a"], codes=[60_000]))
    assert "CategoryNames" not in text
    assert "60000" in text


def test_the_style_is_one_that_qgis_reads() -> None:
    root = ET.fromstring(qml_text(Legend.from_names(["Water"], [3], [(1, 2, 255)])))
    renderer = root.find("pipe/rasterrenderer")
    assert renderer is not None
    assert renderer.get("type") == "paletted"
    entry = renderer.find("colorPalette/paletteEntry")
    assert entry is not None
    assert entry.attrib | {"alpha": "255"} == {
        "value": "3", "label": "Water", "color": "#0102ff", "alpha": "255"
    }  # fmt: skip


def test_names_of_categories_only(codes: Path) -> None:
    inner = "".join(f"<Category>{name}</Category>" for name in ("", "Lake", "Wood", "Road"))
    _pam(codes, f"<CategoryNames>{inner}</CategoryNames>")
    with open_class_raster(codes) as raster:
        assert raster.legend.names == ("Lake", "Wood", "Road")
        assert raster.legend.codes == (1, 2, 3)


def test_a_table_with_columns_in_another_order(codes: Path) -> None:
    fields = [("Histogram", 1), ("Land cover", 2), ("VALUE", 5)]
    _pam(
        codes,
        "<GDALRasterAttributeTable>"
        + "".join(f"<FieldDefn><Name>{n}</Name><Usage>{u}</Usage></FieldDefn>" for n, u in fields)
        + "<Row><F>9</F><F>Wood</F><F>2</F></Row><Row><F>7</F><F>Lake</F><F>1</F></Row>"
        + "</GDALRasterAttributeTable>",
    )
    with open_class_raster(codes) as raster:
        assert dict(zip(raster.legend.codes, raster.legend.names, strict=True)) == {
            1: "Lake", 2: "Wood",
        }  # fmt: skip
        assert raster.read(raster.grid.window).max() == 1


@pytest.mark.parametrize(
    "text",
    [
        "not XML",
        "<PAMDataset/>",
        '<PAMDataset><PAMRasterBand band="1"/></PAMDataset>',
        '<PAMDataset><PAMRasterBand band="1"><GDALRasterAttributeTable><FieldDefn><Usage>x</Usage>'
        "</FieldDefn></GDALRasterAttributeTable></PAMRasterBand></PAMDataset>",
        '<PAMDataset><PAMRasterBand band="1"><GDALRasterAttributeTable><FieldDefn><Usage>5</Usage>'
        "</FieldDefn><FieldDefn><Usage>2</Usage></FieldDefn><Row><F>1</F></Row>"
        "</GDALRasterAttributeTable></PAMRasterBand></PAMDataset>",
        '<PAMDataset><PAMRasterBand band="1"><CategoryNames><Category>a</Category>'
        "<Category>a</Category></CategoryNames></PAMRasterBand></PAMDataset>",
    ],
)
def test_a_damaged_side_file_does_not_hide_the_raster(text: str, codes: Path) -> None:
    (codes.parent / "map.tif.aux.xml").write_text(text)
    assert read_pam_legend(codes) is None
    with open_class_raster(codes) as raster:
        assert raster.legend.names == ("1", "2", "3")
