"""The whole path on a generated scene, by the same functions that the commands call."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.table import Table

from pointillist.accuracy import Assessment
from pointillist.cli import console
from pointillist.errors import OutputError, OutputExistsError
from pointillist.grid import Grid, Transform
from pointillist.legend import Legend

SEED = 7
SIZE_PX = 1024
PIXEL_M = 0.5
N_POINTS = 250
N_REFERENCE = 500
BUDGET = "100s"


@dataclass(frozen=True)
class DemoFiles:
    """What the demo leaves in its folder.

    Args:
        folder: The folder.
    """

    folder: Path

    @property
    def scene(self) -> Path:
        """The generated scene."""
        return self.folder / "scene.tif"

    @property
    def truth(self) -> Path:
        """The true classes, known because the scene is generated."""
        return self.folder / "truth.tif"

    @property
    def points(self) -> Path:
        """Labelled points to train with."""
        return self.folder / "points.gpkg"

    @property
    def run(self) -> Path:
        """The training."""
        return self.folder / "run"

    @property
    def map(self) -> Path:
        """The map."""
        return self.folder / "map.tif"

    @property
    def reference(self) -> Path:
        """Independent reference sample."""
        return self.folder / "reference.gpkg"

    @property
    def accuracy(self) -> Path:
        """Figures of the assessment."""
        return self.folder / "accuracy.json"

    @property
    def page(self) -> Path:
        """Report page."""
        return self.folder / "report.html"

    @property
    def picture(self) -> Path:
        """Scene, points, map and truth side by side."""
        return self.folder / "picture.png"


def run_demo(out: Path, *, overwrite: bool = False) -> DemoFiles:
    """Generate a scene, draw points, train, map, assess; leave everything in a folder.

    Args:
        out: The folder.
        overwrite: Replace what an earlier demo left there.

    Raises:
        OutputExistsError: The folder holds something and overwriting was not asked for.
    """
    start = time.monotonic()
    files = DemoFiles(out)
    _make_folder(files, overwrite)
    legend = _generate(files)
    _draw_points(files)
    _train_and_map(files)
    result = _assess(files)
    census = _census(files)
    _draw_picture(files, legend)
    _show_results(files, result, census, time.monotonic() - start)
    return files


def _make_folder(files: DemoFiles, overwrite: bool) -> None:
    folder = files.folder
    if folder.is_dir() and any(folder.iterdir()):
        if not overwrite:
            raise OutputExistsError(
                f"Folder '{folder}' is not empty. Choose another with --out, or add --overwrite."
            )
        if not files.scene.exists():
            raise OutputExistsError(
                f"Folder '{folder}' holds other files and no demo. Choose another with --out."
            )
        shutil.rmtree(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"Folder '{folder}' cannot be made: {error.strerror}.") from error


def _step(number: int, title: str) -> Callable[[], None]:
    """Announce a step; call the result when it is done."""
    start = time.monotonic()
    console.err.print(f"[bold]{number}/5  {title}[/]")

    def done() -> None:
        console.err.print(f"     {time.monotonic() - start:.0f} s", style="dim")

    return done


def _generate(files: DemoFiles) -> Legend:
    from pointillist.raster import write_array
    from pointillist.scenes import TERRAIN_LEGEND, generate_terrain

    done = _step(1, f"Generating a scene of {SIZE_PX}×{SIZE_PX} px at {PIXEL_M} m → {files.scene}")
    scene = generate_terrain(SEED, SIZE_PX, SIZE_PX)
    grid = Grid(
        SIZE_PX, SIZE_PX, Transform(PIXEL_M, 0, 312_400.0, 0, -PIXEL_M, 5_690_600.0), "EPSG:32632"
    )
    write_array(files.scene, scene.image, grid, band_names=scene.band_names)
    codes = TERRAIN_LEGEND.to_codes(scene.mask.astype(np.int64))
    write_array(files.truth, codes, grid, legend=TERRAIN_LEGEND)
    done()
    return TERRAIN_LEGEND


def _draw_points(files: DemoFiles) -> None:
    from pointillist.sampling import sample

    done = _step(2, f"Drawing {N_POINTS} points, as a mapper would click them → {files.points}")
    sample(files.truth, N_POINTS, "simple", out=files.points, seed=SEED)
    done()


def _train_and_map(files: DemoFiles) -> None:
    from pointillist.prediction import predict
    from pointillist.training import train

    done = _step(3, f"Training a U-Net on the points for {BUDGET} → {files.run}")
    with console.progress("     training") as step:
        train(
            files.scene,
            files.points,
            files.run,
            recipe="unet",
            weights="none",
            budget=BUDGET,
            seed=SEED,
            step=step,
        )
    done()
    done = _step(4, f"Mapping the whole scene → {files.map}")
    predict(files.run, files.scene, files.map)
    done()


def _assess(files: DemoFiles) -> Assessment:
    from pointillist.accuracy import assess
    from pointillist.sampling import sample

    done = _step(5, f"Judging the map by {N_REFERENCE} independent reference points → {files.page}")
    sample(
        files.truth,
        N_REFERENCE,
        "stratified",
        out=files.reference,
        purpose="reference",
        strata=files.map,
        seed=SEED + 1,
    )
    result = assess(files.map, files.reference, json=files.accuracy, html=files.page)
    done()
    return result


def _census(files: DemoFiles) -> Assessment:
    """The truth of the whole scene: known only because the scene is generated."""
    from pointillist.accuracy import assess

    return assess(files.map, files.truth)


def _draw_picture(files: DemoFiles, legend: Legend) -> None:
    from pointillist.points import read_labels
    from pointillist.raster import open_class_raster, open_scene
    from pointillist.report import side_by_side

    with open_scene(files.scene) as scene:
        window = scene.grid.window
        labels = read_labels(files.points, scene.grid, legend=legend)
        side_by_side(
            scene.read(window).data,
            labels.pixels.rowcol,
            labels.pixels.index,
            open_class_raster(files.map).read(window),
            open_class_raster(files.truth).read(window),
            legend,
            files.picture,
        )


def _show_results(files: DemoFiles, result: Assessment, census: Assessment, seconds: float) -> None:
    table = Table(title="How good is the map?", title_justify="left")
    table.add_column("")
    table.add_column(f"{N_REFERENCE} reference points", justify="right")
    table.add_column("whole scene (known here only)", justify="right")
    estimated, true = result.to_dict(), census.to_dict()
    overall = estimated["overall_accuracy"]
    table.add_row("overall accuracy", _with_interval(overall), f"{true['overall_accuracy']:.3f}")
    for name in estimated["classes"]:
        table.add_row(
            f"user's accuracy, {name}",
            _with_interval(estimated["users_accuracy"][name]),
            _number(true["users_accuracy"][name]),
        )
    table.add_row("mean IoU", _number(estimated["mean_iou"]), _number(true["mean_iou"]))
    console.out.print(table)
    console.out.print(
        f"\nDone in {seconds:.0f} s. Look at [bold]{files.picture}[/] and [bold]{files.page}[/].\n"
        "\nNow with your own scene and points (GeoPackage, GeoJSON, Shapefile or CSV):\n"
        "  pointillist sample  scene.tif -n 300 --design spread --out points.gpkg"
        "   # then label them in QGIS\n"
        "  pointillist train   scene.tif --points points.gpkg --out run\n"
        "  pointillist predict run scene.tif --out map.tif\n"
        "  pointillist sample  map.tif -n 500 --design stratified --for reference"
        " --out reference.gpkg\n"
        "  pointillist assess  map.tif --reference reference.gpkg --html report.html"
    )


def _number(value: object) -> str:
    if isinstance(value, dict):
        value = value["estimate"]
    return "–" if value is None else f"{float(str(value)):.3f}"


def _with_interval(value: object) -> str:
    if isinstance(value, dict) and value.get("ci"):
        low, high = value["ci"]
        return f"{value['estimate']:.3f}  [dim]({low:.3f} – {high:.3f})[/]"
    return _number(value)
