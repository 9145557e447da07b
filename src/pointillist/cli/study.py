"""`pointillist study`: run what is missing, show the table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pointillist.cli import console
from pointillist.studies.places import DUBAI, Folders

if TYPE_CHECKING:
    from pointillist.studies.tables import Line


def show_study(
    name: str,
    seeds: int | None,
    records: Path,
    only: str | None,
    workers: int | None,
    folders: Folders,
) -> None:
    """Run a study and print its tables, the same from a name and from a file."""
    from pointillist.studies.classic import name_weights
    from pointillist.studies.named import find_study
    from pointillist.studies.tables import run_study
    from pointillist.studies.workers import choose_workers

    weights = None if folders.weights is None else name_weights(folders.weights)
    lines = run_study(
        name,
        seeds,
        records,
        console.say,
        only,
        folders=folders,
        n_workers=choose_workers(workers),
        weights=weights,
    )
    _show_tables(lines, by_class=find_study(name, weights).name == "perclass")


def _show_tables(lines: list[Line], *, by_class: bool) -> None:
    """Reference samples have a table of their own, clicks and data sets further ones."""
    from pointillist.scenes import CLASSIC_LEGEND
    from pointillist.studies.clicks_table import AIMS, render_clicks
    from pointillist.studies.coverage import render_coverage
    from pointillist.studies.protocols import protocol_of
    from pointillist.studies.tables import render_classes, render_lines

    of: dict[str, list[Line]] = {}
    for line in lines:
        of.setdefault(protocol_of(line.row.cell).name, []).append(line)
    samples = of.pop("P-accuracy", [])
    if samples:
        console.out.print(render_coverage([r for line in samples for r in line.runs.values()]))
    scored = [line for line in lines if line not in samples]
    if scored:
        console.out.print(render_lines(scored))
    for n_random in AIMS if "P-clicks" in of else ():
        console.out.print(render_clicks(of["P-clicks"], n_random))
    for line in scored if by_class else of.get("P-benchmark", []):
        classes = next(iter(line.runs.values())).get("classes", CLASSIC_LEGEND.names)
        console.out.print(render_classes(line, tuple(classes)))
    records = [record for line in scored for record in line.runs.values()]
    for notice in dict.fromkeys(n for record in records for n in record.get("notices", [])):
        console.say(notice)


def prepare(scenes: Path | None, out: Path) -> None:
    """Write the Dubai scenes as arrays."""
    from pointillist.studies.places import prepare_scenes

    written = prepare_scenes(DUBAI, Folders(scenes).find_scenes(), out)
    console.say(
        f"{len(written)} files written to {out}. On the other machine: "
        f"pointillist study real --scenes {out}"
    )


def keep_examples(records: Path, scenes: Path | None) -> None:
    """Train what the report's pictures show, and keep the predictions beside the records."""
    from pointillist.studies.examples import make_examples

    make_examples(records, Folders(scenes), console.say)
