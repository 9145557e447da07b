"""Read a reference against a map: a raster pixel by pixel, points and polygons where they lie."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pointillist.accuracy.area import by_rows, same_crs
from pointillist.accuracy.classes import (
    JoinedClasses,
    join_classes,
    name_by_code,
)
from pointillist.accuracy.crosswalk import Crosswalk
from pointillist.accuracy.design import SampleRecord
from pointillist.accuracy.matrix import ErrorMatrix, error_matrix
from pointillist.accuracy.places import ErrorGrid
from pointillist.accuracy.units import Units, sort_units
from pointillist.errors import GridError, PointsError
from pointillist.grid import Grid, Window, iter_windows
from pointillist.legend import Legend

if TYPE_CHECKING:
    from pointillist.points import Labels, PlacedPoints
    from pointillist.raster import ClassRaster

BLOCK_PX = 1024
_SET_ASIDE = ("cannot_tell", "no_class", "unknown_class", "conflict", "outside", "ignored")
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
        units: Of points: what became of each, those without an answer among them; None for areas.
        map_of_units: (m,) map class at each unit, −1 where there is none.
        own_classes: The map's legend and (m,) its class at each unit as it is in the map, where a
            crosswalk joins some; None where they are those of `map_of_units`.
    """

    map_index: NDArray[np.int64]
    reference_index: NDArray[np.int64]
    feature: NDArray[np.int64]
    classes: JoinedClasses
    record: SampleRecord
    notices: tuple[str, ...]
    are_points: bool
    xy: NDArray[np.float64] | None = None
    units: Units | None = None
    map_of_units: NDArray[np.int64] | None = None
    own_classes: tuple[Legend, NDArray[np.int64]] | None = None

    @property
    def matrix(self) -> ErrorMatrix:
        """The error matrix of the pixels."""
        return error_matrix(self.map_index, self.reference_index, self.classes.legend.names)


@dataclass(frozen=True, eq=False)
class Census:
    """All pixels of a dense reference against the map.

    Args:
        matrix: The error matrix.
        classes: The joined legend.
        where: Where the errors are.
        hectares: (C,) ground of each reference class; None where all pixels cover the same.
    """

    matrix: ErrorMatrix
    classes: JoinedClasses
    where: ErrorGrid
    hectares: NDArray[np.float64] | None = None


def is_vector(path: PathLike) -> bool:
    """Whether a reference is read as points or polygons (else as a raster), by its ending."""
    name = str(path).split("|")[0]
    return Path(name).suffix.lower() in VECTOR_SUFFIXES


