"""A square grid on the ground with a random start: the places of a systematic sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from pointillist.errors import InputError
from pointillist.grid import Grid
from pointillist.sampling.population import Tally
from pointillist.sampling.spacing import ground_positions

Metres = NDArray[np.float64]

_N_MEASURED = 257
_ALIKE = 0.02  # a sphere is half a percent off, a map projection for mapping at most a percent
_MAX_NODES = 20_000_000


@dataclass(frozen=True, eq=False)
class Ground:
    """Size of pixels on the ground, which changes from row to row on grids in degrees.

    Args:
        heights: (height,) metres.
        widths: (height,) metres.
    """

    heights: Metres
    widths: Metres

    @classmethod
    def of(cls, grid: Grid) -> Self:
        """Measure a grid.

        The coordinate system's own lengths count where they are true to two percent, as on all
        grids made for mapping; else distances on a sphere, row by row. Without a coordinate
        system, map units count as metres.
        """
        rows = np.unique(np.linspace(0, grid.height - 1, _N_MEASURED).astype(np.int64))
        nominal = np.array(grid.transform.pixel_size_xy[::-1]) * _unit_m(grid.crs)
        sides = _measured(grid, rows)
        if grid.crs is None or np.all(np.abs(sides / nominal - 1) < _ALIKE):
            sides = np.broadcast_to(nominal, sides.shape)
        all_rows = np.arange(grid.height)
        return cls(*(np.interp(all_rows, rows, side) for side in sides.T))

    @property
    def areas(self) -> Metres:
        """(height,) square metres of a pixel of each row."""
        return self.heights * self.widths


def _measured(grid: Grid, rows: NDArray[np.int64]) -> Metres:
    """Height and width (N, 2) of a pixel in the middle of rows, on the sphere."""
    col = np.full_like(rows, grid.width // 2)
    here, below, beside = (
        ground_positions(grid, np.stack([rows + dr, col + dc], axis=1))
        for dr, dc in ((0, 0), (1, 0), (0, 1))
    )
    return np.stack(
        [np.linalg.norm(below - here, axis=1), np.linalg.norm(beside - here, axis=1)], axis=1
    )


def _unit_m(crs: str | None) -> float:
    import pyproj

    system = None if crs is None else pyproj.CRS.from_user_input(crs)
    if system is None or not system.is_projected or not system.axis_info:
        return 1.0
    return float(system.axis_info[0].unit_conversion_factor)


@dataclass(frozen=True, eq=False)
class Lattice:
    """Where the nodes of a grid may lie.

    Args:
        ground: Sizes of pixels.
        box: First and last row and column (row, stop_row, col, stop_col) of the population.
        steps_m: Metres between rows and between columns of nodes; alike, but for an area that is
            narrower than that.
    """

    ground: Ground
    box: tuple[int, int, int, int]
    steps_m: tuple[float, float]

    @classmethod
    def spaced(cls, ground: Ground, tally: Tally, spacing_m: float) -> Self:
        """A grid of a spacing.

        Raises:
            InputError: A spacing of less than a pixel, or so wide that no point is to be expected.
        """
        largest = max(float(ground.heights.max()), float(ground.widths.max()))
        expected = _area(ground, tally) / spacing_m**2 if spacing_m > 0 else np.inf
        if not spacing_m >= largest:
            raise InputError(
                f"Expected a --spacing of at least a pixel ({largest:.4g} m), got {spacing_m:g} m."
            )
        if expected < 1:
            raise InputError(
                f"Expected a --spacing that gives points, but {spacing_m:g} m is wider than the "
                f"area of {_area(ground, tally) / 1e4:.4g} ha. Use a smaller one."
            )
        return cls(ground, _box(tally), (spacing_m, spacing_m))

    @classmethod
    def of_number(cls, ground: Ground, tally: Tally, n: int) -> Self:
        """A grid that gives n points on average."""
        per_point, box = _area(ground, tally) / n, _box(tally)
        length = float(ground.heights[box[0] : box[1]].sum())
        breadth = float(ground.widths[box[0] : box[1]].max()) * (box[3] - box[2])
        short = min(float(np.sqrt(per_point)), length, breadth)
        long = per_point / short
        return cls(ground, box, (short, long) if length <= breadth else (long, short))

    @property
    def closest_m(self) -> float:
        """Least distance between two points: steps are cut to whole pixels."""
        rows = slice(*self.box[:2])
        down = np.floor(self.steps_m[0] / self.ground.heights[rows]) * self.ground.heights[rows]
        along = np.floor(self.steps_m[1] / self.ground.widths[rows]) * self.ground.widths[rows]
        return float(min(down.min(), along.min()))

    def nodes(self, rng: np.random.Generator) -> NDArray[np.int64]:
        """Pixels (N, 2) of the nodes from a random start."""
        row, stop_row, col, stop_col = self.box
        edges = np.concatenate([[0.0], np.cumsum(self.ground.heights[row:stop_row])])
        down = np.arange(rng.uniform() * self.steps_m[0], edges[-1], self.steps_m[0])
        at_rows = np.minimum(np.searchsorted(edges, down, side="right") - 1, stop_row - row - 1)
        steps = self.steps_m[1] / self.ground.widths[row + at_rows]
        if ((stop_col - col) / steps).sum() > _MAX_NODES:
            raise InputError(
                f"Expected at most {_MAX_NODES:,} places, got more with a grid of "
                f"{self.steps_m[0]:g} m. Use a wider --spacing."
            )
        start = rng.uniform()
        found = [np.empty((0, 2), dtype=np.int64)]
        for r, step in zip(at_rows, steps, strict=True):
            cols = np.floor(np.arange(start * step, stop_col - col, step)).astype(np.int64)
            cols = cols[cols < stop_col - col]  # rounding may reach the end
            found.append(np.stack([np.full_like(cols, row + r), col + cols], axis=1))
        return np.unique(np.concatenate(found), axis=0)


def _area(ground: Ground, tally: Tally) -> float:
    return float((tally.rows * ground.areas).sum())


def _box(tally: Tally) -> tuple[int, int, int, int]:
    rows, cols = np.flatnonzero(tally.rows), np.flatnonzero(tally.cols)
    return int(rows[0]), int(rows[-1]) + 1, int(cols[0]), int(cols[-1]) + 1
