"""The command `sample`: points on a raster, to train with or to judge a map by."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pointillist.errors import GridError, InputError, UnreadableFileError
from pointillist.grid import Grid, iter_windows
from pointillist.legend import Legend
from pointillist.points import write_points
from pointillist.raster import ClassRaster, open_class_raster, open_scene, same_crs
from pointillist.sampling.designs import DESIGNS, class_counts, draw_points

logger = logging.getLogger(__name__)

PathLike = str | os.PathLike[str]
PURPOSES = ("training", "reference")
_NEEDS_CLASSES = ("balanced", "stratified", "interior")
_BY_STRATUM = ("balanced", "stratified")
_STRIP_PX = 2048
_NO_REFERENCE = {
    "interior": "which leaves out the borders where maps err most",
    "spread": "whose points have no inclusion probability that an interval could be computed from",
}


@dataclass(frozen=True)
class _Place:
    """Where points may lie, and what class is there.

    Args:
        name: The raster.
        grid: Its grid.
        mask: (H, W) stratum or class index, −1 where no point may lie.
        classes: (H, W) class index, None on a scene without classes.
        legend: Classes of `classes`.
        strata: Classes of `mask`.
    """

    name: str
    grid: Grid
    mask: NDArray[np.integer]
    classes: NDArray[np.integer] | None
    legend: Legend | None
    strata: Legend | None


def sample(
    raster: PathLike,
    n: int,
    design: str = "simple",
    *,
    out: PathLike,
    purpose: str = "training",
    seed: int = 0,
    strata: PathLike | None = None,
    legend: Legend | None = None,
    overwrite: bool = False,
) -> Path:
    """Draw points on a raster and write them as a vector file.

    On a raster of classes the class found there is attached as field `class`; on a scene the field
    stays empty for the mapper to fill. For training nothing is written that a mapper does not
    know. For reference, design, stratum, inclusion probability and the sizes of the strata are
    written, so that `assess` needs no options.

    The raster's classes are held in memory, a byte per pixel.

    Args:
        raster: A raster of classes, or a scene.
        n: Points in total; with `systematic` on average.
        design: One of `DESIGNS`. `stratified` is by class: in proportion for training, the same
            number per stratum for reference.
        out: Vector file to write, by its suffix (.gpkg, .geojson, .shp, .parquet, .csv).
        purpose: `training` or `reference`.
        seed: Seed of the draw.
        strata: Another raster of classes on the same grid, whose classes are the strata.
        legend: Classes of the raster, where it does not name them itself.
        overwrite: Replace a file that is there.

    Returns:
        The file's path.

    Raises:
        InputError: A seed below 0, a design that needs classes on a scene, one that is no
            reference design (`interior`, `spread`) for reference, more points than pixels, or
            fewer than strata for reference.
        GridError: Strata on another grid.
    """
    _check_request(design, purpose, strata, seed)
    place = _open_place(raster, legend, strata, design)
    if purpose == "reference" and design in _BY_STRATUM:
        _refuse_unsampled_strata(place, n)
    rng = np.random.default_rng(seed)
    drawn_by = "balanced" if design == "stratified" and purpose == "reference" else design
    rowcol = draw_points(place.mask, n, drawn_by, rng)
    if len(rowcol) != n:
        logger.warning(
            "%d points were drawn instead of %d: that is what a regular grid gives.", len(rowcol), n
        )
    columns, metadata = _attributes(place, rowcol, design, purpose)
    return write_points(
        Path(out),
        place.grid.transform.xy(rowcol),
        place.grid.crs,
        columns,
        metadata={**metadata, "seed": seed},
        overwrite=overwrite,
    )


def _check_request(design: str, purpose: str, strata: PathLike | None, seed: int) -> None:
    if design not in DESIGNS:
        raise InputError(f"Expected a design of {', '.join(DESIGNS)}, got '{design}'.")
    if seed < 0:
        raise InputError(f"Expected a seed of at least 0, got {seed}.")
    if purpose not in PURPOSES:
        raise InputError(f"Expected --for training or reference, got '{purpose}'.")
    if purpose == "reference" and design in _NO_REFERENCE:
        raise InputError(
            f"Expected a probability design for a reference sample, got '{design}', "
            f"{_NO_REFERENCE[design]}. Use simple, stratified or systematic."
        )
    if strata is not None and design not in _BY_STRATUM:
        raise InputError(f"Expected --design stratified with --strata, got '{design}'.")


def _refuse_unsampled_strata(place: _Place, n: int) -> None:
    n_strata = int(np.count_nonzero(class_counts(place.mask)))
    if 0 < n < n_strata:
        raise InputError(
            f"Expected at least one point for each of the {n_strata} strata of '{place.name}', got "
            f"{n}. Ask for more (about 30 per stratum give useful intervals) or use simple."
        )


def _open_place(
    raster: PathLike, legend: Legend | None, strata: PathLike | None, design: str
) -> _Place:
    name = os.fspath(raster)
    classes = _open_classes(name, legend)
    if classes is None:
        if design in _NEEDS_CLASSES or strata is not None:
            raise InputError(
                f"Expected a raster of classes for --design {design}, but '{name}' is a scene "
                "without classes. Use simple, spread or systematic."
            )
        return _scene_place(name)
    mask = _read_classes(classes)
    if strata is None:
        return _Place(name, classes.grid, mask, mask, classes.legend, classes.legend)
    with open_class_raster(strata) as layer:
        if not (layer.grid.same_place(classes.grid) and same_crs(layer.grid.crs, classes.grid.crs)):
            raise GridError(
                f"Expected strata on the grid of '{name}', but '{layer.name}' has another size or "
                "place. Use a map of the same scene."
            )
        of_strata = _read_classes(layer)
        of_strata[mask < 0] = -1
        return _Place(name, classes.grid, of_strata, mask, classes.legend, layer.legend)


def _open_classes(name: str, legend: Legend | None) -> ClassRaster | None:
    """The raster as classes; None where it is a scene."""
    with open_scene(name) as scene:
        if scene.n_bands != 1 or np.dtype(scene.dtype).kind not in "iu":
            return None
    try:
        return open_class_raster(name, legend)
    except UnreadableFileError:
        return None  # one band of many values: an image


def _read_classes(raster: ClassRaster) -> NDArray[np.integer]:
    """All class indices, in the smallest type that holds them."""
    dtype = np.int8 if len(raster.legend) <= 127 else np.int16
    mask = np.empty(raster.grid.shape, dtype=dtype)
    for window in iter_windows(raster.grid.shape, _STRIP_PX):
        mask[window.slices] = raster.read(window)
    if not (mask >= 0).any():
        raise InputError(f"Expected labelled pixels in '{raster.name}', got none.")
    return mask


def _scene_place(name: str) -> _Place:
    with open_scene(name) as scene:
        mask = np.empty(scene.grid.shape, dtype=np.int8)
        for window in iter_windows(scene.grid.shape, _STRIP_PX):
            mask[window.slices] = np.where(scene.read(window).valid, 0, -1)
        return _Place(name, scene.grid, mask, None, None, None)


def _attributes(
    place: _Place, rowcol: NDArray[np.int64], design: str, purpose: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Fields of the points, and facts kept with the file."""
    rows, cols = rowcol[:, 0], rowcol[:, 1]
    n = len(rowcol)
    names: Any = np.full(n, None, dtype=object)
    if place.classes is not None and place.legend is not None:
        names = np.array(place.legend.names, dtype=object)[place.classes[rows, cols]]
    columns: dict[str, Any] = {
        "class": names,
        "design": np.full(n, design, dtype=object),
        "source": np.full(n, "sample", dtype=object),
    }
    metadata: dict[str, Any] = {"raster": Path(place.name).name}
    if place.legend is not None:
        metadata["legend"] = place.legend.to_dict()
    if purpose == "reference":
        _add_design(place, rowcol, design, columns, metadata)
    return columns, metadata


def _add_design(
    place: _Place,
    rowcol: NDArray[np.int64],
    design: str,
    columns: dict[str, Any],
    metadata: dict[str, Any],
) -> None:
    """Write how the points were drawn.

    The probability is the fraction drawn of the stratum, or of all pixels where each has the same
    chance (`systematic`: given the number the grid came to).
    """
    metadata["design"] = design
    sizes = class_counts(place.mask)
    if design in _BY_STRATUM and place.strata is not None:
        stratum = place.mask[rowcol[:, 0], rowcol[:, 1]].astype(np.int64)
        drawn = np.bincount(stratum, minlength=len(sizes))
        names = place.strata.names
        columns["stratum"] = np.array(names, dtype=object)[stratum]
        columns["inclusion_probability"] = drawn[stratum] / sizes[stratum]
        metadata["stratum_sizes"] = {
            names[i]: int(size) for i, size in enumerate(sizes) if size > 0
        }
    else:
        columns["inclusion_probability"] = np.full(len(rowcol), len(rowcol) / sizes.sum())
        metadata["population"] = int(sizes.sum())
