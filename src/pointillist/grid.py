"""Where pixels are: windows, affine transforms, blocks with halos, chips. Needs numpy only.

Order is in the name: `rowcol` is (row, col), `xy` is (x, y). A pixel index (row, col) covers the
square from (row, col) to (row + 1, col + 1); its centre lies at (row + 0.5, col + 0.5).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pointillist.errors import GridError, InputError

_FAR_PX = 2.0**53  # beyond any raster, and still exact


@dataclass(frozen=True, slots=True)
class Window:
    """A rectangle of pixels. It may reach beyond its raster (negative or large indices).

    Args:
        row: First row.
        col: First column.
        height: Rows, at least 0.
        width: Columns, at least 0.
    """

    row: int
    col: int
    height: int
    width: int

    @property
    def stop_row(self) -> int:
        """One past the last row."""
        return self.row + self.height

    @property
    def stop_col(self) -> int:
        """One past the last column."""
        return self.col + self.width

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width)."""
        return self.height, self.width

    @property
    def slices(self) -> tuple[slice, slice]:
        """Row and column slices into an array of the whole raster."""
        return slice(self.row, self.stop_row), slice(self.col, self.stop_col)

    def slices_in(self, outer: Window) -> tuple[slice, slice]:
        """Row and column slices of this window inside an array read for `outer`."""
        row, col = self.row - outer.row, self.col - outer.col
        return slice(row, row + self.height), slice(col, col + self.width)

    def expand(self, margin: int) -> Window:
        """The window grown by `margin` pixels on every side."""
        return Window(
            self.row - margin,
            self.col - margin,
            self.height + 2 * margin,
            self.width + 2 * margin,
        )

    def intersection(self, other: Window) -> Window | None:
        """The common rectangle, or None where there is none."""
        row, col = max(self.row, other.row), max(self.col, other.col)
        stop_row = min(self.stop_row, other.stop_row)
        stop_col = min(self.stop_col, other.stop_col)
        if stop_row <= row or stop_col <= col:
            return None
        return Window(row, col, stop_row - row, stop_col - col)


@dataclass(frozen=True, slots=True)
class Transform:
    """Affine map from pixel to map coordinates: x = a·col + b·row + c, y = d·col + e·row + f.

    The six numbers come in the order of `affine.Affine`, so `Affine(*transform.coefficients)` and
    `Transform(*affine[:6])` convert. Rotated and non-square grids are ordinary cases.
    """

    a: float = 1.0
    b: float = 0.0
    c: float = 0.0
    d: float = 0.0
    e: float = 1.0
    f: float = 0.0

    def __post_init__(self) -> None:
        if not np.isfinite(self.determinant) or self.determinant == 0:
            raise GridError(
                f"Expected an invertible transform, got {self.coefficients}. "
                "The raster's georeferencing is broken."
            )

    @property
    def coefficients(self) -> tuple[float, float, float, float, float, float]:
        """(a, b, c, d, e, f)."""
        return self.a, self.b, self.c, self.d, self.e, self.f

    @property
    def determinant(self) -> float:
        """Signed area of a pixel in squared map units."""
        return self.a * self.e - self.b * self.d

    @property
    def pixel_area(self) -> float:
        """Area of a pixel in squared map units."""
        return abs(self.determinant)

    @property
    def pixel_size_xy(self) -> tuple[float, float]:
        """Length of a pixel along its row and along its column, in map units."""
        return float(np.hypot(self.a, self.d)), float(np.hypot(self.b, self.e))

    def xy(self, rowcol: ArrayLike) -> NDArray[np.float64]:
        """Map coordinates (N, 2) of the centres of pixels (N, 2)."""
        rc = np.asarray(rowcol, dtype=np.float64).reshape(-1, 2) + 0.5
        return self.corner_xy(rc)

    def corner_xy(self, rowcol: ArrayLike) -> NDArray[np.float64]:
        """Map coordinates (N, 2) of continuous pixel positions (N, 2), no half-pixel added."""
        rc = np.asarray(rowcol, dtype=np.float64).reshape(-1, 2)
        row, col = rc[:, 0], rc[:, 1]
        return np.stack(
            [self.a * col + self.b * row + self.c, self.d * col + self.e * row + self.f], axis=1
        )

    def rowcol(self, xy: ArrayLike) -> NDArray[np.int64]:
        """Indices (N, 2) of the pixels that contain the map coordinates (N, 2).

        Coordinates that are not finite lie outside every raster: their indices are negative.
        """
        with np.errstate(invalid="ignore"):
            at = np.floor(self.continuous_rowcol(xy))
        at[~np.isfinite(at).all(axis=1)] = -1
        return np.clip(at, -_FAR_PX, _FAR_PX).astype(np.int64)

    def continuous_rowcol(self, xy: ArrayLike) -> NDArray[np.float64]:
        """Continuous pixel positions (N, 2) of map coordinates (N, 2)."""
        p = np.asarray(xy, dtype=np.float64).reshape(-1, 2)
        dx, dy = p[:, 0] - self.c, p[:, 1] - self.f
        det = self.determinant
        col = (self.e * dx - self.b * dy) / det
        row = (-self.d * dx + self.a * dy) / det
        return np.stack([row, col], axis=1)

    def of_window(self, window: Window) -> Transform:
        """The transform of a raster that holds only `window`."""
        c, f = self.corner_xy([[window.row, window.col]])[0]
        return Transform(self.a, self.b, float(c), self.d, self.e, float(f))


