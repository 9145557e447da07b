"""Judge a map by a reference: census, design-based estimate, or description of some points."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pointillist.accuracy import matrix as figures
from pointillist.accuracy.area import Ground, by_rows, measure_ground
from pointillist.accuracy.assessment import Assessment
from pointillist.accuracy.classes import JoinedClasses
from pointillist.accuracy.crosswalk import Crosswalk, CrosswalkSource
from pointillist.accuracy.design import DesignRequest
from pointillist.accuracy.estimators import (
    Estimate,
    StratifiedSample,
    critical_value,
    estimate_kappa,
)
from pointillist.accuracy.judging import MapCounts, Wishes, assess_points, describe
from pointillist.accuracy.leakage import Judged, find_leakage, training_files
from pointillist.accuracy.matrix import ErrorMatrix
from pointillist.accuracy.places import MAX_PLACES, Places, describe_extent
from pointillist.accuracy.reference import (
    Census,
    PathLike,
    Reference,
    count_census,
    is_vector,
    read_at,
    read_vector_reference,
)
from pointillist.accuracy.strata import StratumSizes
from pointillist.errors import InputError, PointsError
from pointillist.grid import Grid, iter_windows
from pointillist.legend import Legend

if TYPE_CHECKING:
    from pointillist.raster import ClassRaster

__all__ = ["assess", "assess_census", "assess_points", "describe"]

_STRIP_PX = 2048
_MOST_PIXELS = 100_000
MAX_GROUND_PX = 720


def assess(
    map: PathLike,
    reference: PathLike,
    *,
    class_field: str | None = None,
    legend: PathLike | Legend | None = None,
    crs: str | None = None,
    design: str | None = None,
    strata: str | None = None,
    stratum_sizes: StratumSizes | None = None,
    confidence: float = 0.95,
    fpc: bool = False,
    post_stratify: bool = False,
    cannot_tell: Collection[str] = (),
    crosswalk: CrosswalkSource | None = None,
    training: PathLike | Sequence[PathLike] = (),
    bootstrap: int = 1000,
    seed: int = 0,
    kappa: bool = False,
    json: PathLike | None = None,
    html: PathLike | None = None,
    picture: bool = False,
    overwrite: bool = False,
    progress: Callable[[float], object] | None = None,
) -> Assessment:
    """Judge a map by a reference.

    A reference raster is compared pixel by pixel. Points drawn by a known probability design give
    estimates with standard errors and intervals; other points and polygons give figures that
    describe them and nothing more, with a notice.

    Args:
        map: Class raster.
        reference: Class raster on the same grid, or points or polygons in any vector format.
        class_field: Field that holds the reference class; found by itself where it is clear.
        legend: Classes of the reference, or a file of them, where it has numbers only.
        crs: Coordinate system of points that state none, e.g. `EPSG:4326`.
        design: How the points were drawn (`simple`, `systematic`, `stratified`, `balanced`), where
            the file does not say it.
        strata: Field that holds the stratum; without it, strata are the classes of the map.
        stratum_sizes: Pixels per stratum: a mapping, or a CSV file (stratum, pixels).
        confidence: Of the two-sided intervals.
        fpc: Use the finite population correction.
        post_stratify: Use the map's classes as strata of a simple random or systematic sample.
        cannot_tell: Classes of the reference that say that nobody could tell the class.
        crosswalk: Which class of the reference means which one of the map, many to one: a mapping,
            or a CSV file (reference class, map class or `ignore`).
        training: Files of the points that the map was trained with, or its run; when absent those
            that the map itself names. Reference points on or near them are reported.
        bootstrap: Replicates for the bootstrap intervals of F1 and IoU; 0 for none.
        seed: Of the bootstrap.
        kappa: State Cohen's kappa too, which says nothing that the other figures do not.
        json: File to write the figures to.
        html: File to write the report page to.
        picture: Keep a small picture of the map to lie under the points on a page written later.
        overwrite: Replace files that exist.
        progress: Called with the share done, 0…1.

    Returns:
        The assessment.

    Raises:
        PointillistError: The two do not fit together, with the remedy.

    Example:
        >>> result = pointillist.assess("map.tif", "reference.gpkg")  # doctest: +SKIP
        >>> result.overall_accuracy  # doctest: +SKIP
        0.91
    """
    from pointillist.raster import check_output, open_class_raster

    critical_value(confidence)
    request = DesignRequest(design, strata, stratum_sizes, post_stratify)
    wishes = Wishes(confidence, fpc, bootstrap, seed, kappa)
    for path in (json, html):
        if path is not None:
            check_output(path, overwrite)
    names = (Path(str(map)).name, Path(str(reference)).name)
    meant = legend if isinstance(legend, Legend) or legend is None else Legend.read(Path(legend))
    table = None if crosswalk is None else Crosswalk.read(crosswalk)
    taught = [training] if isinstance(training, (str, os.PathLike)) else list(training)
    with open_class_raster(map) as map_raster:
        ground = measure_ground(map_raster.grid)
        if is_vector(reference):
            read = read_vector_reference(
                map_raster,
                reference,
                class_field=class_field,
                legend=meant,
                crs=crs,
                map_name=names[0],
                crosswalk=table,
                cannot_tell=cannot_tell,
            )
            counts = count_map(map_raster, read, ground)
            result = _judge_points(read, counts, request, wishes, taught, map, map_raster)
            if html is not None or picture:
                result = replace(result, ground=_thin(map_raster, read.classes))
        else:
            _refuse_design_of_raster(request)
            with open_class_raster(reference, meant) as reference_raster:
                census = count_census(
                    map_raster,
                    reference_raster,
                    names,
                    progress,
                    crosswalk=table,
                    cannot_tell=cannot_tell,
                    row_hectares=ground.per_row,
                )
            result = _judge_census(census, names[1], kappa=kappa)
        result = _complete(result, map_raster.grid, ground, names, confidence)
    if json is not None:
        result.write_json(json, overwrite=overwrite)
    if html is not None:
        result.write_html(html, overwrite=overwrite)
    return result


def assess_census(matrix: ErrorMatrix, legend: Legend, notices: tuple[str, ...] = ()) -> Assessment:
    """Judge by a dense reference: the figures are facts about its pixels, without uncertainty."""
    missing = int(matrix.unmapped.sum())
    if missing:
        notices = (
            *notices,
            f"{missing:,} of {matrix.n:,} reference pixels have no class in the map: all wrong.",
        )
    shares = figures.reference_shares(matrix)
    return Assessment("census", legend, matrix, describe(matrix, shares), matrix.n, notices=notices)


def _refuse_design_of_raster(request: DesignRequest) -> None:
    if request.is_made:
        raise InputError(
            "Expected a design with reference points only: a reference raster is compared pixel by "
            "pixel, as a census. Leave --design, --strata and --stratum-sizes out."
        )


def _judge_points(
    read: Reference,
    counts: MapCounts,
    request: DesignRequest,
    wishes: Wishes,
    training: Sequence[PathLike],
    map_path: PathLike,
    map_raster: ClassRaster,
) -> Assessment:
    """Judge by points or areas, after a look at where the map was taught."""
    files = training_files(training, map_path)
    leakage = None
    if files:
        leakage = find_leakage(_what_is_judged(read, counts, map_raster), map_raster.grid, files)
    refused = f"{read.record.source}: {leakage.refusal}" if leakage and leakage.refusal else ""
    result = assess_points(read, counts, request, wishes, refused=refused)
    if leakage is not None:
        result = replace(
            result, leakage=leakage.to_dict(), notices=(*result.notices, leakage.notice)
        )
    if request.stratum_sizes is not None:
        notice = _notice_of_sizes(result.population_px, float(counts.pixels.sum()))
        result = replace(result, notices=(*result.notices, *notice))
    return replace(_mapped_where_sampled(result, counts), places=_places(read))


def _notice_of_sizes(stated: float, mapped: float) -> list[str]:
    """Stated sizes that are not those of the map: accuracy holds, areas are of what was stated."""
    if np.isclose(stated, mapped, rtol=0.01):
        return []
    return [
        f"The stratum sizes add up to {stated:,.0f}, the map has {mapped:,.0f} pixels with a "
        "class: areas are stated for the former, in pixels of the map. Where the sizes are in "
        "another unit or leave strata out, correct --stratum-sizes."
    ]


def _what_is_judged(read: Reference, counts: MapCounts, map_raster: ClassRaster) -> Judged:
    """All points on the map, or a regular part of areas where they have very many pixels."""

    def class_at(rowcol: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.asarray(read.classes.of_map(read_at(map_raster, rowcol)), dtype=np.int64)

    if read.units is not None and read.map_of_units is not None:
        inside = read.units.inside
        return Judged(read.units.rowcol[inside], read.map_of_units[inside], counts.pixels, class_at)
    xy = np.empty((0, 2)) if read.xy is None else read.xy
    some = slice(None, None, -(-max(len(xy), 1) // _MOST_PIXELS))
    rowcol = map_raster.grid.transform.rowcol(xy[some])
    return Judged(rowcol, read.map_index[some][: len(rowcol)], counts.pixels, class_at)


def _judge_census(census: Census, name: str, *, kappa: bool) -> Assessment:
    if census.matrix.n == 0:
        raise PointsError(
            f"Expected labelled pixels in {name}, but all of it is nodata. Check which "
            "value it holds as nodata."
        )
    result = assess_census(census.matrix, census.classes.legend, census.classes.notices)
    estimates = result.estimates
    if census.hectares is not None:
        shares = census.hectares / census.hectares.sum()
        estimates = replace(estimates, area=[Estimate(float(share)) for share in shares])
        result = replace(result, population_hectares=float(census.hectares.sum()))
    if kappa:
        sample = StratifiedSample.from_counts(census.matrix.counts, census.matrix.unmapped)
        estimates = replace(estimates, kappa=Estimate(estimate_kappa(sample).value))
    return replace(
        result, estimates=estimates, error_grid=census.where, map_pixels=census.matrix.mapped
    )


def count_map(raster: ClassRaster, read: Reference, ground: Ground) -> MapCounts:
    """Count the whole map in one pass, block by block; hectares too where rows differ."""
    classes = read.classes
    joins = classes.from_map is not None
    if ground.per_row is None:
        own = raster.counts()
        return MapCounts(classes.pixels(own), ground, None, own if joins else None)
    n = len(raster.legend)
    pixels, hectares = np.zeros(n, dtype=np.int64), np.zeros(n)
    for window in iter_windows(raster.grid.shape, _STRIP_PX):
        index = raster.read(window)
        pixels += np.bincount(index[index >= 0], minlength=n)
        hectares += by_rows(index, n, ground.per_row[window.slices[0]])
    joined = classes.pixels(pixels), ground, classes.pixels(hectares)
    return MapCounts(*joined, pixels if joins else None)


def _places(read: Reference) -> Places | None:
    """The points, where a person could look at them one by one."""
    if not read.are_points or read.xy is None or len(read.xy) > MAX_PLACES:
        return None
    order = np.lexsort((read.xy[:, 0], -read.xy[:, 1]))  # not that of the file, which may change
    return Places(read.xy[order], read.map_index[order], read.reference_index[order])


def _mapped_where_sampled(result: Assessment, counts: MapCounts) -> Assessment:
    """With the map's own classes over the ground that the areas are about.

    Nothing where only a part of the map was sampled and nobody counted its classes there.
    """
    design, pixels, C = result.design, counts.pixels, len(result.legend)
    if design is not None and design.map_class is not None:
        sampled = np.zeros(C + 1, dtype=np.int64)
        np.add.at(sampled, design.map_class, np.rint(design.sizes).astype(np.int64))
        pixels = sampled[:C]
    elif not np.isclose(pixels.sum(), result.population_px, rtol=0.01):
        return result
    whole = np.allclose(pixels, counts.pixels, rtol=0.01)
    return replace(result, map_pixels=pixels, map_hectares=counts.hectares if whole else None)


def _thin(map_raster: ClassRaster, classes: JoinedClasses) -> NDArray[np.int16]:
    """The map's classes, few enough for a picture."""
    thin = map_raster.thin(max(1, -(-max(map_raster.grid.shape) // MAX_GROUND_PX)))
    return classes.of_map(thin).astype(np.int16)


def _complete(
    result: Assessment, grid: Grid, ground: Ground, names: tuple[str, str], confidence: float
) -> Assessment:
    """Add names and the area of a pixel."""
    return replace(
        result,
        map_name=names[0],
        reference_name=names[1],
        extent=describe_extent(grid),
        hectares_per_pixel=ground.per_pixel,
        confidence=confidence,
        notices=(*result.notices, *([ground.notice] if ground.notice else [])),
    )
