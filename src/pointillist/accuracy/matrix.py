"""The error matrix of a map and what is read from it. Rows are the map, columns the reference.

A pixel that the reference labels but the map leaves without a class is `unmapped`: it belongs to
no row, yet counts as an error wherever the reference's total is the base (overall accuracy,
producer's accuracy, IoU).

Example:
    >>> matrix = error_matrix([0, 0, 1, 1], [0, 1, 1, -1], ["water", "forest"])
    >>> matrix.counts.tolist()
    [[1, 1], [0, 1]]
    >>> users_accuracy(matrix).tolist()
    [0.5, 1.0]

References:
    Stehman, S. V. (1997). Selecting and interpreting measures of thematic classification
    accuracy. Remote Sensing of Environment 62, 77-89.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pointillist.errors import InputError

Figures = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ErrorMatrix:
    """Counts of map class against reference class; matrices of parts of a map add up.

    Args:
        counts: (C, C) whole numbers, rows map, columns reference.
        classes: C class names in the order of the index.
        unmapped: (C,) pixels per reference class where the map has no class; none when absent.

    Raises:
        InputError: Shapes that do not fit together, or negative counts.
    """

    counts: NDArray[np.int64]
    classes: tuple[str, ...]
    unmapped: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    def __post_init__(self) -> None:
        n = len(self.classes)
        counts = np.array(self.counts, dtype=np.int64)
        unmapped = np.array(self.unmapped if np.size(self.unmapped) else [0] * n, dtype=np.int64)
        if counts.shape != (n, n) or unmapped.shape != (n,):
            raise InputError(
                f"Expected counts ({n}, {n}) and unmapped ({n},) for {n} classes, got "
                f"{counts.shape} and {unmapped.shape}. Give one class name per row and column."
            )
        if counts.min(initial=0) < 0 or unmapped.min(initial=0) < 0:
            raise InputError("Expected counts of at least 0 in an error matrix, got negative ones.")
        object.__setattr__(self, "counts", counts)
        object.__setattr__(self, "unmapped", unmapped)
        object.__setattr__(self, "classes", tuple(self.classes))

    @classmethod
    def empty(cls, classes: Sequence[str]) -> Self:
        """A matrix without any pixel, to add to."""
        n = len(classes)
        return cls(np.zeros((n, n), dtype=np.int64), tuple(classes))

    def __add__(self, other: ErrorMatrix) -> ErrorMatrix:
        if self.classes != other.classes:
            raise InputError(
                f"Expected error matrices of the same classes, got {', '.join(self.classes)} and "
                f"{', '.join(other.classes)}. Bring both to one legend first."
            )
        return ErrorMatrix(self.counts + other.counts, self.classes, self.unmapped + other.unmapped)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, ErrorMatrix)
            and self.classes == other.classes
            and np.array_equal(self.counts, other.counts)
            and np.array_equal(self.unmapped, other.unmapped)
        )

    __hash__ = None  # type: ignore[assignment]  # arrays inside: equality by value, no hash

    @property
    def correct(self) -> NDArray[np.int64]:
        """(C,) pixels where map and reference agree."""
        return np.diagonal(self.counts)

    @property
    def mapped(self) -> NDArray[np.int64]:
        """(C,) pixels of each map class that have a reference."""
        return np.asarray(self.counts.sum(axis=1), dtype=np.int64)

    @property
    def found(self) -> NDArray[np.int64]:
        """(C,) pixels of each reference class, unmapped ones included."""
        return np.asarray(self.counts.sum(axis=0) + self.unmapped, dtype=np.int64)

    @property
    def n(self) -> int:
        """Pixels with a reference, unmapped ones included."""
        return int(self.counts.sum() + self.unmapped.sum())


def error_matrix(
    map_index: ArrayLike, reference_index: ArrayLike, classes: int | Sequence[str]
) -> ErrorMatrix:
    """Count map class against reference class.

    Args:
        map_index: Class indices of any shape; −1 where the map has no class.
        reference_index: The same shape; −1 where the reference is unlabelled (ignored).
        classes: Class names, or how many classes there are.

    Returns:
        The matrix; reference pixels without a map class go to `unmapped`.

    Raises:
        InputError: Different shapes, or indices outside −1…C−1.
    """
    names = [str(i) for i in range(classes)] if isinstance(classes, int) else list(classes)
    n = len(names)
    in_map, in_reference = _checked(map_index, n, "map"), _checked(reference_index, n, "reference")
    if in_map.shape != in_reference.shape:
        raise InputError(
            f"Expected map and reference of the same shape, got {in_map.shape} and "
            f"{in_reference.shape}. Cut both to the same window."
        )
    labelled = in_reference >= 0
    rows = in_map[labelled].astype(np.int64)
    rows[rows < 0] = n  # the row after the last class: unmapped
    cells = np.bincount(rows * n + in_reference[labelled], minlength=(n + 1) * n)
    table = cells.reshape(n + 1, n)
    return ErrorMatrix(table[:n], tuple(names), table[n])


def overall_accuracy(matrix: ErrorMatrix) -> float:
    """Share of all reference pixels that the map has right; NaN without any pixel."""
    return float(_ratio(matrix.correct.sum(), matrix.n))


def users_accuracy(matrix: ErrorMatrix) -> Figures:
    """(C,) share of each map class that is right (precision); NaN for a class never mapped."""
    return _ratio(matrix.correct, matrix.mapped)


def producers_accuracy(matrix: ErrorMatrix) -> Figures:
    """(C,) share of each reference class the map found (recall); NaN for a class never found."""
    return _ratio(matrix.correct, matrix.found)


def f1(matrix: ErrorMatrix) -> Figures:
    """(C,) 2·correct / (mapped + found); NaN for a class in neither map nor reference."""
    return _ratio(2 * matrix.correct, matrix.mapped + matrix.found)


def iou(matrix: ErrorMatrix) -> Figures:
    """(C,) correct / (mapped + found − correct); NaN for a class in neither map nor reference."""
    return _ratio(matrix.correct, matrix.mapped + matrix.found - matrix.correct)


def present(matrix: ErrorMatrix) -> NDArray[np.bool_]:
    """(C,) whether the reference has the class: these are the classes that `mean_iou` averages."""
    return np.asarray(matrix.found > 0)


def mean_iou(matrix: ErrorMatrix) -> float:
    """Mean IoU over the classes present in the reference; NaN when there are none.

    A class that the map shows but the reference never has does not enter the mean by itself; its
    pixels count as errors of the classes they took. All pixels together make one matrix first:
    this is not an average over images.
    """
    values = iou(matrix)[present(matrix)]
    return float(values.mean()) if values.size else float("nan")


def reference_shares(matrix: ErrorMatrix) -> Figures:
    """(C,) share of the reference pixels in each class; sums to 1."""
    return _ratio(matrix.found, np.full(len(matrix.classes), matrix.n))


def map_shares(matrix: ErrorMatrix) -> Figures:
    """(C,) share of the reference pixels that the map gives to each class."""
    return _ratio(matrix.mapped, np.full(len(matrix.classes), matrix.n))


def _ratio(part: ArrayLike, whole: ArrayLike) -> Figures:
    part, whole = np.asarray(part, dtype=np.float64), np.asarray(whole, dtype=np.float64)
    empty = np.full(np.broadcast(part, whole).shape, np.nan)
    return np.asarray(np.divide(part, whole, out=empty, where=whole > 0))


def _checked(index: ArrayLike, n: int, where: str) -> NDArray[np.integer]:
    """The indices as an array of whole numbers within −1…n−1."""
    values = np.asarray(index)
    if not np.issubdtype(values.dtype, np.integer):
        raise InputError(
            f"Expected whole numbers as class indices of the {where}, got {values.dtype}. "
            "Take the argmax of probabilities first."
        )
    if values.size and (values.min() < -1 or values.max() >= n):
        raise InputError(
            f"Expected class indices from −1 to {n - 1} in the {where}, got "
            f"{values.min()}…{values.max()}. Turn codes into indices with Legend.to_indices."
        )
    return values
