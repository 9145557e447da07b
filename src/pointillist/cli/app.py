"""The commands: thin, one function each; the work is done by the rooms they call."""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer
from typer.exceptions import TyperException

from pointillist import __version__
from pointillist.cli import assess as assessing
from pointillist.cli import console
from pointillist.cli import export as export_command
from pointillist.cli import sample as sampling
from pointillist.cli import suggest as suggesting
from pointillist.cli.label import EPILOG as LABEL_EPILOG
from pointillist.cli.label import label

app = typer.Typer(
    name="pointillist",
    help="From a few hundred labelled points to a trustworthy land-cover map.",
    epilog="The path of a map:\n\n\b\n"
    "  pointillist sample  scene.tif -n 300 --design spread --out points.gpkg  # label in QGIS\n"
    "  pointillist train   scene.tif --points points.gpkg --out run\n"
    "  pointillist predict run scene.tif --out map.tif\n"
    "  pointillist assess  map.tif --reference reference.gpkg --html report.html\n\n"
    "Try it all on a generated scene:  pointillist demo",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)

_N_SAID = 20

Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace outputs that exist.")]
ClassField = Annotated[
    str | None,
    typer.Option(help="Field with the class. Default: `class`, or the only text field."),
]
LegendFile = Annotated[
    Path | None,
    typer.Option(help="Classes as .yaml, .csv (code,name,color) or QGIS .qml."),
]
Crs = Annotated[
    str | None,
    typer.Option(help="CRS of points that state none, e.g. EPSG:4326."),
]
Seed = Annotated[int | None, typer.Option(help="Seed of everything random.")]
Bands = Annotated[
    str | None,
    typer.Option(help="Bands by number, range or name: 1-7, 4,3,2, red,nir."),
]


def _version(wanted: bool) -> None:
    if wanted:
        print(f"pointillist {__version__}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show tracebacks and all log lines (in any place).")
    ] = False,
) -> None:
    """Options of every command."""


@app.command(
    epilog="\b\nExample:\n  pointillist demo --out demo",
)
def demo(
    out: Annotated[Path, typer.Option(help="Folder for everything the demo makes.")] = Path("demo"),
    overwrite: Overwrite = False,
) -> None:
    """The whole path on a generated scene: points, model, map, accuracy, one picture."""
    from pointillist.cli.demo import run_demo

    run_demo(out, overwrite=overwrite)


@app.command(
    epilog="\b\nExamples:\n"
    "  pointillist train scene.tif --points points.gpkg --out run\n"
    "  pointillist train scene.tif --points points.csv --recipe forest --out run\n"
    "  pointillist train s2.tif --points plots.shp --class-field crop --bands 1-7 --out run\n"
    "  pointillist train scene.tif --points points.gpkg --from run --out run2  # more points\n"
    "  pointillist train a.tif b.tif --points points.gpkg --config my.yaml --out run --resume",
)
def train(
    scenes: Annotated[list[Path], typer.Argument(metavar="SCENE...", help="Scenes to learn from.")],
    points: Annotated[
        list[Path], typer.Option(help="Labelled points, lines or polygons (may be repeated).")
    ],
    out: Annotated[Path, typer.Option(help="Folder of the run.")],
    class_field: ClassField = None,
    legend: LegendFile = None,
    recipe: Annotated[str | None, typer.Option(help="auto, stack, unet or forest.")] = None,
    class_shares: Annotated[
        str | None,
        typer.Option(
            help="Class shares of the scene: auto, points, estimate, or Water=0.1,Forest=0.9."
        ),
    ] = None,
    label_noise: Annotated[
        float | None,
        typer.Option(help="Share of points whose class is wrong, as far as known: 0.1."),
    ] = None,
    point_radius: Annotated[
        float | None,
        typer.Option(help="How far points may lie from where they belong, in pixels."),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="YAML configuration; options override it.")
    ] = None,
    bands: Bands = None,
    crs: Crs = None,
    budget: Annotated[
        str | None,
        typer.Option(help="Time for the whole training: 90s, 10m, 1h; a bare number is minutes."),
    ] = None,
    encoder: Annotated[
        str | None, typer.Option(help="Encoder of the network, e.g. resnet34.")
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(
            help="Where the network starts: auto, imagenet, generated (slim), none or a file."
        ),
    ] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Length in epochs.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Length in steps.")] = None,
    seed: Seed = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu or cuda.")] = None,
    start_from: Annotated[
        Path | None,
        typer.Option("--from", help="Run to go on from, with more points, in under a minute."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with an interrupted run.")
    ] = False,
    overwrite: Overwrite = False,
) -> None:
    """Learn a map's classes from labelled points."""
    start = time.monotonic()  # a budget is for reading the libraries too
    from pointillist.training import train as train_run

    with console.progress("Training") as step:
        run = train_run(
            scenes,
            points,
            out,
            class_field=class_field,
            legend=legend,
            bands=bands,
            crs=crs,
            config=config,
            recipe=recipe,
            class_shares=class_shares,
            label_noise=label_noise,
            point_radius=point_radius,
            budget=budget,
            encoder=encoder,
            weights=weights,
            epochs=epochs,
            steps=steps,
            seed=seed,
            device=device,
            start_from=start_from,
            resume=resume,
            overwrite=overwrite,
            say=console.say,
            step=step,
            start=start,
        )
    command = shlex.join(["pointillist", "predict", str(run.path), str(scenes[0])])
    console.say(f"Next: {command} --out map.tif")


