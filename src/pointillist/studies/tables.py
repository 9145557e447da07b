"""What the records say of a study: its rows with intervals, comparisons and effect sizes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import compress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pointillist.errors import InputError
from pointillist.studies.grid import StudyGrid, run_missing
from pointillist.studies.named import find_study
from pointillist.studies.places import NOWHERE, Folders
from pointillist.studies.plan import Row, Study
from pointillist.studies.protocols import protocol_of
from pointillist.studies.reference import stated_of
from pointillist.studies.statistics import (
    Comparison,
    Mean,
    compare_pairs,
    correct_for_many,
    mean_over_seeds,
)

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table as RichTable

RECORDS = Path("studies/records")


@dataclass(frozen=True)
class Line:
    """What the records say of a row.

    Args:
        row: The row.
        runs: Its records, by seed.
        miou: Mean IoU over the seeds.
        accuracy: The same of the share of right pixels.
        comparison: With the row it is compared with, over the seeds that both have.
        p: p-value of the comparison, corrected for all comparisons of the table (Holm).
        stated: Mean IoU that the reference study states, None where it states none.
    """

    row: Row
    runs: dict[int, dict[str, Any]]
    miou: Mean
    accuracy: Mean
    comparison: Comparison | None = None
    p: float | None = None
    stated: float | None = None

    def values(self, name: str) -> list[float]:
        """A figure of every seed."""
        return list(self.by_seed(name).values())

    def by_seed(self, name: str) -> dict[int, float]:
        """Seed → a figure."""
        return {seed: float(self.figures(seed)[name]) for seed in self.runs}

    def by_class(self, name: str) -> list[list[float]]:
        """A figure by class of every seed: S lists of C."""
        return [
            [float("nan") if v is None else float(v) for v in self.figures(seed)[name]]
            for seed in self.runs
        ]

    def figures(self, seed: int) -> dict[str, Any]:
        """The figures of one run."""
        record = self.runs[seed]
        found: dict[str, Any] = record if self.row.figures is None else record[self.row.figures]
        return found


def run_study(
    name: str,
    n_seeds: int | None = None,
    records: Path = RECORDS,
    say: Callable[[str], None] = print,
    only: str | None = None,
    *,
    folders: Folders = NOWHERE,
    n_workers: int = 1,
    weights: str | None = None,
) -> list[Line]:
    """Run what is missing of a study and compute its table from the records.

    Args:
        name: One of `STUDIES`, a published data set, or the path of a YAML file.
        n_seeds: Seeds per row, at least 1; None takes the study's own number.
        records: Folder of the records.
        say: Takes a line per finished run.
        only: Name of a single row to run, such as `10 per class`.
        folders: Where scenes and data sets are.
        n_workers: Runs side by side.
        weights: Name of a file of weights, for two rows more of `baselines`.

    Raises:
        InputError: An unknown study or row, no seeds, or a file or folder that no run needs.
    """
    study = find_study(name, weights)
    _refuse_unused(study, folders)
    study = study if only is None else study.only(only)
    n = study.seeds if n_seeds is None else n_seeds
    if n < 1:
        raise InputError(f"Expected at least 1 seed, got {n}. Ask for more with --seeds.")
    fewer = [row.seeds(n) for row in study.rows if row.seeds(n) < n]
    if fewer and n_seeds is not None:
        say(f"{len(fewer)} of {len(study.rows)} rows have at most {max(fewer)} seeds, not {n}.")
    grid = StudyGrid(study.name, study.cells(n), records, folders)
    run_missing(grid, say, n_workers=n_workers)
    return read_lines(study, n, records, folders=folders)


def _refuse_unused(study: Study, folders: Folders) -> None:
    """Weights and data sets that no run of a study takes: whoever names them believes otherwise."""
    for option, path, key in (
        ("--weights", folders.weights, "weights"), ("--root", folders.data, "data"),
    ):  # fmt: skip
        if path is not None and not any(getattr(row.cell, key, None) for row in study.rows):
            raise InputError(
                f"Expected no {option} with the study {study.name}, none of whose runs takes it; "
                f"got '{path}'. Leave it out."
            )


def read_lines(
    study: Study,
    n_seeds: int,
    records: Path = RECORDS,
    say: Callable[[str], None] | None = None,
    folders: Folders = NOWHERE,
) -> list[Line]:
    """The table of a study from its records; rows without any record are left out.

    Args:
        study: The rows.
        n_seeds: Seeds to look for.
        records: Folder of the records.
        say: Told of records that are left out.
        folders: Where data sets are: records made with other files than a root holds today are left
            out. Without a root those of the files of the last record count.
    """
    cells = study.cells(n_seeds)
    recorded = StudyGrid(study.name, cells, records, folders).recorded(say)
    known = {cell: record for cell, record in zip(cells, recorded, strict=True) if record}
    lines: dict[str, Line] = {}
    for row in study.rows:
        seeds = range(row.seeds(n_seeds))
        runs = {s: known[c] for s in seeds if (c := replace(row.cell, seed=s)) in known}
        if row.figures is not None:
            runs = {s: record for s, record in runs.items() if row.figures in record}
        if runs:
            lines[row.name] = summarise_row(row, runs, study.name)
    return _compare(lines)


def summarise_row(row: Row, runs: dict[int, dict[str, Any]], study: str = "") -> Line:
    """A row's means over its runs, without a comparison."""
    blank = mean_over_seeds([0.0])
    line = Line(row, runs, blank, blank, stated=stated_of(row, study))
    accuracy = protocol_of(row.cell).accuracy
    return replace(
        line,
        miou=mean_over_seeds(line.values("miou")),
        accuracy=mean_over_seeds(line.values(accuracy)),
    )


