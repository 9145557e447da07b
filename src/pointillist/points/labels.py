"""Labelled pixels of a scene, and the account of which features of a file became labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pointillist.errors import PointsError
from pointillist.grid import Window
from pointillist.legend import Legend


@dataclass(frozen=True, eq=False)
class LabelledPixels:
    """Pixels with a known class, in the order of the features they come from.

    Args:
        rowcol: (N, 2) int64 pixel indices (row, col); every pixel at most once.
        index: (N,) int64 class index, 0…C−1.
        feature: (N,) int64 row of the source feature in its file, counted from 0.
    """

    rowcol: NDArray[np.int64]
    index: NDArray[np.int64]
    feature: NDArray[np.int64]

    @classmethod
    def from_arrays(
        cls, rowcol: ArrayLike, index: ArrayLike, feature: ArrayLike | None = None
    ) -> LabelledPixels:
        """Make labelled pixels of anything array-like; `feature` counts from 0 where not given."""
        rc = np.asarray(rowcol, dtype=np.int64).reshape(-1, 2)
        classes = np.asarray(index, dtype=np.int64).reshape(-1)
        source = np.arange(len(rc)) if feature is None else np.asarray(feature)
        return cls(rc, classes, source.astype(np.int64).reshape(-1))

    @classmethod
    def from_mask(cls, mask: ArrayLike) -> LabelledPixels:
        """The labelled pixels of a label mask (H, W): all that are not negative."""
        values = np.asarray(mask)
        rowcol = np.argwhere(values >= 0)
        return cls.from_arrays(rowcol, values[rowcol[:, 0], rowcol[:, 1]])

    def __len__(self) -> int:
        return len(self.index)

    def subset(self, mask: ArrayLike) -> LabelledPixels:
        """The pixels chosen by a boolean mask (N,) or by positions."""
        chosen = np.asarray(mask)
        return LabelledPixels(self.rowcol[chosen], self.index[chosen], self.feature[chosen])

    def counts(self, n_classes: int) -> NDArray[np.int64]:
        """Labelled pixels per class (n_classes,)."""
        return np.bincount(self.index, minlength=n_classes).astype(np.int64)

    def to_mask(self, shape: tuple[int, int], window: Window | None = None) -> NDArray[np.int64]:
        """Write the labels into a mask.

        Args:
            shape: (height, width) of the scene.
            window: Part of the scene to make, which may reach beyond it; all of it if None.

        Returns:
            (h, w) int64 class indices, −1 where unlabelled.
        """
        window = Window(0, 0, *shape) if window is None else window
        mask = np.full(window.shape, -1, dtype=np.int64)
        at = self.rowcol - np.array([window.row, window.col])
        inside = np.all((at >= 0) & (at < np.array(window.shape)), axis=1)
        inside &= np.all((self.rowcol >= 0) & (self.rowcol < np.array(shape)), axis=1)
        mask[at[inside, 0], at[inside, 1]] = self.index[inside]
        return mask


class Outcome(IntEnum):
    """How far a feature came on its way to a label; only the last one is a label."""

    NO_CLASS = 0
    UNKNOWN_CLASS = 1
    NO_GEOMETRY = 2
    OUTSIDE = 3
    NODATA = 4
    CONFLICT = 5
    DUPLICATE = 6
    USED = 7

    @property
    def reason(self) -> str:
        """The words of a report."""
        return _REASONS[self]


_REASONS = {
    Outcome.NO_CLASS: "without a class",
    Outcome.UNKNOWN_CLASS: "class not in the legend",
    Outcome.NO_GEOMETRY: "without coordinates",
    Outcome.OUTSIDE: "outside the scene",
    Outcome.NODATA: "on nodata",
    Outcome.CONFLICT: "in a pixel already labelled with another class",
    Outcome.DUPLICATE: "in a pixel already labelled with the same class",
    Outcome.USED: "used",
}


@dataclass(frozen=True)
class LabelReport:
    """What became of the features of a file.

    Args:
        n_features: Features in the file; `used` and all of `skipped` add up to it.
        used: Features that label at least one pixel.
        skipped: Number of features by reason, none of them zero.
        examples: One sentence for each reason: how many, and the first rows (counted from 1).
        notices: What was assumed or repaired, one sentence each.
        source: Name of the file.
        design: How the points were drawn, by the column `design`; None where it is missing or
            says several things.
    """

    n_features: int
    used: int
    skipped: dict[str, int] = field(default_factory=dict)
    examples: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    source: str = "points"
    design: str | None = None

    def lines(self) -> list[str]:
        """The report as lines to print: nothing but the count where all went well."""
        lines = [f"{self.source}: {self.used:,} of {self.n_features:,} features used."]
        return lines + [f"  {told}" for told in (*self.examples, *self.notices)]


@dataclass(frozen=True)
class Labels:
    """Labelled pixels of one scene with their legend and the report of how they came about."""

    pixels: LabelledPixels
    legend: Legend
    report: LabelReport


def require_two_classes(
    pixels: LabelledPixels | Sequence[LabelledPixels], legend: Legend, source: str = "points"
) -> None:
    """Refuse labels from which nothing can be told apart.

    Args:
        pixels: Labels of one scene or of several.
        legend: The classes the labels refer to.
        source: Name of the points for the message.

    Raises:
        PointsError: All labels are of one class, or there are none.
    """
    parts = [pixels] if isinstance(pixels, LabelledPixels) else list(pixels)
    counts = np.sum([p.counts(len(legend)) for p in parts], axis=0)
    present = np.flatnonzero(counts)
    if len(present) == 0:
        raise PointsError(f"Expected labels of at least two classes, but {source} gives none.")
    if len(present) == 1:
        name = legend.names[int(present[0])]
        raise PointsError(
            f"Expected labels of at least two classes, but all {int(counts.sum()):,} labelled "
            f"pixels of {source} are '{name}'. Add points of what is not '{name}'."
        )
