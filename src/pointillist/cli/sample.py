"""`pointillist sample`: points to train with, or a reference sample that judges a map."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from pointillist.cli import console

_PATIENCE_S = 2.0  # a quick count needs no progress


def sample(
    raster: Annotated[
        Path, typer.Argument(help="A map or mask, a probability raster, or a scene.")
    ],
    out: Annotated[
        Path, typer.Option(help="Vector file to write (.gpkg, .geojson, .shp, .csv …).")
    ],
    n: Annotated[int | None, typer.Option("-n", help="Number of points.")] = None,
    design: Annotated[
        str, typer.Option(help="simple, balanced, stratified, spread, systematic or interior.")
    ] = "simple",
    purpose: Annotated[
        str, typer.Option("--for", help="training, or reference (records the probability design).")
    ] = "training",
    strata: Annotated[
        Path | None,
        typer.Option(help="Stratify by this map instead of the raster's own classes."),
    ] = None,
    allocation: Annotated[
        str | None, typer.Option(help="Points per stratum: equal, proportional or neyman.")
    ] = None,
    expected: Annotated[
        str | None,
        typer.Option(help="Expected user's accuracies: 0.8, or by class: 0.8,Water=0.95."),
    ] = None,
    min_per_stratum: Annotated[
        int | None, typer.Option(help="Points of every stratum at least (2 if not given).")
    ] = None,
    target_se: Annotated[
        float | None,
        typer.Option(help="Standard error wanted of the overall accuracy, instead of -n."),
    ] = None,
    spacing: Annotated[
        float | None, typer.Option(help="Metres between systematic points, instead of -n.")
    ] = None,
    min_distance: Annotated[
        float | None, typer.Option(help="Metres between points at least.")
    ] = None,
    aoi: Annotated[Path | None, typer.Option(help="Only inside these polygons.")] = None,
    blind: Annotated[
        bool, typer.Option("--blind", help="Keep the map's class out of the reference file.")
    ] = False,
    legend: Annotated[
        Path | None, typer.Option(help="Classes: .yaml, .csv or QGIS .qml (code, name, color).")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of all randomness.")] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace outputs that exist.")
    ] = False,
) -> None:
    """Draw points by a design: to train with, or as a reference sample that judges a map."""
    from pointillist.legend import Legend
    from pointillist.sampling import sample as draw_sample

    started = time.monotonic()
    with console.progress("Counting") as step:

        def show(share: float) -> None:
            if time.monotonic() - started > _PATIENCE_S:
                step(share, "")

        path = draw_sample(
            raster,
            n,
            design,
            out=out,
            purpose=purpose,
            strata=strata,
            legend=None if legend is None else Legend.read(legend),
            allocation=allocation,
            expected=expected,
            min_per_stratum=min_per_stratum,
            target_se=target_se,
            spacing=spacing,
            min_distance=min_distance,
            aoi=aoi,
            blind=blind,
            seed=0 if seed is None else seed,
            overwrite=overwrite,
            say=console.say,
            progress=show,
        )
    console.say(f"Points: {path}")


EPILOG = (
    "\b\nExamples:\n"
    "  pointillist sample scene.tif -n 300 --design spread --out to_label.gpkg\n"
    "  pointillist sample mask.tif -n 300 --design balanced --out points.gpkg\n"
    "  pointillist sample map.tif -n 500 --design stratified --for reference --out reference.gpkg\n"
    "  pointillist sample map.tif --design stratified --for reference --blind --target-se 0.01 "
    "--allocation neyman --expected 0.8 --min-per-stratum 30 --out reference.gpkg\n"
    "  pointillist sample map.tif --design systematic --spacing 250 --for reference "
    "--aoi district.gpkg --out reference.gpkg"
)
