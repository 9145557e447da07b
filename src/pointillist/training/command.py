"""The command `train`: from scenes and points to a run."""

from __future__ import annotations

import math
import os
import platform
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from pointillist.errors import GridError, InputError
from pointillist.grid import Grid
from pointillist.legend import Legend
from pointillist.models import free_cores_only, save_model
from pointillist.points import LabelReport, read_labels_for_scenes, require_two_classes
from pointillist.raster import Scene, fingerprint_contents, open_scene, parse_bands
from pointillist.training.class_shares import check_shares, parse_class_shares
from pointillist.training.config import TrainConfig, read_config
from pointillist.training.inputs import record_inputs
from pointillist.training.recipe import Fitted, Workshop
from pointillist.training.rounds import (
    Start,
    check_bands,
    expect_gain,
    legend_to_go_on,
    read_rounds,
    read_start,
    record_round,
    settings_to_go_on,
)
from pointillist.training.run import Run, check_run, make_run
from pointillist.training.task import TrainingTask

PathLike = str | os.PathLike[str]


def train(
    scenes: PathLike | Sequence[PathLike],
    points: PathLike | Sequence[PathLike],
    out: PathLike,
    *,
    class_field: str | None = None,
    legend: PathLike | Legend | None = None,
    bands: str | Sequence[str | int] | None = None,
    crs: str | None = None,
    config: PathLike | None = None,
    recipe: str | None = None,
    budget: str | None = None,
    class_shares: str | Mapping[str, float] | None = None,
    label_noise: float | None = None,
    point_radius: float | None = None,
    encoder: str | None = None,
    weights: str | None = None,
    epochs: int | None = None,
    steps: int | None = None,
    seed: int | None = None,
    device: str | None = None,
    start_from: PathLike | None = None,
    resume: bool = False,
    overwrite: bool = False,
    say: Callable[[str], None] | None = None,
    step: Callable[[float, str], None] | None = None,
    start: float | None = None,
) -> Run:
    """Learn a map's classes from labelled points on one or several scenes.

    Args:
        scenes: Rasters with the same bands: anything GDAL opens, or plain images.
        points: Vector files with labelled points, lines or polygons.
        out: Folder of the run.
        class_field: Field that holds the class; found by itself where there is only one candidate.
        legend: Legend or its file; derived from the points when absent.
        bands: Bands to use, e.g. `1-7`, `red,nir`; all when absent.
        crs: Coordinate system of points that state none, e.g. `EPSG:4326`.
        config: YAML file with a `TrainConfig`; the options below override it.
        recipe: `auto`, `stack` (network and forest), `unet` or `forest`.
        budget: Time for the whole training, e.g. `10m`; with steps or epochs too, whichever is
            over first.
        class_shares: Shares of the classes in the scene: `auto`, `points`, `estimate`, or by name
            (`{"Water": 0.1, ...}` or `Water=0.1,...`). Balanced points mislead a map about them.
        label_noise: Share of points whose class is wrong, as far as known: 0.1 for one in ten.
        point_radius: How far points may lie from where they belong, in pixels.
        encoder: Encoder of the network.
        weights: Where the network starts: `auto`, `imagenet`, `generated`, `none` or a file.
        epochs: Length of the training in epochs (of `steps_per_epoch` steps).
        steps: Length of the training in optimiser steps.
        seed: Seed of everything random.
        device: `auto`, `cpu` or `cuda`.
        start_from: A run or model file whose learning goes on, with more points: same recipe,
            bands and class codes; a network is tuned on for 45 seconds unless steps or time are
            asked for, a forest is grown anew. Rounds are recorded.
        resume: Go on with an interrupted run; starts afresh when there is nothing to resume.
        overwrite: Replace an earlier run.
        say: Takes lines for the person; None stays silent.
        step: Takes the fraction done and what to show beside it.
        start: When the clock of the budget began (`time.monotonic()`); now if not given.

    Returns:
        The run; `run.model` is the trained model.

    Raises:
        PointillistError: Anything about the input that does not fit, with its remedy.
        KeyboardInterrupt: Ctrl-C; `resume` goes on from the last finished epoch.

    Example:
        >>> run = pointillist.train("scene.tif", "points.gpkg", "run")  # doctest: +SKIP
    """
    start = time.monotonic() if start is None else start
    if isinstance(class_shares, str):
        class_shares = parse_class_shares(class_shares)
    begin = None if start_from is None else read_start(start_from, Path(out))
    chosen = {
        "recipe": recipe,
        "class_shares": class_shares,
        "label_noise": label_noise,
        "point_radius": point_radius,
    }
    settings = _resolve(
        config, chosen, budget, encoder, weights, epochs, steps, seed, device, begin
    )
    is_first = "LOCAL_RANK" not in os.environ  # else a further process of the same training
    run = check_run(Path(out), overwrite=overwrite, resume=resume or not is_first)
    if resume:
        _check_same_config(run, settings)
    opened = open_scenes(scenes, bands, like=None if begin is None else begin.model.bands)
    if begin is not None and legend is None:
        legend = legend_to_go_on(begin, _as_list(points), class_field)
    task, report = read_task(opened, points, legend, class_field, crs, settings.seed)
    if begin is not None:
        check_bands(begin, task)
        task = replace(task, normalisation=begin.model.normalisation)
    _check_settings(task, settings, begin)
    # from here on there is something to keep: a bad input must not leave or remove anything
    contents = " ".join(fingerprint_contents(scene.path, by_name=False) for scene in opened)
    if resume:
        _check_same_task(run, task, contents)
    if resume and run.is_complete:
        (say or _silent)(f"Run '{run.path}' is complete: nothing left to do.")
        return run
    make_run(run, resume=resume or not is_first)
    tell = _tell(run, say)
    for notice in (notice for scene in opened for notice in scene.notices):
        tell(notice)
    for line in [*report.lines(), *_few_points(task)]:
        tell(line)
    settings.write(run.config_path)
    run.state_path.mkdir(exist_ok=True)
    run.task_path.write_text(f"{task.fingerprint()}\n{contents}\n", encoding="utf-8")
    fitted = fit_recipe(
        task,
        settings,
        Workshop(
            say=tell,
            step=step,
            seconds=settings.budget_s,
            start=start,
            checkpoint=run.checkpoint_path,
            resume=resume,
            log_dir=run.path / "logs",
            begin=begin,
        ),
    )
    sources = {"scenes": scenes, "points": points, "bands": bands}
    inputs = record_inputs(sources, class_field, crs, task, contents)
    spent_s = time.monotonic() - start
    _finish(run, task, fitted, spent_s, inputs, begin)
    has_network = settings.recipe != "forest"
    if has_network and settings.budget_s is not None and spent_s > _OVERRUN * settings.budget_s:
        tell(
            f"Training took {spent_s:.0f} s, not the {settings.budget_s:.0f} s of its budget: what "
            "comes before and after the steps of the network alone takes that long here."
        )
    if begin is not None:
        tell(expect_gain(read_rounds(run)))
    tell(f"Model: {run.model_path}")
    return run


