"""What points are drawn on: a raster of classes, a probability raster, or a scene."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pointillist.errors import UnreadableFileError
from pointillist.grid import Grid, Window, iter_windows
from pointillist.legend import Legend
from pointillist.raster import (
    ClassRaster,
    Scene,
    fingerprint_contents,
    made_by_predict,
    open_class_raster,
    open_scene,
)

PathLike = str | os.PathLike[str]

_LOOK_PX = 512
_UNNAMED = "band_"
_FULL = (1.0, 250.0)  # what probabilities add up to: as they are, and scaled to a byte


@dataclass(frozen=True, eq=False)
class Reading:
    """One window of a layer.

    Args:
        index: (h, w) class index, −1 where no point may lie; 0 everywhere on a scene.
        confidence: (h, w) probability of that class, None where the layer knows none.
    """

    index: NDArray[np.int16]
    confidence: NDArray[np.float32] | None = None


class Layer(Protocol):
    """A raster that says where points may lie, and what class is there."""

    @property
    def name(self) -> str:
        """The path."""

    @property
    def grid(self) -> Grid:
        """Size and place."""

    @property
    def legend(self) -> Legend | None:
        """Its classes, None on a scene."""

    @property
    def is_truth(self) -> bool:
        """Whether its classes may be taken for what is there: those of a mask, not of a map."""

    def fingerprint(self) -> str:
        """Of the file's contents."""

    def read(self, window: Window) -> Reading:
        """Read a window inside it."""


class _FileLayer:
    """A layer kept in a file."""

    name: str
    is_truth = False

    def fingerprint(self) -> str:
        """Of the file's contents."""
        return fingerprint_contents(self.name)


class ClassLayer(_FileLayer):
    """A map or a mask."""

    def __init__(self, raster: ClassRaster) -> None:
        self._raster = raster
        self.name, self.grid = raster.name, raster.grid
        self.legend: Legend | None = raster.legend
        self.is_truth = not made_by_predict(raster.name)

    def read(self, window: Window) -> Reading:
        """Class indices of a window."""
        return Reading(self._raster.read(window))


class SceneLayer(_FileLayer):
    """A scene: no classes, points may lie where all bands have data."""

    legend: Legend | None = None

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self.name, self.grid = scene.name, scene.grid

    def read(self, window: Window) -> Reading:
        """0 where there is data."""
        return Reading(np.where(self._scene.read(window).valid, 0, -1).astype(np.int16))


class ProbabilityLayer(_FileLayer):
    """A band per class, as `predict --probabilities` writes; the class is the likeliest one."""

    def __init__(self, scene: Scene, legend: Legend | None = None) -> None:
        self._scene = scene
        self.name, self.grid = scene.name, scene.grid
        self.legend: Legend | None = _of_bands(scene, legend)

    def read(self, window: Window) -> Reading:
        """The likeliest class and its probability."""
        pixels = self._scene.read(window)
        index = np.argmax(pixels.data, axis=0).astype(np.int16)
        index[~pixels.valid] = -1
        total = pixels.data.sum(axis=0)
        top = pixels.data.max(axis=0)
        return Reading(index, np.divide(top, total, out=np.zeros_like(top), where=total > 0))


def open_layer(path: PathLike, legend: Legend | None = None) -> Layer:
    """Open a raster as what it is.

    Args:
        path: A map or mask, a probability raster (named bands that add up to 1), or a scene.
        legend: Classes of a map or mask that does not name them itself.
    """
    name = os.fspath(path)
    with open_scene(name) as scene:
        one_band_of_numbers = scene.n_bands == 1 and np.dtype(scene.dtype).kind in "iu"
    if one_band_of_numbers:
        try:
            return ClassLayer(open_class_raster(name, legend))
        except UnreadableFileError:
            return SceneLayer(open_scene(name))  # one band of many values: an image
    scene = open_scene(name)
    return ProbabilityLayer(scene, legend) if _holds_probabilities(scene) else SceneLayer(scene)


def _holds_probabilities(scene: Scene) -> bool:
    """Whether every band has a name, and in the first place with data they add up to one."""
    unnamed = any(name.startswith(_UNNAMED) for name in scene.band_names)
    if scene.n_bands < 2 or unnamed or scene.dtype not in ("float32", "float64", "uint8"):
        return False
    for window in iter_windows(scene.grid.shape, _LOOK_PX):
        pixels = scene.read(window)
        if pixels.valid.any():
            total = pixels.data[:, pixels.valid].sum(axis=0)
            full = _FULL[scene.dtype == "uint8"]
            return bool(np.all(np.abs(total - full) <= full * 0.01 * scene.n_bands))
    return False


def _of_bands(scene: Scene, legend: Legend | None) -> Legend:
    """The legend in the order of the bands."""
    names = list(scene.band_names)
    if legend is None or set(legend.names) != set(names):
        # names that are nothing but codes are those of a map without names
        codes = [int(name) for name in names] if all(map(str.isdecimal, names)) else None
        return Legend.from_names(names, codes)
    at = [legend.names.index(name) for name in names]
    return Legend.from_names(
        names, [legend.codes[i] for i in at], [legend.classes[i].color for i in at]
    )
