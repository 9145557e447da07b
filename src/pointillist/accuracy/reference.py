"""Read a reference against a map: a raster pixel by pixel, points and polygons where they lie."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pointillist.accuracy.area import same_crs
from pointillist.accuracy.classes import JoinedClasses, join_classes
from pointillist.accuracy.design import SampleRecord
from pointillist.accuracy.matrix import ErrorMatrix, error_matrix
from pointillist.accuracy.places import ErrorGrid
from pointillist.errors import GridError
from pointillist.grid import Grid, Window, iter_windows
from pointillist.legend import Legend

if TYPE_CHECKING:
    from pointillist.raster import ClassRaster

BLOCK_PX = 1024
_COPIED = (
    "All {n} reference classes are those of {map} at these points, which is what `sample` wrote "
    "there. If nobody has looked at the points and given each its true class, these figures say "
    "nothing about the map."
)
_VECTOR_FORMATS = (
    "gpkg geojson geojsonl json shp parquet geoparquet pq csv tsv txt fgb gml kml kmz sqlite gdb "
    "tab mif dxf gpx zip"
)
VECTOR_SUFFIXES = frozenset(f".{name}" for name in _VECTOR_FORMATS.split())

PathLike = str | os.PathLike[str]


@dataclass(frozen=True, eq=False)
class Reference:
    """What a vector reference says, and what the map says at the same pixels.

    Args:
        map_index: (n,) map class in the joined legend, −1 where the map has none.
        reference_index: (n,) reference class in the joined legend.
        feature: (n,) row of the feature in its file.
        classes: The joined legend.
        record: What the file says about how the features were drawn.
        notices: What was skipped, in words.
        are_points: Whether every feature is one point.
        xy: (n, 2) centres of the pixels in the map's coordinates; None where nobody asks.
    """

    map_index: NDArray[np.int64]
    reference_index: NDArray[np.int64]
    feature: NDArray[np.int64]
    classes: JoinedClasses
    record: SampleRecord
    notices: tuple[str, ...]
    are_points: bool
    xy: NDArray[np.float64] | None = None

    @property
    def matrix(self) -> ErrorMatrix:
        """The error matrix of the pixels."""
        return error_matrix(self.map_index, self.reference_index, self.classes.legend.names)


def is_vector(path: PathLike) -> bool:
    """Whether a reference is read as points or polygons (else as a raster), by its ending."""
    name = str(path).split("|")[0]
    return Path(name).suffix.lower() in VECTOR_SUFFIXES


def count_census(
    map_raster: ClassRaster,
    reference: ClassRaster,
    names: tuple[str, str] = ("map", "reference"),
    progress: Callable[[float], object] | None = None,
) -> tuple[ErrorMatrix, JoinedClasses, ErrorGrid]:
    """Compare two rasters block by block; memory does not grow with their size.

    Args:
        map_raster: The map.
        reference: Class raster on the same grid.
        names: Of map and reference, for messages.
        progress: Called with the share done, 0…1.

    Raises:
        GridError: They are not on the same grid.
        LegendError: They have no class in common.
    """
    check_same_grid(map_raster.grid, reference.grid, names)
    classes = join_classes(
        map_raster.legend,
        reference.legend,
        by_code=True,
        map_name=names[0],
        reference_name=names[1],
    )
    matrix, where = ErrorMatrix.empty(classes.legend.names), ErrorGrid.of(map_raster.grid)
    windows = list(iter_windows(map_raster.grid.shape, BLOCK_PX))
    for i, window in enumerate(windows):
        in_reference = classes.from_reference[reference.read(window)]
        in_map = map_raster.read(window)
        matrix = matrix + error_matrix(in_map, in_reference, matrix.classes)
        where.add(window, in_map, in_reference)
        if progress is not None:
            progress((i + 1) / len(windows))
    return matrix, classes, where


def check_same_grid(of_map: Grid, of_reference: Grid, names: tuple[str, str]) -> None:
    """Refuse a reference raster that does not lie on the map's pixels.

    Raises:
        GridError: Another size, place or coordinate system; names both.
    """
    both_known = of_map.crs is not None and of_reference.crs is not None
    if both_known and not same_crs(of_map.crs, of_reference.crs):
        raise GridError(
            f"Expected one coordinate system, but {names[0]} and {names[1]} have different ones. "
            "Reproject the reference onto the map's grid."
        )
    if not of_map.same_place(of_reference):
        raise GridError(
            f"Expected a reference on the map's grid, but {names[0]} is {_describe(of_map)} and "
            f"{names[1]} is {_describe(of_reference)}. Resample the reference onto the map."
        )


def read_vector_reference(
    map_raster: ClassRaster,
    path: PathLike,
    *,
    class_field: str | None = None,
    legend: Legend | None = None,
    crs: str | None = None,
    map_name: str = "map",
) -> Reference:
    """Read points or polygons and the map where they lie; only the blocks needed are read.

    Args:
        map_raster: The map.
        path: Vector file.
        class_field: Field that holds the class.
        legend: Classes that the field means; derived from it when absent.
        crs: Coordinate system of features that name none.
        map_name: For messages.

    Raises:
        PointsError: Nothing usable in the file.
        LegendError: No class in common with the map.
    """
    from pointillist.points import read_features, read_labels, read_metadata

    path = os.fspath(path)
    name = Path(path).name
    labels = read_labels(
        path,
        map_raster.grid,
        class_field=class_field,
        legend=legend,
        crs=crs,
        source_name=map_name,
    )
    classes = join_classes(
        map_raster.legend, labels.legend, by_code=False, map_name=map_name, reference_name=name
    )
    frame = read_features(path, crs=crs)
    geometry = frame.geometry
    columns: dict[str, NDArray[Any]] = {
        str(c): frame[c].to_numpy(dtype=object) for c in frame.columns if c != geometry.name
    }
    lines = labels.report.lines() if labels.report.skipped else []
    in_map = read_at(map_raster, labels.pixels.rowcol)
    in_reference = classes.from_reference[labels.pixels.index]
    record = SampleRecord(name, columns, read_metadata(path) or {})
    if record.metadata.get("raster") == map_name and (in_map == in_reference).all():
        lines.insert(0, _COPIED.format(n=len(in_map), map=map_name))
    return Reference(
        map_index=in_map,
        reference_index=in_reference,
        feature=labels.pixels.feature,
        classes=classes,
        record=record,
        notices=tuple(" ".join(line.split()) for line in lines),
        are_points=bool(geometry.geom_type.dropna().isin(["Point", "MultiPoint"]).all())
        and len(np.unique(labels.pixels.feature)) == len(labels.pixels),
        xy=map_raster.grid.transform.xy(labels.pixels.rowcol),
    )


def read_at(raster: ClassRaster, rowcol: NDArray[np.int64]) -> NDArray[np.int64]:
    """Class index (N,) at pixels (N, 2), −1 where there is none; reads only blocks that are hit."""
    found = np.full(len(rowcol), -1, dtype=np.int64)
    if not len(rowcol):
        return found
    blocks = rowcol // BLOCK_PX
    order = np.lexsort((blocks[:, 1], blocks[:, 0]))
    starts = np.flatnonzero(np.any(np.diff(blocks[order], axis=0, prepend=-1) != 0, axis=1))
    for members in np.split(order, starts[1:]):
        pixels = rowcol[members]
        (row, col), (last_row, last_col) = pixels.min(axis=0), pixels.max(axis=0)
        window = Window(int(row), int(col), int(last_row - row) + 1, int(last_col - col) + 1)
        found[members] = raster.read(window)[pixels[:, 0] - row, pixels[:, 1] - col]
    return found


def _describe(grid: Grid) -> str:
    left, bottom, right, top = grid.bounds
    width, height = grid.transform.pixel_size_xy
    return (
        f"{grid.height}×{grid.width} pixels of {width:g}×{height:g} at "
        f"x {left:.10g} to {right:.10g}, y {bottom:.10g} to {top:.10g}"
    )
