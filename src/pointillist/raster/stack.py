"""One scene of co-registered rasters: several bands, or several dates. Written as VRT text."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from pointillist.errors import GridError, InputError
from pointillist.grid import Grid
from pointillist.raster.full_disk import writing
from pointillist.raster.opening import (
    alpha_band_of,
    grid_of,
    is_file_path,
    masked_bands,
    open_dataset,
    same_crs,
)
from pointillist.raster.writing import check_output

PathLike = str | os.PathLike[str]
_GDAL_TYPES = {
    "uint8": "Byte",
    "int8": "Int8",
    "uint16": "UInt16",
    "int16": "Int16",
    "uint32": "UInt32",
    "int32": "Int32",
    "uint64": "UInt64",
    "int64": "Int64",
    "float32": "Float32",
    "float64": "Float64",
}


def stack(rasters: Sequence[PathLike], out: PathLike, *, overwrite: bool = False) -> Path:
    """Make one scene of rasters on the same grid, without copying a pixel.

    All bands of each raster follow in turn, alpha left out. Bands are named after their file where
    names would repeat. Where any raster's alpha or mask is 0, the scene has no data.

    Args:
        rasters: At least one; same size, place and coordinate system.
        out: VRT to write; it refers to files by relative paths.
        overwrite: Replace a file that is there.

    Returns:
        The VRT's path.

    Raises:
        GridError: Rasters that do not lie on one another; says what differs.
        OutputError: The VRT cannot be written.
    """
    if not rasters:
        raise InputError("Expected at least one raster to stack, got none.")
    target = Path(out)
    if target.suffix.lower() != ".vrt":
        raise InputError(f"Expected an output that ends in .vrt, got '{out}'. Name it so.")
    check_output(target, overwrite)
    names = [os.fspath(path) for path in rasters]
    if any(is_file_path(name) and Path(name).resolve() == target.resolve() for name in names):
        raise InputError(f"'{out}' cannot be a stack of itself. Choose another name with --out.")
    datasets = [open_dataset(name) for name in names]
    try:
        grids = [grid_of(dataset) for dataset in datasets]
        for path, grid in zip(rasters[1:], grids[1:], strict=True):
            _check_same_place(rasters[0], grids[0], path, grid)
        root = _document(datasets, names, grids[0], target.parent)
    finally:
        for dataset in datasets:
            dataset.close()
    ET.indent(root)
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with writing(target):
            part.write_text(ET.tostring(root, encoding="unicode") + "\n", encoding="utf-8")
            part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return target


def _check_same_place(first: PathLike, grid: Grid, other: PathLike, other_grid: Grid) -> None:
    remedy = "Bring both onto one grid first (e.g. gdalwarp -tr -te)."
    if grid.shape != other_grid.shape:
        raise GridError(
            f"Expected rasters on one grid, but '{first}' is {grid.height}×{grid.width} px and "
            f"'{other}' is {other_grid.height}×{other_grid.width} px. {remedy}"
        )
    if not same_crs(grid.crs, other_grid.crs):
        raise GridError(
            f"Expected rasters in one coordinate system, but '{first}' and '{other}' are in "
            f"different ones. {remedy}"
        )
    if not grid.same_place(other_grid):
        raise GridError(
            f"Expected rasters in one place, but '{first}' has bounds {grid.bounds} and '{other}' "
            f"{other_grid.bounds}. {remedy}"
        )


def _document(datasets: list[Any], paths: list[str], grid: Grid, folder: Path) -> ET.Element:
    root = ET.Element("VRTDataset", rasterXSize=str(grid.width), rasterYSize=str(grid.height))
    if grid.crs is not None:
        # no order of axes is stated: x then y, as in every raster
        ET.SubElement(root, "SRS").text = grid.crs
    if grid.is_georeferenced:
        a, b, c, d, e, f = grid.transform.coefficients
        text = ", ".join(f"{value!r}" for value in (c, a, b, f, d, e))
        ET.SubElement(root, "GeoTransform").text = text
    names = _names(datasets, paths)
    masks = []
    number = 0
    for dataset, path in zip(datasets, paths, strict=True):
        for band in _bands(dataset):
            number += 1
            kind = dataset.dtypes[band - 1]
            if kind not in _GDAL_TYPES:
                raise InputError(
                    f"Expected real numbers in '{path}', got {kind}. Convert it first."
                )
            element = ET.SubElement(
                root, "VRTRasterBand", dataType=_GDAL_TYPES[kind], band=str(number)
            )
            ET.SubElement(element, "Description").text = names[number - 1]
            nodata = dataset.nodatavals[band - 1]
            if nodata is not None:
                ET.SubElement(element, "NoDataValue").text = repr(nodata)
            _add_source(element, path, folder, str(band), grid)
        alpha = alpha_band_of(dataset)
        if alpha is not None:
            masks.append((path, str(alpha)))
        elif masked_bands(dataset, _bands(dataset)):
            masks.append((path, "mask,1"))
    if masks:
        _add_mask(root, masks, folder, grid)
    return root


def _bands(dataset: Any) -> list[int]:
    return [i for i, c in enumerate(dataset.colorinterp, start=1) if c.name != "alpha"]


def _names(datasets: list[Any], paths: list[str]) -> list[str]:
    """Own names; where they repeat with the file's, and where those repeat with the folder's."""
    choices: list[tuple[str, str, str]] = []
    for dataset, path in zip(datasets, map(Path, paths), strict=True):
        bands = _bands(dataset)
        for band in bands:
            own = (dataset.descriptions[band - 1] or "").strip()
            short = own or (path.stem if len(bands) == 1 else f"{path.stem}_{band}")
            longer = f"{path.stem}_{own}" if own and own != path.stem else short
            choices.append((short, longer, f"{path.parent.name}_{longer}"))
    names = [choice[0] for choice in choices]
    for step in (1, 2):
        repeated = {name for name in names if names.count(name) > 1}
        names = [c[step] if n in repeated else n for n, c in zip(names, choices, strict=True)]
    return names


def _add_source(element: ET.Element, path: str, folder: Path, band: str, grid: Grid) -> None:
    source = ET.SubElement(element, "SimpleSource")
    relative = is_file_path(path)
    name = os.path.relpath(path, folder) if relative else path
    ET.SubElement(source, "SourceFilename", relativeToVRT=str(int(relative))).text = name
    ET.SubElement(source, "SourceBand").text = band
    size = {"xOff": "0", "yOff": "0", "xSize": str(grid.width), "ySize": str(grid.height)}
    ET.SubElement(source, "SrcRect", **size)  # type: ignore[arg-type]
    ET.SubElement(source, "DstRect", **size)  # type: ignore[arg-type]


def _add_mask(root: ET.Element, sources: list[tuple[str, str]], folder: Path, grid: Grid) -> None:
    """One mask that is 0 wherever any of the rasters' masks (file, band) is 0: their product."""
    mask = ET.SubElement(root, "MaskBand")
    if len(sources) == 1:
        band = ET.SubElement(mask, "VRTRasterBand", dataType="Byte")
    else:
        band = ET.SubElement(
            mask, "VRTRasterBand", dataType="Byte", subClass="VRTDerivedRasterBand"
        )
        ET.SubElement(band, "PixelFunctionType").text = "mul"
    for path, number in sources:
        _add_source(band, path, folder, number, grid)
