"""The scenes that are being labelled, each opened when it is first looked at."""

from __future__ import annotations

import hashlib
import math
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pointillist.errors import InputError, MissingFileError
from pointillist.labelling.overview import Overview, stamp
from pointillist.labelling.picture import Tile
from pointillist.labelling.pyramid import TILE_PX
from pointillist.labelling.session import LabelSession
from pointillist.legend import Legend
from pointillist.raster import Scene

SCENE_SUFFIXES = {".tif", ".tiff", ".vrt", ".jp2", ".png", ".jpg", ".jpeg", ".img"}

Listener = Callable[[str, dict[str, Any]], None]


@dataclass(frozen=True)
class ScenePlace:
    """A scene and where its labels are kept.

    Args:
        scene: The raster.
        points: Its GeoPackage.
    """

    scene: Path
    points: Path


class Project:
    """Scenes with their labels.

    Args:
        places: At least one scene.
        legend: Classes to begin with, where a file keeps none.
        author: Name of whoever labels, where the page does not say it.
        class_field: Column with the classes in files that have none named `class`.
    """

    def __init__(
        self,
        places: Sequence[ScenePlace],
        legend: Legend | None = None,
        author: str = "",
        class_field: str | None = None,
    ) -> None:
        self.places = tuple(places)
        self.author = author
        self._overview = Overview()
        self._legend, self._class_field = legend, class_field
        self._sessions: dict[int, LabelSession] = {}
        self._lock = threading.Lock()
        self._listener: Listener | None = None
        self._folder = tempfile.TemporaryDirectory(prefix="pointillist-label-")

    def session(self, number: int) -> LabelSession:
        """A scene, opened if it is not.

        Raises:
            MissingFileError: There is no such scene.
        """
        place = self._place(number)
        with self._lock:
            if number not in self._sessions:
                for other in self._sessions.values():
                    other.rest()
                session = LabelSession(place.scene, place.points, self._legend, self._class_field)
                session.listeners.append(
                    lambda kind, facts: self._tell(kind, {**facts, "scene": number})
                )
                self._sessions[number] = session
            return self._sessions[number]

    def list(self) -> list[dict[str, Any]]:
        """All scenes with how far each is; a scene that cannot be read says so and spoils none."""
        return [
            {
                "id": i,
                "name": place.scene.name,
                "stamp": stamp(place.scene),
                "job": None
                if (opened := self._sessions.get(i)) is None
                or not opened.finishing.jobs.is_running()
                else opened.finishing.jobs.status.as_dict(),
                **self._overview.look(place.scene, place.points).as_dict(),
            }
            for i, place in enumerate(self.places)
        ]

    def picture(self, number: int) -> Tile:
        """A small picture of a scene, for the list.

        Raises:
            PointillistError: There is no such scene, or it cannot be read.
        """
        return self._overview.picture(self._place(number).scene)

    def describe(self, number: int) -> dict[str, Any]:
        """What the page must know of a scene; one that was replaced is opened anew for it."""
        self._let_go_of_replaced(number)
        session = self.session(number)
        grid = session.scene.grid
        return {
            "name": self.places[number].scene.name,
            "stamp": session.stamp,
            "points": self.places[number].points.name,
            "points_key": hashlib.sha256(
                str(self.places[number].points.absolute()).encode()
            ).hexdigest()[:16],
            "width": grid.width,
            "height": grid.height,
            "n_levels": session.pyramid.n_levels,
            "tile_px": TILE_PX,
            "bands": list(session.scene.band_names),
            "usual_bands": list(session.pictures.usual_bands),
            "transform": list(grid.transform.coefficients),
            "crs": None if grid.crs is None else _crs_name(grid.crs),
            "is_geographic": grid.crs is not None and _is_geographic(grid.crs),
            "unit_m": _metres_per_pixel(session.scene),
            "seq": session.store.seq,
            "is_sketch": session.pyramid.is_sketch(session.pyramid.n_levels - 1),
        }

    def export(self, number: int, what: str) -> Path | None:
        """A file to download; None where there is none yet."""
        session = self.session(number)
        if what == "points":
            folder = Path(self._folder.name) / str(number)
            folder.mkdir(exist_ok=True)
            return session.store.snapshot(folder / self.places[number].points.name)
        return session.finishing.export(what)

    def listen(self, listener: Listener) -> None:
        """Say whom to tell what happens."""
        self._listener = listener

    def poll(self) -> None:
        """Take in what other programs wrote."""
        for session in list(self._sessions.values()):
            session.poll()

    def close(self) -> None:
        """Close all scenes."""
        for session in self._sessions.values():
            session.close()
        self._sessions.clear()
        self._folder.cleanup()

    def _let_go_of_replaced(self, number: int) -> None:
        """Close a scene whose file is another one now, unless a job is reading it."""
        with self._lock:
            opened = self._sessions.get(number)
            if opened is None or opened.stamp == stamp(self.places[number].scene):
                return
            if opened.finishing.jobs.is_running():
                return
            self._sessions.pop(number).close()
        self._tell("replaced", {"scene": number})

    def _place(self, number: int) -> ScenePlace:
        if not 0 <= number < len(self.places):
            raise MissingFileError(f"There is no scene {number}. Reload the page.")
        return self.places[number]

    def _tell(self, kind: str, facts: dict[str, Any]) -> None:
        if self._listener is not None:
            self._listener(kind, facts)


