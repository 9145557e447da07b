"""The command `suggest`: from a model and a scene to places for a mapper to label."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pointillist.errors import InputError, PointsError
from pointillist.grid import Grid
from pointillist.models import TrainedModel, load
from pointillist.points import (
    AreaOfInterest,
    append_points,
    check_appendable,
    refuse_no_overlap,
    write_points,
)
from pointillist.prediction import EngineRequest
from pointillist.prediction.fitting import open_fitting_scene
from pointillist.raster import Scene, check_output
from pointillist.sampling.spacing import Spacing, ground_positions, pixel_size_m
from pointillist.suggestion.choosing import choose
from pointillist.suggestion.earlier import EarlierPoints, read_earlier
from pointillist.suggestion.looks import look_at
from pointillist.suggestion.scouting import Scouted, scout
from pointillist.suggestion.strategies import (
    DEFAULT_STRATEGY,
    Strategy,
    explain,
    find_strategy,
)
from pointillist.training.rounds import expect_gain, read_rounds

PathLike = str | os.PathLike[str]
Say = Callable[[str], None]

DEFAULT_DISTANCE_PX = 10
"""Places lie at least so far apart, unless a distance is asked for."""


def suggest(
    model: PathLike | TrainedModel,
    scene: PathLike,
    n: int,
    *,
    out: PathLike,
    points: PathLike | Sequence[PathLike] = (),
    class_field: str | None = None,
    crs: str | None = None,
    strategy: str = DEFAULT_STRATEGY,
    min_distance: float | None = None,
    aoi: PathLike | None = None,
    seed: int = 0,
    engine: str = "auto",
    device: str = "auto",
    append: bool = False,
    overwrite: bool = False,
    say: Say | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Suggest places whose labels would teach the model most, and write them as points to fill in.

    The scene is mapped once, block by block; memory does not grow with it. Places lie where the
    model hesitates, in all classes of its map, apart from each other and from the points there
    are, never on nodata and not on specks or corners of the map. The class stays empty for the
    mapper to fill; what the model would say and why the place is asked for stand beside it.

    Args:
        model: A trained model, its `.safetensors` file or its run folder.
        scene: The scene: any raster GDAL opens.
        n: How many places.
        out: Vector file to write, by its suffix (.gpkg, .geojson, .shp, .parquet, .csv).
        points: Files of the points there are, answered or not; places keep away from them.
        class_field: Field of the class; that of the first file of points, else `class`.
        crs: Coordinate system of points that state none.
        strategy: One of `STRATEGIES`.
        min_distance: Metres on the ground between places, and to the points there are; pixels on
            an image without coordinate system. 10 pixels where None.
        aoi: Vector file; only places inside its polygons.
        seed: Of the draw; every round draws anew.
        engine: `auto`, `torch` or `openvino`.
        device: `auto`, `cpu` or `cuda`.
        append: Add the places to `out`, a GeoPackage of points, whose rows stay as they are.
        overwrite: Replace a file that is there.
        say: Takes lines for the person; None stays silent.
        progress: Told (blocks done, blocks in all) after each block.

    Returns:
        The file's path.

    Raises:
        InputError: A number out of range, an unknown strategy, or no place left.
        OutputExistsError: `out` exists and neither `append` nor `overwrite` is set.
        PointsError: `append` to what is no GeoPackage of points, or to a reference sample.
        GridError: A scene without the model's bands, or an area outside it.

    Example:
        >>> suggest("run", "scene.tif", 50, out="ask.gpkg", points="points.gpkg")  # doctest: +SKIP
        PosixPath('ask.gpkg')
    """
    chosen_by = find_strategy(strategy)
    _check_numbers(n, min_distance, seed)
    path, files = Path(out), _as_list(points)
    _check_target(path, files, append=append, overwrite=overwrite)
    if append and path.resolve() not in {Path(str(f).split("|")[0]).resolve() for f in files}:
        files.append(path)
    trained = model if isinstance(model, TrainedModel) else load(os.fspath(model))
    with closing(open_fitting_scene(os.fspath(scene), trained)) as opened:
        earlier = read_earlier(files, opened, class_field, crs)
        rng = np.random.default_rng([seed, earlier.next_round])
        scouted = scout(
            trained,
            opened,
            rng,
            aoi=_read_area(aoi, opened),
            ask_ensemble=chosen_by.needs_ensemble,
            request=EngineRequest(engine, device=device),
            progress=progress,
        )
        _refuse_nowhere(scouted, opened, aoi)
        least_m = _distance(min_distance, opened.grid)
        places = _choose(scouted, n, chosen_by, least_m, earlier, opened, rng)
    if len(places) == 0:
        raise InputError(
            f"Expected room for new places at least {least_m:g} {_unit(opened.grid)} from the "
            f"{len(earlier.rowcol):,} points there are, but there is none. Ask for less with "
            "--min-distance."
        )
    columns = _columns(scouted, places, chosen_by, earlier, trained)
    xy = opened.grid.transform.xy(scouted.candidates.rowcol[places])
    if append:
        append_points(path, xy, opened.grid.crs, columns)
    else:
        facts = {"legend": trained.legend.to_dict(), "design": "purposive", "strategy": strategy,
                 "raster": Path(opened.name).name, "seed": seed}  # fmt: skip
        write_points(path, xy, opened.grid.crs, columns, metadata=facts, overwrite=overwrite)
    if say is not None:
        _report(say, len(places), n, least_m, opened.grid, earlier)
        if not isinstance(model, TrainedModel):
            say(expect_gain(read_rounds(model), n))
    return path


