"""Candidates: places that might be suggested, with what the model says there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

NEIGHBOUR_PX = 2
"""The eight neighbours that are asked for their class lie this far, in both directions."""

N_ASKED = 9
"""A candidate and its eight neighbours."""


@dataclass(frozen=True, eq=False)
class Candidates:
    """Pixels of a scene, with what the model says there.

    Args:
        rowcol: (N, 2) pixel indices.
        probabilities: (N, C) of the classes.
        alike: (N,) how many of the pixel itself and its eight neighbours `NEIGHBOUR_PX` away are
            mapped as its class: 9 inside a patch, about 5 on a straight border, 1 on a speck.
        disagreement: (N,) 0…1, how much the members of an ensemble contradict each other; None
            where nobody asked.
        even: (N,) whether the pixel is the one of its cell of a regular grid; False for those
            that are here only because their class is rare.
    """

    rowcol: NDArray[np.int64]
    probabilities: NDArray[np.float32]
    alike: NDArray[np.int64]
    disagreement: NDArray[np.float32] | None
    even: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.rowcol)

    @property
    def index(self) -> NDArray[np.int64]:
        """(N,) class index that the model maps."""
        return np.asarray(self.probabilities.argmax(axis=1), dtype=np.int64)

    def subset(self, chosen: ArrayLike) -> Candidates:
        """Some of them, by a boolean mask or positions."""
        at = np.asarray(chosen)
        return Candidates(
            self.rowcol[at],
            self.probabilities[at],
            self.alike[at],
            None if self.disagreement is None else self.disagreement[at],
            self.even[at],
        )


def join_candidates(parts: Sequence[Candidates], n_classes: int) -> Candidates:
    """All of several, in order; without any, none of `n_classes` classes."""
    if not parts:
        return Candidates(
            np.empty((0, 2), dtype=np.int64),
            np.empty((0, n_classes), dtype=np.float32),
            np.empty(0, dtype=np.int64),
            None,
            np.empty(0, dtype=bool),
        )
    disagreements = [p.disagreement for p in parts if p.disagreement is not None]
    return Candidates(
        np.concatenate([p.rowcol for p in parts]),
        np.concatenate([p.probabilities for p in parts]),
        np.concatenate([p.alike for p in parts]),
        np.concatenate(disagreements) if disagreements else None,
        np.concatenate([p.even for p in parts]),
    )


def count_alike(index: NDArray[np.integer], rowcol: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many of each pixel and its eight neighbours are mapped as the pixel's class.

    Args:
        index: (h, w) class indices, −1 where there is none.
        rowcol: (N, 2) pixels of it; at its edge the neighbours are those of the edge.

    Returns:
        (N,) 1…9.
    """
    steps = (-NEIGHBOUR_PX, 0, NEIGHBOUR_PX)
    offsets = np.array([(row, col) for row in steps for col in steps])
    around = np.clip(rowcol[:, None] + offsets, 0, np.array(index.shape) - 1)
    found = index[around[..., 0], around[..., 1]]
    own = index[rowcol[:, 0], rowcol[:, 1]]
    return np.asarray((found == own[:, None]).sum(axis=1), dtype=np.int64)