def count_census(
    map_raster: ClassRaster,
    reference: ClassRaster,
    names: tuple[str, str] = ("map", "reference"),
    progress: Callable[[float], object] | None = None,
    *,
    crosswalk: Crosswalk | None = None,
    cannot_tell: Collection[str] = (),
    row_hectares: NDArray[np.float64] | None = None,
) -> Census:
    """Compare two rasters block by block; memory does not grow with their size.

    Args:
        map_raster: The map.
        reference: Class raster on the same grid.
        names: Of map and reference, for messages.
        progress: Called with the share done, 0…1.
        crosswalk: Which class of the reference means which one of the map.
        cannot_tell: Classes of the reference that say that nobody can tell: left out.
        row_hectares: (height,) what a pixel of each row covers, where rows differ.

    Raises:
        GridError: They are not on the same grid.
        LegendError: They have no class in common.
    """
    check_same_grid(map_raster.grid, reference.grid, names)
    classes = join_classes(
        name_by_code(map_raster.legend, reference.legend),
        reference.legend,
        by_code=True,
        map_name=names[0],
        reference_name=names[1],
        crosswalk=crosswalk,
        cannot_tell=cannot_tell,
    )
    meaning = np.maximum(classes.from_reference, -1)
    ground = np.zeros(len(classes.legend))
    matrix, where = ErrorMatrix.empty(classes.legend.names), ErrorGrid.of(map_raster.grid)
    windows = list(iter_windows(map_raster.grid.shape, BLOCK_PX))
    for i, window in enumerate(windows):
        in_reference = meaning[reference.read(window)]
        in_map = classes.of_map(map_raster.read(window))
        matrix = matrix + error_matrix(in_map, in_reference, matrix.classes)
        where.add(window, in_map, in_reference)
        if row_hectares is not None:
            ground += by_rows(in_reference, len(ground), row_hectares[window.slices[0]])
        if progress is not None:
            progress((i + 1) / len(windows))
    return Census(matrix, classes, where, None if row_hectares is None else ground)


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
    crosswalk: Crosswalk | None = None,
    cannot_tell: Collection[str] = (),
) -> Reference:
    """Read points or polygons and the map where they lie; only the blocks needed are read.

    Args:
        map_raster: The map.
        path: Vector file.
        class_field: Field that holds the class.
        legend: Classes that the field means; derived from it when absent.
        crs: Coordinate system of features that name none.
        map_name: For messages.
        crosswalk: Which class of the reference means which one of the map.
        cannot_tell: Classes that say that nobody can tell.

    Raises:
        PointsError: Nothing usable in the file.
        LegendError: No class in common with the map.
    """
    from pointillist.points import read_legend, read_placed

    grid, name = map_raster.grid, Path(os.fspath(path)).name
    placed = read_placed(path, grid, class_field=class_field, crs=crs, source_name=map_name)
    map_legend = name_by_code(map_raster.legend, legend or read_legend(path))

    def join(reference_legend: Legend) -> JoinedClasses:
        return join_classes(
            map_legend, reference_legend, by_code=False, map_name=map_name,
            reference_name=name, crosswalk=crosswalk, cannot_tell=cannot_tell,
        )  # fmt: skip

    def read_labels() -> Labels:
        from pointillist.points import read_labels

        return read_labels(
            path, grid, class_field=class_field, legend=legend, crs=crs, source_name=map_name
        )

    if placed is None:
        return _read_areas(map_raster, path, read_labels(), join, crs, name)
    if not (placed.inside & (placed.values.which >= 0)).any():
        read_labels()  # says best what is wrong
    placed = replace(placed, legend=_meant(placed, legend, cannot_tell, crosswalk))
    classes = join(placed.legend)
    units = sort_units(placed, classes)
    own = np.full(len(units.feature), -1, dtype=np.int64)
    at = np.flatnonzero(units.inside)
    own[at] = read_at(map_raster, units.rowcol[at])
    in_map = np.asarray(classes.of_map(own), dtype=np.int64)
    record = SampleRecord(name, placed.columns, _metadata(path))
    nowhere = units.inside & (in_map < 0)
    units.account["nodata"] = int(nowhere.sum())
    units.rows["nodata"] = (units.feature[nowhere][:5] + 1).tolist()
    used = units.is_answered & units.inside
    if not used.any():
        raise PointsError(
            f"Expected a class that can be compared at some point of {name} on {map_name}, but "
            f"none is left: {' '.join(units.lines(name, of=_SET_ASIDE)) or 'all are ignored.'} "
            "Answer some of them."
        )
    copied = record.metadata.get("raster") == map_name and bool(
        (in_map[used] == units.answer[used]).all()
    )
    return Reference(
        map_index=in_map[used],
        reference_index=units.answer[used],
        feature=units.feature[used],
        classes=classes,
        record=record,
        notices=(
            *((_COPIED.format(n=int(used.sum()), map=map_name),) if copied else ()),
            *placed.notices,
        ),
        are_points=True,
        xy=grid.transform.xy(units.rowcol[used]),
        units=units,
        map_of_units=in_map,
        own_classes=None if classes.from_map is None else (map_legend, own),
    )


def _meant(
    placed: PlacedPoints,
    legend: Legend | None,
    cannot_tell: Collection[str],
    crosswalk: Crosswalk | None,
) -> Legend:
    """The legend given, and what the file has beside it that is no class but has a meaning."""
    if legend is None:
        return placed.legend
    special = {name.casefold() for name in cannot_tell}
    if crosswalk is not None:
        special |= {entry.old.casefold() for entry in crosswalk.entries}
    names = placed.values.names
    more = [n for n in names if n.casefold() in special and legend.index_of(n) is None]
    return legend.extended(more)


def _read_areas(
    map_raster: ClassRaster,
    path: PathLike,
    labels: Labels,
    join: Callable[[Legend], JoinedClasses],
    crs: str | None,
    name: str,
) -> Reference:
    """Polygons and lines: all their pixels, of which those without a class are left out."""
    from pointillist.points import read_features

    classes = join(labels.legend)
    frame = read_features(path, crs=crs)
    columns: dict[str, NDArray[Any]] = {
        str(c): frame[c].to_numpy(dtype=object) for c in frame.columns if c != frame.geometry.name
    }
    answer = classes.from_reference[labels.pixels.index]
    known = answer >= 0
    lines = labels.report.lines() if labels.report.skipped else []
    if not known.all():
        lines.append(f"{int((~known).sum()):,} pixels without a class that is judged: left out.")
    return Reference(
        map_index=classes.of_map(read_at(map_raster, labels.pixels.rowcol[known])),
        reference_index=answer[known],
        feature=labels.pixels.feature[known],
        classes=classes,
        record=SampleRecord(name, columns, _metadata(path)),
        notices=tuple(" ".join(line.split()) for line in lines),
        are_points=False,
        xy=map_raster.grid.transform.xy(labels.pixels.rowcol[known]),
    )


def _metadata(path: PathLike) -> dict[str, Any]:
    from pointillist.points import read_metadata

    return read_metadata(path) or {}


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
