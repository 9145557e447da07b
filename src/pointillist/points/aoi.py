"""Area of interest: the polygons inside which a scene is mapped or sampled."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pointillist.errors import GridError, MissingFileError, PointillistError, PointsError
from pointillist.grid import Grid, Window
from pointillist.points.placing import place_on_grid
from pointillist.points.vectors import read_features

if TYPE_CHECKING:
    from shapely import STRtree


class AreaOfInterest:
    """Polygons in the coordinates of a scene.

    Args:
        geometries: (N,) valid polygons in map coordinates.
        grid: The scene.
        name: Of the file.
    """

    def __init__(self, geometries: NDArray[Any], grid: Grid, name: str = "area") -> None:
        import shapely

        self.name = name
        self.grid = grid
        self._geometries = geometries
        self._tree: STRtree = shapely.STRtree(geometries)

    @classmethod
    def read(cls, path: str | Path, grid: Grid, scene: str) -> AreaOfInterest:
        """Read the polygons of a vector file and bring them into a scene's coordinates.

        Args:
            path: Any vector file.
            grid: The scene.
            scene: Its name for messages.

        Raises:
            MissingFileError: There is no such file.
            UnreadableFileError: It is no vector file, or damaged.
            PointsError: It holds no polygons.
        """
        import shapely

        if not str(path).startswith("/vsi") and not Path(str(path).split("|")[0]).exists():
            raise MissingFileError(f"'{path}' does not exist. Check the path after --aoi.")
        try:
            frame = read_features(path)
        except PointillistError as error:
            raise type(error)(f"--aoi: {error}") from error
        geometries, _ = place_on_grid(frame, grid, scene)
        found = geometries[geometries != None]  # noqa: E711 (elementwise)
        areas = found[shapely.get_dimensions(found) == 2]
        if len(areas) == 0:
            raise PointsError(
                f"Expected polygons in {Path(path).name} (--aoi), but none of its {len(frame)} "
                "features is one. Draw the area as polygons."
            )
        return cls(shapely.make_valid(areas), grid, Path(path).name)

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """(left, bottom, right, top) of all polygons, in the scene's map units."""
        import shapely

        left, bottom, right, top = shapely.total_bounds(self._geometries)
        return float(left), float(bottom), float(right), float(top)

    def fingerprint(self) -> str:
        """Of the polygons, in the scene's coordinates."""
        import shapely

        return hashlib.sha256(b"".join(shapely.to_wkb(self._geometries))).hexdigest()

    def touches(self, window: Window) -> bool:
        """Whether any polygon reaches into a window."""
        return len(self._near(window)) > 0

    def mask(self, window: Window) -> NDArray[np.bool_]:
        """Pixels (h, w) of a window whose centre lies in a polygon."""
        from rasterio import Affine
        from rasterio.features import geometry_mask

        near = self._near(window)
        if len(near) == 0:
            return np.zeros(window.shape, dtype=bool)
        inside: NDArray[np.bool_] = geometry_mask(
            self._geometries[near],
            out_shape=window.shape,
            transform=Affine(*self.grid.transform.of_window(window).coefficients),
            invert=True,
        )
        return inside

    def _near(self, window: Window) -> NDArray[np.int64]:
        import shapely

        r, c, stop_r, stop_c = window.row, window.col, window.stop_row, window.stop_col
        corners = [[r, c], [r, stop_c], [stop_r, stop_c], [stop_r, c]]
        outline = shapely.Polygon(self.grid.transform.corner_xy(corners))
        found: NDArray[np.int64] = self._tree.query(outline, predicate="intersects")
        return np.sort(found)


def refuse_no_overlap(areas: list[AreaOfInterest], path: str | Path, scenes: list[str]) -> None:
    """Make sure that the area reaches into at least one scene.

    Raises:
        GridError: It lies outside all of them; says where it and the first scene are.
    """
    if any(area.touches(area.grid.window) for area in areas):
        return
    grid = areas[0].grid
    raise GridError(
        f"Expected the area of {Path(path).name} (--aoi) to overlap the scene, but it covers "
        f"{_extent(areas[0].bounds)} and {scenes[0]} {_extent(grid.bounds)}, in the scene's "
        "coordinates. Check the area's coordinate system."
    )


def _extent(bounds: tuple[float, float, float, float]) -> str:
    left, bottom, right, top = bounds
    return f"x {left:.6g}…{right:.6g}, y {bottom:.6g}…{top:.6g}"