def open_scenes(
    scenes: PathLike | Sequence[PathLike],
    bands: str | Sequence[str | int] | None = None,
    *,
    like: Sequence[str] | None = None,
) -> tuple[Scene, ...]:
    """Open scenes and check that they have the same bands.

    Bands that have names are brought into one order, that of `like` or of the first scene.

    Args:
        scenes: Files.
        bands: Bands to take, by number or name; all but alpha when None.
        like: Names in the order wanted.

    Raises:
        GridError: They have not the same bands; both are named.
    """
    paths = [scenes] if isinstance(scenes, (str, os.PathLike)) else list(scenes)
    if not paths:
        raise InputError("Expected at least one scene, got none.")
    chosen = parse_bands(bands) if isinstance(bands, str) else bands
    opened = [open_scene(path, chosen) for path in paths]
    order = tuple(like or opened[0].band_names)
    for i, scene in enumerate(opened):
        if _are_in_another_order(scene.band_names, order):
            if chosen is not None:
                raise GridError(
                    f"Expected bands in the order {', '.join(order)}, but --bands takes those of "
                    f"'{scene.name}' as {', '.join(scene.band_names)}. Name the bands instead of "
                    "numbering them, or leave the option out."
                )
            opened[i] = open_scene(paths[i], order)
    first = opened[0]
    for other in opened[1:]:
        if other.n_bands != first.n_bands:
            raise GridError(
                f"Expected scenes with the same bands, but '{first.name}' has {first.n_bands} "
                f"and '{other.name}' has {other.n_bands}. Choose common ones with --bands."
            )
    return tuple(opened)


