"""The command `label`: opens the labelling app in the browser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pointillist.cli import console
from pointillist.errors import InputError

DEMO_FOLDER = Path("label_demo")
_SEED, _SIZE_PX = 7, 1024


EPILOG = (
    "\b\nExamples:\n"
    "  pointillist label scene.tif\n"
    "  pointillist label scene.tif --points points.gpkg --legend legend.yaml\n"
    "  pointillist label scenes/      # a folder: every scene has a points file of its own\n"
    "  pointillist label --demo"
)


def label(
    scene: Annotated[
        Path | None, typer.Argument(metavar="SCENE", help="A raster, or a folder of them.")
    ] = None,
    points: Annotated[
        Path | None,
        typer.Option(help="GeoPackage of the points. Default: SCENE_points.gpkg beside the scene."),
    ] = None,
    class_field: Annotated[
        str | None, typer.Option(help="Column of the points file with their classes.")
    ] = None,
    legend: Annotated[
        Path | None, typer.Option(help="Classes to begin with, as .yaml, .csv or QGIS .qml.")
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Default: a free one.")] = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Only print the link.")] = False,
    demo: Annotated[bool, typer.Option("--demo", help="Label a generated scene.")] = False,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(help="Further host name to answer to, of a proxy (may be repeated)."),
    ] = None,
    root_path: Annotated[str, typer.Option(help="Path prefix behind a proxy.")] = "",
    author: Annotated[
        str | None, typer.Option(help="Name that points carry until the page says another.")
    ] = None,
) -> None:
    """Label a scene in the browser and see its map change with every click."""
    from pointillist.web import ServeOptions, serve

    if demo == (scene is not None):
        raise InputError("Expected a SCENE to label, or --demo for a generated one.")
    if demo:
        scene = make_demo_scene(DEMO_FOLDER)
        legend = legend or DEMO_FOLDER / "legend.yaml"
    assert scene is not None
    hosts = tuple(allow_host or ())
    options = ServeOptions(
        scene=scene,
        points=points,
        legend=legend,
        host=host,
        port=port,
        browser=not no_browser,
        allow_hosts=hosts,
        root_path=_prefix(root_path),
        author=author,
        class_field=class_field,
    )
    serve(options, say=lambda line: console.out.print(line, markup=False))


def make_demo_scene(folder: Path) -> Path:
    """A generated scene and its classes in a folder; kept when it is already there."""
    import numpy as np

    from pointillist.grid import Grid, Transform
    from pointillist.raster import write_array
    from pointillist.scenes import generate_terrain

    path = folder / "scene.tif"
    if path.exists():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    scene = generate_terrain(_SEED, _SIZE_PX, _SIZE_PX)
    grid = Grid(_SIZE_PX, _SIZE_PX, Transform(*scene.transform), f"EPSG:{scene.epsg}")
    write_array(path, np.asarray(scene.image), grid, band_names=scene.band_names)
    scene.legend.write(folder / "legend.yaml")
    return path


def _prefix(root_path: str) -> str:
    trimmed = root_path.strip("/")
    return f"/{trimmed}" if trimmed else ""
