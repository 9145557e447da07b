"""From a file of labelled features to labelled pixels of one scene or of several."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pointillist.errors import InputError, LegendError, PointillistError
from pointillist.grid import Grid
from pointillist.legend import Legend
from pointillist.points.accounting import Account
from pointillist.points.burning import burn
from pointillist.points.fields import (
    ClassValues,
    choose_class_field,
    index_classes,
    legend_of_values,
    merge_legends,
    read_class_values,
)
from pointillist.points.labels import LabelledPixels, LabelReport, Labels, Outcome
from pointillist.points.metadata import read_metadata
from pointillist.points.placing import finite_or_none, place_on_grid
from pointillist.points.vectors import VectorSource, read_features

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

ValidPixels = Callable[[NDArray[np.int64]], NDArray[np.bool_]]


def read_labels(
    path: str | Path,
    grid: Grid,
    *,
    class_field: str | None = None,
    legend: Legend | None = None,
    crs: str | None = None,
    valid: ValidPixels | None = None,
    source_name: str = "scene",
) -> Labels:
    """Read labelled features and find the pixels of a scene they label.

    Points label the pixel they lie in, polygons the pixels whose centre they contain, lines the
    pixels they touch. Features outside the scene, on nodata, or with a missing or unknown class
    are skipped, counted and reported. Of labels that meet in a pixel the first one counts.

    Args:
        path: Any file `read_features` reads.
        grid: The scene.
        class_field: Field with the class; else the one named `class`, else the only text field.
        legend: The classes. Derived from all classes of the file where None.
        crs: Coordinate system of the features, instead of the one the file names.
        valid: Given pixels (N, 2) inside the scene, says which have data. None: all.
        source_name: Name of the scene for messages.

    Returns:
        The labelled pixels with legend and report.

    Raises:
        PointsError: Nothing usable is left, or the file holds no usable features.
        ClassFieldError: No field with the class.
        MissingFileError: There is no such file.
        UnreadableFileError: It is damaged or no vector file.
        LegendError: The classes make no legend.
    """
    pixels, legend, report = read_labels_for_scenes(
        path,
        [grid],
        class_field=class_field,
        legend=legend,
        crs=crs,
        valid=None if valid is None else [valid],
        scene_names=[source_name],
    )
    return Labels(pixels[0], legend, report)


def read_labels_for_scenes(
    path: str | Path,
    grids: Sequence[Grid],
    *,
    class_field: str | None = None,
    legend: Legend | None = None,
    crs: str | None = None,
    valid: Sequence[ValidPixels | None] | None = None,
    scene_names: Sequence[str] | None = None,
) -> tuple[list[LabelledPixels], Legend, LabelReport]:
    """Read labelled features once and lay them on several scenes.

    Every scene takes the features inside it; one that no scene takes is skipped and reported.

    Args:
        path: Any file `read_features` reads.
        grids: The scenes, at least one.
        class_field: Field with the class; else the one named `class`, else the only text field.
        legend: The classes. Derived from all classes of the file where None.
        crs: Coordinate system of the features, instead of the one the file names.
        valid: For each scene, what says which pixels have data.
        scene_names: Names of the scenes for messages.

    Returns:
        Labelled pixels of each scene (possibly none), the legend, and one report for all.

    Raises:
        PointsError: No scene gets a label.
    """
    if not grids:
        raise InputError("Expected at least one scene to lay the points on, got none.")
    frame = read_features(path, crs=crs)
    field = choose_class_field(frame, class_field, frame.attrs["source"])
    values = read_class_values(frame[field], field, frame.attrs["source"])
    if legend is None and values.names:
        legend = _derive_from(values, path)
    elif legend is None:
        legend = Legend.from_names(["unknown"])  # all rows lack a class: refused below
    classes = index_classes(values, legend)
    names = ["scene"] * len(grids) if scene_names is None else list(scene_names)
    checks = [None] * len(grids) if valid is None else list(valid)
    outcome = _class_outcome(classes, frame)
    pixels: list[LabelledPixels] = []
    notices: list[str] = list(frame.attrs["notices"])
    for grid, name, check in zip(grids, names, checks, strict=True):
        part, there, told = _label_scene(frame, classes, grid, check, name)
        outcome = np.maximum(outcome, there)
        pixels.append(part)
        notices += [n for n in told if n not in notices]
    account = Account(frame, field, values, legend, outcome, grids, names)
    account.refuse_nothing()
    return pixels, legend, account.report(notices, pixels)


def derive_legend(
    paths: str | Path | Sequence[str | Path], class_field: str | None = None
) -> Legend:
    """Make one legend of all the classes of one or more files.

    Codes and colours kept in a file (by `write_points`) are used; else numbers are codes, and names
    are sorted and numbered from 1.

    Raises:
        LegendError: The files contradict each other, or one numbers its classes and another names
            them.
    """
    files = [paths] if isinstance(paths, str | Path) else list(paths)
    found: list[tuple[str, list[str]]] = []
    recorded: list[tuple[str, Legend]] = []
    for path in files:
        frame = read_features(path)
        source = str(frame.attrs["source"])
        field = choose_class_field(frame, class_field, source)
        found.append((source, list(read_class_values(frame[field], field, source).names)))
        kept = _recorded_legend(path)
        if kept is not None:
            recorded.append((source, kept))
    names = [name for _, names in found for name in names]
    if recorded:
        merged = merge_legends([k for _, k in recorded], [s for s, _ in recorded])
        return legend_of_values(names, merged)
    _refuse_codes_beside_names(found)
    return legend_of_values(_one_spelling(names))


def _label_scene(
    frame: GeoDataFrame,
    classes: NDArray[np.int64],
    grid: Grid,
    valid: ValidPixels | None,
    name: str,
) -> tuple[LabelledPixels, NDArray[np.int64], list[str]]:
    """Pixels of one scene, the outcome of each feature there, and what there is to notice."""
    geometries, notices = place_on_grid(frame, grid, name)
    geometries = finite_or_none(geometries)
    geometries[classes < 0] = None
    burnt = burn(geometries, grid)
    owner = burnt.feature
    flat = burnt.rowcol[:, 0] * grid.width + burnt.rowcol[:, 1]
    _, first, inverse = np.unique(flat, return_index=True, return_inverse=True)
    has_data = np.ones(len(first), dtype=bool)
    if valid is not None and len(first):
        has_data = np.asarray(valid(burnt.rowcol[first]), dtype=bool).reshape(-1)
    winner = owner[first[inverse]]
    usable = has_data[inverse]
    lost = usable & (winner != owner)
    conflict = lost & (classes[winner] != classes[owner])
    outcome = np.zeros(len(classes), dtype=np.int64)
    for stage, those in (
        (Outcome.NODATA, ~usable),
        (Outcome.DUPLICATE, lost & ~conflict),
        (Outcome.CONFLICT, conflict),
        (Outcome.USED, usable & ~lost),
    ):
        outcome[owner[those]] = stage
    kept = np.sort(first[has_data])
    notices += _partial_losses(outcome[owner] == Outcome.USED, usable, conflict, name)
    notices += _thinned(burnt.thinned, frame, name)
    pixels = LabelledPixels(burnt.rowcol[kept], classes[owner[kept]], owner[kept])
    return pixels, outcome, notices


def _class_outcome(classes: NDArray[np.int64], frame: GeoDataFrame) -> NDArray[np.int64]:
    """How far each feature comes before any scene is looked at."""
    geometries = np.asarray(frame.geometry.array, dtype=object)
    there = np.array(finite_or_none(geometries) != None, dtype=bool)  # noqa: E711 (elementwise)
    outcome = np.where(there, Outcome.OUTSIDE, Outcome.NO_GEOMETRY)
    outcome = np.where(classes == -2, Outcome.UNKNOWN_CLASS, outcome)
    return np.where(classes == -1, Outcome.NO_CLASS, outcome).astype(np.int64)


def _partial_losses(
    of_used: NDArray[np.bool_], usable: NDArray[np.bool_], conflict: NDArray[np.bool_], name: str
) -> list[str]:
    """Pixels lost by features that keep others: only areas and lines have such."""
    notices = []
    n_nodata, n_conflict = int((of_used & ~usable).sum()), int((of_used & conflict).sum())
    if n_nodata:
        notices.append(f"{n_nodata:,} pixels of used features lie on nodata of {name}.")
    if n_conflict:
        notices.append(
            f"{n_conflict:,} pixels of {name} are claimed by two classes: the first feature counts."
        )
    return notices


def _thinned(features: Sequence[int], frame: GeoDataFrame, name: str) -> list[str]:
    if not features:
        return []
    rows = ", ".join(str(f + 1) for f in features[:5]) + (", …" if len(features) > 5 else "")
    return [
        f"Only a regular part of the pixels of {name} in the largest areas is used (row {rows})."
    ]


def _derive_from(values: ClassValues, path: str | Path) -> Legend:
    try:
        return legend_of_values(values.names, _recorded_legend(path))
    except LegendError as error:
        raise LegendError(f"{VectorSource.parse(path).name}: {error}") from error


def _recorded_legend(path: str | Path) -> Legend | None:
    rows: Any = read_metadata(path).get("legend")
    if not isinstance(rows, list):
        return None
    try:
        return Legend.from_dict(rows)
    except (PointillistError, AttributeError, TypeError):
        return None


def _one_spelling(names: Sequence[str]) -> list[str]:
    return list({name.casefold(): name for name in reversed(names)}.values())


def _refuse_codes_beside_names(found: Sequence[tuple[str, list[str]]]) -> None:
    """Numbers in one file and names in another cannot be matched without a legend."""
    coded = [source for source, names in found if names and all(_is_code(n) for n in names)]
    named = [source for source, names in found if names and source not in coded]
    if coded and named:
        raise LegendError(
            f"Expected the same kind of classes in all points, but {coded[0]} numbers them and "
            f"{named[0]} names them. Say which number is which with --legend."
        )


def _is_code(name: str) -> bool:
    return name.lstrip("+-").isdigit()
