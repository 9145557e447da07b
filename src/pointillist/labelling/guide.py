"""Where to click next: the quick map looks around the scene, the room `suggestion` chooses.

So the app suggests by the same strategy, spacing and shares of classes as the command, but from the
map that is learnt anew after every click, and within seconds whatever the scene's size: it looks at
windows spread evenly over the scene instead of at all of it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pointillist.errors import InputError
from pointillist.grid import Grid, Window
from pointillist.labelling.quick import QuickMap, TileMap
from pointillist.legend import Legend
from pointillist.points import AreaOfInterest

if TYPE_CHECKING:  # the room brings torch, and the page must not wait for that
    from pointillist.sampling.spacing import Spacing
    from pointillist.suggestion import Candidates

WINDOW_PX = 128
MOST_WINDOWS = 96
_N_EVEN, _N_OF_A_CLASS = 48, 6


@dataclass(frozen=True)
class Place:
    """A place that is worth a click.

    Args:
        row: Its pixel.
        col: Its pixel.
        why: Such as `two classes are nearly even: Road 41 %, Land 38 %`.
    """

    row: int
    col: int
    why: str


class Guide:
    """Suggests places on one scene, none of them twice.

    Args:
        grid: The scene's.
        quick: Its quick map.
    """

    def __init__(self, grid: Grid, quick: QuickMap) -> None:
        self.grid, self.quick = grid, quick
        self._shown = np.zeros((0, 2), dtype=np.int64)
        self._lock = threading.Lock()

    def suggest(
        self,
        n: int,
        legend: Legend,
        rng: np.random.Generator,
        labelled: AreaOfInterest | None = None,
    ) -> list[Place]:
        """Places whose labels would teach most, as the points are now.

        Args:
            n: At most so many.
            legend: The classes.
            rng: Source of the draw.
            labelled: Where there is a label already.

        Raises:
            InputError: Fewer than two classes have points, or there is no room for a new place.
        """
        from pointillist.suggestion import DEFAULT_STRATEGY, choose, find_strategy
        from pointillist.suggestion.strategies import explain

        strategy = find_strategy(DEFAULT_STRATEGY)
        with self._lock:
            candidates, class_pixels = self._look_around(len(legend), rng, labelled)
            spacing = self._keep_apart(candidates.rowcol)
            chosen = candidates.subset(
                choose(candidates, n, strategy, spacing, rng, class_pixels=class_pixels)
            )
            if len(chosen) == 0:
                raise InputError("There is no room left for further places on this scene.")
            self._shown = np.concatenate([self._shown, chosen.rowcol])
        names = np.array(legend.names, dtype=object)
        return [
            Place(int(row), int(col), explain(shares, strategy, names))
            for (row, col), shares in zip(chosen.rowcol, chosen.probabilities, strict=True)
        ]

    def _look_around(
        self, n_classes: int, rng: np.random.Generator, labelled: AreaOfInterest | None
    ) -> tuple[Candidates, NDArray[np.int64]]:
        """Candidates of all windows, and how many pixels each class has in them."""
        from pointillist.suggestion.candidates import join_candidates

        parts, pixels = [], np.zeros(n_classes, dtype=np.int64)
        for window in spread_windows(self.grid.shape, rng):
            found = self.quick.map_window(window)
            if found is None:
                raise InputError("Expected points of at least two classes. Click some more.")
            model, shares, seen = found
            if not seen.valid.any():
                continue
            pixels += np.bincount(seen.index[seen.valid], minlength=n_classes)[:n_classes]
            of_all = np.zeros((*seen.valid.shape, n_classes), dtype=np.float32)
            of_all[..., model.classes] = shares
            free = seen.valid if labelled is None else seen.valid & ~labelled.mask(window)
            parts.append(_candidates_of(window, of_all, replace(seen, valid=free), rng))
        return join_candidates(parts, n_classes), pixels

    def _keep_apart(self, rowcol: NDArray[np.int64]) -> Spacing:
        """Away from each other, from the points there are and from what was suggested before."""
        from pointillist.sampling.spacing import Spacing, ground_positions, pixel_size_m
        from pointillist.suggestion.command import DEFAULT_DISTANCE_PX

        taken = np.concatenate([self.quick.taught.rowcol, self._shown])
        least_m = DEFAULT_DISTANCE_PX * pixel_size_m(self.grid)
        return Spacing(
            ground_positions(self.grid, rowcol), least_m, ground_positions(self.grid, taken)
        )


def spread_windows(shape: tuple[int, int], rng: np.random.Generator) -> Iterator[Window]:
    """Windows over a scene of some height and width: all of a small one, else one per cell.

    The cells are alike and cover the scene; a window lies at random in its cell.
    """
    height, width = shape
    side = WINDOW_PX
    while -(-height // side) * -(-width // side) > MOST_WINDOWS:
        side += WINDOW_PX // 2
    for top in range(0, height, side):
        for left in range(0, width, side):
            down, right = min(side, height - top), min(side, width - left)
            rows, cols = min(WINDOW_PX, down), min(WINDOW_PX, right)
            row, col = rng.integers(0, [down - rows + 1, right - cols + 1])
            yield Window(top + int(row), left + int(col), rows, cols)


def _candidates_of(
    window: Window, shares: NDArray[np.float32], seen: TileMap, rng: np.random.Generator
) -> Candidates:
    """Some pixels of a window at random, and some of each of its classes."""
    from pointillist.suggestion.candidates import Candidates, count_alike

    order = rng.permutation(np.flatnonzero(seen.valid))
    index = seen.index.reshape(-1)[order]
    some = [order[:_N_EVEN]]
    some += [order[index == c][:_N_OF_A_CLASS] for c in np.unique(index)]
    at, first = np.unique(np.concatenate(some), return_index=True)
    rowcol = np.stack(np.unravel_index(at, seen.valid.shape), axis=1).astype(np.int64)
    return Candidates(
        rowcol + np.array([window.row, window.col]),
        shares[rowcol[:, 0], rowcol[:, 1]],
        count_alike(seen.index, rowcol),
        None,
        first < len(some[0]),
    )