def _are_in_another_order(names: Sequence[str], wanted: Sequence[str]) -> bool:
    """Whether bands have the wanted names (upper and lower case are the same) in another order."""
    here, there = ([name.casefold() for name in those] for those in (names, wanted))
    return here != there and sorted(here) == sorted(there) and len(set(here)) == len(here)


def read_task(
    scenes: Sequence[Scene],
    points: PathLike | Sequence[PathLike],
    legend: PathLike | Legend | None,
    class_field: str | None,
    crs: str | None,
    seed: int,
) -> tuple[TrainingTask, LabelReport]:
    """Read the labelled pixels of every scene into one task.

    Raises:
        PointsError: Nothing usable, or only one class.
        LegendError: The legend is broken or contradicts the points.
    """
    known = legend if isinstance(legend, Legend) or legend is None else Legend.read(Path(legend))
    paths = _as_list(points)
    labels, classes, report = read_labels_for_scenes(
        [Path(p) for p in paths],
        list(scenes),
        class_field=class_field,
        legend=known,
        crs=crs,
    )
    require_two_classes(labels, classes, ", ".join(str(p) for p in paths))
    task = TrainingTask(
        sources=tuple(scenes),
        labels=tuple(labels),
        legend=classes,
        seed=seed,
        bands=scenes[0].band_names,
        resolution=_resolution(scenes[0].grid),
        crs=scenes[0].grid.crs,
        design=report.design,
    )
    return task, report


def _as_list(points: PathLike | Sequence[PathLike]) -> list[PathLike]:
    return [points] if isinstance(points, (str, os.PathLike)) else list(points)


def fit_recipe(task: TrainingTask, config: TrainConfig, workshop: Workshop) -> Fitted:
    """Train with the recipe that the configuration names."""
    fitted = _fit_by_name(task, config, workshop)
    fitted.model.card.smooth_px = choose_smoothing(task, config)
    if fitted.model.card.smooth_px and config.smooth_px is None:
        workshop.say(
            f"Maps are smoothed within {fitted.model.card.smooth_px} pixels, but not over the "
            "image's edges (predict --smooth 0 for not)."
        )
    return fitted


SMOOTH_PX = 2
"""Radius within which maps of small pixels are smoothed (docs/decisions/0020)."""


def choose_smoothing(task: TrainingTask, config: TrainConfig) -> int:
    """Radius within which maps are smoothed: what is asked for, or what was best.

    On small pixels, where a class is many pixels wide, and where a forest takes part, which is slow
    enough for smoothing to cost little (docs/decisions/0020).
    """
    if config.smooth_px is not None:
        return config.smooth_px
    return SMOOTH_PX if config.recipe != "unet" and task.is_fine else 0


def _fit_by_name(task: TrainingTask, config: TrainConfig, workshop: Workshop) -> Fitted:
    task = replace(task, label_noise=config.label_noise, point_radius=config.point_radius)
    # imported here: a forest needs no Lightning
    if config.recipe == "forest":
        from pointillist.training.forest import fit_corrected_forest

        return fit_corrected_forest(task, config, workshop)
    from pointillist.training.fitting import choose_device

    on_cpu = choose_device(config.unet.device) == "cpu"
    with free_cores_only(workshop.say) if on_cpu else nullcontext():
        if config.recipe == "unet":
            from pointillist.training.unet_recipe import fit_corrected_unet

            return fit_corrected_unet(task, config, workshop)
        from pointillist.training.stack import fit_stack

        return fit_stack(task, config, workshop)


