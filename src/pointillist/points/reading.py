"""From files of labelled features to labelled pixels of one scene or of several."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pointillist.errors import InputError, LegendError
from pointillist.grid import Grid
from pointillist.legend import Legend
from pointillist.points.accounting import Account, join_reports
from pointillist.points.fields import (
    ClassValues,
    choose_class_field,
    index_classes,
    legend_of_values,
    merge_legends,
    read_class_values,
)
from pointillist.points.labels import LabelledPixels, LabelReport, Labels
from pointillist.points.laying import LabelSheet, Target, ValidPixels, class_outcome, lay_on
from pointillist.points.metadata import read_legend
from pointillist.points.vectors import read_features

if TYPE_CHECKING:
    from pointillist.raster import PixelSource

PathArg = str | os.PathLike[str]
PathArgs = PathArg | Sequence[PathArg]


def read_labels(
    path: PathArgs,
    grid: Grid | PixelSource,
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
        path: Any file `read_features` reads, or several.
        grid: The scene's grid, or the scene itself: then pixels without data take no label.
        class_field: Field with the class; else the one named `class`, else the only text field.
        legend: The classes. Derived from all classes of the file where None.
        crs: Coordinate system of the features, instead of the one the file names.
        valid: Given pixels (N, 2) inside the scene, says which have data.
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
    pixels, classes, report = read_labels_for_scenes(
        path,
        [grid],
        class_field=class_field,
        legend=legend,
        crs=crs,
        valid=None if valid is None else [valid],
        scene_names=[source_name] if isinstance(grid, Grid) else None,
    )
    return Labels(pixels[0], classes, report)


def read_labels_for_scenes(
    path: PathArgs,
    grids: Sequence[Grid | PixelSource],
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
        path: Any file `read_features` reads, or several; `feature` then counts on from file to
            file.
        grids: Grids of the scenes or the scenes themselves, at least one.
        class_field: Field with the class; else the one named `class`, else the only text field.
        legend: The classes. Derived from all classes of the files where None.
        crs: Coordinate system of the features, instead of the one the files name.
        valid: For each scene, what says which pixels (N, 2) have data.
        scene_names: Names of the scenes for messages.

    Returns:
        Labelled pixels of each scene (possibly none), the legend, and one report for all.

    Raises:
        PointsError: No scene gets a label from a file.
    """
    targets = _targets(grids, valid, scene_names)
    columns = [read_column(p, class_field, crs) for p in _as_list(path)]
    if legend is None:
        legend = _derive(columns)
    sheets = _make_sheets(columns, legend)
    outcome = np.concatenate([class_outcome(sheet) for sheet in sheets])
    notices: list[str] = [n for sheet in sheets for n in sheet.frame.attrs["notices"]]
    pixels = []
    for target in targets:
        laid = lay_on(sheets, target)
        pixels.append(laid.pixels)
        outcome = np.maximum(outcome, laid.outcome)
        notices += [n for n in laid.notices if n not in notices]
    accounts = [
        Account(sheet, legend, outcome[sheet.rows], targets, len(sheets) > 1) for sheet in sheets
    ]
    for account in accounts:
        account.refuse_nothing()
    report = join_reports(accounts, notices, pixels)
    return pixels, legend, replace(report, design=_common_design(sheets))


def _common_design(sheets: Sequence[LabelSheet]) -> str | None:
    """What the column `design` says of all features; None where nothing or several things."""
    designs: set[Any] = set()
    for sheet in sheets:
        if "design" not in sheet.frame:
            return None
        designs |= set(sheet.frame["design"].dropna())
    only = designs.pop() if len(designs) == 1 else None
    return only if isinstance(only, str) else None


def derive_legend(paths: PathArgs, class_field: str | None = None) -> Legend:
    """Make one legend of all the classes of one or more files.

    Codes and colours kept in a file (by `write_points`) are used; else numbers are codes, and names
    are sorted and numbered from 1.

    Raises:
        LegendError: The files contradict each other, or one numbers its classes and another names
            them.
    """
    return _derive([read_column(path, class_field, None) for path in _as_list(paths)])


@dataclass(frozen=True, eq=False)
class _Column:
    """The features of one file with the classes they name."""

    sheet: LabelSheet
    recorded: Legend | None

    @property
    def values(self) -> ClassValues:
        return self.sheet.values

    def derive_legend(self) -> Legend:
        """Of all classes that occur."""
        return _derive([self])


def read_column(path: PathArg, class_field: str | None, crs: str | None) -> _Column:
    """Read the features of a file with the classes they name."""
    frame = read_features(path, crs=crs)
    source = str(frame.attrs["source"])
    field = choose_class_field(frame, class_field, source)
    values = read_class_values(frame[field], field, source)
    if values.merged:
        frame.attrs["notices"].append(
            f"Classes of {source} that differ only in upper and lower case are read as one: "
            f"{', '.join(values.merged)}."
        )
    unknown: NDArray[np.int64] = np.full(len(frame), -1, dtype=np.int64)
    return _Column(LabelSheet(frame, field, values, unknown, 0), read_legend(path))


def _make_sheets(columns: Sequence[_Column], legend: Legend) -> list[LabelSheet]:
    sheets: list[LabelSheet] = []
    start = 0
    for column in columns:
        classes = index_classes(column.values, legend)
        sheets.append(replace(column.sheet, classes=classes, start=start))
        start += len(classes)
    return sheets


def _derive(columns: Sequence[_Column]) -> Legend:
    """The legend of all values, by the codes kept with the files where there are any."""
    names = [name for column in columns for name in column.values.names]
    sources = [column.sheet.source for column in columns]
    kept = [(c.recorded, s) for c, s in zip(columns, sources, strict=True) if c.recorded]
    if not names:
        return Legend.from_names(["none"])  # no row has a class: refused when the rows are counted
    try:
        if kept:
            merged = merge_legends([k for k, _ in kept if k], [s for _, s in kept])
            return legend_of_values(names, merged)
        _refuse_codes_beside_names(columns)
        return legend_of_values(_one_spelling(names))
    except LegendError as error:
        raise LegendError(f"{', '.join(sources)}: {error}") from error


def _one_spelling(names: Sequence[str]) -> list[str]:
    return list({name.casefold(): name for name in reversed(names)}.values())


def _refuse_codes_beside_names(columns: Sequence[_Column]) -> None:
    """Numbers in one file and names in another cannot be matched without a legend."""
    filled = [column for column in columns if column.values.names]
    coded = [c.sheet.source for c in filled if c.values.are_codes]
    named = [c.sheet.source for c in filled if not c.values.are_codes]
    if coded and named:
        raise LegendError(
            f"Expected the same kind of classes in all points, but {coded[0]} numbers them and "
            f"{named[0]} names them. Say which number is which with --legend."
        )


def _targets(
    grids: Sequence[Grid | PixelSource],
    valid: Sequence[ValidPixels | None] | None,
    names: Sequence[str] | None,
) -> list[Target]:
    if not grids:
        raise InputError("Expected at least one scene to lay the points on, got none.")
    checks = [None] * len(grids) if valid is None else list(valid)
    labels = [None] * len(grids) if names is None else list(names)
    return [Target.of(g, v, n) for g, v, n in zip(grids, checks, labels, strict=True)]


def _as_list(paths: PathArgs) -> list[PathArg]:
    found = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
    if not found:
        raise InputError("Expected at least one file of points, got none.")
    return found
