"""Say what became of the features of a file: the report, and the error when nothing is left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pointillist.errors import PointsError
from pointillist.grid import Grid
from pointillist.legend import Legend
from pointillist.points.fields import ClassValues
from pointillist.points.labels import LabelledPixels, LabelReport, Outcome
from pointillist.points.vectors import crs_label

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

_N_EXAMPLES = 3


@dataclass(frozen=True, eq=False)
class Account:
    """All there is to know about a file and the scenes it was laid on.

    Args:
        frame: The features, with `attrs["source"]` and `attrs["notices"]`.
        class_field: Field the classes come from.
        values: The classes found.
        legend: The classes known.
        outcome: (N,) best `Outcome` of each feature over all scenes.
        grids: The scenes.
        scenes: Their names.
    """

    frame: GeoDataFrame
    class_field: str
    values: ClassValues
    legend: Legend
    outcome: NDArray[np.int64]
    grids: Sequence[Grid]
    scenes: Sequence[str]

    @property
    def source(self) -> str:
        """Name of the file."""
        return str(self.frame.attrs.get("source", "points"))

    def report(self, notices: Sequence[str], pixels: Sequence[LabelledPixels]) -> LabelReport:
        """Count the features by outcome, with the first offending rows."""
        counts = np.bincount(self.outcome, minlength=len(Outcome))
        missed = [o for o in Outcome if o is not Outcome.USED and counts[o] > 0]
        return LabelReport(
            n_features=len(self.outcome),
            used=int(counts[Outcome.USED]),
            skipped={o.reason: int(counts[o]) for o in missed},
            examples=[self._examples(o) for o in missed],
            notices=[*notices, *self._class_notices(pixels)],
            source=self.source,
        )

    def refuse_nothing(self) -> None:
        """Raise the error that fits best where no feature became a label."""
        counts = np.bincount(self.outcome, minlength=len(Outcome))
        if counts[Outcome.USED]:
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

    def _examples(self, outcome: Outcome) -> str:
        rows = np.flatnonzero(self.outcome == outcome)[:_N_EXAMPLES]
        told = "; ".join(f"row {row + 1} {self._describe(int(row), outcome)}" for row in rows)
        return f"First {outcome.reason}: {told.rstrip()}."

    def _describe(self, row: int, outcome: Outcome) -> str:
        if outcome is Outcome.UNKNOWN_CLASS:
            return f"has '{self.values.names[self.values.which[row]]}'"
        return f"at {self._position(row)}"

    def _position(self, row: int) -> str:
        import shapely

        xy = shapely.get_coordinates(self.frame.geometry.iloc[row])
        return _format_xy(xy[0]) if len(xy) else "no coordinates"

    def _class_notices(self, pixels: Sequence[LabelledPixels]) -> list[str]:
        notices = []
        unknown = self._unknown_values()
        if unknown:
            notices.append(f"Not in the legend ({', '.join(self.legend.names)}): {unknown}.")
        found = np.sum([p.counts(len(self.legend)) for p in pixels], axis=0)
        bare = [name for name, n in zip(self.legend.names, found, strict=True) if n == 0]
        if bare:
            notices.append(f"Classes of the legend without a usable label: {', '.join(bare)}.")
        return notices

    def _unknown_values(self) -> str:
        counts = zip(self.values.names, self.values.counts(), strict=True)
        unknown = [f"'{n}' ({c:,})" for n, c in counts if self.legend.index_of(n) is None and c]
        return ", ".join(unknown[:10]) + (", …" if len(unknown) > 10 else "")

    def _no_class(self, n: str, also: str) -> str:
        return (
            f"Expected a class in field '{self.class_field}' of {self.source}, but {n} features "
            f"have none{also}. Fill it in, or name another field with --class-field."
        )

    def _unknown_class(self, n: str, also: str) -> str:
        return (
            f"Expected classes of the legend ({', '.join(self.legend.names)}), but {n} features of "
            f"{self.source} have others in field '{self.class_field}': {self._unknown_values()}"
            f"{also}. Correct the legend, or name another field with --class-field."
        )

    def _no_geometry(self, n: str, also: str) -> str:
        return f"Expected coordinates in {self.source}, but {n} features have none{also}."

    def _nodata(self, n: str, also: str) -> str:
        row = int(np.flatnonzero(self.outcome == Outcome.NODATA)[0])
        return (
            f"Expected points where {self._scene_name()} has data, but {n} of {self.source} lie on "
            f"nodata{also} (first: row {row + 1} at {self._position(row)}). "
            "Check the scene's nodata value and the chosen bands."
        )

    def _outside(self, n: str, also: str) -> str:
        row = int(np.flatnonzero(self.outcome == Outcome.OUTSIDE)[0])
        return (
            f"Expected points inside {self._scene_name()} ({_format_extent(self.grids[0])}), "
            f"but {n} of {self.source} fall outside{also} (first: {self._position(row)}, "
            f"{crs_label(self.frame.crs)}). {self._outside_remedy()}"
        )

    def _scene_name(self) -> str:
        more = len(self.scenes) - 1
        return self.scenes[0] + (f" or {more} more scene{'s' * (more > 1)}" if more else "")

    def _outside_remedy(self) -> str:
        import shapely

        xy = shapely.get_coordinates(self.frame.geometry.to_numpy())
        if self.frame.crs is not None and self.grids[0].crs is None:
            return f"The scene has no CRS, the points are in {crs_label(self.frame.crs)}."
        degrees = bool((np.abs(xy[:, 0]) <= 180).all() and (np.abs(xy[:, 1]) <= 90).all())
        if degrees and (self.frame.crs is None or not self.frame.crs.is_geographic):
            return "They look like longitude and latitude: if so, say so with --crs EPSG:4326."
        if self.frame.crs is None:
            return "Say which CRS they are in with --crs."
        return "Check that they belong to this scene, or correct their CRS with --crs."


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
