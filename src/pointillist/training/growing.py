"""Points grown into the patch of like colour around them, so that each says more than one pixel."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label

from pointillist.grid import Window
from pointillist.models import Normalisation
from pointillist.points import LabelledPixels
from pointillist.raster import PixelSource
from pointillist.training.task import TrainingTask

# A pixel is like its point where it differs from it by less than this, in standard deviations of a
# band, root mean square over the bands.
_ALIKE = 0.25
# Each point gives about as many pixels as any other: a lake would outvote a road otherwise.
_MOST_GROWN = 12


def grow_points(task: TrainingTask, radius_px: int, normalisation: Normalisation) -> TrainingTask:
    """Label the pixels around each labelled pixel that are connected with it and of its colour.

    Labelled pixels keep their class whatever grows over them. A pixel that two classes claim gets
    none. What grows belongs to the feature it grew from, so that chips are drawn as before; of each
    patch at most twelve pixels are taken, spread at random over it.

    Pixels of polygons and lines do not grow: their shape has been drawn.

    Args:
        task: Points to grow.
        radius_px: How far a point may grow; 0 leaves the task as it is.
        normalisation: Of the scenes' bands.
    """
    if radius_px == 0:
        return task
    rng = np.random.default_rng([task.seed, 11])
    grown = tuple(
        _grow(source, pixels, radius_px, normalisation, rng)
        for source, pixels in zip(task.sources, task.labels, strict=True)
    )
    return replace(task, labels=grown)


def _grow(
    source: PixelSource,
    pixels: LabelledPixels,
    radius_px: int,
    normalisation: Normalisation,
    rng: np.random.Generator,
) -> LabelledPixels:
    _, own, sizes = np.unique(pixels.feature, return_inverse=True, return_counts=True)
    is_point = sizes[own.reshape(-1)] == 1
    patches = []
    for (row, col), grows in zip(pixels.rowcol, is_point, strict=True):
        if not grows:
            patches.append(np.empty((0, 2), dtype=np.int64))
            continue
        patch = _find_patch(source, (int(row), int(col)), radius_px, normalisation)
        patches.append(patch[rng.permutation(len(patch))[:_MOST_GROWN]])
    lengths = [len(patch) for patch in patches]
    if not sum(lengths):
        return pixels
    rowcol = np.concatenate(patches)
    index = np.repeat(pixels.index, lengths)
    feature = np.repeat(pixels.feature, lengths)
    keep = _without_conflicts(rowcol, index, pixels.rowcol, source.grid.width)
    return LabelledPixels(
        np.concatenate([pixels.rowcol, rowcol[keep]]),
        np.concatenate([pixels.index, index[keep]]),
        np.concatenate([pixels.feature, feature[keep]]),
    )


def _find_patch(
    source: PixelSource, at: tuple[int, int], radius_px: int, normalisation: Normalisation
) -> NDArray[np.int64]:
    """(M, 2) pixels that a point grows over, its own included."""
    row, col = at
    side = 2 * radius_px + 1
    read = source.read(Window(row - radius_px, col - radius_px, side, side))
    colours = normalisation.apply(read.data, read.valid)
    own = colours[:, radius_px, radius_px]
    apart = np.sqrt(((colours - own[:, None, None]) ** 2).mean(axis=0))
    steps = np.arange(-radius_px, radius_px + 1)
    disc = steps[:, None] ** 2 + steps[None, :] ** 2 <= radius_px**2
    numbers, _ = label((apart < _ALIKE) & disc & read.valid)
    number = numbers[radius_px, radius_px]
    if number == 0:  # the point lies on nodata
        return np.empty((0, 2), dtype=np.int64)
    patch = np.argwhere(numbers == number) + np.array(at) - radius_px
    inside = (patch >= 0).all(axis=1) & (patch < np.array(source.grid.shape)).all(axis=1)
    return np.asarray(patch[inside], dtype=np.int64)


def _without_conflicts(
    rowcol: NDArray[np.int64], index: NDArray[np.int64], given: NDArray[np.int64], width: int
) -> NDArray[np.int64]:
    """Which grown pixels to keep: each once, none that two classes claim or that is a point."""
    key = rowcol[:, 0] * width + rowcol[:, 1]
    unique, first, place = np.unique(key, return_index=True, return_inverse=True)
    lowest = np.full(len(unique), np.iinfo(np.int64).max)
    highest = np.full(len(unique), -1)
    np.minimum.at(lowest, place.reshape(-1), index)
    np.maximum.at(highest, place.reshape(-1), index)
    is_given = np.isin(unique, given[:, 0] * width + given[:, 1])
    return np.sort(first[(lowest == highest) & ~is_given])
