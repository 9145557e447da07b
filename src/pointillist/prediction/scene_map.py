"""From a model and scenes to finished maps."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Generator, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pointillist.errors import InputError
from pointillist.grid import Block, Grid
from pointillist.interruption import interrupt_between_steps
from pointillist.legend import Legend
from pointillist.models import free_cores_only
from pointillist.prediction.aoi import AreaOfInterest, refuse_no_overlap
from pointillist.prediction.block import BlockPrediction, Tiling, Wanted, predict_block
from pointillist.prediction.choice import EngineRequest, choose_engine, fullest_part
from pointillist.prediction.engine import Engine
from pointillist.prediction.fitting import Bands, open_fitting_scene
from pointillist.prediction.map_files import BandType, MapFiles
from pointillist.prediction.outputs import Outputs, PathLike, plan_outputs
from pointillist.prediction.polygons import write_polygons
from pointillist.prediction.read_ahead import read_ahead

if TYPE_CHECKING:
    from pointillist.models import TrainedModel
    from pointillist.raster import Pixels, PixelSource, Scene

logger = logging.getLogger(__name__)

Progress = Callable[[int, int], None]

# Engines are compared on a part with at least this many valid pixels, where the scene has one.
_PROBE_VALID_PX = 4096


@dataclass(frozen=True)
class SceneJob:
    """One scene to map.

    Args:
        scene: The scene, in the model's bands.
        outputs: Where its results go.
        blocks: How it is cut.
        aoi: Where it is mapped; None for everywhere.
    """

    scene: Scene
    outputs: Outputs
    blocks: list[Block]
    aoi: AreaOfInterest | None = None

    @property
    def grid(self) -> Grid:
        """The scene's grid, and that of its map."""
        return self.scene.grid


@dataclass(frozen=True)
class MapOptions:
    """What is made of the predictions of every scene.

    Args:
        wanted: What to compute besides classes.
        min_area_px: Smallest patch of the map.
        probabilities_dtype: `float32`, or `uint8` scaled.
        overwrite: Whether files that exist are replaced.
    """

    wanted: Wanted
    min_area_px: int = 1
    probabilities_dtype: BandType = "float32"
    overwrite: bool = False


