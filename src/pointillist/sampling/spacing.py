"""Distances on the ground, in metres, in any coordinate system."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pointillist.grid import Grid

_EARTH_RADIUS_M = 6_371_008.8


def ground_positions(grid: Grid, rowcol: ArrayLike) -> NDArray[np.float64]:
    """Positions whose straight distances are metres on the ground.

    Through longitude and latitude onto a sphere: right to half a percent in any coordinate system,
    also in degrees, across ±180° and near the poles. Where there is no way to degrees (a site's
    own system) map coordinates count, in metres; without any system pixels do.

    Args:
        grid: The scene.
        rowcol: (N, 2) pixels.

    Returns:
        (N, 3) or (N, 2) positions.
    """
    pixels = np.asarray(rowcol, dtype=np.float64).reshape(-1, 2)
    if grid.crs is None:
        return grid.transform.xy(pixels) if grid.is_georeferenced else pixels
    import pyproj

    xy = grid.transform.xy(pixels)
    crs = pyproj.CRS.from_user_input(grid.crs)
    unit_m = float(crs.axis_info[0].unit_conversion_factor) if crs.axis_info else 1.0
    try:
        degrees = pyproj.Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
        lon, lat = (np.radians(v) for v in degrees.transform(xy[:, 0], xy[:, 1]))
    except pyproj.exceptions.ProjError:
        return np.asarray(xy * unit_m)
    if not (np.isfinite(lon).all() and np.isfinite(lat).all()):
        return np.asarray(xy * unit_m)
    flat = np.cos(lat)
    ball = np.stack([flat * np.cos(lon), flat * np.sin(lon), np.sin(lat)], axis=1)
    return np.asarray(_EARTH_RADIUS_M * ball, dtype=np.float64)


def pixel_size_m(grid: Grid) -> float:
    """Mean length of a pixel's side on the ground in the middle of a scene."""
    row, col = grid.height // 2, grid.width // 2
    here, below, beside = ground_positions(grid, [[row, col], [row + 1, col], [row, col + 1]])
    sides = np.linalg.norm(below - here), np.linalg.norm(beside - here)
    return float(np.sqrt(sides[0] * sides[1]))


@dataclass(eq=False)
class Spacing:
    """Keeps places apart from each other and from points that are there already.

    Args:
        positions: (N, d) of the candidates.
        least_m: Smallest distance; 0 for any.
        taken: (M, d) of points that are there.

    Attributes:
        free: (N,) whether each may still be taken.
    """

    positions: NDArray[np.float64]
    least_m: float
    taken: NDArray[np.float64] | None = None
    free: NDArray[np.bool_] = field(init=False)

    def __post_init__(self) -> None:
        self.free = np.ones(len(self.positions), dtype=bool)
        if self.taken is not None and len(self.taken) and len(self.positions):
            from scipy.spatial import cKDTree

            nearest, _ = cKDTree(self.taken).query(self.positions)
            # a point's own pixel is never suggested, whatever the distance asked for
            self.free = nearest > 0 if self.least_m == 0 else nearest >= self.least_m

    def take(self, position: int) -> bool:
        """Take a candidate if it is far enough from all that are taken."""
        if not self.free[position]:
            return False
        if self.least_m > 0:
            away = np.linalg.norm(self.positions - self.positions[position], axis=1)
            self.free &= away >= self.least_m
        self.free[position] = False
        return True
