"""All scenes of one command: those that are complete passed over, the others with one engine."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING

from pointillist.errors import UnreadableFileError
from pointillist.interruption import interrupt_between_steps
from pointillist.models import free_cores_only
from pointillist.prediction.choice import (
    EngineRequest,
    choose_engine,
    fullest_part,
    side_by_side,
)
from pointillist.prediction.engine import Engine
from pointillist.prediction.kept_engine import describe_engine, refuse_another, restore_engine
from pointillist.prediction.mapping import map_scene
from pointillist.prediction.polygons import are_polygons_of, write_polygons
from pointillist.prediction.resuming import Stock
from pointillist.prediction.scene_job import BlockCounter, MapOptions, Progress, SceneJob
from pointillist.prediction.tracing import span
from pointillist.prediction.work_folder import WorkFolder, work_path
from pointillist.raster import check_output, remove_partial_files

if TYPE_CHECKING:
    from pointillist.models import TrainedModel
    from pointillist.raster import Pixels

logger = logging.getLogger(__name__)

Elsewhere = Callable[[list[tuple[SceneJob, Stock]], BlockCounter], None]

# Engines are compared on parts of this many blocks, spread over the scenes, each with at least so
# many valid pixels where there are such.
_N_PARTS, _PART_PX, _PART_VALID_PX = 4, 256, 1024


def map_scenes(
    model: TrainedModel,
    jobs: Sequence[SceneJob],
    stocks: Sequence[Stock],
    request: EngineRequest,
    options: MapOptions,
    progress: Progress | None = None,
    elsewhere: Elsewhere | None = None,
) -> None:
    """Map all scenes that are not complete.

    Where a map was begun before, its engine is kept, and scenes not begun get the same one.

    Args:
        model: The model.
        jobs: The scenes.
        stocks: What there is of each one's map.
        request: What engine is asked for.
        options: What is made of all scenes.
        progress: Told (blocks done, blocks in all) after each block.
        elsewhere: Maps the scenes in other processes; None maps them in this one.
    """
    # a forest shares its work among threads that do not wait for one another
    alone = model.kind == "forest" or elsewhere is not None
    cores = nullcontext() if alone else free_cores_only(logger.info, torch_now=False)
    with interrupt_between_steps() as check:
        counter = BlockCounter(progress, sum(len(job.blocks) for job in jobs), check)
        todo = pass_over_complete(jobs, stocks, request, options, counter)
        if not todo:
            return
        if elsewhere is not None:
            elsewhere(todo, counter)
            return
        with cores as n_threads:
            probe = probe_scenes(jobs, options.skip_unreadable)
            n_px = sum(job.grid.height * job.grid.width for job in jobs)
            with span("choose engine"):
                engines = _restore_engines(model, stocks, request, n_threads)
                engines = engines or [choose_engine(model, request, n_px, probe, n_threads)]
            by_name = {engine.name: engine for engine in engines}
            chosen = describe_engine(engines[0])
            for job, stock in todo:
                kept = stock.record.engine or chosen
                begun = replace(stock, record=replace(stock.record, engine=kept))
                map_scene(job, begun, by_name[kept["name"]], options, counter)


def _restore_engines(
    model: TrainedModel,
    stocks: Sequence[Stock],
    request: EngineRequest,
    n_threads: int | None = None,
) -> list[Engine]:
    """The engines that maps were begun with, each once; in general one or none."""
    engines: dict[str, Engine] = {}
    for kept in [stock.record.engine for stock in stocks]:
        if kept is not None and kept["name"] not in engines:
            engines[kept["name"]] = restore_engine(model, kept, request, n_threads)
            logger.info("Engine: %s, as the map was begun with.", kept["name"])
    return list(engines.values())


def pass_over_complete(
    jobs: Sequence[SceneJob],
    stocks: Sequence[Stock],
    request: EngineRequest,
    options: MapOptions,
    counter: BlockCounter,
) -> list[tuple[SceneJob, Stock]]:
    """Say which maps are complete and count their blocks; returns the others."""
    todo = []
    for job, stock in zip(jobs, stocks, strict=True):
        if stock.state != "complete":
            todo.append((job, stock))
            continue
        if stock.record.engine is not None:
            refuse_another(stock.record.engine, request)
        _finish_complete(job, stock, options)
        logger.info("'%s' is complete: nothing left to do.", job.outputs.map)
        counter.add(len(job.blocks))
    return todo


def _finish_complete(job: SceneJob, stock: Stock, options: MapOptions) -> None:
    """Do what a run that ended after its last raster had left to do.

    Its folder goes when the polygons are there: as long as it stays, those that lie there may be of
    a map that was replaced.
    """
    output, polygons = job.outputs.map, job.outputs.polygons
    if not work_path(output).exists():
        if polygons is None:
            return
        if polygons.exists():
            if are_polygons_of(output, polygons):
                return
            check_output(polygons, stock.may_replace)
    with WorkFolder(output, stock.record.to_dict(), go_on=True) as work:
        for file in job.outputs.files:
            remove_partial_files(file)
        if polygons is not None:
            write_polygons(output, options.legend, polygons)
        work.remove()


def probe_scenes(jobs: Sequence[SceneJob], skip_unreadable: bool) -> Callable[[], Pixels | None]:
    """Reads parts of a few blocks of scenes to compare engines on."""

    def probe() -> Pixels | None:
        full: list[Pixels] = []
        sparse: list[Pixels] = []
        for pixels in _parts(jobs, skip_unreadable):
            n_valid = int(pixels.valid.sum())
            if n_valid:
                (full if n_valid >= _PART_VALID_PX else sparse).append(pixels)
            if len(full) == _N_PARTS:
                break
        sparse.sort(key=lambda pixels: -int(pixels.valid.sum()))
        parts = (full or sparse)[:_N_PARTS]
        return side_by_side(parts, _PART_PX) if parts else None

    return probe


def _parts(jobs: Sequence[SceneJob], skip_unreadable: bool) -> Iterator[Pixels]:
    """A part of every block, in an order that soon has been everywhere."""
    for job in jobs:
        for block in (job.blocks[i] for i in _spread_order(len(job.blocks))):
            if job.aoi is not None and not job.aoi.touches(block.core):
                continue
            try:
                yield fullest_part(job.scene.read(block.read), _PART_PX)
            except UnreadableFileError:
                if not skip_unreadable:
                    raise


def _spread_order(n: int) -> list[int]:
    """0…n − 1, each far from those before it: steps of the golden section, from the middle."""
    step = max(1, round(n * (math.sqrt(5) - 1) / 2))
    while math.gcd(step, n) > 1:
        step += 1
    return [(n // 2 + i * step) % n for i in range(n)]