def _resolve(
    config: PathLike | None,
    chosen: dict[str, Any],
    budget: str | None,
    encoder: str | None,
    weights: str | None,
    epochs: int | None,
    steps: int | None,
    seed: int | None,
    device: str | None,
    begin: Start | None = None,
) -> TrainConfig:
    """Defaults, file and options in one configuration."""
    if epochs is not None and steps is not None:
        raise InputError("Expected --epochs or --steps, got both. Leave one out.")
    overrides: dict[str, Any] = {
        **chosen,
        "budget": budget,
        "seed": seed,
        "unet.encoder": encoder,
        "unet.weights": weights,
        "unet.steps": steps,
        "unet.device": device,
    }
    if begin is not None:
        config = config or begin.config
        if epochs is None:
            overrides = settings_to_go_on(begin, overrides)
    settings = read_config(Path(config) if config else None, overrides)
    if epochs is not None:
        if epochs < 1:
            raise InputError(f"Expected --epochs of at least 1, got {epochs}.")
        overrides["unet.steps"] = epochs * settings.unet.steps_per_epoch
    elif settings.budget is not None and "steps" not in settings.unet.model_fields_set:
        overrides["unet.steps"] = _UNLIMITED_STEPS
    return read_config(Path(config) if config else None, overrides)


def _check_settings(task: TrainingTask, config: TrainConfig, begin: Start | None) -> None:
    """Refuse settings that fit neither the task nor the machine, before anything is changed."""
    check_shares(task, config.class_shares)
    if config.recipe != "forest":
        from pointillist.training.unet import check_network

        check_network(task, config.unet, begin)


_FEW = 5
_UNLIMITED_STEPS = 10_000_000
_OVERRUN = 1.1
"""With a budget and no steps asked for, time alone ends the training."""


def _check_same_config(run: Run, settings: TrainConfig) -> None:
    """An unfinished run goes on only with its own configuration."""
    if run.config_path.exists() and read_config(run.config_path) != settings:
        raise InputError(
            f"Run '{run.path}' was started with another configuration ({run.config_path}). "
            "Resume it with the same options, or start anew with --overwrite."
        )


def _check_same_task(run: Run, task: TrainingTask, contents: str) -> None:
    """A run goes on, or is complete, only with its own scenes and points."""
    if run.task_path.exists():
        known = run.task_path.read_text(encoding="utf-8").splitlines()
    elif run.metrics_path.exists():
        inputs = run.metrics.get("inputs", {})
        known = [inputs[key] for key in ("task", "contents") if inputs.get(key)]
    else:
        return
    if known != [task.fingerprint(), contents][: len(known)]:
        raise InputError(
            f"Run '{run.path}' was started with other scenes, bands, points or classes. "
            "Resume it with the same inputs, or start anew with --overwrite."
        )


def _few_points(task: TrainingTask) -> Iterator[str]:
    """Classes that hardly anything can be learnt of."""
    for name, n in zip(task.legend.names, task.class_counts().tolist(), strict=True):
        if 0 < n < _FEW:
            yield f"Class '{name}' has {n} labelled pixel{'s' * (n > 1)} only; more would help."


def _silent(_: str) -> None:
    """Say nothing."""


def _tell(run: Run, say: Callable[[str], None] | None) -> Callable[[str], None]:
    """Tell the person and the run's log."""

    def tell(line: str) -> None:
        run.log(line)
        if say is not None:
            say(line)

    return tell


def _finish(
    run: Run,
    task: TrainingTask,
    fitted: Fitted,
    seconds: float,
    inputs: dict[str, Any],
    begin: Start | None = None,
) -> None:
    """Write figures and metrics, and the model last: a run with a model is complete."""
    if "LOCAL_RANK" in os.environ and os.environ["LOCAL_RANK"] != "0":
        return
    from pointillist import __version__

    if fitted.history:
        from pointillist.training.figure import draw_history

        draw_history(fitted.history, run.figures / "training.png")
    counts = task.class_counts().tolist()
    run.write_metrics(
        {
            "recipe": fitted.model.card.recipe,
            "labelled_pixels": dict(zip(task.legend.names, counts, strict=True)),
            **fitted.facts,
            **({} if begin is None else {"from": begin.name}),
            **record_round(task, fitted.judged, () if begin is None else begin.rounds),
            "inputs": inputs,
            "total_seconds": round(seconds, 1),
            "pointillist": __version__,
            "python": platform.python_version(),
            "history": fitted.history,
        }
    )
    save_model(fitted.model, run.model_path)
    shutil.rmtree(run.state_path, ignore_errors=True)


def _resolution(grid: Grid) -> float | None:
    """Mean pixel size in CRS units; None without a georeference."""
    if not grid.is_georeferenced:
        return None
    x, y = grid.transform.pixel_size_xy
    return math.sqrt(x * y)
