"""Lay labelled features on one scene: which pixel gets which class."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pointillist.grid import Grid, Window
from pointillist.points.burning import burn
from pointillist.points.fields import ClassValues
from pointillist.points.labels import LabelledPixels, Outcome
from pointillist.points.placing import finite_or_none, place_on_grid

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

    from pointillist.raster import PixelSource

ValidPixels = Callable[[NDArray[np.int64]], NDArray[np.bool_]]
_BLOCK_PX = 512


@dataclass(frozen=True, eq=False)
class LabelSheet:
    """The features of one file with their classes.

    Args:
        frame: Features, with `attrs["source"]` and `attrs["notices"]`.
        field: Field the classes come from.
        values: The classes as they are in the file.
        classes: (N,) class index, −1 where missing, −2 where not in the legend.
        start: Number of the first feature, counted over all files.
    """

    frame: GeoDataFrame
    field: str
    values: ClassValues
    classes: NDArray[np.int64]
    start: int

    @property
    def source(self) -> str:
        """Name of the file."""
        return str(self.frame.attrs["source"])

    @property
    def rows(self) -> slice:
        """Where the features are among those of all files."""
        return slice(self.start, self.start + len(self.classes))


@dataclass(frozen=True, eq=False)
class Target:
    """A scene to lay features on.

    Args:
        grid: Its grid.
        valid: Given pixels (N, 2), says which have data; None: all.
        name: For messages.
    """

    grid: Grid
    valid: ValidPixels | None
    name: str

    @classmethod
    def of(cls, scene: Grid | PixelSource, valid: ValidPixels | None, name: str | None) -> Target:
        """Make a target of a grid, or of a scene that says itself which pixels have data."""
        if isinstance(scene, Grid):
            return cls(scene, valid, name or "scene")
        check = valid or (lambda rowcol: has_data(scene, rowcol))
        return cls(scene.grid, check, name or Path(scene.name).name)


@dataclass(frozen=True, eq=False)
class Laid:
    """The labels of one scene.

    Args:
        pixels: The labelled pixels.
        outcome: (N,) `Outcome` of every feature of all files in this scene.
        notices: What was assumed, one sentence each.
    """

    pixels: LabelledPixels
    outcome: NDArray[np.int64]
    notices: list[str]


def lay_on(sheets: Sequence[LabelSheet], target: Target) -> Laid:
    """Find the pixels that features label; where several meet, the first feature has it."""
    classes = np.concatenate([sheet.classes for sheet in sheets])
    rowcol, owner, notices = _burn_all(sheets, target)
    flat = rowcol[:, 0] * target.grid.width + rowcol[:, 1]
    _, first, pixel = np.unique(flat, return_index=True, return_inverse=True)
    has_values = np.ones(len(first), dtype=bool)
    if target.valid is not None and len(first):
        has_values = np.asarray(target.valid(rowcol[first]), dtype=bool).reshape(-1)
    usable, winner = has_values[pixel], owner[first[pixel]]
    lost = usable & (winner != owner)
    conflict = lost & (classes[winner] != classes[owner])
    outcome = np.zeros(len(classes), dtype=np.int64)
    for stage, those in (
        (Outcome.NODATA, ~usable),
        (Outcome.DUPLICATE, lost & ~conflict),
        (Outcome.CONFLICT, conflict),
        (Outcome.USED, usable & ~lost),
    ):
        outcome[owner[those]] = stage
    of_used = outcome[owner] == Outcome.USED
    n_nodata = len(np.unique(pixel[of_used & ~usable]))
    n_conflict = len(np.unique(pixel[of_used & conflict]))
    notices += _partial_losses(n_nodata, n_conflict, target.name)
    kept = np.sort(first[has_values])
    pixels = LabelledPixels(rowcol[kept], classes[owner[kept]], owner[kept])
    return Laid(pixels, outcome, notices)


def class_outcome(sheet: LabelSheet) -> NDArray[np.int64]:
    """How far each feature comes before any scene is looked at."""
    import shapely

    placed = finite_or_none(np.asarray(sheet.frame.geometry.array, dtype=object))
    outcome = np.where(shapely.is_missing(placed), Outcome.NO_GEOMETRY, Outcome.OUTSIDE)
    outcome = np.where(sheet.classes == -2, Outcome.UNKNOWN_CLASS, outcome)
    return np.where(sheet.classes == -1, Outcome.NO_CLASS, outcome).astype(np.int64)


def has_data(source: PixelSource, rowcol: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which pixels (N, 2) of a scene are valid in all its bands; reads the blocks they lie in."""
    found = np.zeros(len(rowcol), dtype=bool)
    if not len(rowcol):
        return found
    blocks = rowcol // _BLOCK_PX
    order = np.lexsort((blocks[:, 1], blocks[:, 0]))
    changes = np.flatnonzero(np.any(np.diff(blocks[order], axis=0) != 0, axis=1)) + 1
    for members in np.split(order, changes):
        corner, last = rowcol[members].min(axis=0), rowcol[members].max(axis=0)
        height, width = (last - corner + 1).tolist()
        valid = source.read(Window(int(corner[0]), int(corner[1]), height, width)).valid
        at = rowcol[members] - corner
        found[members] = valid[at[:, 0], at[:, 1]]
    return found


def _burn_all(
    sheets: Sequence[LabelSheet], target: Target
) -> tuple[NDArray[np.int64], NDArray[np.int64], list[str]]:
    """Pixels of the features of all files, the feature of each, and what there is to notice."""
    rowcol, owner, notices = [], [], []
    for sheet in sheets:
        geometries, told = place_on_grid(sheet.frame, target.grid, target.name)
        geometries = finite_or_none(geometries)
        geometries[sheet.classes < 0] = None
        burnt = burn(geometries, target.grid)
        rowcol.append(burnt.rowcol)
        owner.append(burnt.feature + sheet.start)
        notices += told + _thinned(burnt.thinned, sheet, target.name)
    return np.concatenate(rowcol), np.concatenate(owner), notices


def _partial_losses(n_nodata: int, n_conflict: int, name: str) -> list[str]:
    """Pixels lost by features that keep others: only areas and lines have such."""
    notices = []
    if n_nodata:
        notices.append(f"{n_nodata:,} pixels of used features lie on nodata of {name}.")
    if n_conflict:
        notices.append(
            f"{n_conflict:,} pixels of {name} are claimed by two classes: the first feature counts."
        )
    return notices


def _thinned(features: Sequence[int], sheet: LabelSheet, name: str) -> list[str]:
    if not features:
        return []
    rows = ", ".join(str(f + 1) for f in features[:5]) + (", …" if len(features) > 5 else "")
    return [
        f"The largest areas of {sheet.source} (row {rows}) label a regular part of their pixels "
        f"of {name}: they have too many."
    ]
