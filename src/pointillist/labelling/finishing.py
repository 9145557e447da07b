"""From labels to a finished, assessed map: train, map, check with a blind probability sample."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pointillist.errors import InputError, MissingFileError
from pointillist.labelling.jobs import JobRunner, JobStatus, Step
from pointillist.labelling.picture import tile_window
from pointillist.labelling.placement import Placement
from pointillist.labelling.pyramid import Pyramid
from pointillist.points import Change, Label, PointStore
from pointillist.raster import open_class_raster

CANNOT_TELL = "cannot tell"
"""Source of a reference point that the person looked at and could not name."""

_EXPORTS = {
    "map": "map.tif",
    "polygons": "map.gpkg",
    "model": "run/model.safetensors",
    "report": "report.html",
    "reference": "reference.gpkg",
}


class Finishing:
    """What is made of the labels of one scene, in a folder beside the points file.

    Args:
        scene: The raster.
        store: Its labels.
        pyramid: The scene at every scale.
        tell: Told how far a job has come.
    """

    def __init__(
        self,
        scene: Path,
        store: PointStore,
        pyramid: Pyramid,
        tell: Callable[[JobStatus], None],
    ) -> None:
        self.scene, self.store, self.pyramid = scene, store, pyramid
        self.folder = store.path.with_name(f"{store.path.stem}_map")
        self.jobs = JobRunner(tell)
        self._reference: PointStore | None = None
        self._map: Any = None

    @property
    def has_map(self) -> bool:
        """Whether the scene has been mapped."""
        return (self.folder / "map.tif").exists()

    def make_map(self, recipe: str, minutes: float) -> None:
        """Train a recipe on the labels as they are, and map the whole scene with it.

        Raises:
            InputError: Fewer than two classes, or a job is running.
        """
        if len({label.name for label in self.store.labels()} - {None}) < 2:
            raise InputError("Expected points of at least two classes. Click some more.")
        self.folder.mkdir(exist_ok=True)
        points, run = self.folder / "training.gpkg", self.folder / "run"
        self.store.snapshot(points)
        train = ["train", str(self.scene), "--points", str(points), "--class-field", "class"]
        train += ["--recipe", recipe, "--out", str(run), "--overwrite"]
        if recipe != "forest":
            train += ["--budget", f"{round(minutes * 60)}s"]
        predict = ["predict", str(run), str(self.scene), "--out", str(self.folder / "map.tif")]
        predict += ["--polygons", str(self.folder / "map.gpkg"), "--overwrite"]
        shares = (0.3, 0.7) if recipe == "forest" else (0.8, 0.2)
        steps = [Step("Training", train, shares[0]), Step("Mapping", predict, shares[1])]
        self.jobs.start("map", steps, self._forget_old)

    def draw_reference(self, n: int, seed: int) -> None:
        """Draw a blind probability sample from the map; earlier answers are replaced.

        Raises:
            InputError: There is no map, or a job is running.
        """
        self._need_map()
        path = self.folder / "reference.gpkg"
        if self._reference is not None:
            self._reference.close()
            self._reference = None
        sample = ["sample", str(self.folder / "map.tif"), "-n", str(n), "--design", "stratified"]
        sample += ["--for", "reference", "--out", str(path), "--seed", str(seed), "--overwrite"]
        self.jobs.start("reference", [Step("Drawing points", sample, 1)], self._blind)

    def reference(self) -> list[Label]:
        """The reference sample in an order that says nothing of the map; empty at first."""
        store = self._open_reference()
        labels = [] if store is None else sorted(store.labels(), key=lambda label: label.uid)
        random.Random(0).shuffle(labels)
        return labels

    def answer(self, request: str, author: str, uid: str, name: str | None) -> None:
        """Say what is at a point of the reference sample; None where one cannot tell.

        Raises:
            MissingFileError: There is no such point.
        """
        store = self._open_reference()
        label = None if store is None else store.get(uid)
        if store is None or label is None:
            raise MissingFileError("There is no such point in the sample. Reload the page.")
        source = "sample" if name is not None else CANNOT_TELL
        changed = replace(label, name=name, source=source)
        store.apply(request, author, [Change(uid, label.version, changed)])

    def assess(self) -> None:
        """Judge the map by the answers.

        Raises:
            InputError: Points are still to be answered, or a job is running.
        """
        self._need_map()
        labels = self.reference()
        waiting = sum(not is_answered(label) for label in labels)
        if not labels or waiting:
            raise InputError(f"Expected an answer for every point, {waiting} are still open.")
        store = self._open_reference()
        assert store is not None
        answers = store.snapshot(self.folder / "answers.gpkg")
        assess = ["assess", str(self.folder / "map.tif"), "--reference", str(answers)]
        assess += ["--class-field", "class", "--json", str(self.folder / "accuracy.json")]
        assess += ["--html", str(self.folder / "report.html"), "--overwrite"]
        self.jobs.start("accuracy", [Step("Assessing", assess, 1)], _nothing)

    def accuracy(self) -> dict[str, Any] | None:
        """The figures of the assessment; None before it."""
        path = self.folder / "accuracy.json"
        if not path.exists():
            return None
        figures: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return figures

    def export(self, what: str) -> Path | None:
        """A file to download; None where there is none yet."""
        name = _EXPORTS.get(what)
        path = None if name is None else self.folder / name
        return path if path is not None and path.exists() else None

    def available(self) -> list[str]:
        """What can be downloaded besides the points."""
        return [what for what in _EXPORTS if self.export(what) is not None]

    def tile(self, level: int, row: int, col: int) -> tuple[NDArray[np.int16], Any] | None:
        """Class indices and colours of a tile of the finished map; None before there is one."""
        if not self.has_map:
            return None
        import rasterio
        from rasterio.windows import Window as RasterioWindow

        window = tile_window(self.pyramid, level, row, col)
        path = self.folder / "map.tif"
        with open_class_raster(path) as classes:
            legend = classes.legend
        factor = 2**level
        height, width = self.pyramid.scene.grid.shape
        top, left = window.row * factor, window.col * factor
        rows = min(window.height * factor, height - top)
        cols = min(window.width * factor, width - left)
        shape = (-(-rows // factor), -(-cols // factor))
        with rasterio.open(path) as dataset:
            codes = dataset.read(1, window=RasterioWindow(left, top, cols, rows), out_shape=shape)
        index = np.full(window.shape, -1, dtype=np.int16)
        index[: shape[0], : shape[1]] = legend.to_indices(codes)
        return index, legend.colors

    def describe_reference(self, placement: Placement) -> list[dict[str, Any]]:
        """The sample for the page: places and answers, never what the map says."""
        store = self._open_reference()
        if store is None:
            return []
        places = Placement(placement.grid, store.crs)
        return [
            {
                "uid": label.uid,
                "position": places.to_page(label.wkt)[1][0],
                "name": label.name,
                "is_answered": is_answered(label),
            }
            for label in self.reference()
        ]

    def close(self) -> None:
        """End the jobs and close the sample."""
        self.jobs.close()
        if self._reference is not None:
            self._reference.close()

    def _need_map(self) -> None:
        if not self.has_map:
            raise InputError("Expected a map of the scene first. Press 'Map the scene'.")

    def _forget_old(self) -> None:
        """A new map needs a new sample: answers to the old one do not judge it."""
        if self._reference is not None:
            self._reference.close()
            self._reference = None
        for name in ("reference.gpkg", "answers.gpkg", "accuracy.json", "report.html"):
            (self.folder / name).unlink(missing_ok=True)

    def _open_reference(self) -> PointStore | None:
        path = self.folder / "reference.gpkg"
        if self._reference is None and path.exists():
            self._reference = PointStore(path)
        return self._reference

    def _blind(self) -> None:
        """Take out the classes of the map: who answers must not see them."""
        store = self._open_reference()
        assert store is not None
        blank = [
            Change(label.uid, label.version, replace(label, name=None, source="sample"))
            for label in store.labels()
        ]
        store.apply("blind", "pointillist", blank)


def is_answered(label: Label) -> bool:
    """Whether a person has looked at a point of the sample."""
    return label.name is not None or label.source == CANNOT_TELL


def _nothing() -> None:
    """There is nothing to do after it."""