def predict(
    model: PathLike | TrainedModel,
    scenes: PathLike | Sequence[PathLike],
    out: PathLike,
    *,
    probabilities: PathLike | None = None,
    uncertainty: PathLike | None = None,
    polygons: PathLike | None = None,
    aoi: PathLike | None = None,
    min_confidence: float | None = None,
    min_area: int | None = None,
    bands: Bands | None = None,
    engine: str = "auto",
    precision: str = "auto",
    block: int | None = None,
    halo: int | None = None,
    device: str = "auto",
    probabilities_dtype: BandType = "float32",
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Path | list[Path]:
    """Map whole scenes, block by block; memory does not grow with the scene.

    Pixels without data are never predicted: the map has nodata there, as it has outside the area
    of interest and where the model is less sure than `min_confidence`. Every block depends on its
    own window only, so results do not depend on order.

    Args:
        model: A trained model, its `.safetensors` file or its run folder.
        scenes: One scene or several: any raster GDAL opens.
        out: The map, `.tif`; or a folder (one that exists, ends with a slash or has no suffix),
            which several scenes need. Maps in folders are named `<scene>_map.tif`.
        probabilities: File or folder of the class probabilities, a band per class.
        uncertainty: File or folder of the normalised entropy: 0 sure, 1 all classes alike.
        polygons: File (GeoPackage, GeoJSON or FlatGeobuf by suffix) or folder of the patches as
            polygons with class and area.
        aoi: Vector file; only pixels whose centre lies in one of its polygons are mapped.
        min_confidence: Between 0 and 1; pixels whose class is less probable stay unclassified.
        min_area: Smallest patch in pixels; smaller ones take the class of their largest neighbour.
            The map is then held in memory, one byte per pixel (two for codes above 254), twice.
            Nodata and unclassified pixels take no part; probabilities stay as they are.
        bands: Bands of the scenes in the model's order, like `1-3` or `red,nir`; chosen by name
            where None.
        engine: `auto`, `torch` or `openvino`.
        precision: `auto`, `fp32` or `bf16`; `auto` takes bf16 where the hardware has it and the
            classes agree with float32 on 99.5 % of the pixels of a block.
        block: Side of a block in pixels, rounded up to a multiple of 32 for networks.
        halo: Margin read around a block, rounded up likewise; the model's own where None.
        device: `auto`, `cpu` or `cuda`.
        probabilities_dtype: `float32`, or `uint8` (scaled), for probabilities and uncertainty.
        overwrite: Whether outputs that exist are replaced.
        progress: Told (blocks done, blocks in all) after each block.

    Returns:
        The map; a list of maps where `scenes` is a list.

    Raises:
        GridError: A scene without the model's bands, or an area of interest outside the scenes.
        InputError: An option out of range.
        OutputExistsError: An output exists and `overwrite` is False; nothing was done.
        OutputError: An output cannot be written; nothing half-written is left.

    Example:
        >>> predict("run", "scene.tif", "map.tif", polygons="map.gpkg")  # doctest: +SKIP
        PosixPath('map.tif')
    """
    several = not isinstance(scenes, (str, os.PathLike))
    given = [scenes] if isinstance(scenes, (str, os.PathLike)) else scenes
    paths = [os.fspath(scene) for scene in given]
    aoi = None if aoi is None else os.fspath(aoi)
    if probabilities_dtype not in ("float32", "uint8"):
        raise InputError(
            f"Expected probabilities as float32 or uint8, got {probabilities_dtype!r}."
        )
    wanted = Wanted(probabilities is not None, uncertainty is not None, min_confidence)
    request = EngineRequest(engine, precision, device)
    if min_area is not None and min_area < 1:
        raise InputError(f"Expected --min-area of at least 1 pixel, got {min_area}.")
    trained = _load(model)
    tiling = Tiling.of_model(trained, block, halo)
    plans = plan_outputs(
        paths,
        out,
        probabilities=probabilities,
        uncertainty=uncertainty,
        polygons=polygons,
        inputs=[path for path in (aoi, model) if isinstance(path, str | Path)],
        overwrite=overwrite,
    )
    options = MapOptions(wanted, min_area or 1, probabilities_dtype, overwrite)
    opened = [open_fitting_scene(path, trained, bands) for path in paths]
    areas = _read_areas(aoi, opened)
    jobs = [
        SceneJob(scene, plan, tiling.plan(scene.grid.shape), area)
        for scene, plan, area in zip(opened, plans, areas, strict=True)
    ]
    n_px = sum(job.grid.height * job.grid.width for job in jobs)
    # a forest shares its work among threads that do not wait for one another
    cores = free_cores_only(logger.info) if trained.kind == "network" else nullcontext()
    with cores, interrupt_between_steps() as check:
        report = _counter(progress, sum(len(job.blocks) for job in jobs), check)
        chosen = choose_engine(trained, request, n_px, lambda: _find_pixels(jobs))
        for job in jobs:
            _map_scene(job, chosen, trained.legend, options, report)
    maps = [plan.map for plan in plans]
    return maps if several else maps[0]


def predict_scene(
    source: PixelSource,
    blocks: Sequence[Block],
    engine: Engine,
    wanted: Wanted,
    aoi: AreaOfInterest | None = None,
) -> Generator[tuple[Block, BlockPrediction | None], None, None]:
    """Predict the blocks of one scene, in order; the next one is read meanwhile.

    Args:
        source: The scene, in the model's bands.
        blocks: Which blocks.
        engine: What computes.
        wanted: What to compute besides classes.
        aoi: Where to map; None for everywhere.

    Yields:
        Each block with its prediction, None where it has no pixel to map.
    """

    def read(block: Block) -> tuple[Any, NDArray[np.bool_]] | None:
        if aoi is not None and not aoi.touches(block.core):
            return None
        pixels = source.read(block.read)
        mapped = pixels.valid[block.core.slices_in(block.read)]
        if aoi is not None:
            mapped = mapped & aoi.mask(block.core)
        return (engine.prepare(pixels), mapped) if mapped.any() else None

    with closing(read_ahead(blocks, read)) as read_blocks:
        for block, ready in read_blocks:
            yield (
                block,
                None if ready is None else predict_block(engine, ready[0], block, ready[1], wanted),
            )


def _map_scene(
    job: SceneJob, engine: Engine, legend: Legend, options: MapOptions, report: Callable[[], None]
) -> None:
    """Predict and write one scene; on any error, Ctrl-C included, nothing half-written stays."""
    files = MapFiles(
        job.outputs,
        job.grid,
        legend,
        min_area_px=options.min_area_px,
        probabilities_dtype=options.probabilities_dtype,
        overwrite=options.overwrite,
    )
    results = predict_scene(job.scene, job.blocks, engine, options.wanted, job.aoi)
    with closing(job.scene), files, closing(results):
        for block, result in results:
            if result is not None:
                files.write(block.core, result)
            report()
    if job.outputs.polygons is not None:
        write_polygons(job.outputs.map, legend, job.outputs.polygons)


def _load(model: PathLike | TrainedModel) -> TrainedModel:
    if not isinstance(model, (str, os.PathLike)):
        return model
    from pointillist.models import load

    return load(os.fspath(model))


def _read_areas(aoi: str | None, scenes: Sequence[Scene]) -> Sequence[AreaOfInterest | None]:
    if aoi is None:
        return [None] * len(scenes)
    areas = [AreaOfInterest.read(aoi, scene.grid, scene.name) for scene in scenes]
    refuse_no_overlap(areas, aoi, [scene.name for scene in scenes])
    return areas


def _find_pixels(jobs: Sequence[SceneJob]) -> Pixels | None:
    """Some valid pixels to compare engines on, from the middle of the first scene that has any."""
    best: Pixels | None = None
    for job in jobs:
        middle = len(job.blocks) // 2
        for block in [*job.blocks[middle:], *job.blocks[:middle]]:
            if job.aoi is not None and not job.aoi.touches(block.core):
                continue
            pixels = fullest_part(job.scene.read(block.read))
            if best is None or pixels.valid.sum() > best.valid.sum():
                best = pixels
            if best.valid.sum() >= _PROBE_VALID_PX:
                return best
    return best if best is not None and best.valid.any() else None


def _counter(
    progress: Progress | None, total: int, check: Callable[[], None]
) -> Callable[[], None]:
    """Count finished blocks; between two of them Ctrl-C is let through."""
    done = 0

    def count() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, total)
        check()

    return count
