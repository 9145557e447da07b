"""How much ground a pixel covers."""

from __future__ import annotations

from pointillist.grid import Grid

SQUARE_METRES_PER_HECTARE = 10_000.0


def hectares_per_pixel(grid: Grid) -> tuple[float | None, str]:
    """Nominal area of a pixel, where the coordinate system measures lengths.

    Args:
        grid: Of the map.

    Returns:
        Hectares and an empty text; or None and the reason why there are none.
    """
    if grid.crs is None:
        return None, "No hectares: the map has no coordinate system."
    metres = metres_per_unit(grid.crs)
    if metres is None:
        return None, (
            "No hectares: the map's coordinate system is not projected, so its pixels differ in "
            "area. Reproject the map to an equal-area system for areas."
        )
    return grid.transform.pixel_area * metres**2 / SQUARE_METRES_PER_HECTARE, ""


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
