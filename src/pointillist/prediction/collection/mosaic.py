"""All maps as one raster: VRTs, written as text."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

from pointillist.grid import Grid
from pointillist.legend import Legend
from pointillist.prediction.collection.text_files import relative, write_text

logger = logging.getLogger(__name__)

MOSAIC_KEY = "POINTILLIST_MOSAIC"
_GDAL_TYPES = {"uint8": "Byte", "uint16": "UInt16"}
_MAX_CATEGORY, _MAX_COLOR = 1024, 255


_MOSAIC = "mosaic.vrt"


@dataclass(frozen=True)
class _Part:
    """A map and its grid."""

    path: Path
    grid: Grid


def write_mosaics(maps: Sequence[Path], legend: Legend, folder: Path) -> list[Path]:
    """Write `mosaic.vrt`, or one VRT per coordinate system where there are several.

    Pixels are those of the finest map; where maps overlap the last one that has a class is seen.
    Rotated maps and those without a place are left out, which is told.

    Args:
        maps: Class rasters.
        legend: Their classes.
        folder: Where the VRTs go.

    Returns:
        The VRTs; none where no map has a place.

    Raises:
        OutputError: A file cannot be written.
    """
    from pointillist.raster.style import qml_path, qml_text

    parts = [_Part(path, _grid(path)) for path in maps]
    groups = _by_crs([part for part in parts if _is_north_up(part.grid)])
    left_out = len(parts) - sum(len(group) for group in groups)
    if left_out:
        logger.warning(
            "%d of %d maps are in no mosaic: they are rotated, or have no coordinates.",
            left_out, len(parts),
        )  # fmt: skip
    if len(groups) > 1:
        logger.info("Maps are in %d coordinate systems: one mosaic for each.", len(groups))
    files = [folder / name for name in _names(groups)]
    if len(groups) > 1:  # one of before would lack the maps in other coordinate systems
        for stale in (folder / _MOSAIC, qml_path(folder / _MOSAIC)):
            stale.unlink(missing_ok=True)
    for file, group in zip(files, groups, strict=True):
        write_text(qml_path(file), qml_text(legend))
        write_text(file, _vrt_text(group, legend, folder))
    return files


def _grid(path: Path) -> Grid:
    from pointillist.raster.opening import grid_of, open_dataset

    with open_dataset(path) as dataset:
        return grid_of(dataset)


def _is_north_up(grid: Grid) -> bool:
    transform = grid.transform
    straight = transform.b == 0 and transform.d == 0 and transform.a > 0 and transform.e < 0
    return grid.is_georeferenced and straight


def _by_crs(parts: Sequence[_Part]) -> list[list[_Part]]:
    from pointillist.raster import same_crs

    texts: dict[str | None, int] = {}
    groups: list[list[_Part]] = []
    for part in parts:
        crs = part.grid.crs
        if crs not in texts:
            known = (i for i, group in enumerate(groups) if same_crs(group[0].grid.crs, crs))
            texts[crs] = next(known, len(groups))
            if texts[crs] == len(groups):
                groups.append([])
        groups[texts[crs]].append(part)
    return groups


def _names(groups: Sequence[Sequence[_Part]]) -> list[str]:
    if len(groups) == 1:
        return [_MOSAIC]
    names = []
    for number, group in enumerate(groups, start=1):
        name = f"mosaic_{_short_name(group[0].grid.crs, number)}.vrt"
        names.append(name if name not in names else f"mosaic_crs{number}.vrt")
    return names


def _short_name(crs: str | None, number: int) -> str:
    import pyproj

    authority = pyproj.CRS.from_user_input(crs).to_authority() if crs else None
    return re.sub(r"\W", "", "".join(authority)) if authority else f"crs{number}"


def _vrt_text(parts: Sequence[_Part], legend: Legend, folder: Path) -> str:
    bounds = [part.grid.bounds for part in parts]
    left, top = min(b[0] for b in bounds), max(b[3] for b in bounds)
    right, bottom = max(b[2] for b in bounds), min(b[1] for b in bounds)
    step_x = min(part.grid.transform.a for part in parts)
    step_y = min(-part.grid.transform.e for part in parts)
    width = max(1, round((right - left) / step_x))
    height = max(1, round((top - bottom) / step_y))
    root = ET.Element("VRTDataset", rasterXSize=str(width), rasterYSize=str(height))
    if parts[0].grid.crs is not None:
        ET.SubElement(root, "SRS").text = parts[0].grid.crs
    place = (left, step_x, 0.0, top, 0.0, -step_y)
    ET.SubElement(root, "GeoTransform").text = ", ".join(repr(float(v)) for v in place)
    about = ET.SubElement(root, "Metadata")
    ET.SubElement(about, "MDI", key=MOSAIC_KEY).text = str(len(parts))
    kind = _GDAL_TYPES[legend.dtype.name]
    band = ET.SubElement(root, "VRTRasterBand", dataType=kind, band="1")
    _describe(band, legend)
    for part in parts:
        grid = part.grid
        offset = ((grid.bounds[0] - left) / step_x, (top - grid.bounds[3]) / step_y)
        size = (grid.width * grid.transform.a / step_x, -grid.height * grid.transform.e / step_y)
        _add_source(band, relative(part.path, folder), grid, offset, size, legend.nodata)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode") + "\n"


def _describe(band: ET.Element, legend: Legend) -> None:
    """Nodata, colours and names; a colour table has room for codes up to 255 only."""
    ET.SubElement(band, "Description").text = "class"
    ET.SubElement(band, "NoDataValue").text = str(legend.nodata)
    highest = max(legend.codes)
    if highest <= _MAX_COLOR:
        by_code = dict(zip(legend.codes, legend.colors, strict=True))
        ET.SubElement(band, "ColorInterp").text = "Palette"
        table = ET.SubElement(band, "ColorTable")
        for code in range(_MAX_COLOR + 1):
            color = by_code.get(code, (0, 0, 0))
            opaque = "255" if code in by_code else "0"
            keys = zip(("c1", "c2", "c3"), map(str, color), strict=True)
            ET.SubElement(table, "Entry", {**dict(keys), "c4": opaque})
    if highest <= _MAX_CATEGORY:
        names = dict(zip(legend.codes, legend.names, strict=True))
        categories = ET.SubElement(band, "CategoryNames")
        for code in range(highest + 1):
            ET.SubElement(categories, "Category").text = names.get(code, "")


def _add_source(
    band: ET.Element,
    name: str,
    grid: Grid,
    offset_xy: tuple[float, float],
    size_xy: tuple[float, float],
    nodata: int,
) -> None:
    source = ET.SubElement(band, "ComplexSource", resampling="nearest")
    here = str(int(not Path(name).is_absolute()))
    ET.SubElement(source, "SourceFilename", relativeToVRT=here).text = name
    ET.SubElement(source, "SourceBand").text = "1"
    # known here, so that opening the mosaic opens no map
    ET.SubElement(
        source, "SourceProperties", RasterXSize=str(grid.width), RasterYSize=str(grid.height),
        DataType=str(band.get("dataType")), BlockXSize="512", BlockYSize="512",
    )  # fmt: skip
    size = {"xSize": str(grid.width), "ySize": str(grid.height)}
    ET.SubElement(source, "SrcRect", {"xOff": "0", "yOff": "0", **size})
    ET.SubElement(
        source, "DstRect", xOff=_number(offset_xy[0]), yOff=_number(offset_xy[1]),
        xSize=_number(size_xy[0]), ySize=_number(size_xy[1]),
    )  # fmt: skip
    ET.SubElement(source, "NODATA").text = str(nodata)


def _number(value: float) -> str:
    """Whole where it is but for rounding, so that no pixel is resampled."""
    nearest = round(value)
    return str(nearest) if abs(value - nearest) < 1e-3 else repr(float(value))