@dataclass(frozen=True, slots=True)
class Grid:
    """Size, place and coordinate system of a raster.

    Args:
        height: Rows, at least 1.
        width: Columns, at least 1.
        transform: Pixel to map coordinates; the identity for a plain image (x right, y down,
            pixel centres at .5).
        crs: Coordinate reference system as WKT, None where there is none.
    """

    height: int
    width: int
    transform: Transform = Transform()
    crs: str | None = None

    def __post_init__(self) -> None:
        if self.height < 1 or self.width < 1:
            raise GridError(f"Expected a raster of at least 1×1, got {self.height}×{self.width}.")

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width)."""
        return self.height, self.width

    @property
    def window(self) -> Window:
        """The whole raster as a window."""
        return Window(0, 0, self.height, self.width)

    @property
    def is_georeferenced(self) -> bool:
        """Whether map coordinates mean more than pixel coordinates."""
        return self.crs is not None or self.transform != Transform()

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """(left, bottom, right, top) of the box around the four corners, in map units."""
        h, w = self.height, self.width
        corners = self.transform.corner_xy([[0, 0], [0, w], [h, 0], [h, w]])
        (left, bottom), (right, top) = corners.min(axis=0), corners.max(axis=0)
        return float(left), float(bottom), float(right), float(top)

    def contains(self, rowcol: ArrayLike) -> NDArray[np.bool_]:
        """Which of the pixels (N, 2) lie inside."""
        rc = np.asarray(rowcol).reshape(-1, 2)
        inside: NDArray[np.bool_] = np.all((rc >= 0) & (rc < np.array(self.shape)), axis=1)
        return inside

    def of_window(self, window: Window) -> Grid:
        """The grid of one window of this raster."""
        return Grid(window.height, window.width, self.transform.of_window(window), self.crs)

    def same_place(self, other: Grid, tolerance_px: float = 0.01) -> bool:
        """Whether two grids have the same size and corners (to a fraction of a pixel)."""
        if self.shape != other.shape:
            return False
        h, w = self.shape
        corners = [[0.0, 0.0], [0.0, float(w)], [float(h), 0.0], [float(h), float(w)]]
        there = self.transform.continuous_rowcol(other.transform.corner_xy(corners))
        return bool(np.abs(there - np.array(corners)).max() <= tolerance_px)


@dataclass(frozen=True, slots=True)
class Block:
    """One piece of a map: the pixels it decides (`core`) and those it looks at (`read`).

    Args:
        index: Position in the plan, from 0.
        core: Pixels of the map this block writes; inside the scene.
        read: `core` grown by the halo; may reach beyond the scene.
    """

    index: int
    core: Window
    read: Window


def plan_blocks(shape: tuple[int, int], block_px: int, halo_px: int) -> list[Block]:
    """Cut a raster into blocks, row by row. Every pixel lies in exactly one core.

    Args:
        shape: (height, width) of the raster.
        block_px: Side of a core, at least 1; the last row and column of blocks may be smaller.
        halo_px: Margin read around each core, at least 0.

    Returns:
        The blocks in the order of their index.

    Raises:
        InputError: A side below 1 or a negative halo.
    """
    if block_px < 1 or halo_px < 0:
        raise InputError(
            f"Expected a block of at least 1 px and a halo of at least 0 px, "
            f"got block {block_px} and halo {halo_px}."
        )
    return [
        Block(i, core, core.expand(halo_px)) for i, core in enumerate(iter_windows(shape, block_px))
    ]


def iter_windows(shape: tuple[int, int], size_px: int) -> Iterator[Window]:
    """Tile a raster row by row with windows of `size_px`, smaller at the right and bottom edge.

    Args:
        shape: (height, width) of the raster.
        size_px: Side of a window, at least 1.
    """
    height, width = shape
    for row in range(0, height, size_px):
        for col in range(0, width, size_px):
            yield Window(row, col, min(size_px, height - row), min(size_px, width - col))


def chip_window(
    anchor_rowcol: tuple[int, int], offset_rowcol: tuple[int, int], size_px: int
) -> Window:
    """A square chip in which the pixel `anchor_rowcol` sits at `offset_rowcol`."""
    return Window(
        anchor_rowcol[0] - offset_rowcol[0], anchor_rowcol[1] - offset_rowcol[1], size_px, size_px
    )


def assign_spatial_blocks(rowcol: ArrayLike, block_px: int) -> NDArray[np.int64]:
    """Number the squares of side `block_px` and say in which each pixel (N, 2) lies.

    Returns:
        (N,) block numbers, 0…K−1 in order of first row, then column; only occupied squares count.
    """
    rc = np.asarray(rowcol, dtype=np.int64).reshape(-1, 2) // block_px
    _, numbers = np.unique(rc, axis=0, return_inverse=True)
    return np.asarray(numbers, dtype=np.int64).reshape(-1)
