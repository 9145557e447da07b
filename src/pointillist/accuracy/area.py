"""How much ground a pixel covers: nominal on projected grids, ellipsoidal per row in degrees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pointillist.grid import Grid

if TYPE_CHECKING:
    from pyproj import CRS

SQUARE_METRES_PER_HECTARE = 10_000.0
_ALIKE = 0.02


@dataclass(frozen=True, eq=False)
class Ground:
    """What the pixels of a map cover.

    Args:
        per_pixel: Hectares of a pixel, where all are the same; None where they differ by row or
            nothing is known.
        per_row: (height,) hectares of a pixel of each row, where rows differ.
        notice: Why there are no hectares, or what to know of them; empty otherwise.
    """

    per_pixel: float | None = None
    per_row: NDArray[np.float64] | None = None
    notice: str = ""


def measure_ground(grid: Grid) -> Ground:
    """Find out what the pixels of a grid cover.

    Args:
        grid: Of the map.
    """
    if grid.crs is None:
        return Ground(notice="No hectares: the map has no coordinate system.")
    from pyproj import CRS

    system = CRS.from_user_input(grid.crs)
    if system.is_geographic:
        if grid.transform.b or grid.transform.d:
            return Ground(
                notice="No hectares: the map is in degrees and turned, so that its rows are no "
                "parallels. Warp it to a north-up grid for areas."
            )
        return Ground(per_row=_ellipsoidal(grid, system))
    metres = metres_per_unit(grid.crs)
    if metres is None:
        return Ground(
            notice="No hectares: the map's coordinate system is neither projected nor in degrees. "
            "Reproject the map to an equal-area system for areas."
        )
    nominal = grid.transform.pixel_area * metres**2 / SQUARE_METRES_PER_HECTARE
    return Ground(nominal, notice=_distortion(grid))


def metres_per_unit(crs: str) -> float | None:
    """Length of one unit of a projected coordinate system; None for any other kind."""
    from pyproj import CRS

    system = CRS.from_user_input(crs)
    if not system.is_projected:
        return None
    return float(system.axis_info[0].unit_conversion_factor)


def same_crs(one: str | None, other: str | None) -> bool:
    """Whether two coordinate systems are the same, however they are written."""
    if one is None or other is None or one == other:
        return one == other
    from pyproj import CRS

    return bool(CRS.from_user_input(one).equals(CRS.from_user_input(other), True))


def by_rows(
    index: NDArray[np.integer], n_classes: int, row_hectares: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Hectares of each class (C,) in a window (h, w) of class indices, −1 for none."""
    height = index.shape[0]
    at = index.astype(np.int64) + 1 + (np.arange(height) * (n_classes + 1))[:, None]
    counts = np.bincount(at.ravel(), minlength=height * (n_classes + 1))
    return np.asarray(row_hectares @ counts.reshape(height, n_classes + 1)[:, 1:])


def _ellipsoidal(grid: Grid, system: CRS) -> NDArray[np.float64]:
    """(height,) hectares of a cell between two parallels and two meridians, exact on the ellipsoid.

    With q(φ) = sin φ / (1 − e² sin² φ) + artanh(e sin φ) / e, a cell of Δλ has ½ b² Δλ [q(φ₂) −
    q(φ₁)] (Snyder 1987, Map projections: a working manual, eqs. 3-12 and 14-9).
    """
    ellipsoid = system.ellipsoid
    assert ellipsoid is not None
    unit = float(system.axis_info[0].unit_conversion_factor)  # to radians
    edges = grid.transform.f + grid.transform.e * np.arange(grid.height + 1)
    sine = np.sin(np.clip(edges * unit, -np.pi / 2, np.pi / 2))
    b = float(ellipsoid.semi_minor_metre)
    e2 = 1 - (b / float(ellipsoid.semi_major_metre)) ** 2
    e = np.sqrt(e2)
    q = 2 * sine if e < 1e-9 else sine / (1 - e2 * sine**2) + np.arctanh(e * sine) / e
    width = abs(grid.transform.a) * unit
    return np.asarray(0.5 * b**2 * width * np.abs(np.diff(q)) / SQUARE_METRES_PER_HECTARE)


def _distortion(grid: Grid) -> str:
    """A sentence where a projection's areas are not those of the ground; empty where they are."""
    from pyproj import Proj, Transformer
    from pyproj.exceptions import ProjError

    left, bottom, right, top = grid.bounds
    try:
        to_degrees = Transformer.from_crs(grid.crs, "EPSG:4326", always_xy=True)
        lon, lat = to_degrees.transform((left + right) / 2, (bottom + top) / 2)
        scale = float(Proj(grid.crs).get_factors(lon, lat).areal_scale)
    except ProjError:
        return ""
    if not np.isfinite(scale) or abs(scale - 1) < _ALIKE:
        return ""
    return (
        f"Hectares are those of the map's coordinate system, which shows the ground {scale:.2f} "
        "times as large in the middle of this map. Reproject it to an equal-area system for areas."
    )
