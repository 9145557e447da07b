"""From geometries to the pixels they label, without a mask of the scene.

Everything happens in continuous pixel positions, so rotated and non-square grids need no special
care. Memory grows with the labelled pixels and not with the scene.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pointillist.grid import Grid

if TYPE_CHECKING:
    IntArray = NDArray[np.int64]
    FloatArray = NDArray[np.float64]
    Geometries = NDArray[Any]

MAX_PIXELS = 20_000_000
# A point within this distance of the scene's outer edge belongs to it, in pixels.
_EDGE_PX = 1e-6
# Shapely's type numbers; from 4 on come the collections.
_POINT, _LINE, _RING, _POLYGON, _FIRST_COLLECTION = 0, 1, 2, 3, 4


@dataclass(frozen=True, eq=False)
class BurntPixels:
    """Pixels inside the scene that features touch, ordered by feature; some come repeatedly.

    Args:
        rowcol: (N, 2) pixel indices.
        feature: (N,) position of the feature among the geometries given.
        thinned: Positions of features so large that only a regular part of their pixels is here.
    """

    rowcol: IntArray
    feature: IntArray
    thinned: tuple[int, ...] = ()


def burn(geometries: Geometries, grid: Grid, max_pixels: int = MAX_PIXELS) -> BurntPixels:
    """Find the pixels of each geometry.

    A point labels the pixel it lies in, a line the pixels it touches, a polygon the pixels whose
    centre lies inside; a polygon without any takes the pixel of its representative point. Where
    polygons cover more than `max_pixels` pixels in all, the largest give only every n-th of their
    pixels in both directions.

    Args:
        geometries: (N,) Shapely geometries of any type in the coordinates of `grid`, finite; None
            and empty ones give nothing, invalid polygons are repaired.
        grid: The scene.
        max_pixels: Roughly the most pixels that all polygons together give.
    """
    import shapely

    parts, feature = _explode(geometries)
    kind = shapely.get_type_id(parts)
    lines = np.isin(kind, (_LINE, _RING))
    areas = kind == _POLYGON
    area_pixels, area_owner, thinned = _burn_polygons(
        parts[areas], feature[areas], grid, max_pixels
    )
    point_pixels, point_owner = _burn_points(parts[kind == _POINT], feature[kind == _POINT], grid)
    line_pixels, line_owner = _burn_lines(parts[lines], feature[lines], grid)
    rowcol = np.concatenate([point_pixels, line_pixels, area_pixels])
    owner = np.concatenate([point_owner, line_owner, area_owner])
    inside = grid.contains(rowcol)
    rowcol, owner = rowcol[inside], owner[inside]
    order = np.argsort(owner, kind="stable")
    return BurntPixels(rowcol[order], owner[order], thinned)


def _explode(geometries: Geometries) -> tuple[Geometries, IntArray]:
    """Flat simple parts and the position each comes from; missing and empty ones are dropped."""
    import shapely

    parts = np.asarray(shapely.force_2d(geometries), dtype=object).reshape(-1)
    feature = np.arange(len(parts))
    while bool((shapely.get_type_id(parts) >= _FIRST_COLLECTION).any()):
        parts, source = shapely.get_parts(parts, return_index=True)
        feature = feature[source]
    there = ~(shapely.is_missing(parts) | shapely.is_empty(parts))
    return parts[there], feature[there]


def _burn_points(points: Geometries, feature: IntArray, grid: Grid) -> tuple[IntArray, IntArray]:
    import shapely

    at = grid.transform.continuous_rowcol(shapely.get_coordinates(points))
    size = np.array(grid.shape, dtype=np.float64)
    on_edge = (at >= -_EDGE_PX) & (at <= size + _EDGE_PX)
    at = np.where(on_edge, np.clip(at, 0, np.nextafter(size, 0)), at)
    limit = 2.0**62  # far outside any scene, and still an integer
    return np.floor(np.clip(at, -limit, limit)).astype(np.int64), feature


def _burn_lines(lines: Geometries, feature: IntArray, grid: Grid) -> tuple[IntArray, IntArray]:
    """Cut each segment where it crosses a row or column border; every piece lies in one pixel."""
    start, end, line = _segments(lines, grid)
    segment, t = [np.arange(len(start))] * 2, [np.zeros(len(start)), np.ones(len(start))]
    for axis, size in enumerate(grid.shape):
        low = np.minimum(start[:, axis], end[:, axis])
        high = np.maximum(start[:, axis], end[:, axis])
        first = np.clip(np.floor(low) + 1, 0, size + 1)
        stop = np.clip(np.ceil(high), 0, size + 1)
        crossed, border = _expand(first, stop)
        segment.append(crossed)
        t.append((border - start[crossed, axis]) / (end - start)[crossed, axis])
    all_segments, all_t = np.concatenate(segment), np.concatenate(t)
    order = np.lexsort((all_t, all_segments))
    all_segments, all_t = all_segments[order], all_t[order]
    same = all_segments[1:] == all_segments[:-1]
    middle = ((all_t[1:] + all_t[:-1]) / 2)[same, None]
    piece = all_segments[1:][same]
    rowcol = np.floor(start[piece] + middle * (end - start)[piece]).astype(np.int64)
    return rowcol, feature[line[piece]]


def _burn_polygons(
    polygons: Geometries, feature: IntArray, grid: Grid, max_pixels: int
) -> tuple[IntArray, IntArray, tuple[int, ...]]:
    """Fill polygons; those without a pixel centre take the pixel of a point inside."""
    import shapely

    pieces, polygon = _repair(shapely.transform(polygons, lambda xy: _col_row(xy, grid)))
    step = _choose_steps(pieces, grid, max_pixels)
    filled = [_fill(pieces, np.flatnonzero(step == s), int(s), grid) for s in np.unique(step)]
    rowcol = np.concatenate([np.empty((0, 2), np.int64), *(f[0] for f in filled)])
    owner = polygon[np.concatenate([np.empty(0, np.int64), *(f[1] for f in filled)])]
    _, first_piece = np.unique(polygon, return_index=True)
    bare = first_piece[~np.isin(polygon[first_piece], owner)]
    inner = shapely.get_coordinates(shapely.point_on_surface(pieces[bare]))
    rowcol = np.concatenate([rowcol, np.floor(inner[:, ::-1]).astype(np.int64)])
    thinned = tuple(int(i) for i in np.unique(feature[polygon[step > 1]]))
    return rowcol, feature[np.concatenate([owner, polygon[bare]])], thinned


def _repair(polygons: Geometries) -> tuple[Geometries, IntArray]:
    """Valid simple pieces, and the position of the polygon each comes from.

    What has collapsed to a line or a point becomes a tiny square there.
    """
    import shapely

    valid = shapely.is_valid(polygons)
    repaired = polygons.copy()
    repaired[~valid] = shapely.make_valid(polygons[~valid])
    pieces, source = _explode(repaired)
    areas = shapely.get_type_id(pieces) == _POLYGON
    flat = np.setdiff1d(np.arange(len(polygons)), source[areas])
    squares = shapely.buffer(shapely.point_on_surface(repaired[flat]), 1e-6, cap_style="square")
    return np.concatenate([pieces[areas], squares]), np.concatenate([source[areas], flat])


def _choose_steps(polygons: Geometries, grid: Grid, max_pixels: int) -> IntArray:
    """Every how many-th pixel to take of each polygon: an odd number, 1 for all of them."""
    import shapely

    area = shapely.area(polygons)
    bounds = shapely.bounds(polygons).reshape(-1, 4)
    width = np.minimum(bounds[:, 2], grid.width) - np.maximum(bounds[:, 0], 0)
    height = np.minimum(bounds[:, 3], grid.height) - np.maximum(bounds[:, 1], 0)
    area = np.minimum(area, np.clip(width, 0, None) * np.clip(height, 0, None))
    limit = float(max_pixels)
    while len(area) * 1.0 < max_pixels and np.minimum(area, limit).sum() > max_pixels:
        limit /= 2
    step = np.ceil(np.sqrt(np.maximum(area / limit, 1.0))).astype(np.int64)
    odd: IntArray = step + (step + 1) % 2
    return odd


def _fill(
    polygons: Geometries, chosen: IntArray, step: int, grid: Grid
) -> tuple[IntArray, IntArray]:
    """Pixels whose centres lie inside, by the even-odd rule along the middle of each row.

    With an odd `step` the centres of squares of step × step pixels are centres of pixels, too.
    Of two polygons with a common border, exactly one gets a centre that lies on it.

    Returns:
        (N, 2) pixel indices and (N,) positions in `polygons`.
    """
    import shapely

    rings, ring_owner = shapely.get_rings(polygons[chosen], return_index=True)
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    xy = xy / step
    joined = ring[1:] == ring[:-1]
    start, end, owner = xy[:-1][joined], xy[1:][joined], ring_owner[ring[:-1][joined]]
    n_rows, n_cols = -(-grid.height // step), -(-grid.width // step)
    top, bottom = np.minimum(start[:, 1], end[:, 1]), np.maximum(start[:, 1], end[:, 1])
    edge, row = _expand(_first_centre(top, n_rows), _first_centre(bottom, n_rows))
    slope = (end - start)[edge, 0] / (end - start)[edge, 1]
    x = start[edge, 0] + (row + 0.5 - start[edge, 1]) * slope
    order = np.lexsort((x, row, owner[edge]))
    left, right = x[order[0::2]], x[order[1::2]]
    span, col = _expand(_first_centre(left, n_cols), _first_centre(right, n_cols))
    at = order[0::2][span]
    rowcol = np.stack([row[at], col], axis=1).astype(np.int64)
    return rowcol * step + step // 2, chosen[owner[edge[at]]]


def _first_centre(position: FloatArray, size: int) -> FloatArray:
    """First pixel whose centre lies at or after a position, within 0…size."""
    return np.clip(np.ceil(position - 0.5), 0, size)


def _expand(first: FloatArray, stop: FloatArray) -> tuple[IntArray, FloatArray]:
    """All whole numbers first…stop−1 of each pair, with the position of the pair."""
    n = np.maximum(stop - first, 0).astype(np.int64)
    which = np.repeat(np.arange(len(n)), n)
    offset = np.arange(n.sum()) - np.repeat(np.cumsum(n) - n, n)
    return which, first[which] + offset


def _segments(lines: Geometries, grid: Grid) -> tuple[FloatArray, FloatArray, IntArray]:
    """Start and end (row, col) of every segment, and the line it belongs to."""
    import shapely

    xy, line = shapely.get_coordinates(lines, return_index=True)
    at = grid.transform.continuous_rowcol(xy)
    joined = line[1:] == line[:-1]
    return at[:-1][joined], at[1:][joined], line[:-1][joined]


def _col_row(xy: FloatArray, grid: Grid) -> FloatArray:
    return grid.transform.continuous_rowcol(xy)[:, ::-1]
