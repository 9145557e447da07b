"""The protocols by name: what decides a run's result, how it is run, where its record goes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pointillist.errors import InputError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Record = dict[str, Any]
Cell = Any
"""A frozen data class of everything that decides the result of a run, its seed included."""


@dataclass(frozen=True)
class Protocol:
    """One way of measuring.

    Args:
        name: As in the records.
        version: Raised when the same cell would now give another result; records of other versions
            are left out, and that is said.
        cell: The data class of its runs.
        run: Runs a cell and returns its record; takes the cell and where files are (`Folders`).
        file: Name of its file of records.
        accuracy: Name of the share of right pixels in the records.
        recipes: What its runs can learn with.
        designs: How its points can be drawn.
        are_current: Which of several records still tell of what the folders hold; None where they
            always do.
    """

    name: str
    version: int
    cell: type[DataclassInstance]
    run: Callable[[Any, Any], Record]
    file: str
    accuracy: str = "pixel_accuracy"
    recipes: tuple[str, ...] = ("unet", "forest", "forest-pixels")
    designs: tuple[str, ...] = ("simple", "balanced")
    are_current: Callable[[Sequence[Record], Any], list[bool]] | None = None

    def read_cell(self, stated: Mapping[str, Any]) -> Cell:
        """The cell that a record or a study file states.

        Raises:
            InputError: A key that the protocol does not know.
        """
        self.check_keys(stated)
        return self.cell(**stated)

    @property
    def keys(self) -> tuple[str, ...]:
        """What a cell of it has."""
        return tuple(field.name for field in fields(self.cell))

    def check_keys(self, stated: Iterable[str]) -> None:
        """Refuse keys that the protocol does not know.

        Raises:
            InputError: At least one; all are named.
        """
        unknown = [key for key in stated if key not in self.keys]
        if unknown:
            raise InputError(
                f"Expected keys of {self.name} among {', '.join(self.keys)}; "
                f"got {', '.join(map(repr, unknown))}. Correct or remove them."
            )


@cache
def protocols() -> dict[str, Protocol]:
    """All protocols by name. Torch is imported when a run needs it."""
    from pointillist.studies.benchmark import BenchmarkCell, are_current, run_benchmark
    from pointillist.studies.blocks import BlocksCell, run_blocks
    from pointillist.studies.classic import RECIPES, ClassicCell, run_classic
    from pointillist.studies.clicks import ClicksCell, run_clicks
    from pointillist.studies.coverage import DESIGNS, AccuracyCell, run_coverage
    from pointillist.studies.scene import SceneCell, run_scene
    from pointillist.studies.transfer import TransferCell, run_transfer

    on_scenes = ("stack", "unet", "forest")
    known = (
        Protocol(
            "P-classic", 1, ClassicCell, run_classic, "classic.jsonl", recipes=RECIPES,
        ),
        Protocol(
            "P-scene", 1, SceneCell, run_scene, "scene.jsonl",
            accuracy="overall_accuracy", recipes=on_scenes,
        ),
        Protocol(
            "P-blocks", 1, BlocksCell, run_blocks, "blocks.jsonl",
            accuracy="overall_accuracy", recipes=on_scenes,
        ),
        Protocol(
            "P-transfer", 1, TransferCell, run_transfer, "transfer.jsonl",
            accuracy="overall_accuracy", recipes=on_scenes,
        ),
        Protocol(
            "P-accuracy", 2, AccuracyCell, run_coverage, "accuracy.jsonl",
            accuracy="overall_accuracy", designs=DESIGNS,
        ),
        Protocol(
            "P-clicks", 1, ClicksCell, run_clicks, "clicks.jsonl", accuracy="overall_accuracy"
        ),
        Protocol(
            "P-benchmark", 2, BenchmarkCell, run_benchmark, "benchmark.jsonl",
            are_current=are_current,
        ),
    )  # fmt: skip
    return {protocol.name: protocol for protocol in known}


def protocol_of(cell: Cell) -> Protocol:
    """The protocol that a cell belongs to."""
    return next(p for p in protocols().values() if p.cell is type(cell))


def cell_key(cell: Cell | Mapping[str, Any]) -> str:
    """The cell as text, whatever the order of its keys.

    Options that are not used (None) are left out: records made before an option existed still
    belong to their cell. A number is the same with and without decimals (10 and 10.0).
    """
    stated = cell if isinstance(cell, Mapping) else asdict(cell)
    used = {key: _without_kind(value) for key, value in stated.items() if value is not None}
    return json.dumps(used, sort_keys=True)


def _without_kind(value: Any) -> Any:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number else value


def records_file(folder: Path, cell: Cell) -> Path:
    """Where the record of a cell belongs."""
    return folder / protocol_of(cell).file
