"""The studies by name: the runs they are made of, and the table that comes of the records."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pointillist.errors import InputError
from pointillist.studies.classic import ClassicCell, run_classic
from pointillist.studies.grid import StudyGrid, run_missing
from pointillist.studies.statistics import (
    Comparison,
    Mean,
    compare_pairs,
    correct_for_many,
    mean_over_seeds,
)

if TYPE_CHECKING:
    from rich.console import Group

RECORDS = Path("studies/records")

# What the reference study states, with ImageNet weights and one seed: mean IoU, pixel accuracy.
_DENSITY = {
    1: (0.8151, 0.9238), 5: (0.9157, 0.9665), 10: (0.9248, 0.9697), 20: (0.9417, 0.9769),
    50: (0.9540, 0.9805),
}  # fmt: skip
_PER_IMAGE = (50, 200, 500, 1000)
_SAMPLING = {
    ("random", 5): 0.8935, ("random", 10): 0.9259, ("random", 20): 0.9390,
    ("stratified", 5): 0.9042, ("stratified", 10): 0.9256, ("stratified", 20): 0.9249,
}  # fmt: skip
_STRATEGIES = ("random", "stratified", "interior")
_N_PER_CLASS = (1, 2, 5, 10, 20)


@dataclass(frozen=True)
class Row:
    """One line of a study's table: the runs of several seeds.

    Args:
        name: What the runs have in common.
        cell: The cell of seed 0.
        stated: Mean IoU that the reference study states, None where it states none.
        against: Name of the row this one is compared with, None for no comparison.
    """

    name: str
    cell: ClassicCell
    stated: float | None = None
    against: str | None = None


def _density() -> list[Row]:
    rows = [Row(f"{n} per class", ClassicCell(n), stated[0]) for n, stated in _DENSITY.items()]
    return rows + [Row(f"{n} per image", ClassicCell(n_points=n)) for n in _PER_IMAGE]


def _sampling() -> list[Row]:
    return [
        Row(
            f"{strategy}, {n} per class",
            ClassicCell(n, strategy),
            _SAMPLING.get((strategy, n)),
            None if strategy == "random" else f"random, {n} per class",
        )
        for strategy in _STRATEGIES
        for n in _N_PER_CLASS
    ]


_STUDIES: dict[str, Callable[[], list[Row]]] = {"density": _density, "sampling": _sampling}
STUDIES = tuple(_STUDIES)


@dataclass(frozen=True)
class Line:
    """What the records say of a row.

    Args:
        row: The row.
        miou: Mean IoU over the seeds.
        pixel_accuracy: The same of the pixel accuracy.
        comparison: With the row it is compared with.
        p: p-value of the comparison, corrected for all comparisons of the table (Holm).
    """

    row: Row
    miou: Mean
    pixel_accuracy: Mean
    comparison: Comparison | None = None
    p: float | None = None


def run_study(
    name: str,
    n_seeds: int,
    records: Path = RECORDS,
    say: Callable[[str], None] = print,
    only: str | None = None,
) -> list[Line]:
    """Run what is missing of a study and compute its table from the records.

    Args:
        name: One of `STUDIES`.
        n_seeds: Seeds per row, at least 1.
        records: Folder of the records.
        say: Takes a line per finished run.
        only: Name of a single row to run, such as `10 per class`.

    Raises:
        InputError: An unknown study or row, or no seeds.
    """
    if name not in _STUDIES:
        raise InputError(f"Expected a study of {', '.join(STUDIES)}, got '{name}'.")
    if n_seeds < 1:
        raise InputError(f"Expected at least 1 seed, got {n_seeds}. Ask for more with --seeds.")
    rows = _choose(_STUDIES[name](), only)
    grid = make_grid(name, rows, n_seeds, records)
    run_missing(grid, say)
    return read_lines(rows, grid, n_seeds)


def _choose(rows: list[Row], only: str | None) -> list[Row]:
    """All rows, or one of them, which then is compared with no other."""
    if only is None:
        return rows
    chosen = [replace(row, against=None) for row in rows if row.name == only]
    if not chosen:
        names = "; ".join(row.name for row in rows)
        raise InputError(f"Expected a row among: {names}; got '{only}'.")
    return chosen


def make_grid(name: str, rows: list[Row], n_seeds: int, records: Path) -> StudyGrid:
    """All runs of some rows: one seed of every row, then the next."""
    cells = [replace(row.cell, seed=seed) for seed in range(n_seeds) for row in rows]
    return StudyGrid(name, "P-classic", cells, run_classic, records / "classic.jsonl")


def read_lines(rows: list[Row], grid: StudyGrid, n_seeds: int) -> list[Line]:
    """The table of rows whose runs are all recorded."""
    recorded = grid.recorded()
    scores: dict[str, dict[str, list[float]]] = {}
    for i, row in enumerate(rows):
        runs = [record for record in recorded[i :: len(rows)] if record]
        scores[row.name] = {
            metric: [float(run[metric]) for run in runs] for metric in ("miou", "pixel_accuracy")
        }
    compared = {
        row.name: compare_pairs(scores[row.name]["miou"], scores[row.against]["miou"])
        for row in rows
        if row.against is not None and n_seeds > 1
    }
    p = dict(zip(compared, correct_for_many([c.p for c in compared.values()]), strict=True))
    return [
        Line(
            row,
            mean_over_seeds(scores[row.name]["miou"]),
            mean_over_seeds(scores[row.name]["pixel_accuracy"]),
            compared.get(row.name),
            p.get(row.name),
        )
        for row in rows
    ]


def render_lines(lines: list[Line]) -> Group:
    """The table as something `rich` prints."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    compares = any(line.comparison for line in lines)
    titles = ["mean IoU", "pixel accuracy", "reference study"]
    titles += ["difference to random", "p"] if compares else []
    table.add_column("points")
    for title in titles:
        table.add_column(title, justify="right")
    for line in lines:
        table.add_row(line.row.name, *_cells(line)[: len(titles)])
    notes = ["95 % intervals over seeds by Student's t. Reference: one seed, ImageNet weights."]
    if compares:
        notes.append("p: paired t test on the same seeds, Holm's correction for all rows.")
    return Group(table, *(Text(note, style="dim") for note in notes))


def _cells(line: Line) -> list[str]:
    stated = "" if line.row.stated is None else f"{line.row.stated:.4f}"
    cells = [str(line.miou), str(line.pixel_accuracy), stated, "", ""]
    if line.comparison is not None and line.p is not None:
        cells[3] = f"{line.comparison.difference.value:+.4f}"
        cells[4] = "< .001" if line.p < 0.001 else f"{line.p:.3f}"
    return cells
