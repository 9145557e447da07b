"""The command `sample`: points on a raster, to train with or to judge a map by."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from pointillist.errors import InputError
from pointillist.legend import Legend
from pointillist.points import write_points
from pointillist.raster import check_output
from pointillist.sampling.designs import DESIGNS
from pointillist.sampling.expected import Expected
from pointillist.sampling.layers import PathLike
from pointillist.sampling.planning import STRATIFIED, SampleRequest
from pointillist.sampling.population import Population, Progress
from pointillist.sampling.reference import check_reference, draw_reference
from pointillist.sampling.training import check_training, draw_training

logger = logging.getLogger(__name__)

PURPOSES = ("training", "reference")
_NEEDS_CLASSES = ("balanced", "stratified", "interior")


def sample(
    raster: PathLike,
    n: int | None = None,
    design: str = "simple",
    *,
    out: PathLike,
    purpose: str = "training",
    seed: int = 0,
    strata: PathLike | None = None,
    legend: Legend | None = None,
    allocation: str | None = None,
    expected: Expected | None = None,
    min_per_stratum: int | None = None,
    target_se: float | None = None,
    spacing: float | None = None,
    min_distance: float | None = None,
    aoi: PathLike | None = None,
    blind: bool = False,
    overwrite: bool = False,
    say: Callable[[str], object] | None = None,
    progress: Progress | None = None,
) -> Path:
    """Draw points on a raster and write them as a vector file.

    For training, the class found in a raster of classes is attached as field `class`; on a scene it
    stays empty for the mapper to fill. Nothing is written that a mapper does not know. The raster's
    classes are held in memory, a byte per pixel.

    For reference, the fields `stratum`, `inclusion_probability` and `map_class` are written, and
    the design goes into the file's metadata, so that `assess` needs no options. `class` is for the
    mapper to fill; only a raster of classes that `predict` did not make is taken for the truth and
    attached. The raster is read block by block, at most twice.

    Args:
        raster: A map or mask, a probability raster, or a scene.
        n: Points in total; with `systematic` on average. None where `target_se` or `spacing` says
            how many.
        design: One of `DESIGNS`. `stratified` is by class: in proportion for training, by
            `allocation` for reference.
        out: Vector file to write, by its suffix (.gpkg, .geojson, .shp, .parquet, .csv).
        purpose: `training` or `reference`.
        seed: Seed of the draw.
        strata: Another raster of classes on the same grid, whose classes are the strata.
        legend: Classes of the raster, where it does not name them itself.
        allocation: For reference: `equal` (default), `proportional`, or `neyman`, which is optimal
            for the overall accuracy.
        expected: User's accuracies that are expected: one for all, by class, or as text
            `0.8,Water=0.95`. A probability raster knows them itself.
        min_per_stratum: For reference: points of every stratum at least.
        target_se: For reference: standard error wanted of the overall accuracy, instead of `n`.
        spacing: For a systematic reference sample: metres between points, instead of `n`.
        min_distance: Metres that points are apart at least; for reference with `systematic` only.
        aoi: Polygons: points lie inside, and strata are counted inside.
        blind: For reference: keep the map's class out of the file and the strata out of sight.
        overwrite: Replace a file that is there.
        say: Told the sample size formula with its inputs, and the allocation.
        progress: Called with the share of the raster counted, 0…1.

    Returns:
        The file's path.

    Raises:
        InputError: A seed below 0, a design that needs classes on a scene, one that is no
            reference design (`interior`, `spread`) for reference, more points than pixels, fewer
            than strata for reference, or options that do not go together.
        GridError: Strata on another grid, or an area of interest outside the raster.
    """
    request = SampleRequest(
        design, n, allocation, expected, min_per_stratum, target_se, spacing, min_distance, blind,
        seed,
    )  # fmt: skip
    _check_request(request, purpose, strata)
    check_output(out, overwrite)
    population = Population.open(raster, strata=strata, legend=legend, aoi=aoi)
    _refuse_no_classes(population, request.design)
    if purpose == "reference":
        xy, columns, facts = draw_reference(
            population, request, say=say or logger.info, progress=progress
        )
    else:
        xy, columns, facts = draw_training(population, request)
    return write_points(
        Path(out), xy, population.layer.grid.crs, columns, metadata=facts, overwrite=overwrite
    )


def _check_request(request: SampleRequest, purpose: str, strata: PathLike | None) -> None:
    design = request.design
    if design not in DESIGNS:
        raise InputError(f"Expected a design of {', '.join(DESIGNS)}, got '{design}'.")
    if request.seed < 0:
        raise InputError(f"Expected a seed of at least 0, got {request.seed}.")
    if purpose not in PURPOSES:
        raise InputError(f"Expected --for training or reference, got '{purpose}'.")
    if request.min_distance is not None and not request.min_distance >= 0:
        raise InputError(f"Expected a --min-distance of 0 or more, got {request.min_distance:g}.")
    if strata is not None and design not in STRATIFIED:
        raise InputError(f"Expected --design stratified with --strata, got '{design}'.")
    if purpose == "reference":
        check_reference(request)
    else:
        check_training(request)


def _refuse_no_classes(population: Population, design: str) -> None:
    if design in _NEEDS_CLASSES and population.strata is None:
        raise InputError(
            f"Expected a raster of classes for --design {design}, but '{population.name}' is a "
            "scene without classes. Use simple, spread or systematic."
        )
