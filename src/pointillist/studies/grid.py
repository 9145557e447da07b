"""Grids of runs: what is recorded is never run again, what is missing is run and recorded."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from pointillist.interruption import interrupt_between_steps
from pointillist.studies.places import GENERATED, Folders, require_data, require_place
from pointillist.studies.protocols import (
    Cell,
    Protocol,
    Record,
    cell_key,
    protocol_of,
    records_file,
)
from pointillist.studies.records import append_record, hold_records, read_records
from pointillist.studies.workers import run_in_turn, run_side_by_side

Say = Callable[[str], None]
_USUAL_ENCODER = "resnet34"


@dataclass(frozen=True)
class StudyGrid:
    """Runs of one protocol or several.

    Args:
        name: For messages.
        cells: What to run, seeds included: frozen data classes of everything that decides a result.
        records: Folder of the records.
        folders: Where scenes and data sets are.
    """

    name: str
    cells: Sequence[Cell]
    records: Path
    folders: Folders = field(default_factory=Folders)

    def recorded(self, say: Say | None = None) -> list[Record | None]:
        """The record of each cell, None where there is none; of several, the last one.

        Args:
            say: Told of records that are left out.
        """
        known: dict[tuple[str, str], Record] = {}
        stale: set[tuple[str, str]] = set()
        keys = [(protocol_of(cell).name, cell_key(cell)) for cell in self.cells]
        wanted = set(keys)
        for protocol in {protocol_of(cell).name: protocol_of(cell) for cell in self.cells}.values():
            usable = _usable(self.records / protocol.file, protocol, say)
            records = [r for r in usable if (protocol.name, cell_key(r["cell"])) in wanted]
            is_current = (
                [True] * len(records)
                if protocol.are_current is None
                else protocol.are_current(records, self.folders)
            )
            for record, current in zip(records, is_current, strict=True):
                key = protocol.name, cell_key(record["cell"])
                if current:
                    known[key] = record
                else:
                    stale.add(key)
        n_stale = len(stale - known.keys())
        if n_stale and say is not None:
            than, then = (
                ("the last ones", "They are left out; --root says which count")
                if self.folders.data is None
                else ("there are now", "These runs are made again")
            )
            say(
                f"Records of {self.name} made with other images or labels than {than}: "
                f"{n_stale}. {then}."
            )
        return [known.get(key) for key in keys]

    def missing(self) -> list[Cell]:
        """Cells that have no record yet, each once."""
        empty = [
            cell for cell, record in zip(self.cells, self.recorded(), strict=True) if not record
        ]
        return list(dict.fromkeys(empty))


def _usable(path: Path, protocol: Protocol, say: Say | None) -> Iterator[Record]:
    """Records of one protocol in the version of today; the others are counted aloud."""
    others = incomplete = 0
    for record in read_records(path, say):
        same_name = record.get("protocol") == protocol.name
        if not same_name or record.get("protocol_version", 1) != protocol.version:
            others += 1
        elif isinstance(record.get("cell"), dict) and _is_scored(record, protocol):
            yield record
        else:
            incomplete += 1
    if others and say is not None:
        say(
            f"Records of {path} left out because they are of another protocol than "
            f"{protocol.name}, version {protocol.version}: {others}."
        )
    if incomplete and say is not None:
        say(f"Records of {path} left out because they hold no cell or no scores: {incomplete}.")


def _is_scored(record: Record, protocol: Protocol) -> bool:
    scores = (record.get("miou"), record.get(protocol.accuracy))
    return all(isinstance(s, float | int) and math.isfinite(s) for s in scores)


def run_missing(
    grid: StudyGrid, say: Say, clock: Callable[[], float] = time.monotonic, n_workers: int = 1
) -> None:
    """Run what has no record and append each record as it comes.

    Ctrl-C ends it after the run that is on, or within seconds where several run side by side.

    Args:
        grid: The study.
        say: Takes a line per finished run, with the time left.
        clock: Seconds.
        n_workers: Runs side by side, each in a process of its own; 1 runs them here.

    Raises:
        InputError: An encoder that there is not.
        MissingFileError: A scene that is not there.
        StudyRunningError: Another process adds records to the same folder.
    """
    grid.recorded(say)
    cells = grid.missing()
    n = len(dict.fromkeys(grid.cells))
    say(f"{grid.name}: {n - len(cells)} of {n} runs are recorded in {grid.records}.")
    if not cells:
        return
    _check_needs(cells, grid.folders)
    with hold_records(grid.records):
        cells = grid.missing()  # once more: another process may have run some meanwhile
        _run_and_record(grid, cells, n, say, clock, n_workers)


def _check_needs(cells: Sequence[Cell], folders: Folders) -> None:
    """Refuse encoders and scenes that there are not now, and not when their turn comes."""
    encoders = {str(e) for cell in cells if (e := getattr(cell, "encoder", None)) is not None}
    for encoder in sorted(encoders - {_USUAL_ENCODER}):
        from pointillist.models.network import check_encoder

        check_encoder(encoder)
    scenes = {str(s) for cell in cells if (s := getattr(cell, "scene", None)) is not None}
    for scene in sorted(scenes - {GENERATED}):
        require_place(scene, folders.find_scenes())
    for data in sorted({str(d) for cell in cells if (d := getattr(cell, "data", None))}):
        require_data(data, folders)


def _run_and_record(
    grid: StudyGrid,
    cells: Sequence[Cell],
    n: int,
    say: Say,
    clock: Callable[[], float],
    n_workers: int,
) -> None:
    """Run cells, of n in the whole grid, and append each record as it comes."""
    start = clock()
    n_workers = min(n_workers, len(cells))
    run = run_in_turn if n_workers <= 1 else run_side_by_side
    with (
        interrupt_between_steps() as check,
        contextlib.closing(run(cells, grid.folders, n_workers, check)) as results,
    ):
        for i, (cell, record) in enumerate(results, start=1):
            protocol = protocol_of(cell)
            stamped = {"protocol_version": protocol.version, **record}
            append_record(records_file(grid.records, cell), stamped)
            per_run = (clock() - start) / max(i, n_workers)  # the first ones end together
            left = per_run * (len(cells) - i)
            say(
                f"{n - len(cells) + i} of {n}: {describe_cell(cell)}: mIoU {record['miou']:.4f}; "
                f"{_duration(left)} left"
            )
            check()


def describe_cell(cell: Cell) -> str:
    """What differs from the cell's defaults."""
    plain = {item.name: item.default for item in fields(cell)}
    values = asdict(cell)
    shown = {k: v for k, v in values.items() if v != plain.get(k) or k == "seed"}
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in shown.items())


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{seconds:.0f} s" if minutes < 2 else f"{minutes} min"
