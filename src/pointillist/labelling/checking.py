"""How good is the finished map? A blind probability sample, kept apart from what trains."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

from pointillist.errors import InputError, MissingFileError
from pointillist.labelling.jobs import JobRunner, Step
from pointillist.labelling.placement import Placement
from pointillist.points import Change, Label, PointStore

CANNOT_TELL = "cannot tell"
"""Source of a reference point that the person looked at and could not name."""


class Checking:
    """The reference sample of one map and what is made of it.

    Args:
        folder: Where the map lies.
        jobs: Runs the commands.
    """

    def __init__(self, folder: Path, jobs: JobRunner) -> None:
        self.folder, self.jobs = folder, jobs
        self._store: PointStore | None = None

    def draw(self, n: int, seed: int) -> None:
        """Draw a blind probability sample from the map; earlier answers are replaced.

        Raises:
            InputError: There is no map, or a job is running.
        """
        self._need_map()
        sample = ["sample", str(self.folder / "map.tif"), "-n", str(n), "--design", "stratified"]
        sample += ["--for", "reference", "--out", str(self.folder / "reference.gpkg")]
        sample += ["--seed", str(seed), "--overwrite"]
        self.jobs.start("reference", [Step("Drawing points", sample, 1)], self._blind, self.forget)

    def points(self) -> list[Label]:
        """The sample in an order that says nothing of the map; empty at first."""
        store = self._open()
        labels = [] if store is None else sorted(store.labels(), key=lambda label: label.uid)
        random.Random(0).shuffle(labels)
        return labels

    def answer(
        self,
        request: str,
        author: str,
        uid: str,
        name: str | None,
        base_version: int | None = None,
    ) -> None:
        """Say what is at a point of the sample; None where one cannot tell.

        Args:
            request: Name of the request; a repeated one changes nothing.
            author: Who says it.
            uid: The point.
            name: Its class.
            base_version: Version of the point that was seen; None for whatever it is now.

        Raises:
            MissingFileError: There is no such point.
            ConflictError: Somebody else has answered it meanwhile.
        """
        store = self._open()
        label = None if store is None else store.get(uid)
        if store is None or label is None:
            raise MissingFileError("There is no such point in the sample. Reload the page.")
        source = "sample" if name is not None else CANNOT_TELL
        changed = replace(label, name=name, source=source)
        seen = label.version if base_version is None else base_version
        store.apply(request, author, [Change(uid, seen, changed)])

    def assess(self) -> None:
        """Judge the map by the answers.

        Raises:
            InputError: Points are still to be answered, or a job is running.
        """
        self._need_map()
        labels = self.points()
        waiting = sum(not is_answered(label) for label in labels)
        if not labels or waiting:
            raise InputError(f"Expected an answer for every point, {waiting} are still open.")
        store = self._open()
        assert store is not None
        answers = store.snapshot(self.folder / "answers.gpkg")
        assess = ["assess", str(self.folder / "map.tif"), "--reference", str(answers)]
        assess += ["--class-field", "class", "--json", str(self.folder / "accuracy.json")]
        assess += ["--html", str(self.folder / "report.html"), "--overwrite"]
        self.jobs.start("accuracy", [Step("Assessing", assess, 1)])

    def accuracy(self) -> dict[str, Any] | None:
        """The figures of the assessment; None before it."""
        path = self.folder / "accuracy.json"
        if not path.exists():
            return None
        figures: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return figures

    def describe(self, placement: Placement) -> list[dict[str, Any]]:
        """The sample for the page: places and answers, never what the map says."""
        store = self._open()
        if store is None:
            return []
        places = Placement(placement.grid, store.crs)
        return [
            {
                "uid": label.uid,
                "position": places.to_page(label.wkt)[1][0],
                "name": label.name,
                "is_answered": is_answered(label),
                "version": label.version,
            }
            for label in self.points()
        ]

    def forget(self) -> None:
        """A new map needs a new sample: answers to the old one do not judge it."""
        self.close()
        for name in ("reference.gpkg", "answers.gpkg", "accuracy.json", "report.html"):
            (self.folder / name).unlink(missing_ok=True)

    def close(self) -> None:
        """Close the file of the sample."""
        if self._store is not None:
            self._store.close()
            self._store = None

    def _need_map(self) -> None:
        if not (self.folder / "map.tif").exists():
            raise InputError("Expected a map of the scene first. Press 'Map the scene'.")

    def _open(self) -> PointStore | None:
        path = self.folder / "reference.gpkg"
        is_being_drawn = self.jobs.is_running("reference")
        if self._store is None and path.exists() and not is_being_drawn:
            self._store = PointStore(path)
        return self._store

    def _blind(self) -> None:
        """Take out the classes of the map: who answers must not see them."""
        store = PointStore(self.folder / "reference.gpkg")
        blank = [
            Change(label.uid, label.version, replace(label, name=None, source="sample"))
            for label in store.labels()
        ]
        store.apply("blind", "pointillist", blank)
        self._store = store


def is_answered(label: Label) -> bool:
    """Whether a person has looked at a point of the sample."""
    return label.name is not None or label.source == CANNOT_TELL
