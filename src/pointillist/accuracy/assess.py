"""Judge a map by a reference: census, design-based estimate, or description of some points."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pointillist.accuracy import matrix as figures
from pointillist.accuracy.area import hectares_per_pixel
from pointillist.accuracy.assessment import Assessment
from pointillist.accuracy.design import Design, DesignRequest, MapFacts, find_design
from pointillist.accuracy.estimators import (
    AccuracyEstimates,
    Estimate,
    StratifiedSample,
    critical_value,
    estimate,
)
from pointillist.accuracy.matrix import ErrorMatrix
from pointillist.accuracy.places import MAX_PLACES, Places, describe_extent
from pointillist.accuracy.reference import (
    PathLike,
    Reference,
    count_census,
    is_vector,
    read_vector_reference,
)
from pointillist.accuracy.strata import StratumSizes
from pointillist.errors import InputError, PointsError
from pointillist.grid import Grid
from pointillist.legend import Legend

if TYPE_CHECKING:
    from pointillist.raster import ClassRaster

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
    request = DesignRequest(design, strata, stratum_sizes)
    for path in (json, html):
        if path is not None:
            check_output(path, overwrite)
    names = (Path(str(map)).name, Path(str(reference)).name)
    meant = legend if isinstance(legend, Legend) or legend is None else Legend.read(Path(legend))
    with open_class_raster(map) as map_raster:
        if is_vector(reference):
            read = read_vector_reference(
                map_raster,
                reference,
                class_field=class_field,
                legend=meant,
                crs=crs,
                map_name=names[0],
            )
            pixels = _padded(map_raster.counts(), len(read.classes.legend))
            result = assess_points(read, pixels, request, confidence=confidence, fpc=fpc)
            result = replace(
                result,
                map_pixels=_mapped_where_sampled(result, pixels),
                places=_places(read),
                ground=_thin(map_raster) if html is not None or picture else None,
            )
        else:
            _refuse_design_of_raster(request)
            with open_class_raster(reference, meant) as reference_raster:
                matrix, classes, where = count_census(map_raster, reference_raster, names, progress)
            if matrix.n == 0:
                raise PointsError(
                    f"Expected labelled pixels in {names[1]}, but all of it is nodata. Check which "
                    "value it holds as nodata."
                )
            result = assess_census(matrix, classes.legend, classes.notices)
            result = replace(result, error_grid=where, map_pixels=matrix.mapped)
        result = _complete(result, map_raster.grid, names, confidence)
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


def assess_points(
    reference: Reference,
    map_pixels: NDArray[np.int64],
    request: DesignRequest,
    *,
    confidence: float = 0.95,
    fpc: bool = False,
) -> Assessment:
    """Judge by points or polygons: an estimate where their design is known, else a description.

    Args:
        reference: What was read.
        map_pixels: (C,) pixels of each class in the whole map.
        request: What the person says of the design.
        confidence: Of the intervals.
        fpc: Whether to use the finite population correction.

    Raises:
        InputError: A design is asserted that cannot be.
    """
    facts = MapFacts(reference.classes.legend, map_pixels, reference.map_index)
    design = (
        find_design(request, reference.record, reference.feature, facts)
        if reference.are_points
        else _refuse_areas(request, reference.record.source)
    )
    if isinstance(design, Design):
        return _estimate_from(reference, design, confidence, fpc)
    matrix = reference.matrix
    notices = (
        *reference.classes.notices,
        *reference.notices,
        design,
        "Areas are what the map shows (counted pixels), not corrected for its errors.",
    )
    shares = map_pixels / max(int(map_pixels.sum()), 1)
    return Assessment(
        "descriptive",
        reference.classes.legend,
        matrix,
        describe(matrix, shares),
        int(map_pixels.sum()),
        notices=notices,
    )


def describe(matrix: ErrorMatrix, area: ArrayLike) -> AccuracyEstimates:
    """The figures of an error matrix as they are, without standard errors."""

    def plain(values: ArrayLike) -> list[Estimate]:
        return [Estimate(float(v)) for v in np.asarray(values)]

    return AccuracyEstimates(
        overall=Estimate(figures.overall_accuracy(matrix)),
        users=plain(figures.users_accuracy(matrix)),
        producers=plain(figures.producers_accuracy(matrix)),
        f1=plain(figures.f1(matrix)),
        iou=plain(figures.iou(matrix)),
        mean_iou=Estimate(figures.mean_iou(matrix)),
        area=plain(area),
        cells=np.vstack([matrix.counts, matrix.unmapped]) / max(matrix.n, 1),
    )


def _estimate_from(
    reference: Reference, design: Design, confidence: float, fpc: bool
) -> Assessment:
    """Design-based estimates from the points that lie in a stratum."""
    legend, inside = reference.classes.legend, design.stratum >= 0
    rows, columns = reference.map_index[inside], reference.reference_index[inside]
    design = replace(design, stratum=design.stratum[inside])
    sample = StratifiedSample.from_labels(
        rows,
        columns,
        len(legend),
        design.stratum,
        design.sizes,
        strata=design.strata,
        map_class=_classes_of_strata(design, legend),
        fpc=fpc,
    )
    return Assessment(
        "design-based",
        legend,
        figures.error_matrix(rows, columns, legend.names),
        estimate(sample, confidence),
        float(design.sizes.sum()),
        confidence=confidence,
        design=design,
        fpc=fpc,
        notices=(
            *reference.classes.notices,
            *reference.notices,
            *_design_notices(design, sample, int((~inside).sum())),
        ),
    )


def _classes_of_strata(design: Design, legend: Legend) -> NDArray[np.int64] | None:
    if not design.are_map_classes:
        return None
    return np.array([legend.index_of(stratum) for stratum in design.strata], dtype=np.int64)


def _design_notices(design: Design, sample: StratifiedSample, n_outside: int) -> list[str]:
    """What limits the estimates."""
    notices = []
    if design.name == "systematic":
        notices.append(
            "Standard errors of the systematic sample are those of a simple random one: "
            "they tend to be too large, not too small."
        )
    if n_outside:
        notices.append(
            f"{n_outside:,} points lie where the map has no class, outside the strata: left out."
        )
    for n, words in ((0, "no sample: nothing"), (1, "a single sample: no standard error")):
        strata = [s for s, have in zip(design.strata, sample.n, strict=True) if have == n]
        if strata:
            notices.append(
                f"Strata with {words} that rests on them is estimable: {', '.join(strata)}. "
                "Add reference points there, or join strata."
            )
    return notices


def _refuse_areas(request: DesignRequest, source: str) -> str:
    """Polygons and lines are no sample of pixels."""
    if request.is_made:
        raise InputError(
            f"Expected one point per sample for design-based estimates, but {source} holds areas "
            "or several pixels per feature. Leave the design out for descriptive figures."
        )
    return (
        f"{source} holds areas, whose pixels are no independent samples: figures describe these "
        "pixels only and carry no intervals."
    )


def _refuse_design_of_raster(request: DesignRequest) -> None:
    if request.is_made:
        raise InputError(
            "Expected a design with reference points only: a reference raster is compared pixel by "
            "pixel, as a census. Leave --design, --strata and --stratum-sizes out."
        )


def _places(read: Reference) -> Places | None:
    """The points, where a person could look at them one by one."""
    if not read.are_points or read.xy is None or len(read.xy) > MAX_PLACES:
        return None
    return Places(read.xy, read.map_index, read.reference_index)


def _mapped_where_sampled(
    result: Assessment, pixels: NDArray[np.int64]
) -> NDArray[np.int64] | None:
    """(C,) pixels of each class in the map over the ground that the areas are about.

    None where only a part of the map was sampled and nobody counted its classes there.
    """
    design = result.design
    classes = None if design is None else _classes_of_strata(design, result.legend)
    if design is not None and classes is not None:
        sampled = np.zeros(len(result.legend), dtype=np.int64)
        np.add.at(sampled, classes, design.sizes.astype(np.int64))
        return sampled
    same_ground = np.isclose(pixels.sum(), result.population_px, rtol=0.01)
    return pixels if same_ground else None


def _thin(map_raster: ClassRaster) -> NDArray[np.int16]:
    """The map's classes, few enough for a picture."""
    return map_raster.thin(max(1, -(-max(map_raster.grid.shape) // MAX_GROUND_PX)))


def _padded(pixels: ArrayLike, n_classes: int) -> NDArray[np.int64]:
    """Pixels of the map's classes, and 0 for those that only the reference has."""
    counts = np.zeros(n_classes, dtype=np.int64)
    known = np.asarray(pixels, dtype=np.int64)
    counts[: len(known)] = known
    return counts


def _complete(
    result: Assessment, grid: Grid, names: tuple[str, str], confidence: float
) -> Assessment:
    """Add names and the area of a pixel."""
    hectares, reason = hectares_per_pixel(grid)
    return replace(
        result,
        map_name=names[0],
        reference_name=names[1],
        extent=describe_extent(grid),
        hectares_per_pixel=hectares,
        confidence=confidence,
        notices=(*result.notices, *([reason] if reason else [])),
    )