def _check_numbers(n: int, min_distance: float | None, seed: int) -> None:
    if n < 1:
        raise InputError(f"Expected at least 1 place to suggest, got {n}.")
    if seed < 0:
        raise InputError(f"Expected a seed of at least 0, got {seed}.")
    if min_distance is not None and not (np.isfinite(min_distance) and min_distance >= 0):
        raise InputError(f"Expected --min-distance of at least 0 metres, got {min_distance:g}.")


def _check_target(path: Path, files: Sequence[PathLike], *, append: bool, overwrite: bool) -> None:
    """Refuse before the scene is mapped, not after."""
    if append:
        check_appendable(path)
        return
    if path.resolve() in {Path(file).resolve() for file in files}:
        raise InputError(
            f"'{path}' holds points that are there and is not written over. Choose another file "
            "for --out, or add the places to it with --append."
        )
    check_output(path, overwrite)


def _read_area(aoi: PathLike | None, scene: Scene) -> AreaOfInterest | None:
    if aoi is None:
        return None
    area = AreaOfInterest.read(os.fspath(aoi), scene.grid, scene.name)
    refuse_no_overlap([area], os.fspath(aoi), [scene.name])
    return area


def _refuse_nowhere(scouted: Scouted, scene: Scene, aoi: PathLike | None) -> None:
    if len(scouted.candidates) == 0:
        where = "" if aoi is None else f" inside the area of {Path(aoi).name}"
        raise PointsError(
            f"Expected pixels with data in {scene.name}{where}, but there are none. "
            "Check the scene's nodata value."
        )


def _distance(min_distance: float | None, grid: Grid) -> float:
    return DEFAULT_DISTANCE_PX * pixel_size_m(grid) if min_distance is None else min_distance


def _choose(
    scouted: Scouted,
    n: int,
    strategy: Strategy,
    least_m: float,
    earlier: EarlierPoints,
    scene: Scene,
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    grid, candidates = scene.grid, scouted.candidates
    spacing = Spacing(
        ground_positions(grid, candidates.rowcol), least_m, ground_positions(grid, earlier.rowcol)
    )
    return choose(
        candidates,
        n,
        strategy,
        spacing,
        rng,
        class_pixels=scouted.class_pixels,
        looks=lambda rowcol: look_at(scene, rowcol),
    )


def _columns(
    scouted: Scouted,
    places: NDArray[np.int64],
    strategy: Strategy,
    earlier: EarlierPoints,
    model: TrainedModel,
) -> dict[str, Any]:
    """Fields of the points: the class to fill in, and why it is asked for."""
    chosen = scouted.candidates.subset(places)
    names = np.array(model.legend.names, dtype=object)

    def same(value: object) -> NDArray[Any]:
        return np.full(len(places), value, dtype=object)

    return {
        earlier.class_field: same(None),
        "round": np.full(len(places), earlier.next_round, dtype=np.int64),
        "source": same("suggested"),
        "design": same("purposive"),
        "predicted": names[chosen.index],
        "uncertainty": np.round(strategy.measure(chosen), 3),
        "why": np.array([explain(p, strategy, names) for p in chosen.probabilities], dtype=object),
        "time": same(datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")),
    }


def _report(
    say: Say, n: int, wanted: int, least_m: float, grid: Grid, earlier: EarlierPoints
) -> None:
    for notice in earlier.notices:
        say(notice)
    if n < wanted:
        say(
            f"{n} of {wanted} places: no more lie at least {least_m:g} {_unit(grid)} apart. "
            "Ask for less with --min-distance."
        )
    say(
        f"Round {earlier.next_round}: {n} places, at least {least_m:.3g} {_unit(grid)} apart"
        + (f" and from {earlier.n_points:,} points there are." if earlier.n_points else ".")
    )
    if not earlier.files:
        say("To keep away from the points there are, name them with --points.")


def _unit(grid: Grid) -> str:
    return "m" if grid.crs is not None else "px"


def _as_list(points: PathLike | Sequence[PathLike]) -> list[PathLike]:
    return [points] if isinstance(points, (str, os.PathLike)) else list(points)
