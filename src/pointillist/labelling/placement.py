"""Between the page, which thinks in pixels of the scene, and the file, which has coordinates."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pointillist.errors import GridError, InputError
from pointillist.grid import Grid

_MAX_VERTICES = 10_000
# Outlines of so many characters are kept as geometries, the latest of them.
_SHORT, _N_KEPT = 200, 20_000
_KINDS = {"Point": 1, "LineString": 2, "Polygon": 3}


class Placement:
    """Converts geometries between pixel positions (column, row) and the file's coordinates.

    Args:
        grid: The scene.
        crs: Coordinate system of the file as WKT; None where it states none.

    Raises:
        GridError: There is no way between the two coordinate systems.
    """

    def __init__(self, grid: Grid, crs: str | None) -> None:
        self.grid = grid
        self._to_scene, self._to_file = _transformers(crs, grid.crs)
        # every click teaches all labels anew, and nearly all of them are where they were
        self._place_short = functools.lru_cache(_N_KEPT)(self._place)

    def to_file(self, kind: str, positions: list[list[float]]) -> str:
        """WKT in the file's coordinates.

        Args:
            kind: `Point`, `LineString` or `Polygon` (its outer ring).
            positions: (N, 2) of column and row, continuous.

        Raises:
            InputError: No such geometry, or outside the scene.
        """
        import shapely

        at = _check(kind, positions)
        inside = (at >= 0).all() and (at <= (self.grid.width, self.grid.height)).all()
        if not inside:
            raise InputError("Expected a place inside the scene. Click on the image.")
        xy = self.grid.transform.corner_xy(at[:, ::-1])
        if self._to_file is not None:
            xy = np.stack(self._to_file.transform(xy[:, 0], xy[:, 1]), axis=1)
        if kind == "Point":
            geometry = shapely.Point(xy[0])
        elif kind == "LineString":
            geometry = shapely.LineString(xy)
        else:
            geometry = shapely.Polygon(xy)
        if not geometry.is_valid:
            raise InputError("Expected an area whose outline does not cross itself. Draw it anew.")
        return str(geometry.wkt)

    def to_page(self, wkt: str) -> tuple[str, list[list[float]]]:
        """Kind and pixel positions (column, row) of a geometry; multi-parts by their first one."""
        geometry = first_part(self.to_scene(wkt))
        ring = geometry.exterior if geometry.geom_type == "Polygon" else geometry
        at = self.grid.transform.continuous_rowcol(np.asarray(ring.coords)[:, :2])
        return str(geometry.geom_type), np.round(at[:, ::-1], 3).tolist()

    def has_more(self, wkt: str) -> bool:
        """Whether a geometry has further parts, or holes, that `to_page` does not show."""
        import shapely

        geometry = shapely.from_wkt(wkt)
        n_parts = len(shapely.get_parts(geometry))
        return n_parts > 1 or bool(len(getattr(first_part(geometry), "interiors", ())))

    def to_scene(self, wkt: str) -> Any:
        """The geometry in the scene's coordinates."""
        return self._place(wkt) if len(wkt) > _SHORT else self._place_short(wkt)

    def _place(self, wkt: str) -> Any:
        import shapely

        geometry = shapely.force_2d(shapely.from_wkt(wkt))
        if self._to_scene is None:
            return geometry
        transformer = self._to_scene

        def project(xy: NDArray[np.float64]) -> NDArray[np.float64]:
            return np.stack(transformer.transform(xy[:, 0], xy[:, 1]), axis=1)

        return shapely.transform(geometry, project)


def first_part(geometry: Any) -> Any:
    """The first simple part of a geometry."""
    while hasattr(geometry, "geoms") and len(geometry.geoms):
        geometry = geometry.geoms[0]
    return geometry


def _check(kind: str, positions: list[list[float]]) -> NDArray[np.float64]:
    at = np.asarray(positions, dtype=np.float64)
    least = _KINDS.get(kind)
    if least is None or at.ndim != 2 or at.shape[1] != 2 or not least <= len(at) <= _MAX_VERTICES:
        raise InputError(
            f"Expected a Point, LineString or Polygon with up to {_MAX_VERTICES:,} positions "
            "[column, row]."
        )
    if kind == "Point" and len(at) != 1:
        raise InputError(f"Expected one position for a point, got {len(at)}.")
    if not np.isfinite(at).all():
        raise InputError("Expected positions that are finite numbers.")
    return at


def _transformers(file_crs: str | None, scene_crs: str | None) -> tuple[Any, Any]:
    """From the file to the scene and back; None where nothing is to be done."""
    import pyproj

    if file_crs is None or scene_crs is None:
        return None, None
    try:
        one, other = pyproj.CRS.from_user_input(file_crs), pyproj.CRS.from_user_input(scene_crs)
        if one.equals(other, ignore_axis_order=True):
            return None, None
        return (
            pyproj.Transformer.from_crs(one, other, always_xy=True),
            pyproj.Transformer.from_crs(other, one, always_xy=True),
        )
    except pyproj.exceptions.ProjError as error:
        raise GridError(
            f"Expected points in a coordinate system that leads to the scene's, but: {error}."
        ) from error
