"""The pixels a sample is drawn from: inside the area of interest, not on nodata, in strata."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pointillist.errors import GridError, InputError
from pointillist.grid import Window, iter_windows
from pointillist.legend import Legend
from pointillist.points import AreaOfInterest, refuse_no_overlap
from pointillist.raster import same_crs
from pointillist.sampling.designs import class_counts
from pointillist.sampling.layers import Layer, PathLike, Reading, open_layer

BLOCK_PX = 512  # as maps are tiled
_READ_COLUMNS = 8 * BLOCK_PX
Progress = Callable[[float], object]


@dataclass(frozen=True, eq=False)
class Population:
    """Where points may be drawn.

    Args:
        layer: The raster.
        strata_layer: Another raster of classes on the same grid whose classes are the strata; the
            raster's own classes are when absent.
        area: Where points may lie, all of the raster when absent.
    """

    layer: Layer
    strata_layer: Layer | None = None
    area: AreaOfInterest | None = None

    @classmethod
    def open(
        cls,
        raster: PathLike,
        *,
        strata: PathLike | None = None,
        legend: Legend | None = None,
        aoi: PathLike | None = None,
    ) -> Population:
        """Open the files.

        Raises:
            GridError: Strata on another grid, or an area outside the raster.
        """
        layer = open_layer(raster, legend)
        area = None
        if aoi is not None:
            area = AreaOfInterest.read(Path(aoi), layer.grid, Path(layer.name).name)
            refuse_no_overlap([area], Path(aoi), [Path(layer.name).name])
        return cls(layer, None if strata is None else _open_strata(strata, layer), area)

    @property
    def name(self) -> str:
        """The raster's."""
        return self.layer.name

    @property
    def strata(self) -> Legend | None:
        """Names of the strata, None on a scene."""
        return (self.strata_layer or self.layer).legend

    @property
    def strata_names(self) -> tuple[str, ...]:
        """By index."""
        return ("all",) if self.strata is None else self.strata.names

    @property
    def n_strata(self) -> int:
        """Classes that may be strata; 1 on a scene."""
        return len(self.strata_names)

    def read(self, window: Window) -> tuple[Reading, NDArray[np.int16]]:
        """Strata of a window, −1 where no point may lie; and the raster's classes there."""
        if self.area is not None and not self.area.touches(window):
            nowhere = np.full(window.shape, -1, dtype=np.int16)
            return Reading(nowhere), nowhere
        own = self.layer.read(window)
        strata = own if self.strata_layer is None else self.strata_layer.read(window)
        out = own.index < 0
        if self.area is not None:
            out |= ~self.area.mask(window)
        index = np.where(out, np.int16(-1), strata.index)
        return Reading(index, strata.confidence), own.index

    def mask(self) -> tuple[NDArray[np.integer], NDArray[np.integer]]:
        """Strata and classes of the whole raster, in memory, a byte per pixel where that holds."""
        n = max(self.n_strata, 1 if self.layer.legend is None else len(self.layer.legend))
        dtype = np.int8 if n <= 127 else np.int16
        strata = np.empty(self.layer.grid.shape, dtype=dtype)
        classes = strata if self.strata_layer is None else np.empty_like(strata)
        for window in iter_windows(self.layer.grid.shape, _READ_COLUMNS):
            reading, own = self.read(window)
            if self.strata_layer is not None:
                classes[window.slices] = own
            strata[window.slices] = reading.index
        if not (strata >= 0).any():
            raise InputError(_nothing(self))
        return strata, classes


@dataclass(frozen=True, eq=False)
class Tally:
    """How many pixels of each stratum there are, and where.

    Args:
        blocks: B blocks that hold any.
        counts: (B, H) pixels per block and stratum.
        rows: (height,) pixels per row of the raster.
        cols: (width,) pixels per column.
        confidence: (H,) mean probability of the class in its stratum, None where unknown.
    """

    blocks: tuple[Window, ...]
    counts: NDArray[np.int64]
    rows: NDArray[np.int64]
    cols: NDArray[np.int64]
    confidence: NDArray[np.float64] | None

    @property
    def sizes(self) -> NDArray[np.int64]:
        """(H,) pixels per stratum."""
        return np.asarray(self.counts.sum(axis=0), dtype=np.int64)

    @property
    def n_pixels(self) -> int:
        """All pixels that may be drawn."""
        return int(self.counts.sum())


def count(population: Population, progress: Progress | None = None) -> Tally:
    """Count a population block by block: one pass, whose memory does not grow with the raster.

    Raises:
        InputError: There is no pixel to draw.
    """
    height, width = population.layer.grid.shape
    rows, cols = np.zeros(height, dtype=np.int64), np.zeros(width, dtype=np.int64)
    n = population.n_strata
    sure, blocks, counts = np.zeros(n), [], []
    knows_confidence = False
    for window in _strips((height, width)):
        reading, _ = population.read(window)
        there = reading.index >= 0
        if not there.any():
            continue
        rows[window.slices[0]] += np.count_nonzero(there, axis=1)
        cols[window.slices[1]] += np.count_nonzero(there, axis=0)
        for block in _blocks_of(window):
            found = class_counts(reading.index[block.slices_in(window)], n)
            if found.any():
                blocks.append(block)
                counts.append(found)
        if reading.confidence is not None:
            knows_confidence = True
            weights = reading.confidence[there]
            sure += np.bincount(reading.index[there], weights=weights, minlength=n)
        if progress is not None:
            progress(window.stop_row / height)
    if not blocks:
        raise InputError(_nothing(population))
    table = np.array(counts)
    mean = sure / np.maximum(table.sum(axis=0), 1) if knows_confidence else None
    return Tally(tuple(blocks), table, rows, cols, mean)


def _strips(shape: tuple[int, int]) -> Iterator[Window]:
    """Windows a block high and several blocks wide: few reads, little memory."""
    height, width = shape
    for row in range(0, height, BLOCK_PX):
        for col in range(0, width, _READ_COLUMNS):
            n_rows, n_cols = min(BLOCK_PX, height - row), min(_READ_COLUMNS, width - col)
            yield Window(row, col, n_rows, n_cols)


def _blocks_of(strip: Window) -> Iterator[Window]:
    for inner in iter_windows(strip.shape, BLOCK_PX):
        yield Window(strip.row + inner.row, strip.col + inner.col, inner.height, inner.width)


def _open_strata(strata: PathLike, layer: Layer) -> Layer:
    found = open_layer(strata)
    if found.legend is None:
        raise InputError(
            f"Expected a raster of classes after --strata, but '{found.name}' is a scene. "
            "Name a map."
        )
    if not (found.grid.same_place(layer.grid) and same_crs(found.grid.crs, layer.grid.crs)):
        raise GridError(
            f"Expected strata on the grid of '{layer.name}', but '{found.name}' has another size "
            "or place. Use a map of the same scene."
        )
    return found


def _nothing(population: Population) -> str:
    if population.area is not None:
        return (
            f"Expected pixels with data of '{population.name}' inside the area (--aoi), got none. "
            "Check that the area covers what is mapped."
        )
    return f"Expected labelled pixels in '{population.name}', got none."
