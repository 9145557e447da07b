"""Say what became of the features of a file: the report, and the error when nothing is left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pointillist.errors import PointsError
from pointillist.grid import Grid
from pointillist.legend import Legend
from pointillist.points.labels import LabelledPixels, LabelReport, Outcome
from pointillist.points.laying import LabelSheet, Target
from pointillist.points.placing import finite_or_none, place_on_grid
from pointillist.points.vectors import crs_label

_N_EXAMPLES = 3


@dataclass(frozen=True, eq=False)
class Account:
    """All there is to know about a file and the scenes it was laid on.

    Args:
        sheet: The features and their classes.
        legend: The classes known.
        outcome: (N,) best `Outcome` of each feature over all scenes.
        targets: The scenes.
        one_of_many: Whether rows must be told with the name of the file.
    """

    sheet: LabelSheet
    legend: Legend
    outcome: NDArray[np.int64]
    targets: Sequence[Target]
    one_of_many: bool = False

    def counts(self) -> NDArray[np.int64]:
        """Features by outcome."""
        return np.bincount(self.outcome, minlength=len(Outcome)).astype(np.int64)

    def examples(self, outcome: Outcome) -> str:
        """How many features have an outcome that is no label, and the first of them, in words."""
        rows = np.flatnonzero(self.outcome == outcome)
        first = "; ".join(self._describe(int(row), outcome) for row in rows[:_N_EXAMPLES])
        of_file = f" of {self.sheet.source}" if self.one_of_many else ""
        which = "first " if len(rows) > _N_EXAMPLES else ""
        return f"{len(rows):,} skipped{of_file}, {outcome.reason}: {which}{first}."

    def unknown_values(self) -> str:
        """Classes of the file that the legend lacks, with their number of rows."""
        counts = zip(self.sheet.values.names, self.sheet.values.counts(), strict=True)
        unknown = [f"'{n}' ({c:,})" for n, c in counts if self.legend.index_of(n) is None]
        return ", ".join(unknown[:10]) + (", …" if len(unknown) > 10 else "")

    def refuse_nothing(self) -> None:
        """Raise the error that fits best where no feature became a label."""
        counts = self.counts()
        if counts[Outcome.CONFLICT :].any():
            return
        worst = Outcome(int(np.argmax(counts)))
        others = [f"{counts[o]:,} {o.reason}" for o in Outcome if counts[o] and o is not worst]
        also = f" (and {', '.join(others)})" if others else ""
        message = {
            Outcome.NO_CLASS: self._no_class,
            Outcome.UNKNOWN_CLASS: self._unknown_class,
            Outcome.NO_GEOMETRY: self._no_geometry,
            Outcome.OUTSIDE: self._outside,
            Outcome.NODATA: self._nodata,
        }[worst]
        raise PointsError(message(f"{'all ' if not others else ''}{counts[worst]:,}", also))

    def _describe(self, row: int, outcome: Outcome) -> str:
        if outcome is Outcome.UNKNOWN_CLASS:
            return f"row {row + 1} '{self.sheet.values.names[self.sheet.values.which[row]]}'"
        position = self._position(row)
        return f"row {row + 1} at {position}" if position else f"row {row + 1}"

    def _position(self, row: int) -> str:
        import shapely

        xy = shapely.get_coordinates(self.sheet.frame.geometry.iloc[row])
        return _format_xy(xy[0]) if len(xy) and np.isfinite(xy[0]).all() else ""

    def _no_class(self, n: str, also: str) -> str:
        return (
            f"Expected a class in field '{self.sheet.field}' of {self.sheet.source}, "
            f"but {n} features have none{also}. "
            "Fill it in, or name another field with --class-field."
        )

    def _unknown_class(self, n: str, also: str) -> str:
        return (
            f"Expected classes of the legend ({', '.join(self.legend.names)}), "
            f"but {n} features of {self.sheet.source} have others in field '{self.sheet.field}': "
            f"{self.unknown_values()}{also}. "
            "Correct the legend, or name another field with --class-field."
        )

    def _no_geometry(self, n: str, also: str) -> str:
        return (
            f"Expected coordinates in {self.sheet.source}, but {n} features have none{also}. Fill "
            "them in, or remove those features."
        )

    def _nodata(self, n: str, also: str) -> str:
        first = self._describe(self._first(Outcome.NODATA), Outcome.NODATA)
        return (
            f"Expected points where {self._scene_name()} has data, "
            f"but {n} of {self.sheet.source} lie on nodata{also} (first: {first}). "
            "Check the scene's nodata value and the chosen bands."
        )

    def _outside(self, n: str, also: str) -> str:
        first = self._position(self._first(Outcome.OUTSIDE))
        return (
            f"Expected points inside {self._scene_name()} "
            f"({_format_extent(self.targets[0].grid)}), "
            f"but {n} of {self.sheet.source} fall outside{also} "
            f"(first: {first}, {crs_label(self.sheet.frame.crs)}). {self._outside_remedy()}"
        )

    def _first(self, outcome: Outcome) -> int:
        return int(np.flatnonzero(self.outcome == outcome)[0])

    def _scene_name(self) -> str:
        more = len(self.targets) - 1
        return self.targets[0].name + (f" or {more} more scene{'s' * (more > 1)}" if more else "")

    def _outside_remedy(self) -> str:
        import shapely

        crs, grid = self.sheet.frame.crs, self.targets[0].grid
        if crs is not None and grid.crs is None:
            return (
                f"The scene has no CRS while the points are in {crs_label(crs)}. Give it one "
                "(gdal_edit.py -a_srs), or points in its pixel coordinates."
            )
        if self._fits_swapped():
            return "They fall inside when x and y are swapped: swap the columns or coordinates."
        xy = shapely.get_coordinates(self.sheet.frame.geometry.to_numpy())
        degrees = bool((np.abs(xy) <= (180, 90)).all())
        if degrees and grid.crs is not None and (crs is None or not crs.is_geographic):
            return "They look like longitude and latitude: if so, say so with --crs EPSG:4326."
        if crs is None:
            return "Say which CRS they are in with --crs."
        return "Check that they belong to this scene, or correct their CRS with --crs."

    def _fits_swapped(self) -> bool:
        """Whether half of the features lie inside the first scene with x and y swapped."""
        import shapely

        frame = self.sheet.frame.copy()
        swapped = shapely.transform(frame.geometry.to_numpy(), lambda xy: xy[:, ::-1])
        placed, _ = place_on_grid(frame.set_geometry(swapped, crs=frame.crs), self.targets[0].grid)
        xy = shapely.get_coordinates(shapely.centroid(finite_or_none(placed)))
        inside = self.targets[0].grid.contains(self.targets[0].grid.transform.rowcol(xy))
        return 2 * int(inside.sum()) >= len(frame)


def join_reports(
    accounts: Sequence[Account], notices: Sequence[str], pixels: Sequence[LabelledPixels]
) -> LabelReport:
    """Count the features of all files by outcome, with the first offending rows."""
    counts = np.sum([account.counts() for account in accounts], axis=0)
    missed = [o for o in Outcome if o is not Outcome.USED and counts[o] > 0]
    return LabelReport(
        n_features=int(counts.sum()),
        used=int(counts[Outcome.USED]),
        skipped={o.reason: int(counts[o]) for o in missed},
        examples=[a.examples(o) for o in missed for a in accounts if a.counts()[o]],
        notices=[*notices, *_class_notices(accounts, pixels)],
        source=", ".join(account.sheet.source for account in accounts),
    )


def _class_notices(accounts: Sequence[Account], pixels: Sequence[LabelledPixels]) -> list[str]:
    """Classes that only the points or only the legend know."""
    legend = accounts[0].legend
    notices = [
        f"Not in the legend ({', '.join(legend.names)}): {account.unknown_values()}."
        for account in accounts
        if account.unknown_values()
    ]
    found = np.sum([p.counts(len(legend)) for p in pixels], axis=0)
    bare = [name for name, n in zip(legend.names, found, strict=True) if n == 0]
    if bare:
        notices.append(f"Classes of the legend without a usable label: {', '.join(bare)}.")
    return notices


def _format_xy(xy: NDArray[np.float64]) -> str:
    digits = 5 if bool(np.all(np.abs(xy) <= 360)) else 1
    return ", ".join(f"{v:.{digits}f}".rstrip("0").rstrip(".") for v in xy[:2])


def _format_extent(grid: Grid) -> str:
    left, bottom, right, top = grid.bounds
    if not grid.is_georeferenced:
        return f"an image of {grid.width} × {grid.height} pixels without georeference"
    digits = 4 if max(abs(v) for v in grid.bounds) <= 360 else 0
    x, y = (f"{a:.{digits}f} to {b:.{digits}f}" for a, b in ((left, right), (bottom, top)))
    return f"{crs_label(grid.crs)}, {x} E, {y} N"
