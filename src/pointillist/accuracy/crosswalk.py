"""Which class of a reference means which class of a map: many to one, read from a CSV file."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pointillist.errors import InputError, LegendError, MissingFileError
from pointillist.legend import Legend, LegendClass

IGNORE = "ignore"
_SIDES = ("", "reference", "map", "both")
_HEADER = {"from", "reference", "reference class", "reference_class", "class"}
CrosswalkSource = str | os.PathLike[str] | Mapping[str, str]


@dataclass(frozen=True)
class Entry:
    """One line: a class, what it becomes (None: it is not judged), and on which side."""

    old: str
    new: str | None
    side: str = ""


@dataclass(frozen=True)
class Crosswalk:
    """Lines of a crosswalk.

    A line holds for the reference; for the map it holds where the reference has no class of that
    name, or where its third column says `map` or `both`.

    Args:
        entries: The lines.
        source: For messages.
    """

    entries: tuple[Entry, ...]
    source: str = "the crosswalk"

    @classmethod
    def read(cls, source: CrosswalkSource) -> Crosswalk:
        """Read a mapping, or a CSV whose columns are reference class, map class and side.

        Raises:
            MissingFileError: There is no such file.
            InputError: Lines that name no two classes, or one class twice.
        """
        if isinstance(source, Mapping):
            rows, name = [[str(k), str(v)] for k, v in source.items()], "the crosswalk"
        else:
            rows, name = _read_rows(Path(source)), Path(source).name
        entries = tuple(_entry(row, name) for row in rows)
        keys = [(e.old.casefold(), e.side) for e in entries]
        twice = [e.old for i, e in enumerate(entries) if keys[i] in keys[:i]]
        if twice or not entries:
            what = f"'{twice[0]}' in two lines" if twice else "no line at all"
            raise InputError(
                f"Expected one line for each class of the reference in {name}, got {what}. "
                "Write reference class,map class."
            )
        return cls(entries, name)

    def find(self, legend: Legend, other: Legend | None = None) -> dict[int, str | None]:
        """What classes become, by index.

        Args:
            legend: Of the side asked for.
            other: The reference's where the map is asked for, None for the reference itself.
        """
        found: dict[int, str | None] = {}
        for entry in self.entries:
            index = legend.index_of(entry.old)
            if index is None:
                continue
            if other is None:
                holds = entry.side != "map"
            else:
                holds = entry.side in ("map", "both") or (
                    entry.side == "" and other.index_of(entry.old) is None
                )
            if holds:
                found[index] = entry.new
        return found

    def refuse_unknown(self, map_legend: Legend, reference_legend: Legend) -> None:
        """Refuse lines that speak of classes nobody has.

        Raises:
            LegendError: Names the class and those there are.
        """
        unknown = [
            e.old
            for e in self.entries
            if map_legend.index_of(e.old) is None and reference_legend.index_of(e.old) is None
        ]
        if unknown:
            raise LegendError(
                f"Expected classes of the reference ({', '.join(reference_legend.names)}) or of "
                f"the map ({', '.join(map_legend.names)}) in {self.source}, got '{unknown[0]}'. "
                "Correct its spelling or take the line out."
            )


def collapse(
    legend: Legend, becomes: Mapping[int, str | None], source: str
) -> tuple[Legend, NDArray[np.int64]]:
    """A map's legend with classes put together.

    Args:
        legend: Of the map.
        becomes: New name by index.
        source: Of the crosswalk, for messages.

    Returns:
        The new legend, and (C + 1,) its index for each old one, −1 for the last.

    Raises:
        LegendError: A class of the map is to be ignored.
    """
    ignored = [legend.names[i] for i, new in becomes.items() if new is None]
    if ignored:
        raise LegendError(
            f"Expected classes of the reference to be ignored by {source}, got '{ignored[0]}' of "
            "the map: what the map shows is part of what is judged. Take the line out."
        )
    names = [becomes.get(i) or name for i, name in enumerate(legend.names)]
    kept: list[LegendClass] = []
    for i, name in enumerate(names):
        if any(c.name.casefold() == name.casefold() for c in kept):
            continue
        own = legend.index_of(name)
        model = legend.classes[i if own is None else own]
        kept.append(LegendClass(model.code, name, model.color))
    new = Legend(tuple(kept))
    index = [new.index_of(name) for name in names]
    return new, np.array([*(-1 if i is None else i for i in index), -1], dtype=np.int64)


def _read_rows(path: Path) -> list[list[str]]:
    if not path.exists():
        raise MissingFileError(
            f"Crosswalk '{path}' does not exist. Check the path after --crosswalk."
        )
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = [[cell.strip() for cell in row] for row in csv.reader(file) if any(row)]
    return rows[1:] if rows and rows[0][0].casefold() in _HEADER else rows


def _entry(row: list[Any], name: str) -> Entry:
    side = row[2].casefold() if len(row) > 2 else ""
    if len(row) < 2 or not row[0] or not row[1] or side not in _SIDES:
        raise InputError(
            f"Expected reference class,map class (and perhaps: map, reference or both) in each "
            f"line of {name}, got '{','.join(map(str, row))}'. Write '{IGNORE}' as map class for "
            "what is not to be judged."
        )
    return Entry(row[0], None if row[1].casefold() == IGNORE else row[1], side)
