"""What a raster holds, for `pointillist info`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from pointillist.errors import PointillistError
from pointillist.raster.opening import band_names_of, grid_of, open_dataset
from pointillist.raster.scene import Scene
from pointillist.raster.style import read_pam_legend


def describe(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Facts about a raster: size, bands, type, place, nodata, tiling, classes.

    Raises:
        MissingFileError: No such file.
        UnreadableFileError: No raster.
    """
    with open_dataset(os.fspath(path)) as dataset:
        grid = grid_of(dataset)
        names, notices = band_names_of(dataset), _notices(path)
        block_h, block_w = dataset.block_shapes[0]
        nodata = sorted({str(v) for v in dataset.nodatavals if v is not None})
        facts: dict[str, Any] = {
            "file": str(path),
            "kind": "raster",
            "format": dataset.driver,
            "size": f"{grid.height} rows × {grid.width} columns",
            "bands": [
                f"{i} {name} ({kind})"
                for i, (name, kind) in enumerate(zip(names, dataset.dtypes, strict=True), start=1)
            ],
            "crs": _crs_name(dataset.crs),
            "pixel_size": list(grid.transform.pixel_size_xy) if grid.is_georeferenced else None,
            "bounds": list(grid.bounds),
            "nodata": nodata or None,
            "tiling": f"{block_h}×{block_w}",
            "overviews": dataset.overviews(1),
        }
    if notices:
        facts["notices"] = list(notices)
    legend = read_pam_legend(Path(path))
    if legend is not None:
        facts["classes"] = [f"{entry.code} {entry.name}" for entry in legend.classes]
    return facts


def _notices(path: str | os.PathLike[str]) -> tuple[str, ...]:
    """What to know when it is used as a scene, also that it cannot be."""
    try:
        with Scene(path) as scene:
            return scene.notices
    except PointillistError as error:
        return (str(error),)


def _crs_name(crs: Any) -> str | None:
    if not crs:
        return None
    code = crs.to_epsg()
    return f"EPSG:{code}" if code else str(crs.to_wkt()).split('"')[1]
