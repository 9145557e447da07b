"""`pointillist assess`: how good a map is, and how much there is of each class."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pointillist.cli import console


def assess(
    map_path: Annotated[Path, typer.Argument(metavar="MAP", help="A map to judge.")],
    reference: Annotated[Path, typer.Option(help="Points, polygons or a raster of true classes.")],
    class_field: Annotated[
        str | None,
        typer.Option(help="Field with the class. Default: `class`, or the only text field."),
    ] = None,
    legend: Annotated[
        Path | None,
        typer.Option(help="What the numbers of a reference without class names mean."),
    ] = None,
    design: Annotated[
        str | None,
        typer.Option(help="How the points were drawn: simple, stratified or systematic."),
    ] = None,
    strata: Annotated[
        str | None, typer.Option(help="Field with the stratum of each point.")
    ] = None,
    stratum_sizes: Annotated[
        Path | None, typer.Option(help="CSV stratum,size: pixels per stratum.")
    ] = None,
    confidence: Annotated[float, typer.Option(help="Level of the intervals.")] = 0.95,
    fpc: Annotated[bool, typer.Option("--fpc", help="Finite population correction.")] = False,
    crs: Annotated[
        str | None, typer.Option(help="CRS of points that state none, e.g. EPSG:4326.")
    ] = None,
    json: Annotated[Path | None, typer.Option(help="Write all figures as JSON.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write a report page.")] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace outputs that exist.")
    ] = False,
) -> None:
    """Say how good a map is: error matrix, accuracies, areas, IoU."""
    from pointillist.accuracy import assess as assess_map
    from pointillist.report import render_table

    result = assess_map(
        map_path,
        reference,
        class_field=class_field,
        legend=legend,
        design=design,
        strata=strata,
        stratum_sizes=stratum_sizes,
        confidence=confidence,
        fpc=fpc,
        crs=crs,
        json=json,
        html=html,
        overwrite=overwrite,
    )
    console.out.print(render_table(result))
    for path in (json, html):
        if path is not None:
            console.say(f"Written: {path}")


EPILOG = (
    "\b\nExamples:\n"
    "  pointillist assess map.tif --reference reference.gpkg\n"
    "  pointillist assess map.tif --reference mask.tif --json accuracy.json --html accuracy.html\n"
    "  pointillist assess map.tif --reference field.csv --class-field cover --design simple"
)
