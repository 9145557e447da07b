"""From a model and scenes to finished maps."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pointillist.errors import InputError
from pointillist.points import AreaOfInterest, refuse_no_overlap
from pointillist.prediction.batch import map_scenes
from pointillist.prediction.blending import stride_for
from pointillist.prediction.block import Tiling, Wanted
from pointillist.prediction.block_layers import BandType
from pointillist.prediction.choice import EngineRequest
from pointillist.prediction.cluster.crew import CrewRequest
from pointillist.prediction.collection import MapCollection
from pointillist.prediction.fingerprint import fingerprint_model
from pointillist.prediction.fitting import Bands, open_fitting_scenes
from pointillist.prediction.job_record import JobRecord
from pointillist.prediction.outputs import PathLike, is_folder, plan_outputs
from pointillist.prediction.resuming import Stock, refuse_leftovers, take_stock
from pointillist.prediction.scene_job import (
    BlockCounter,
    MapOptions,
    Progress,
    SceneJob,
)
from pointillist.prediction.sizing import choose_tiling
from pointillist.prediction.smoothing import Smoothing
from pointillist.prediction.tracing import recorded
from pointillist.raster import fingerprint_scene
from pointillist.raster.listing import list_scenes

if TYPE_CHECKING:
    from pointillist.models import TrainedModel
    from pointillist.raster import Scene


def predict(
    model: PathLike | TrainedModel,
    scenes: PathLike | Sequence[PathLike],
    out: PathLike,
    *,
    pattern: str | None = None,
    asset: str | None = None,
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
    views: int = 1,
    blend: bool = False,
    smooth: int | None = None,
    memory: float | None = None,
    device: str = "auto",
    probabilities_dtype: BandType = "float32",
    skip_unreadable: bool = False,
    workers: int | None = None,
    scheduler: str | None = None,
    resume: bool = False,
    overwrite: bool = False,
    trace: PathLike | None = None,
    progress: Progress | None = None,
) -> Path | list[Path]:
    """Map whole scenes, block by block; memory does not grow with the scene.

    Pixels without data are never predicted: the map has nodata there, as it has outside the area
    of interest and where the model is less sure than `min_confidence`. Every block depends on its
    own window only, so results do not depend on order. Finished blocks are kept beside the map
    until it is complete; `resume` computes what is missing, and the pixels are those of a run that
    was never interrupted.

    Args:
        model: A trained model, its `.safetensors` file or its run folder.
        scenes: One scene or several: any raster GDAL opens; a folder of rasters; STAC items on this
            machine (an item, an item collection, a collection or a catalog); a GDAL tile index.
        out: The map, `.tif`; or a folder (one that exists, ends with a slash or has no suffix),
            which several scenes need. Maps in folders are named `<scene>_map.tif`. Beside those of
            several scenes lie `mosaic.vrt` and a STAC collection (`collection.json`).
        pattern: Which files of a folder are scenes, like `*_image.tif` or `**/*.tif`.
        asset: Which asset of STAC items is the scene; the one with the role `data`, or the only
            raster, where None.
        probabilities: File or folder of the class probabilities, a band per class.
        uncertainty: File or folder of the normalised entropy: 0 sure, 1 all classes alike.
        polygons: File (GeoPackage, GeoJSON or FlatGeobuf by suffix) or folder of the patches as
            polygons with class and area.
        aoi: Vector file; only pixels whose centre lies in one of its polygons are mapped.
        min_confidence: Between 0 and 1; pixels whose class is less probable stay unclassified.
        min_area: Smallest patch in pixels; smaller ones take the class of their largest neighbour.
            Four bytes per pixel of the map (seven for codes above 254) are then taken on the disk
            beside it for a while. Nodata and unclassified pixels take no part; probabilities stay
            as they are.
        bands: Bands of the scenes in the model's order, like `1-3` or `red,nir`; chosen by name
            where None.
        engine: `auto`, `torch` or `openvino`.
        precision: `auto`, `fp32` or `bf16`; `auto` takes bf16 where the hardware has it and the
            classes agree with float32 on 99.5 % of the pixels of a block.
        block: Side of a block in pixels, rounded up to a multiple of 32 for networks.
        halo: Margin read around a block, rounded up likewise; the model's own where None.
        views: Flips and quarter turns of each block whose probabilities are averaged (test-time
            augmentation): 1, 2, 4 or 8; so many times slower.
        blend: Look at each pixel from up to four overlapping windows and fade between them; three
            to four times slower. Blocks with their halo show no seams without it.
        smooth: Radius in pixels, up to 16, within which probabilities are smoothed along the edges
            of the image (a guided filter); 0 for not at all, what the model asks for where None.
        memory: Gigabytes (2³⁰ bytes) that blocks may take besides the model, 1 where None; decides
            the size of a block where `block` is None.
        device: `auto`, `cpu` or `cuda`.
        probabilities_dtype: `float32`, `float16` or `uint8` (scaled), for probabilities and
            uncertainty.
        skip_unreadable: Leave nodata, and say where, in blocks that the scene cannot be read for.
        workers: Map with so many processes on this machine, which are started again when they die.
        scheduler: Map with the workers of a Dask cluster; the address of its scheduler. All of
            them need the scenes and the folder of the maps under the same paths.
        resume: Go on from the blocks that an interrupted run left, with the engine it was begun
            with; starts afresh where there are none, does nothing where the map is complete.
        overwrite: Whether outputs that exist, and blocks of an interrupted run, are replaced.
        trace: JSON file to write with the times at which blocks were read, computed and written,
            and the memory then, for chrome://tracing, Perfetto or Speedscope.
        progress: Told (blocks done, blocks in all) after each block.

    Returns:
        The map; a list of maps where `scenes` is a list, or names a list of scenes.

    Raises:
        ClusterError: Workers cannot be reached or started, take no part, or have gone.
        GridError: A scene without the model's bands, or an area of interest outside the scenes.
        InputError: An option out of range.
        OutputExistsError: An output exists, or blocks of an interrupted run, and nothing says what
            to do with them; nothing was done.
        OutputError: An output cannot be written, another process is writing it, or what was left
            of it was made with another model, scene or option. No half-written output is left.
        UnreadableFileError: A scene is damaged; names file and window.

    Example:
        >>> predict("run", "scene.tif", "map.tif", polygons="map.gpkg")  # doctest: +SKIP
        PosixPath('map.tif')
    """
    one = isinstance(scenes, (str, os.PathLike))
    aoi = None if aoi is None else os.fspath(aoi)
    if probabilities_dtype not in ("float32", "float16", "uint8"):
        raise InputError(
            f"Expected probabilities as float32, float16 or uint8, got {probabilities_dtype!r}."
        )
    wanted = Wanted(probabilities is not None, uncertainty is not None, min_confidence, views)
    request = EngineRequest(engine, precision, device)
    crew = CrewRequest(workers, scheduler)
    if min_area is not None and min_area < 1:
        raise InputError(f"Expected --min-area of at least 1 pixel, got {min_area}.")
    listed = list_scenes(
        [scenes] if isinstance(scenes, (str, os.PathLike)) else scenes,
        pattern=pattern,
        asset=asset,
        outputs=[
            Path(p) for p in (out, probabilities, uncertainty, polygons) if p and is_folder(p)
        ],
    )
    paths = listed.paths
    plans = plan_outputs(
        paths,
        out,
        names=listed.names,
        probabilities=probabilities,
        uncertainty=uncertainty,
        polygons=polygons,
        inputs=[
            *(path for path in (aoi, model) if isinstance(path, str | Path)),
            *_points_of(model),
        ],
        overwrite=overwrite or resume,
    )
    refuse_leftovers(plans, resume=resume, overwrite=overwrite)
    collection = None
    if listed.is_list and is_folder(out):
        collection = MapCollection(Path(out), listed, plans)
        collection.check(resume=resume, overwrite=overwrite)
    trained = _load(model)
    smoothing = Smoothing.of_model(trained, smooth)
    wanted = replace(wanted, smoothing=smoothing)
    tiling = choose_tiling(trained, block, halo, memory, blend=blend, smoothing=smoothing)
    if blend:
        wanted = replace(wanted, blend_px=stride_for(tiling.block_px))
    opened = open_fitting_scenes(paths, trained, bands)
    areas = _read_areas(aoi, opened)
    jobs = [
        SceneJob(scene, plan, tiling.plan(scene.grid.shape), area)
        for scene, plan, area in zip(opened, plans, areas, strict=True)
    ]
    options = MapOptions(
        trained.legend, wanted, min_area or 1, probabilities_dtype, skip_unreadable,
        _points_of(model),
    )  # fmt: skip
    digest = fingerprint_model(trained)
    stocks = [
        take_stock(
            job.outputs,
            _record(job, digest, tiling, options, overwrite),
            resume=resume,
            overwrite=overwrite,
            skip_unreadable=skip_unreadable,
        )
        for job in jobs
    ]
    elsewhere = None
    if crew.is_wanted:
        from pointillist.prediction.cluster.run import map_on_cluster

        def elsewhere(todo: list[tuple[SceneJob, Stock]], counter: BlockCounter) -> None:
            map_on_cluster(trained, todo, request, options, tiling, crew, counter)

    with recorded(trace):
        map_scenes(trained, jobs, stocks, request, options, progress, elsewhere)
    if collection is not None:
        collection.write(trained, model if isinstance(model, (str, os.PathLike)) else None)
    maps = [plan.map for plan in plans]
    return maps[0] if one and not listed.is_list else maps


def _record(
    job: SceneJob, model: str, tiling: Tiling, options: MapOptions, overwrite: bool
) -> JobRecord:
    """What decides the pixels of a map, as far as it is known before an engine is chosen."""
    wanted = options.wanted
    return JobRecord(
        scene_name=Path(job.scene.name).name,
        model=model,
        scene=fingerprint_scene(job.scene),
        options={
            "--block": tiling.block_px,
            "--halo": tiling.halo_px,
            "--views": wanted.views,
            "--blend": bool(wanted.blend_px),
            "--smooth": 0 if wanted.smoothing is None else wanted.smoothing.radius_px,
            "--aoi": None if job.aoi is None else job.aoi.fingerprint(),
            "--bands": list(job.scene.bands),
            "--min-confidence": wanted.min_confidence,
            "--min-area": options.min_area_px,
            "--probabilities": "wanted" if wanted.probabilities else "not wanted",
            "--uncertainty": "wanted" if wanted.uncertainty else "not wanted",
            "probabilities_dtype": options.probabilities_dtype,
        },
        overwrite=overwrite,
    )


def _points_of(model: PathLike | TrainedModel) -> tuple[str, ...]:
    """Files of points that a model learnt from, as its run says."""
    if not isinstance(model, (str, os.PathLike)):
        return ()
    from pointillist.models import points_of

    return points_of(model)


def _load(model: PathLike | TrainedModel) -> TrainedModel:
    if not isinstance(model, (str, os.PathLike)):
        return model
    from pointillist.models import load

    return load(os.fspath(model), ready=False)


def _read_areas(aoi: str | None, scenes: Sequence[Scene]) -> Sequence[AreaOfInterest | None]:
    if aoi is None:
        return [None] * len(scenes)
    areas = [AreaOfInterest.read(aoi, scene.grid, scene.name) for scene in scenes]
    refuse_no_overlap(areas, aoi, [scene.name for scene in scenes])
    return areas
