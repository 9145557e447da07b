"""`pointillist suggest`: where to click next."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from pointillist.cli import console


def suggest(
    model: Annotated[Path, typer.Argument(help="Run folder or .safetensors file.")],
    scene: Annotated[Path, typer.Argument(help="The scene to look for places in.")],
    n: Annotated[int, typer.Option("-n", help="Number of places.")],
    out: Annotated[str, typer.Option(help="Vector file to write (.gpkg, .geojson, .shp, .csv …).")],
    points: Annotated[
        list[str] | None,
        typer.Option(help="Points there are, answered or not; kept away from (may be repeated)."),
    ] = None,
    strategy: Annotated[
        str, typer.Option(help="margin, entropy, disagreement, diverse, spread or random.")
    ] = "margin",
    min_distance: Annotated[
        float | None,
        typer.Option(help="Metres between places and to points (10 pixels if not given)."),
    ] = None,
    aoi: Annotated[Path | None, typer.Option(help="Only inside these polygons.")] = None,
    class_field: Annotated[
        str | None, typer.Option(help="Field to fill in. Default: that of --points, or `class`.")
    ] = None,
    crs: Annotated[
        str | None, typer.Option(help="CRS of points that state none, e.g. EPSG:4326.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the draw; every round draws anew.")] = 0,
    engine: Annotated[str, typer.Option(help="auto, torch or openvino.")] = "auto",
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    append: Annotated[
        bool, typer.Option("--append", help="Add to OUT, a GeoPackage; its rows stay as they are.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace outputs that exist.")
    ] = False,
) -> None:
    """Suggest where to click next: places whose labels would teach the model most."""
    from pointillist.suggestion import suggest as suggest_places

    with console.progress("Looking") as step:
        path = suggest_places(
            model,
            scene,
            n,
            out=out,
            points=points or [],
            class_field=class_field,
            crs=crs,
            strategy=strategy,
            min_distance=min_distance,
            aoi=aoi,
            seed=seed,
            engine=engine,
            device=device,
            append=append,
            overwrite=overwrite,
            say=console.say,
            progress=lambda done, total: step(done / max(total, 1), f"{done} of {total} blocks"),
        )
    console.say(f"Points: {path}")
    files = dict.fromkeys([*(points or []), str(path)])
    named = [word for file in files for word in ("--points", file)]
    command = ["pointillist", "train", str(scene), *named, "--from", str(model), "--out", "RUN"]
    console.say(f"Fill in the class, then: {shlex.join(command)}")


EPILOG = (
    "\b\nExamples:\n"
    "  pointillist suggest run scene.tif -n 50 --points points.gpkg --out ask.gpkg\n"
    "  pointillist suggest run scene.tif -n 50 --out points.gpkg --append\n"
    "  pointillist suggest run scene.tif -n 20 --strategy entropy --min-distance 30 "
    "--aoi district.gpkg --out ask.gpkg"
)
