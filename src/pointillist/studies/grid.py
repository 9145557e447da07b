"""Grids of runs: what is recorded is never run again, what is missing is run and recorded."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pointillist.interruption import interrupt_between_steps
from pointillist.studies.records import append_record, read_records

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


Record = dict[str, Any]
Say = Callable[[str], None]


@dataclass(frozen=True)
class StudyGrid:
    """Runs of one protocol.

    Args:
        name: For messages.
        protocol: Name in the records; records of other protocols are left alone.
        cells: What to run, seeds included: frozen data classes of everything that decides a result.
        run: Runs a cell and returns its record (with `protocol` and `cell`).
        records: File of records.
    """

    name: str
    protocol: str
    cells: Sequence[DataclassInstance]
    run: Callable[[Any], Record]
    records: Path

    def recorded(self) -> list[Record | None]:
        """The record of each cell, None where there is none yet; of several, the last."""
        known = {
            _key(record["cell"]): record
            for record in read_records(self.records)
            if record.get("protocol") == self.protocol
        }
        return [known.get(_key(_stated(cell))) for cell in self.cells]

    def missing(self) -> list[DataclassInstance]:
        """Cells that have no record yet."""
        return [
            cell for cell, record in zip(self.cells, self.recorded(), strict=True) if not record
        ]


def _stated(cell: DataclassInstance) -> dict[str, Any]:
    """A cell without the options that came later and are not used.

    Records made before an option existed then still belong to their cell.
    """
    return {k: v for k, v in asdict(cell).items() if v is not None}


def _key(cell: Mapping[str, Any]) -> str:
    """The cell as text, whatever the order of its keys."""
    return json.dumps({k: v for k, v in cell.items() if v is not None}, sort_keys=True)


def run_missing(grid: StudyGrid, say: Say, clock: Callable[[], float] = time.monotonic) -> None:
    """Run what has no record and append its record; Ctrl-C ends it between two runs.

    Args:
        grid: The study.
        say: Takes a line per finished run, with the time left.
        clock: Seconds.
    """
    cells = grid.missing()
    n = len(grid.cells)
    say(f"{grid.name}: {n - len(cells)} of {n} runs are recorded in {grid.records}.")
    start = clock()
    with interrupt_between_steps() as check:
        for i, cell in enumerate(cells, start=1):
            record = append_record(grid.records, grid.run(cell))
            left = (clock() - start) / i * (len(cells) - i)
            say(
                f"{n - len(cells) + i} of {n}: {_short(cell)}: mIoU {record['miou']:.4f}; "
                f"{_duration(left)} left"
            )
            check()


def _short(cell: DataclassInstance) -> str:
    """What differs from the cell's defaults."""
    plain = {field.name: field.default for field in fields(cell)}
    values = asdict(cell)
    shown = {k: v for k, v in values.items() if v != plain.get(k) or k == "seed"}
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in shown.items())


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{seconds:.0f} s" if minutes < 2 else f"{minutes} min"
