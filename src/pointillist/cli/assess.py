"""`pointillist assess`: how good a map is, and how much there is of each class."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pointillist.cli import console
from pointillist.cli.crossvalidate import CrossValidationRequest, cross_validate


def assess(
    map_path: Annotated[
        Path | None, typer.Argument(metavar="MAP", help="A map to judge.", show_default=False)
    ] = None,
    reference: Annotated[
        Path | None, typer.Option(help="Points, polygons or a raster of true classes.")
    ] = None,
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
    post_stratify: Annotated[
        bool,
        typer.Option("--post-stratify", help="Map classes as strata of a sample drawn without."),
    ] = False,
    cannot_tell: Annotated[
        list[str] | None,
        typer.Option(help="Answer that means: nobody can tell (may be repeated)."),
    ] = None,
    crosswalk: Annotated[
        Path | None,
        typer.Option(help="CSV reference class,map class (or ignore): which is which."),
    ] = None,
    training: Annotated[
        list[Path] | None,
        typer.Option(help="Points the map was trained with, or its run: looks for leakage."),
    ] = None,
    bootstrap: Annotated[
        int, typer.Option(help="Replicates for intervals of F1 and IoU; 0 for none.")
    ] = 1000,
    kappa: Annotated[bool, typer.Option("--kappa", help="State Cohen's kappa too.")] = False,
    crs: Annotated[
        str | None, typer.Option(help="CRS of points that state none, e.g. EPSG:4326.")
    ] = None,
    json: Annotated[Path | None, typer.Option(help="Write all figures as JSON.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write a report page.")] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace outputs that exist.")
    ] = False,
    model: Annotated[
        Path | None, typer.Option(help="With --cv: the run to cross-validate, instead of a MAP.")
    ] = None,
    cv: Annotated[
        str | None,
        typer.Option(help="blocks: train again without one part of the points at a time."),
    ] = None,
    folds: Annotated[int | None, typer.Option(help="With --cv: number of folds (5).")] = None,
    block: Annotated[
        int | None,
        typer.Option(help="With --cv: side of the squares in pixels; from the points if absent."),
    ] = None,
    budget: Annotated[
        str | None, typer.Option(help="With --cv: time for all folds together: 90s, 10m, 1h.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Seed of the bootstrap; with --cv of folds.")
    ] = None,
) -> None:
    """Say how good a map is: error matrix, accuracies, areas, IoU.

    With --model and --cv: how well a run's recipe learns from its own points.
    """
    request = CrossValidationRequest(model, cv, folds, block, budget, seed)
    if request.is_made:
        others = {
            "MAP": map_path,
            "--reference": reference,
            "--design": design,
            "--strata": strata,
            "--stratum-sizes": stratum_sizes,
            "--legend": legend,
            "--class-field": class_field,
            "--crs": crs,
            "--fpc": fpc,
            "--post-stratify": post_stratify,
            "--cannot-tell": cannot_tell,
            "--crosswalk": crosswalk,
            "--training": training,
            "--kappa": kappa,
            "--html": html,
        }
        cross_validate(request, others, json, overwrite)
        return
    if map_path is None or reference is None:
        missing = "argument 'MAP'" if map_path is None else "option '--reference'"
        raise typer.BadParameter(f"Missing {missing}.")
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
        post_stratify=post_stratify,
        cannot_tell=cannot_tell or (),
        crosswalk=crosswalk,
        training=training or (),
        bootstrap=bootstrap,
        seed=seed or 0,
        kappa=kappa,
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
    "  pointillist assess map.tif --reference field.csv --class-field cover --design simple\n"
    "  pointillist assess --model run --cv blocks --json learner.json\n"
    "  pointillist assess map.tif --reference field.csv --design simple --post-stratify "
    "--cannot-tell unclear --crosswalk classes.csv --training points.gpkg"
)