def find_places(scene: Path, points: Path | None) -> list[ScenePlace]:
    """The scenes that a path means, and where their labels go.

    Args:
        scene: A raster, or a folder of them.
        points: GeoPackage of the labels; for a folder, the folder of the GeoPackages. Beside the
            scene where None.

    Raises:
        MissingFileError: There is no such raster, or none in the folder.
        InputError: One points file for several scenes.
    """
    if not scene.is_dir():
        if not scene.exists() and not str(scene).startswith("/vsi"):
            raise MissingFileError(f"Raster '{scene}' does not exist. Check the path.")
        return [ScenePlace(scene, points or scene.with_name(f"{scene.stem}_points.gpkg"))]
    scenes = sorted(
        p
        for p in scene.iterdir()
        if p.suffix.lower() in SCENE_SUFFIXES and p.is_file() and not p.name.startswith(".")
    )
    if not scenes:
        raise MissingFileError(f"Folder '{scene}' holds no rasters to label.")
    if points is not None and not points.is_dir():
        raise InputError(
            f"Expected --points to be a folder for a folder of scenes, got '{points}'. "
            "Every scene has a points file of its own."
        )
    alike = Counter(p.stem for p in scenes)  # a.tif and a.png must not share a file
    return [
        ScenePlace(p, (points or scene) / f"{p.stem if alike[p.stem] == 1 else p.name}_points.gpkg")
        for p in scenes
    ]


def _crs_name(wkt: str) -> str:
    import pyproj

    crs = pyproj.CRS.from_user_input(wkt)
    return ":".join(crs.to_authority() or ()) or str(crs.name)


def _is_geographic(wkt: str) -> bool:
    import pyproj

    return bool(pyproj.CRS.from_user_input(wkt).is_geographic)


def _metres_per_pixel(scene: Scene) -> float | None:
    """Width of a pixel in metres, in the middle of the scene; None without a georeference."""
    import pyproj

    grid = scene.grid
    if grid.crs is None:
        return None
    crs = pyproj.CRS.from_user_input(grid.crs)
    size = grid.transform.pixel_size_xy[0]
    if not crs.is_geographic:
        return float(size * crs.axis_info[0].unit_conversion_factor)
    middle = grid.transform.xy([[grid.height // 2, grid.width // 2]])[0]
    return float(size * math.radians(1) * 6_371_000 * math.cos(math.radians(middle[1])))
