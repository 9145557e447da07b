"""`pointillist study`: run what is missing, show the table."""

from __future__ import annotations

from pathlib import Path

from pointillist.cli import console
from pointillist.studies.places import DUBAI, Folders


def show_study(
    name: str,
    seeds: int | None,
    records: Path,
    only: str | None,
    workers: int | None,
    folders: Folders,
) -> None:
    """Run a study and print its table; `perclass` and data sets get one per class as well."""
    from pointillist.data.benchmarks import DATA_SETS
    from pointillist.scenes import CLASSIC_LEGEND
    from pointillist.studies.classic import name_weights
    from pointillist.studies.tables import render_classes, render_lines, run_study
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
    if name == "accuracy":
        from pointillist.studies.coverage import render_coverage

        console.out.print(render_coverage([r for line in lines for r in line.runs.values()]))
        return
    console.out.print(render_lines(lines))
    if name == "clicks":
        from pointillist.studies.clicks_table import AIMS, render_clicks

        for n_random in AIMS:
            console.out.print(render_clicks(lines, n_random))
        return
    for line in lines:
        classes = next(iter(line.runs.values())).get("classes", CLASSIC_LEGEND.names)
        if name == "perclass" or name in DATA_SETS:
            console.out.print(render_classes(line, tuple(classes)))
    for notice in dict.fromkeys(
        notice
        for line in lines
        for record in line.runs.values()
        for notice in record.get("notices", [])
    ):
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