def _compare(lines: dict[str, Line]) -> list[Line]:
    """Compare rows over the seeds they share, and correct for the number of comparisons."""
    compared: dict[str, Comparison] = {}
    for name, line in lines.items():
        other = lines.get(line.row.against or "")
        if other is None:
            continue
        shared = [seed for seed in line.runs if seed in other.runs]
        if len(shared) > 1:
            compared[name] = compare_pairs(
                [line.figures(seed)["miou"] for seed in shared],
                [other.figures(seed)["miou"] for seed in shared],
            )
    corrected = correct_for_many([comparison.p for comparison in compared.values()])
    p = dict(zip(compared, corrected, strict=True))
    return [
        replace(line, comparison=compared.get(name), p=p.get(name)) for name, line in lines.items()
    ]


def render_lines(lines: list[Line]) -> Group:
    """The table as something `rich` prints."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    compares = any(line.comparison for line in lines)
    states = any(line.stated is not None for line in lines)
    shown = {"seeds": True, "mean IoU": True, "accuracy": True, "stated": states,
             **dict.fromkeys(("gain", "effect", "p"), compares)}  # fmt: skip
    table.add_column("run", overflow="fold")
    for title in compress(shown, shown.values()):
        table.add_column(title, justify="right", min_width=len(title))
    for line in lines:
        table.add_row(line.row.name, *compress(_cells(line), shown.values()))
    notes = []
    if any(line.miou.n > 1 for line in lines):
        notes.append("±: half of Student's 95 % interval of the mean over the seeds.")
    if states:
        notes.append("Stated: by the reference study; one seed, ImageNet weights.")
    if compares:
        notes.append(
            "Gain: over the row that the study compares it with (`against` in its file), on the "
            "same seeds; effect: in standard deviations of the differences; p: paired t test, "
            "Holm's correction."
        )
    return Group(table, *(Text(note, style="dim") for note in notes))


def _cells(line: Line) -> list[str]:
    stated = "" if line.stated is None else f"{line.stated:.4f}"
    cells = [str(line.miou.n), spread(line.miou), spread(line.accuracy), stated, *[""] * 3]
    if line.comparison is not None and line.p is not None:
        cells[4] = f"{line.comparison.difference.value:+.4f}"
        cells[5] = f"{line.comparison.effect:+.1f}"
        cells[6] = format_p(line.p)
    return cells


def spread(mean: Mean, digits: int = 4, plus: str = "") -> str:
    """A mean ± half its interval; alone where one seed gives none."""
    value = signed(mean.value, digits, plus)
    return value if mean.n < 2 else f"{value} ± {mean.half:.{digits}f}"


def signed(value: float, digits: int, plus: str = "+") -> str:
    """A difference with its sign, a minus that is as wide as the plus."""
    return f"{value:{plus}.{digits}f}".replace("-", "−")


def format_p(p: float) -> str:
    """A p-value as a reader wants it."""
    return "< .001" if p < 0.001 else f"{p:.3f}"


def render_classes(line: Line, names: tuple[str, ...]) -> RichTable:
    """IoU, precision and recall by class, means over the seeds, as something `rich` prints."""
    import numpy as np
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    n = len(line.runs)
    title = f"{line.row.name}, {'1 seed' if n == 1 else f'{n} seeds'}"
    table = Table(box=SIMPLE_HEAD, pad_edge=False, title=title, title_justify="left")
    table.add_column("class")
    figures = ("iou", "precision", "recall")
    for figure in figures:
        table.add_column("IoU" if figure == "iou" else figure, justify="right")
    by_class = {figure: np.array(line.by_class(figure)) for figure in figures}
    for c, name in enumerate(names):
        means = (mean_over_seeds(by_class[figure][:, c].tolist()) for figure in figures)
        table.add_row(name, *(_without_seeds(mean) for mean in means))
    return table


def _without_seeds(mean: Mean) -> str:
    """A mean and its interval, where the number of seeds stands above."""
    return f"{mean.value:.4f} ({mean.interval})" if mean.n > 1 else f"{mean.value:.4f}"