@app.command(
    epilog="\b\nExamples:\n"
    "  pointillist predict run scene.tif --out map.tif\n"
    "  pointillist predict run scene.tif --out map.tif --polygons map.gpkg --min-area 20\n"
    "  pointillist predict run north.tif south.tif --out maps/ --aoi district.gpkg --min-area 20\n"
    "  pointillist predict run scenes/ --out maps/ --workers 4    # maps, a mosaic, STAC\n"
    "  pointillist predict run items.json --out maps/ --scheduler tcp://10.0.0.1:8786\n"
    "  pointillist predict run scene.tif --out map.tif --resume  # after an interruption",
)
def predict(
    model: Annotated[Path, typer.Argument(help="Run folder or .safetensors file.")],
    scenes: Annotated[
        list[str],
        typer.Argument(
            metavar="SCENE...",
            help="Scenes to map, a folder of them, STAC items (.json) or a GDAL tile index.",
        ),
    ],
    out: Annotated[str, typer.Option(help="FILE.tif for one scene, a folder for several.")],
    pattern: Annotated[
        str | None,
        typer.Option(help="Which files of a folder: '*_image.tif', or '**/*.tif' for all below."),
    ] = None,
    asset: Annotated[
        str | None, typer.Option(help="Which asset of STAC items. Default: the one with data.")
    ] = None,
    probabilities: Annotated[
        Path | None, typer.Option(help="Also write a band of probability per class.")
    ] = None,
    uncertainty: Annotated[
        Path | None, typer.Option(help="Also write the normalised entropy, 0 sure … 1 not.")
    ] = None,
    polygons: Annotated[
        Path | None, typer.Option(help="Also write patches as polygons with class and area.")
    ] = None,
    aoi: Annotated[Path | None, typer.Option(help="Map only inside these polygons.")] = None,
    min_confidence: Annotated[
        float | None,
        typer.Option(help="Leave pixels below this probability unclassified."),
    ] = None,
    min_area: Annotated[
        int | None, typer.Option(help="Merge patches smaller than this many pixels.")
    ] = None,
    bands: Bands = None,
    engine: Annotated[str, typer.Option(help="auto, torch or openvino.")] = "auto",
    precision: Annotated[str, typer.Option(help="auto, fp32, bf16, or fp16 on a GPU.")] = "auto",
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    memory: Annotated[
        float | None,
        typer.Option(help="Gigabytes that blocks may take besides the model; 1 unless given."),
    ] = None,
    block: Annotated[int | None, typer.Option(help="Side of a block in pixels.")] = None,
    halo: Annotated[int | None, typer.Option(help="Margin read around a block.")] = None,
    views: Annotated[
        int, typer.Option(help="Flips and turns averaged: 1, 2, 4 or 8; so many times slower.")
    ] = 1,
    blend: Annotated[
        bool,
        typer.Option("--blend", help="Fade between overlapping windows; 3 to 4 times slower."),
    ] = False,
    smooth: Annotated[
        int | None,
        typer.Option(
            help="Smooth within so many pixels, but not over the image's edges; 0 for not. "
            "As the model asks for unless given."
        ),
    ] = None,
    probabilities_dtype: Annotated[
        Literal["float32", "float16", "uint8"],
        typer.Option(help="Type of probabilities and uncertainty; uint8 is scaled."),
    ] = "float32",
    skip_unreadable: Annotated[
        bool,
        typer.Option("--skip-unreadable", help="Leave nodata where a scene cannot be read."),
    ] = False,
    workers: Annotated[
        int | None, typer.Option(help="Map with so many processes on this machine.")
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option(help="Map with a Dask cluster: its address, tcp://HOST:8786.")
    ] = None,
    trace: Annotated[
        Path | None, typer.Option(help="Also write a timeline (.json) for chrome://tracing.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with an interrupted map.")
    ] = False,
    overwrite: Overwrite = False,
) -> None:
    """Map whole scenes with a trained model."""
    from pointillist.prediction import predict as predict_scenes

    with console.progress("Mapping") as step:
        made = predict_scenes(
            model,
            list(scenes) if len(scenes) > 1 else scenes[0],
            out,
            pattern=pattern,
            asset=asset,
            probabilities=probabilities,
            uncertainty=uncertainty,
            polygons=polygons,
            aoi=aoi,
            min_confidence=min_confidence,
            min_area=min_area,
            bands=bands,
            engine=engine,
            precision=precision,
            device=device,
            block=block,
            halo=halo,
            views=views,
            blend=blend,
            smooth=smooth,
            memory=memory,
            probabilities_dtype=probabilities_dtype,
            skip_unreadable=skip_unreadable,
            trace=trace,
            workers=workers,
            scheduler=scheduler,
            resume=resume,
            overwrite=overwrite,
            progress=lambda done, total: step(done / max(total, 1), f"{done} of {total} blocks"),
        )
    paths = made if isinstance(made, list) else [made]
    for path in paths[:_N_SAID]:
        console.say(f"Map: {path}")
    if len(paths) > _N_SAID:
        console.say(f"… and {len(paths) - _N_SAID} more maps beside it.")
    beside = {
        "Probabilities": probabilities,
        "Uncertainty": uncertainty,
        "Polygons": polygons,
        "Timeline": trace,
    }
    for name, written in beside.items():
        if written is not None:
            console.say(f"{name}: {written}")


