"""Colours and class names beside a map, as QGIS and ArcGIS read them."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

from pointillist.errors import LegendError
from pointillist.legend import Legend

# (name, type: 0 integer, 2 text; usage as GDAL numbers it)
_FIELDS = (
    ("Value", 0, 5),
    ("Class", 2, 2),
    ("Red", 0, 6),
    ("Green", 0, 7),
    ("Blue", 0, 8),
    ("Alpha", 0, 9),
)
_MAX_CATEGORY = 1024


def pam_path(raster: Path) -> Path:
    """Where GDAL looks for class names of a raster."""
    return raster.with_name(raster.name + ".aux.xml")


def qml_path(raster: Path) -> Path:
    """Where QGIS looks for the style of a raster."""
    return raster.with_suffix(".qml")


def pam_text(legend: Legend) -> str:
    """Class names and a raster attribute table as GDAL's PAM."""
    root = ET.Element("PAMDataset")
    band = ET.SubElement(root, "PAMRasterBand", band="1")
    if max(legend.codes) <= _MAX_CATEGORY:
        by_code = dict(zip(legend.codes, legend.names, strict=True))
        categories = ET.SubElement(band, "CategoryNames")
        for code in range(max(legend.codes) + 1):
            ET.SubElement(categories, "Category").text = by_code.get(code, "")
    table = ET.SubElement(band, "GDALRasterAttributeTable", tableType="thematic")
    for index, (name, kind, usage) in enumerate(_FIELDS):
        field = ET.SubElement(table, "FieldDefn", index=str(index))
        ET.SubElement(field, "Name").text = name
        ET.SubElement(field, "Type").text = str(kind)
        ET.SubElement(field, "Usage").text = str(usage)
    for index, entry in enumerate(sorted(legend.classes, key=lambda c: c.code)):
        row = ET.SubElement(table, "Row", index=str(index))
        for value in (entry.code, entry.name, *entry.color, 255):
            ET.SubElement(row, "F").text = str(value)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode") + "\n"


def qml_text(legend: Legend) -> str:
    """A paletted QGIS style."""
    root = ET.Element("qgis", version="3.28", styleCategories="Symbology")
    pipe = ET.SubElement(root, "pipe")
    renderer = ET.SubElement(
        pipe, "rasterrenderer", type="paletted", band="1", opacity="1", alphaBand="-1"
    )
    ET.SubElement(renderer, "rasterTransparency")
    palette = ET.SubElement(renderer, "colorPalette")
    for entry in sorted(legend.classes, key=lambda c: c.code):
        color = "#{:02x}{:02x}{:02x}".format(*entry.color)
        ET.SubElement(
            palette,
            "paletteEntry",
            value=str(entry.code),
            label=entry.name,
            color=color,
            alpha="255",
        )
    ET.indent(root)
    header = "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"
    return header + ET.tostring(root, encoding="unicode") + "\n"


def read_pam_legend(raster: Path) -> Legend | None:
    """The legend in a raster's PAM file; None where there is none."""
    path = pam_path(raster)
    if not path.is_file():
        return None
    try:
        return _legend_of(ET.parse(path).getroot())
    except (ET.ParseError, LegendError, ValueError, IndexError):
        return None  # a damaged side file must not hide the raster


def _legend_of(root: ET.Element) -> Legend | None:
    band = root.find("PAMRasterBand[@band='1']")
    if band is None:
        return None
    table = band.find("GDALRasterAttributeTable")
    rows = _table_rows(table) if table is not None else _category_rows(band)
    return Legend.from_dict(rows) if rows else None


def _table_rows(table: ET.Element) -> list[dict[str, object]]:
    usage = {int(f.findtext("Usage", "0")): i for i, f in enumerate(table.findall("FieldDefn"))}
    if 5 not in usage or 2 not in usage:
        return []
    rows: list[dict[str, object]] = []
    for row in table.findall("Row"):
        cells = [cell.text or "" for cell in row.findall("F")]
        entry: dict[str, object] = {"code": cells[usage[5]], "name": cells[usage[2]]}
        if {6, 7, 8} <= usage.keys():
            entry["color"] = ",".join(cells[usage[u]] for u in (6, 7, 8))
        rows.append(entry)
    return rows


def _category_rows(band: ET.Element) -> list[dict[str, object]]:
    names = [c.text or "" for c in band.findall("CategoryNames/Category")]
    return [{"code": i, "name": name} for i, name in enumerate(names) if name.strip()]
