"""The points of a file with their pixel, whether or not they carry a class: units of a sample."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pointillist.grid import Grid
from pointillist.legend import Legend
from pointillist.points.burning import burn
from pointillist.points.fields import ClassValues
from pointillist.points.placing import finite_or_none, place_on_grid
from pointillist.points.reading import read_column

NOWHERE = -1


@dataclass(frozen=True, eq=False)
class PlacedPoints:
    """The N features of a file of points, in its order.

    Args:
        source: Name of the file.
        field: Field the classes come from.
        values: The classes as they are in the file.
        legend: Of all the classes that occur.
        rowcol: (N, 2) pixels; −1 where a feature is outside the grid or has no coordinates.
        inside: (N,) whether it lies on the grid.
        has_place: (N,) whether it has coordinates.
        columns: Fields by name, each (N,).
        notices: What was assumed, one sentence each.
    """

    source: str
    field: str
    values: ClassValues
    legend: Legend
    rowcol: NDArray[np.int64]
    inside: NDArray[np.bool_]
    has_place: NDArray[np.bool_]
    columns: dict[str, NDArray[Any]]
    notices: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.inside)


def read_placed(
    path: str | os.PathLike[str],
    grid: Grid,
    *,
    class_field: str | None = None,
    crs: str | None = None,
    source_name: str = "scene",
) -> PlacedPoints | None:
    """Read a file of points and find their pixels; None where it holds other geometries too.

    Args:
        path: Any file `read_features` reads.
        grid: The raster's.
        class_field: Field with the class; else the one named `class`, else the only text field.
        crs: Coordinate system of the features, instead of the one the file names.
        source_name: Name of the raster for messages.
    """
    column = read_column(path, class_field, crs)
    frame = column.sheet.frame
    geometry = frame.geometry
    if not geometry.geom_type.dropna().isin(["Point", "MultiPoint"]).all():
        return None
    geometries, notices = place_on_grid(frame, grid, source_name)
    geometries = finite_or_none(geometries)
    burnt = burn(geometries, grid)
    if len(np.unique(burnt.feature)) < len(burnt.feature):
        return None  # several points in a feature
    rowcol = np.full((len(frame), 2), NOWHERE, dtype=np.int64)
    rowcol[burnt.feature] = burnt.rowcol
    inside = np.zeros(len(frame), dtype=bool)
    inside[burnt.feature] = True
    return PlacedPoints(
        source=column.sheet.source,
        field=column.sheet.field,
        values=column.values,
        legend=column.derive_legend(),
        rowcol=rowcol,
        inside=inside,
        has_place=np.array([g is not None for g in geometries]),
        columns={
            str(c): frame[c].to_numpy(dtype=object) for c in frame.columns if c != geometry.name
        },
        notices=(*frame.attrs["notices"], *notices),
    )
