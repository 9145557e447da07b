"""What became of each point of a reference: answered, unanswered, not judged, or no unit at all.

A point that was drawn stays in the sample whatever became of it: one whose class nobody can tell is
a unit without an answer, one off the map a unit that the map has wrong. Only what was never drawn
leaves: a second point in a pixel that has one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pointillist.accuracy.classes import CANNOT_TELL, IGNORED, JoinedClasses
from pointillist.points import PlacedPoints

_N_ROWS = 5
NO_CLASS, UNKNOWN_CLASS, CONFLICT, NO_PLACE = -4, -5, -6, -7
_WORDS = {
    "cannot_tell": "answered as impossible to tell",
    "no_class": "without a class",
    "unknown_class": "class not in the legend",
    "conflict": "in a pixel already labelled with another class",
    "duplicate": "in a pixel already labelled with the same class",
    "no_place": "without coordinates",
    "outside": "outside the scene",
    "nodata": "where the map has no class",
    "ignored": "of a class that the crosswalk ignores",
}
LEFT_OUT = (
    "cannot_tell", "no_class", "unknown_class", "conflict", "ignored", "duplicate", "no_place",
    "outside",
)  # fmt: skip
"""Outcomes of points that are not compared with the map."""

_CODES = {
    "cannot_tell": CANNOT_TELL,
    "no_class": NO_CLASS,
    "unknown_class": UNKNOWN_CLASS,
    "conflict": CONFLICT,
    "ignored": IGNORED,
    "no_place": NO_PLACE,
}


@dataclass(frozen=True, eq=False)
class Units:
    """The n units of a reference sample.

    Args:
        feature: (n,) row of the point in its file.
        answer: (n,) class in the joined legend; below 0 where there is none: `IGNORED`, or one of
            the reasons why it has no answer.
        inside: (n,) whether it lies on the map's grid.
        rowcol: (n, 2) pixels, −1 outside.
        account: Numbers of the file's points by what became of them.
        rows: The first rows (counted from 1) of each outcome.
    """

    feature: NDArray[np.int64]
    answer: NDArray[np.int64]
    inside: NDArray[np.bool_]
    rowcol: NDArray[np.int64]
    account: dict[str, int]
    rows: dict[str, list[int]]

    @property
    def is_answered(self) -> NDArray[np.bool_]:
        """(n,) whether it has a class."""
        return self.answer >= 0

    @property
    def is_unanswered(self) -> NDArray[np.bool_]:
        """(n,) whether its class is missing, and it is to be judged."""
        return np.asarray((self.answer < 0) & (self.answer != IGNORED))

    def lines(self, source: str, *, of: Sequence[str]) -> list[str]:
        """Sentences on outcomes: how many, and the first rows."""
        told = []
        for key in of:
            n, rows = self.account.get(key, 0), self.rows.get(key, [])
            if n:
                first = "first rows" if n > len(rows) else "row" if n == 1 else "rows"
                which = ", ".join(map(str, rows))
                told.append(f"{n:,} of {source} {_WORDS[key]} ({first} {which}).")
        return told


def sort_units(placed: PlacedPoints, classes: JoinedClasses) -> Units:
    """Find out what became of each point.

    Args:
        placed: The points.
        classes: Of map and reference; `from_reference` is by `placed.legend`.
    """
    answer = _answers(placed, classes)
    keep, conflict, duplicate = _one_per_pixel(placed, answer)
    answer = np.where(conflict, CONFLICT, answer)
    answer = np.where(placed.has_place, answer, NO_PLACE)
    outcomes = {key: keep & (answer == code) for key, code in _CODES.items()}
    outcomes["duplicate"] = duplicate
    outcomes["outside"] = keep & placed.has_place & ~placed.inside
    account = {"in_file": len(placed), "used": int((keep & (answer >= 0)).sum())}
    account |= {key: int(those.sum()) for key, those in outcomes.items()}
    at = np.flatnonzero(keep)
    return Units(
        at,
        answer[at],
        placed.inside[at],
        placed.rowcol[at],
        account,
        {key: (np.flatnonzero(those)[:_N_ROWS] + 1).tolist() for key, those in outcomes.items()},
    )


def _answers(placed: PlacedPoints, classes: JoinedClasses) -> NDArray[np.int64]:
    table = []
    for name in placed.values.names:
        index = placed.legend.index_of(name)
        table.append(UNKNOWN_CLASS if index is None else int(classes.from_reference[index]))
    return np.array([*table, NO_CLASS], dtype=np.int64)[placed.values.which]


def _one_per_pixel(
    placed: PlacedPoints, answer: NDArray[np.int64]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
    """Which points are units, which of them are contradicted, and which are no units."""
    keep = np.ones(len(placed), dtype=bool)
    conflict, inside = np.zeros_like(keep), np.flatnonzero(placed.inside)
    _, pixel, counts = np.unique(
        placed.rowcol[inside], axis=0, return_inverse=True, return_counts=True
    )
    pixel = pixel.reshape(-1)
    for crowded in np.flatnonzero(counts > 1):
        members = inside[pixel == crowded]
        answered = members[answer[members] >= 0]
        first = answered[0] if len(answered) else members[0]
        keep[members] = False
        keep[first] = True
        conflict[first] = len(set(answer[answered].tolist())) > 1
    return keep, conflict, ~keep
