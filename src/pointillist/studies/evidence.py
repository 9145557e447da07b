"""What the records say, asked by study and row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pointillist.data.benchmarks import BENCHMARKS
from pointillist.studies.named import find_study
from pointillist.studies.statistics import Comparison, compare_pairs
from pointillist.studies.tables import Line, read_lines

MOST_SEEDS = 100


@dataclass
class Evidence:
    """The tables of all studies, read when they are asked for.

    Args:
        records: Folder of the records.
        say: Told of records that are left out, each sentence once.
    """

    records: Path
    say: Callable[[str], None] | None = None
    _tables: dict[str, list[Line]] = field(default_factory=dict)
    _told: set[str] = field(default_factory=set)

    def table(self, study: str) -> list[Line]:
        """All rows of a study that have a record, over all seeds recorded."""
        if study not in self._tables:
            found = find_study(study)
            self._tables[study] = read_lines(found, MOST_SEEDS, self.records, self._tell_once)
        return self._tables[study]

    def _tell_once(self, sentence: str) -> None:
        if self.say is not None and sentence not in self._told:
            self._told.add(sentence)
            self.say(sentence)

    def benchmarks(self) -> list[Line]:
        """All rows of all published data sets."""
        return [line for name in BENCHMARKS for line in self.table(name)]

    def line(self, study: str, row: str) -> Line | None:
        """A row by its name; None where nothing is recorded of it."""
        return next((line for line in self.table(study) if line.row.name == row), None)

    def values(self, study: str, row: str, figure: str = "miou") -> list[float] | None:
        """A figure of every seed of a row."""
        line = self.line(study, row)
        return None if line is None else line.values(figure)

    def by_class(self, study: str, row: str, figure: str) -> NDArray[np.float64] | None:
        """A figure by seed and class (S, C)."""
        line = self.line(study, row)
        return None if line is None else np.array(line.by_class(figure))

    def pairs(self, study: str, row: str, other: str) -> list[tuple[float, float]]:
        """Mean IoU of two rows of a study on the seeds that both have."""
        return self.pairs_across((study, row), (study, other))

    def pairs_across(
        self, one: tuple[str, str], other: tuple[str, str]
    ) -> list[tuple[float, float]]:
        """Mean IoU of two rows of any studies on the seeds that both have."""
        first, second = self.line(*one), self.line(*other)
        if first is None or second is None:
            return []
        return [
            (float(first.figures(seed)["miou"]), float(second.figures(seed)["miou"]))
            for seed in first.runs
            if seed in second.runs
        ]

    def compare(self, study: str, row: str, other: str) -> Comparison | None:
        """How much better a row is than another; None with fewer than two common seeds."""
        pairs = self.pairs(study, row, other)
        if len(pairs) < 2:
            return None
        return compare_pairs([a for a, _ in pairs], [b for _, b in pairs])
