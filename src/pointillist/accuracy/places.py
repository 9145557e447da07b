"""Where a map is right and wrong: reference points by place, a census by cells of a coarse grid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from pointillist.grid import Grid, Window

MAX_CELLS = 512  # per side: as fine as a picture on a page needs
MAX_STATED = 64  # per side: in the JSON
MAX_PLACES = 20_000


@dataclass(frozen=True, eq=False)
class Places:
    """Reference points that judged the map, in the map's coordinates.

    Args:
        xy: (n, 2) x and y.
        map_index: (n,) map class, −1 where the map has none.
        reference_index: (n,) reference class.
    """

    xy: NDArray[np.float64]
    map_index: NDArray[np.int64]
    reference_index: NDArray[np.int64]

    def to_dict(self, names: tuple[str, ...]) -> dict[str, Any]:
        """Plain data: columns `x`, `y`, `map` (null where the map has no class), `reference`."""
        named = [*names, None]  # −1 is the last
        return {
            "x": self.xy[:, 0].tolist(),
            "y": self.xy[:, 1].tolist(),
            "map": [named[i] for i in self.map_index],
            "reference": [named[i] for i in self.reference_index],
        }


@dataclass(frozen=True, eq=False)
class ErrorGrid:
    """A census summed up in cells of at most `MAX_CELLS` per side, row 0 in the map's first row.

    Args:
        cell_px: Pixels per side of a cell.
        shape_px: (height, width) of the map.
        labelled: (rows, cols) reference pixels with a class.
        wrong: (rows, cols) of them those that the map has wrong.
    """

    cell_px: int
    shape_px: tuple[int, int]
    labelled: NDArray[np.int64]
    wrong: NDArray[np.int64]

    @classmethod
    def of(cls, grid: Grid) -> Self:
        """An empty one for a map."""
        cell = max(1, -(-max(grid.shape) // MAX_CELLS))
        cells = (-(-grid.height // cell), -(-grid.width // cell))
        empty = np.zeros(cells, dtype=np.int64)
        return cls(cell, grid.shape, empty, empty.copy())

    def add(
        self, window: Window, map_index: NDArray[Any], reference_index: NDArray[np.int64]
    ) -> None:
        """Count a window."""
        labelled = reference_index >= 0
        wrong = labelled & (map_index != reference_index)
        rows = (np.arange(window.row, window.stop_row)) // self.cell_px
        cols = (np.arange(window.col, window.stop_col)) // self.cell_px
        at_rows = np.flatnonzero(np.diff(rows, prepend=-1))
        at_cols = np.flatnonzero(np.diff(cols, prepend=-1))
        cells = np.ix_(rows[at_rows], cols[at_cols])
        for total, found in ((self.labelled, labelled), (self.wrong, wrong)):
            by_row = np.add.reduceat(found, at_rows, axis=0, dtype=np.int64)
            total[cells] += np.add.reduceat(by_row, at_cols, axis=1)

    def coarsened(self, max_cells: int = MAX_STATED) -> ErrorGrid:
        """The same in larger cells, at most so many per side."""
        factor = -(-max(self.labelled.shape) // max_cells)
        if factor == 1:
            return self
        starts = [np.arange(0, n, factor) for n in self.labelled.shape]

        def joined(cells: NDArray[np.int64]) -> NDArray[np.int64]:
            by_row = np.add.reduceat(cells, starts[0], axis=0)
            return np.asarray(np.add.reduceat(by_row, starts[1], axis=1), dtype=np.int64)

        side = self.cell_px * factor
        return ErrorGrid(side, self.shape_px, joined(self.labelled), joined(self.wrong))

    def to_dict(self) -> dict[str, Any]:
        """Plain data of the coarse grid: `cell_px`, `labelled` and `wrong` as rows of cells."""
        coarse = self.coarsened()
        return {
            "cell_px": coarse.cell_px,
            "labelled": coarse.labelled.tolist(),
            "wrong": coarse.wrong.tolist(),
        }


def describe_extent(grid: Grid) -> dict[str, Any]:
    """Size, corners and coordinate system of a map, as plain data."""
    left, bottom, right, top = grid.bounds
    return {
        "height": grid.height,
        "width": grid.width,
        "bounds": [left, bottom, right, top],
        "transform": list(grid.transform.coefficients),
        "crs": crs_name(grid.crs),
    }


def crs_name(crs: str | None) -> str | None:
    """A short name of a coordinate system (`EPSG:32632`) where it has one."""
    if crs is None:
        return None
    from pyproj import CRS

    system = CRS.from_user_input(crs)
    authority = system.to_authority()
    return ":".join(authority) if authority else str(system.name)
