"""How far each scene of a project is, read from its files without opening it for labelling."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from pointillist.errors import PointillistError
from pointillist.grid import Grid
from pointillist.labelling.picture import Tile, encode_picture, find_usual_bands, stretch
from pointillist.legend import Legend
from pointillist.points import FileSummary, summarise_file
from pointillist.raster import open_scene

State = Literal["new", "begun", "mapped", "assessed", "unreadable"]
_THUMBNAIL_PX = 224
_SKETCH_PX = 64
_LARGE_PX = 250_000_000
_CUT = 2


@dataclass(frozen=True)
class ClassCount:
    """A class and the number of its labels."""

    name: str
    color: str
    count: int


@dataclass(frozen=True)
class SceneState:
    """How far a scene is.

    Args:
        state: `new` without labels, `begun` with some, `mapped`, `assessed`, or `unreadable`.
        width: In pixels; 0 where it cannot be read.
        height: In pixels.
        n_bands: Bands.
        n_labels: Labels of all kinds.
        classes: Labels by class, in the order of the legend.
        authors: Labels by author, most first.
        changed: When labels were last changed, ISO 8601 in UTC; empty before.
        can_resume: Whether a map was begun and not completed.
        accuracy: Estimated overall accuracy of its map, None before it was assessed.
        interval: Its confidence interval.
        problem: Why it cannot be read, in a sentence.
    """

    state: State
    width: int = 0
    height: int = 0
    n_bands: int = 0
    n_labels: int = 0
    classes: tuple[ClassCount, ...] = ()
    authors: tuple[tuple[str, int], ...] = ()
    changed: str = ""
    can_resume: bool = False
    accuracy: float | None = None
    interval: tuple[float, float] | None = None
    problem: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Plain data for the page."""
        return asdict(self)


@dataclass
class Overview:
    """Looks at the scenes of a project; what a raster says of itself is read once."""

    _sizes: dict[str, tuple[Grid, int]] = field(default_factory=dict)
    _pictures: dict[str, Tile] = field(default_factory=dict)

    def look(self, scene: Path, points: Path) -> SceneState:
        """The state of one scene; what is wrong with it is a part of the answer."""
        try:
            grid, n_bands = self._size(scene)
            summary = summarise_file(points) if points.exists() else FileSummary()
        except (PointillistError, sqlite3.Error, OSError) as error:
            return SceneState("unreadable", problem=str(error))
        folder = map_folder(points)
        accuracy, interval = _accuracy(folder / "accuracy.json")
        has_map = (folder / "map.tif").exists()
        begun: State = "begun" if summary.n_labels else "new"
        mapped: State = "assessed" if accuracy is not None else "mapped"
        return SceneState(
            mapped if has_map else begun,
            grid.width,
            grid.height,
            n_bands,
            summary.n_labels,
            count_classes(summary),
            tuple(summary.authors.most_common()),
            summary.changed,
            (folder / "next" / "job.json").exists(),
            accuracy if has_map else None,
            interval if has_map else None,
        )

    def picture(self, scene: Path) -> Tile:
        """A small picture of a scene.

        Raises:
            PointillistError: It cannot be read.
        """
        key = stamp(scene)
        if key not in self._pictures:
            self._pictures[key] = draw_small(scene)
        return self._pictures[key]

    def _size(self, scene: Path) -> tuple[Grid, int]:
        key = stamp(scene)
        if key not in self._sizes:
            with open_scene(scene) as opened:
                self._sizes[key] = opened.grid, opened.n_bands
        return self._sizes[key]


def map_folder(points: Path) -> Path:
    """Where the map of a scene, its model and its assessment are kept: beside its points."""
    return points.with_name(f"{points.stem}_map")


def stamp(scene: Path) -> str:
    """A name for a raster as it is now: another one when the file has been replaced."""
    try:
        facts = scene.stat()
        state = f"{facts.st_mtime_ns} {facts.st_size}"
    except OSError:  # not in a file system: GDAL reads it from elsewhere
        state = ""
    return hashlib.sha256(f"{scene.absolute()} {state}".encode()).hexdigest()[:16]


def count_classes(summary: FileSummary) -> tuple[ClassCount, ...]:
    """Labels by class, those without one left out."""
    named = Counter(
        {str(name): n for name, n in summary.classes.items() if name is not None and str(name)}
    )
    legend = summary.legend or (Legend.from_values(list(named)) if named else None)
    if legend is None:
        return ()
    counts = [0] * len(legend)
    for name, n in named.items():
        index = legend.index_of(name)
        if index is not None:
            counts[index] += n
    colors = ("#{:02x}{:02x}{:02x}".format(*color) for color in legend.colors)
    return tuple(map(ClassCount, legend.names, colors, counts))


def draw_small(scene: Path) -> Tile:
    """A picture of at most 224 px a side in the usual bands and contrast."""
    import rasterio

    with open_scene(scene) as opened:
        height, width = opened.grid.shape
        most = _THUMBNAIL_PX if height * width <= _LARGE_PX else _SKETCH_PX
        factor = max(height, width) / most
        shape = tuple(max(1, round(side / max(factor, 1))) for side in (height, width))
        bands = [opened.bands[i] for i in find_usual_bands(opened.band_names)]
        with rasterio.open(opened.path) as dataset:
            values = dataset.read(bands, out_shape=(len(bands), *shape)).astype(np.float32)
            seen = dataset.read_masks(bands, out_shape=(len(bands), *shape)).all(axis=0)
    valid = seen & np.isfinite(values).all(axis=0)
    values[:, ~valid] = 0
    return encode_picture(stretch(values, valid, _CUT), valid)


def _accuracy(path: Path) -> tuple[float | None, tuple[float, float] | None]:
    """Overall accuracy of an assessment, and its interval where it has one."""
    try:
        figure = json.loads(path.read_text(encoding="utf-8"))["overall_accuracy"]
    except (OSError, ValueError, KeyError):  # before the assessment, or while it is written
        return None, None
    if not isinstance(figure, dict):
        return float(figure), None
    interval = figure.get("ci")
    return float(figure["estimate"]), None if interval is None else (interval[0], interval[1])
