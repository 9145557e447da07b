"""One scene being labelled: its pictures, its labels, its quick map."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from pointillist.errors import InputError, LegendError
from pointillist.grid import Window
from pointillist.labelling.comparing import Verdict, compare
from pointillist.labelling.finishing import Finishing
from pointillist.labelling.guide import Guide, Place
from pointillist.labelling.judging import Lesson, Progress, expect_progress
from pointillist.labelling.overview import stamp
from pointillist.labelling.picture import Pictures, tile_window
from pointillist.labelling.placement import Placement
from pointillist.labelling.pyramid import Pyramid
from pointillist.labelling.quick import QuickMap, Taught, TileMap, thin_owners
from pointillist.legend import Legend
from pointillist.points import AreaOfInterest, Change, Event, Label, PointStore, burn
from pointillist.raster import open_scene

logger = logging.getLogger(__name__)

MAX_CLASSES = 64
_ASKED = ("suggestion", "suggested")
_NEAR_SIZES = 200_000


class LabelSession:
    """A scene with the labels that are being made on it.

    Args:
        scene: The raster.
        points: GeoPackage of the labels; made where there is none.
        legend: Classes to begin with, where the file keeps none.
        class_field: Column with the classes, where the file has none named `class`.

    Raises:
        PointillistError: Scene or points cannot be used; with the remedy.
    """

    def __init__(
        self,
        scene: Path,
        points: Path,
        legend: Legend | None = None,
        class_field: str | None = None,
    ) -> None:
        self.stamp = stamp(scene)  # first: a scene that is replaced while it is opened is seen
        self.scene = open_scene(scene)
        self.store = PointStore(points, self.scene.grid.crs, legend, class_field)
        self.placement = Placement(self.scene.grid, self.store.crs)
        self.listeners: list[Callable[[str, dict[str, Any]], None]] = []
        self._quick: QuickMap | None = None
        self.pyramid = Pyramid(self.scene)
        self.pictures = Pictures(self.pyramid)
        self.finishing = Finishing(
            scene,
            self.store,
            self.pyramid,
            lambda status: self.tell("job", status.as_dict()),
            self._compare,
        )
        self._quick_lock = threading.Lock()
        self._guide: Guide | None = None
        self._teaching = threading.Lock()
        self._teacher = ThreadPoolExecutor(1, thread_name_prefix="teach")
        self._is_lesson_due = threading.Event()
        self._taught_seq = -1
        self._renamed: dict[str, str] = {}
        self.pyramid.on_ready = self._see_afar

    @property
    def quick(self) -> QuickMap:
        """The quick map, begun when first asked for."""
        with self._quick_lock:
            if self._quick is None:
                # imported here: the page must not wait for it
                from pointillist.data import estimate_normalisation

                normalisation = estimate_normalisation([self.scene])
                self._quick = QuickMap(self.pyramid, normalisation, self._fitted)
        if self._taught_seq != self.store.seq:
            self._teach(self._quick)
        return self._quick

    def act(self, request: str, author: str, actions: list[dict[str, Any]]) -> list[Event]:
        """Do what a person did on the page: add, change, delete labels. On disk when it returns.

        Args:
            request: Name of the request; a repeated one changes nothing.
            author: Who.
            actions: Each with `uid`, `base_version`, and unless it deletes, `kind`, `positions`,
                `name`, `source`, `round`.
        """
        events = self.store.answered(request) or self.store.apply(
            request, author, [self._change(a) for a in actions]
        )
        self.tell("points", {"seq": self.store.seq})
        self.update()
        return events

    def restore(self, request: str, author: str, seq: int) -> list[Event]:
        """Go back to the state after a line of the history."""
        events = self.store.restore(request, author, seq)
        self._bring_back_classes(f"{request}-classes", author)
        self.tell("points", {"seq": self.store.seq})
        self.update()
        return events

    def set_legend(
        self,
        request: str,
        author: str,
        legend: Legend,
        renamed: dict[str, str],
        known: list[dict[str, Any]] | None = None,
    ) -> list[Event]:
        """Add, rename, recolour, merge or remove classes; see `PointStore.set_legend`."""
        if len(legend) > MAX_CLASSES:
            raise LegendError(f"Expected at most {MAX_CLASSES} classes, got {len(legend)}.")
        used = {n for label in self.store.labels() if (n := self.class_name(label.name))}
        kept = set(legend.names) | set(renamed)
        lost = sorted(used - kept)
        if lost:
            raise LegendError(
                f"Expected a new class for the points of {', '.join(lost)}. "
                "Merge the class into another, or delete its points first."
            )
        unknown = sorted(set(renamed.values()) - set(legend.names))
        if unknown:
            raise LegendError(f"There is no class {', '.join(unknown)} to rename to.")
        events = self.store.set_legend(request, author, legend, renamed, known)
        self._renamed |= renamed
        self.tell("legend", {"seq": self.store.seq})
        self.update()
        return events

    def poll(self) -> bool:
        """Take in what other programs wrote; tell the pages if there was anything."""
        if not self.store.refresh():
            return False
        self.tell("points", {"seq": self.store.seq})
        self.tell("legend", {"seq": self.store.seq})
        self.update()
        return True

    def update(self) -> None:
        """Teach the quick map the labels as they are, if it is in use; nobody waits for it."""
        if self._quick is not None and not self._is_lesson_due.is_set():
            self._is_lesson_due.set()
            self._teacher.submit(self._teach_later, self._quick)

    def rest(self) -> None:
        """Give back memory while nobody looks at the scene."""
        if self._quick is not None:
            self._quick.rest()

    def _see_afar(self) -> None:
        """Views from afar are no longer sketches: pages and quick map look again."""
        self.pictures.look_again()
        if self._quick is not None:
            self._quick.look_again()
            self._taught_seq = -1
            self._teach(self._quick)
        self.tell("image", {})

    def describe_label(self, label: Label) -> dict[str, Any]:
        """A label as the page takes it."""
        kind, positions = self.placement.to_page(label.wkt)
        return {
            "uid": label.uid,
            "kind": kind,
            "positions": positions,
            "name": self.class_name(label.name),
            "author": label.author,
            "source": label.source,
            "created": label.created,
            "round": label.round,
            "version": label.version,
        }

    def class_name(self, value: str | None) -> str | None:
        """The legend's name of what a file says of a class."""
        legend = self.store.legend
        index = None if value is None or legend is None else legend.index_of(value)
        return value if legend is None or index is None else legend.names[index]

    def pixel(self, row: int, col: int) -> dict[str, Any]:
        """Values of one pixel.

        Raises:
            InputError: Outside the scene.
        """
        if not self.scene.grid.contains([[row, col]])[0]:
            raise InputError("Expected a pixel inside the scene.")
        pixels = self.scene.read(Window(row, col, 1, 1))
        has_data = bool(pixels.valid[0, 0])
        return {"values": [float(v) for v in pixels.data[:, 0, 0]] if has_data else None}

    @property
    def colors(self) -> tuple[tuple[int, int, int], ...]:
        """Colours by class index."""
        return self.store.legend.colors if self.store.legend else ()

    def look_at(self, level: int, tiles: list[tuple[int, int]]) -> None:
        """Prepare the quick map of the tiles (row, column) in view.

        Raises:
            InputError: There is no such tile.
        """
        for row, col in tiles:
            tile_window(self.pyramid, level, row, col)
        self.quick.look_at(level, tiles)

    def map_tile(self, level: int, row: int, col: int) -> TileMap | None:
        """The map of one tile; None before there are two classes."""
        tile_window(self.pyramid, level, row, col)
        if self._quick is None and len({label.name for label in self.store.labels()} - {None}) < 2:
            return None  # the first view needs no map
        return self.quick.map_tile(level, row, col)

    def suggest(self, n: int) -> tuple[int, list[Place]]:
        """Places to click next, and the number of the round that they begin.

        Raises:
            InputError: Fewer than two classes have points, or no place is left.
        """
        quick, legend = self.quick, self.store.legend
        with self._quick_lock:
            if self._guide is None:
                self._guide = Guide(self.scene.grid, quick)
        if legend is None:
            raise InputError("Expected points of at least two classes. Click some more.")
        shapes = [self.placement.to_scene(label.wkt) for label in self.store.labels() if label.name]
        polygons = [shape for shape in shapes if "Polygon" in shape.geom_type]
        areas = AreaOfInterest(np.array(polygons, dtype=object), self.scene.grid)
        places = self._guide.suggest(n, legend, np.random.default_rng(), areas)
        return max((label.round for label in self.store.labels()), default=0) + 1, places

    def progress(self) -> Progress:
        """How right the quick map is by the points there are, and what more would bring."""
        taught = self.quick.taught
        return expect_progress(self._lesson(taught), self.scene.grid)

    def _compare(self, run: Path, points: Path) -> Verdict:
        """What points held out of a training say of its map and of the quick one."""
        legend = self.store.legend
        assert legend is not None
        return compare(self.quick, run, points, legend)

    def _lesson(self, taught: Taught) -> Lesson:
        features, has_data = self.quick.features_at(0, taught.rowcol)
        return Lesson(
            features,
            taught.index[has_data],
            taught.owner[has_data],
            taught.clicked[has_data],
            taught.rowcol[has_data],
        )

    def history(self, limit: int) -> list[dict[str, Any]]:
        """The last actions, newest first, in words."""
        events = self.store.events_since(max(0, self.store.seq - limit))
        return [
            {
                "seq": event.seq,
                "at": event.at,
                "author": event.author,
                "what": _in_words(event),
                "name": (event.after or event.before or _NOBODY).name,
            }
            for event in reversed(events)
        ]

    def tell(self, kind: str, facts: dict[str, Any]) -> None:
        """Tell the pages that something happened."""
        for listener in list(self.listeners):
            listener(kind, facts)

    def close(self) -> None:
        """End the work in the background and close the files."""
        self._teacher.shutdown(wait=True, cancel_futures=True)
        if self._quick is not None:
            self._quick.close()
        self.finishing.close()
        self.pyramid.close()
        self.store.close()
        self.scene.close()

    def _change(self, action: dict[str, Any]) -> Change:
        uid, base = str(action["uid"]), int(action["base_version"])
        if action.get("delete"):
            return Change(uid, base, None)
        name = action.get("name")
        legend = self.store.legend
        for _ in self._renamed:  # it waited while its class was renamed, perhaps more than once
            if legend is not None and name not in legend.names:
                name = self._renamed.get(str(name), name)
        if name is not None and (legend is None or name not in legend.names):
            raise InputError(f"There is no class '{name}'. Reload the page to see the classes.")
        before = self.store.get(uid)
        if before is not None and self._is_in_place(before, action):
            return Change(uid, base, replace(before, name=name))
        wkt = self.placement.to_file(str(action["kind"]), action["positions"])
        if before is not None:
            self._refuse_to_simplify(before)
            return Change(uid, base, replace(before, wkt=wkt, name=name))
        gone = self.store.deleted(uid)
        if gone is not None and self._is_in_place(gone, action):  # undone: with holes and author
            return Change(uid, base, replace(gone, name=name), keeps_author=True)
        label = Label(
            uid, wkt, name, source=str(action["source"]), round=int(action.get("round", 0))
        )
        return Change(uid, base, label)

    def _bring_back_classes(self, request: str, author: str) -> None:
        """Classes that points of an earlier state have, and that were renamed or merged since."""
        legend = self.store.legend
        if legend is None:
            return
        names = {self.class_name(label.name) for label in self.store.labels()} - {None}
        lost = sorted(str(name) for name in names if legend.index_of(name) is None)
        if lost:
            self.store.set_legend(request, author, legend.extended(lost))
            self.tell("legend", {"seq": self.store.seq})

    def _is_in_place(self, label: Label, action: dict[str, Any]) -> bool:
        """Whether only the class changes: the page rounds places, those of the file stay."""
        kind, positions = self.placement.to_page(label.wkt)
        return bool(kind == action["kind"] and positions == action["positions"])

    def _refuse_to_simplify(self, label: Label) -> None:
        """The page knows one outline: parts and holes that another program drew must not go."""
        if self.placement.has_more(label.wkt):
            raise InputError(
                "Expected a label of one part without holes to be moved. Move this one in the "
                "program that drew it, or delete it and draw it anew."
            )

    def _teach_later(self, quick: QuickMap) -> None:
        self._is_lesson_due.clear()  # labels that come from here on are another lesson
        try:
            self._teach(quick)
        except Exception:  # whoever asks for the map gets it told
            logger.exception("The live map could not learn the labels.")

    def _teach(self, quick: QuickMap) -> None:
        """Teach the labels as they are; one thread at a time, so that the newest are the last."""
        with self._teaching:
            if self._taught_seq != self.store.seq:
                seq = self.store.seq
                quick.teach(self._lessons(seq))
                self._taught_seq = seq

    def _lessons(self, seq: int) -> Taught:
        legend, grid = self.store.legend, self.scene.grid
        pairs = [
            (self.placement.to_scene(label.wkt), index, label.source not in _ASKED)
            for label in self.store.labels()
            if legend is not None
            and label.name is not None
            and (index := legend.index_of(label.name)) is not None
        ]
        geometries = np.array([pair[0] for pair in pairs] + [None], dtype=object)[:-1]
        burnt = burn(geometries, grid, max_pixels=_NEAR_SIZES)
        keep = thin_owners(burnt.feature)
        classes = np.array([pair[1] for pair in pairs], dtype=np.int64)
        clicked = np.array([pair[2] for pair in pairs], dtype=bool)
        owner = burnt.feature[keep]
        return Taught(burnt.rowcol[keep], classes[owner], owner, clicked[owner], seq)

    def _fitted(self, version: int) -> None:
        self.tell("quick", {"version": version})


_NOBODY = Label("", "", None)


def _in_words(event: Event) -> str:
    if not event.uid:
        return "changed the classes"
    if event.before is None:
        return "added"
    if event.after is None:
        return "deleted"
    return "moved" if event.before.wkt != event.after.wkt else "reclassified"
