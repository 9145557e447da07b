"""After a training: how wide a halo the network's maps need, measured on its own scenes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from torch import nn

from pointillist.grid import Window
from pointillist.models import EdgeEffect, Normalisation, measure_edge_effect
from pointillist.models.trained import INPUT_MULTIPLE_PX
from pointillist.raster import PixelSource
from pointillist.training.task import TrainingTask

# Scenes are uneven: many places say more than large ones. Distances up to half a window are seen.
_WINDOW_PX, _N_WINDOWS = 512, 8
# Smaller scenes say nothing of the distances that matter.
_SMALLEST_PX = 256


def measure_on_scenes(
    network: nn.Module, task: TrainingTask, normalisation: Normalisation
) -> EdgeEffect | None:
    """Measure the edge effect in windows around some of the labelled pixels.

    Args:
        network: In eval mode.
        task: Its scenes and points; the windows are drawn by its seed.
        normalisation: The network's.

    Returns:
        The effect; None where no scene is at least 256 px wide and high.
    """
    return measure_edge_effect(network, _windows(task, normalisation))


def _windows(
    task: TrainingTask, normalisation: Normalisation
) -> Iterator[tuple[NDArray[np.float32], NDArray[np.bool_]]]:
    places = [
        (source, rowcol)
        for source, pixels in zip(task.sources, task.labels, strict=True)
        if min(source.grid.shape) >= _SMALLEST_PX
        for rowcol in pixels.rowcol
    ]
    rng = np.random.default_rng(task.seed)
    for i in rng.permutation(len(places))[:_N_WINDOWS]:
        source, rowcol = places[i]
        pixels = source.read(_window_around(rowcol, source))
        yield normalisation.apply(pixels.data, pixels.valid), pixels.valid


def _window_around(rowcol: NDArray[np.int64], source: PixelSource) -> Window:
    """The largest window up to 512 px around a pixel whose halves are multiples of 32 px."""
    even = 2 * INPUT_MULTIPLE_PX
    starts, sides = [], []
    for at, length in zip(rowcol.tolist(), source.grid.shape, strict=True):
        side = min(_WINDOW_PX, length // even * even)
        starts.append(min(max(at - side // 2, 0), length - side))
        sides.append(side)
    return Window(*starts, *sides)