app.command(epilog=sampling.EPILOG)(sampling.sample)


app.command(epilog=assessing.EPILOG)(assessing.assess)
app.command(epilog=suggesting.EPILOG)(suggesting.suggest)


@app.command(
    epilog="\b\nExamples:\n"
    "  pointillist stack B02.tif B03.tif B04.tif B08.tif --out scene.vrt\n"
    "  pointillist stack before.tif after.tif --out change.vrt",
)
def stack(
    rasters: Annotated[list[Path], typer.Argument(metavar="RASTER...", help="Co-registered.")],
    out: Annotated[Path, typer.Option(help="SCENE.vrt to write.")],
    overwrite: Overwrite = False,
) -> None:
    """Make one scene of co-registered bands or dates (to map change, stack two dates)."""
    from pointillist.raster import stack as stack_rasters

    path = stack_rasters(rasters, out, overwrite=overwrite)
    console.say(f"Scene: {path}")


@app.command(
    epilog="\b\nExamples:\n  pointillist info scene.tif\n  pointillist info run\n"
    "  pointillist info points.gpkg",
)
def info(
    file: Annotated[Path, typer.Argument(help="Scene, map, points, run or model.")],
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say what a file holds."""
    from pointillist.cli.info import render
    from pointillist.description import describe

    facts = describe(file)
    if json:
        import json as json_module

        print(json_module.dumps(facts, indent=2, default=str))
    else:
        console.out.print(render(facts))


@app.command(
    epilog="\b\nExamples:\n  pointillist study density --only '10 per class' --seeds 3\n"
    "  pointillist study all --workers 2\n"
    "  pointillist study configs/studies/sampling.yaml\n"
    "  pointillist study potsdam --root DIR\n"
    "  pointillist study prepare --scenes DIR --out studies/scenes",
)
def study(
    name: Annotated[
        str,
        typer.Argument(
            help="density, sampling, baselines, perclass, transfer, real, ablation, "
            "ablation-reduced, ensemble, laptop, disturbed, blocks, accuracy, clicks or all; a "
            "published data set (potsdam, vaihingen, deepglobe, agriculture-vision, loveda, "
            "openearthmap) or folders of images and masks of your own (folders), with --root; a "
            ".yaml file; prepare, which writes the scenes as arrays for machines without GDAL; or "
            "examples, which keeps the maps that the report shows."
        ),
    ],
    seeds: Annotated[
        int | None, typer.Option(help="Seeds of every row; the study's own number if not given.")
    ] = None,
    records: Annotated[
        Path, typer.Option(help="Folder of records; what is recorded is not run again.")
    ] = Path("studies/records"),
    only: Annotated[
        str | None, typer.Option(help="A single row of the table: '10 per class'.")
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1, help="Runs side by side; one per core (a dozen on a GPU) if not given."
        ),
    ] = None,
    scenes: Annotated[
        Path | None,
        typer.Option(help="Folder of the Dubai scenes and masks, or of what prepare wrote."),
    ] = None,
    root: Annotated[
        Path | None, typer.Option(help="Folder of a published data set, as its publisher lays it.")
    ] = None,
    weights: Annotated[
        Path | None, typer.Option(help="File of encoder weights, for two rows more of baselines.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Where prepare writes.")] = Path("studies/scenes"),
) -> None:
    """Run an experiment with several seeds, and show its table."""
    from pointillist.cli.study import keep_examples, prepare, show_study
    from pointillist.studies.places import Folders

    if name == "prepare":
        prepare(scenes, out)
        return
    if name == "examples":
        keep_examples(records, scenes)
        return
    show_study(name, seeds, records, only, workers, Folders(scenes, root, weights))


@app.command(
    epilog="\b\nExamples:\n  pointillist report\n"
    "  pointillist report --out report.pdf --seconds-per-point 5 --minutes-per-mask 20",
)
def report(
    out: Annotated[Path, typer.Option(help="PDF; the page goes beside it as .html.")] = Path(
        "docs/technical_report.pdf"
    ),
    claims: Annotated[
        Path | None,
        typer.Option(help="Markdown file for the claims ledger.", show_default="beside the PDF"),
    ] = None,
    records: Annotated[Path, typer.Option(help="Folder of records.")] = Path("studies/records"),
    clicks: Annotated[
        Path | None,
        typer.Option(help="Markdown file on the next click.", show_default="beside the PDF"),
    ] = None,
    scenes: Annotated[
        Path | None, typer.Option(help="Folder of the Dubai scenes, to show their images.")
    ] = None,
    seconds_per_point: Annotated[float, typer.Option(help="To place one labelled point.")] = 2.4,
    minutes_per_mask: Annotated[float, typer.Option(help="To draw one full mask.")] = 4.0,
    hourly_wage: Annotated[float, typer.Option(help="In dollars.")] = 15.0,
) -> None:
    """Make the technical report (PDF and HTML), the claims ledger and the page on clicks.

    All of it is made of the records; files of these names are replaced.
    """
    from pointillist.raster import check_output
    from pointillist.studies.clicks_page import write_clicks_page
    from pointillist.studies.cost import CostModel
    from pointillist.studies.findings import gather
    from pointillist.studies.places import Folders
    from pointillist.studies.records import require_folder
    from pointillist.studies.technical_report import write_report

    cost = CostModel(seconds_per_point, minutes_per_mask, hourly_wage)
    folders = None if scenes is None else Folders(scenes)
    page = out.with_suffix(".html")
    claims, clicks = claims or out.with_name("claims.md"), clicks or out.with_name("clicks.md")
    require_folder(records)
    for path in (out, page, claims, clicks):
        check_output(path, overwrite=True)
    write_report(gather(records, cost, folders, console.say), out, page, claims)
    console.say(f"Report: {out}, {page}. Claims: {claims}.")
    if write_clicks_page(records, clicks):
        console.say(f"Where to click next: {clicks}")


app.command(epilog=export_command.EPILOG)(export_command.export)
app.command(epilog=LABEL_EPILOG)(label)

_INTERRUPTED = 130
_AFTER_INTERRUPTION = {
    "train": "Finished epochs, if any, are kept: go on with the same command and --resume.",
    "predict": "Finished blocks are kept: go on with the same command and --resume.",
    "demo": "Start again with --overwrite.",
    "label": "Everything you clicked is stored: start it again with the same command.",
    "study": "Finished runs are recorded: the same command goes on with the others.",
}


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line; every failure is one line on stderr and an exit status.

    Args:
        argv: Arguments without the program's name; those of the process when None.
    """
    args = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in args
    args = [arg for arg in args if arg != "--debug"]
    console.show_logs(debug)
    command = typer.main.get_command(app)
    remedy = _AFTER_INTERRUPTION.get(args[0] if args else "", "Nothing half-written was left.")
    with console.errors_in_one_line(debug, remedy):
        try:
            status = command.main(args=args, prog_name="pointillist", standalone_mode=False)
        except typer.Abort as error:
            if isinstance(error.__cause__, EOFError):  # a file that ends too soon, not Ctrl-C
                raise error.__cause__ from None
            raise KeyboardInterrupt from error
        except TyperException as error:  # wrong usage
            show = getattr(error, "show", None)
            show() if callable(show) else console.err.print(str(error))
            sys.exit(error.exit_code)
        if status == _INTERRUPTED:  # typer swallows the KeyboardInterrupt itself
            raise KeyboardInterrupt
    sys.exit(status if isinstance(status, int) else 0)
