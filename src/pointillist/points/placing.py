"""Bring features into the coordinates of a scene."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pointillist.errors import PointsError
from pointillist.grid import Grid
from pointillist.points.vectors import crs_label

if TYPE_CHECKING:
    from geopandas import GeoDataFrame


def place_on_grid(
    frame: GeoDataFrame, grid: Grid, scene: str = "the scene"
) -> tuple[NDArray[Any], list[str]]:
    """Bring the geometries of a file into the coordinates of a grid.

    Coordinates are (x, y) or (longitude, latitude) whatever order a CRS declares. Features without
    a CRS are taken as being in the scene's; a scene without a CRS takes coordinates as they are.

    Args:
        frame: Features; a CRS of None means unknown.
        grid: The scene.
        scene: Its name for notices.

    Returns:
        (N,) geometries, None where a geometry is missing, empty or cannot be projected; and what
        was assumed, one sentence each.

    Raises:
        PointsError: There is no way from one CRS to the other.
    """
    import shapely

    geometries = np.asarray(frame.geometry.array, dtype=object)
    source = str(frame.attrs.get("source", "points"))
    if grid.crs is None:
        return _place_without_crs(geometries, frame.crs, grid, source, scene)
    if frame.crs is None:
        notice = (
            f"{source} has no CRS: its coordinates were taken as {crs_label(grid.crs)}, "
            f"the CRS of {scene}."
        )
        return geometries, [notice]
    transformer = _transformer(frame.crs, grid.crs, source, scene)
    if transformer is None:
        return geometries, []

    def project(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.stack(transformer.transform(xy[:, 0], xy[:, 1]), axis=1)

    return finite_or_none(shapely.transform(geometries, project)), []


def finite_or_none(geometries: NDArray[Any]) -> NDArray[Any]:
    """Drop geometries that are missing, empty or have a coordinate that is not finite."""
    import shapely

    finite = np.isfinite(shapely.bounds(geometries).reshape(-1, 4)).all(axis=1)
    kept = geometries.copy()
    kept[~finite] = None
    return kept


def _place_without_crs(
    geometries: NDArray[Any], crs: Any, grid: Grid, source: str, scene: str
) -> tuple[NDArray[Any], list[str]]:
    """Coordinates as they are; GIS programs count y upwards in images without georeference."""
    import shapely

    notices = []
    if crs is not None:
        notices.append(
            f"{scene} has no CRS: the coordinates of {source} were taken as its "
            f"{'map' if grid.is_georeferenced else 'pixel'} coordinates, not as {crs_label(crs)}."
        )
    top = shapely.bounds(geometries).reshape(-1, 4)[:, 3]
    top = top[np.isfinite(top)]
    if not grid.is_georeferenced and len(top) and top.max() <= 0 and top.min() < 0:
        geometries = shapely.transform(geometries, lambda xy: xy * (1.0, -1.0))
        notices.append(
            f"y is negative throughout {source}, as GIS programs count in images without "
            "georeference: it was taken as counting downwards."
        )
    return geometries, notices


def _transformer(crs: Any, scene_crs: str, source: str, scene: str) -> Any:
    """A pyproj transformer, or None where both mean the same."""
    import pyproj

    try:
        target = pyproj.CRS.from_user_input(scene_crs)
        if target.equals(crs, ignore_axis_order=True):
            return None
        return pyproj.Transformer.from_crs(crs, target, always_xy=True)
    except pyproj.exceptions.ProjError as error:
        raise PointsError(
            f"Expected a way from the CRS of {source} ({crs_label(crs)}) to that of {scene}, but "
            f"there is none: {error}. Reproject the points, or name their CRS with --crs."
        ) from error
