"""From labels to a finished map: train, map the whole scene, compare with the live map, export."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pointillist.errors import InputError
from pointillist.labelling.checking import Checking
from pointillist.labelling.comparing import Verdict
from pointillist.labelling.jobs import JobRunner, JobStatus, Step
from pointillist.labelling.overview import map_folder
from pointillist.labelling.picture import tile_window
from pointillist.labelling.pyramid import Pyramid
from pointillist.points import PointStore
from pointillist.raster import open_class_raster

_EXPORTS = {
    "map": "map.tif",
    "polygons": "map.gpkg",
    "model": "run/model.safetensors",
    "report": "report.html",
    "reference": "reference.gpkg",
}
_NEXT = "next"
_RECORD = "job.json"

Compare = Callable[[Path, Path], Verdict]


class Finishing:
    """What is made of the labels of one scene, in a folder beside the points file.

    A map is made in a folder `next` within it and takes the place of the old one when it is
    complete, so an interrupted one spoils nothing and can be gone on with.

    Args:
        scene: The raster.
        store: Its labels.
        pyramid: The scene at every scale.
        tell: Told how far a job has come.
        compare: Judges a run, and the live map, by the points that it learnt from.
    """

    def __init__(
        self,
        scene: Path,
        store: PointStore,
        pyramid: Pyramid,
        tell: Callable[[JobStatus], None],
        compare: Compare,
    ) -> None:
        self.scene, self.store, self.pyramid = scene, store, pyramid
        self.folder = map_folder(store.path)
        self.jobs = JobRunner(tell)
        self.checking = Checking(self.folder, self.jobs)
        self._compare = compare

    @property
    def has_map(self) -> bool:
        """Whether the scene has been mapped."""
        return (self.folder / "map.tif").exists()

    @property
    def can_resume(self) -> bool:
        """Whether a map was begun and not completed."""
        return (self.folder / _NEXT / _RECORD).exists() and not self.jobs.is_running()

    def make_map(self, recipe: str, minutes: float) -> None:
        """Train a recipe on the labels as they are, and map the whole scene with it.

        Raises:
            InputError: Fewer than two classes, or a job is running.
        """
        if len({label.name for label in self.store.labels()} - {None}) < 2:
            raise InputError("Expected points of at least two classes. Click some more.")

        def begin() -> None:
            place = self.folder / _NEXT
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir(parents=True)
            self.store.snapshot(place / "training.gpkg")
            record = {"recipe": recipe, "minutes": minutes}
            (place / _RECORD).write_text(json.dumps(record), encoding="utf-8")

        self.jobs.start("map", self._steps(recipe, minutes), self._take_over, begin)

    def resume_map(self) -> None:
        """Go on with a map that was cancelled, or whose server was killed.

        Raises:
            InputError: There is none, or a job is running.
        """
        if not self.can_resume:
            raise InputError("There is no interrupted map to go on with. Press 'Map the scene'.")
        record = json.loads((self.folder / _NEXT / _RECORD).read_text(encoding="utf-8"))
        steps = self._steps(str(record["recipe"]), float(record["minutes"]))
        self.jobs.start("map", steps, self._take_over)

    def verdict(self) -> dict[str, Any] | None:
        """What held-out points say of the finished and the live map; None before there is one."""
        path = self.folder / "verdict.json"
        if not (self.has_map and path.exists()):
            return None
        return Verdict(**json.loads(path.read_text(encoding="utf-8"))).as_dict()

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

    def close(self) -> None:
        """End the jobs and close the sample."""
        self.jobs.close()
        self.checking.close()

    def _steps(self, recipe: str, minutes: float) -> list[Step]:
        """The commands, which go on with what is there and skip what is complete."""
        place = self.folder / _NEXT
        run, points = place / "run", place / "training.gpkg"
        train = ["train", str(self.scene), "--points", str(points), "--class-field", "class"]
        train += ["--recipe", recipe, "--out", str(run), "--resume"]
        if recipe != "forest":
            train += ["--budget", f"{round(minutes * 60)}s"]
        predict = ["predict", str(run), str(self.scene), "--out", str(place / "map.tif")]
        predict += ["--polygons", str(place / "map.gpkg"), "--resume"]
        shares = (0.3, 0.7) if recipe == "forest" else (0.8, 0.2)
        return [Step("Training", train, shares[0]), Step("Mapping", predict, shares[1])]

    def _take_over(self) -> None:
        """Put the new map in the place of the old one; its sample does not judge the new one."""
        place = self.folder / _NEXT
        verdict = self._compare(place / "run", place / "training.gpkg")
        self.checking.forget()
        shutil.rmtree(self.folder / "run", ignore_errors=True)
        (place / "verdict.json").write_text(json.dumps(vars(verdict)), encoding="utf-8")
        (place / _RECORD).unlink()
        for path in sorted(place.iterdir()):
            path.replace(self.folder / path.name)
        shutil.rmtree(place, ignore_errors=True)
