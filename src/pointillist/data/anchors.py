"""Which labelled pixel each chip is built around, and which labels lie in a window."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pointillist.data.randomness import derive_rng
from pointillist.errors import InputError
from pointillist.grid import Window
from pointillist.points import LabelledPixels

DRAWS = ("natural", "balanced")


class LabelIndex:
    """Labelled pixels of one scene, sorted so that those in a window are found quickly.

    Args:
        pixels: Labelled pixels; of several labels on one pixel the last counts.
        shape: (height, width) of the scene; labels outside are refused.

    Raises:
        InputError: A labelled pixel outside the scene.
    """

    def __init__(self, pixels: LabelledPixels, shape: tuple[int, int]) -> None:
        rowcol = np.asarray(pixels.rowcol, dtype=np.int64).reshape(-1, 2)
        outside = (rowcol < 0).any(axis=1) | (rowcol >= np.array(shape)).any(axis=1)
        if outside.any():
            row, col = rowcol[np.argmax(outside)]
            raise InputError(
                f"Expected labelled pixels inside the scene of {shape[0]}×{shape[1]} px, got "
                f"{int(outside.sum())} outside (first: row {row}, col {col}). "
                "Read the labels with the grid of this scene."
            )
        key = rowcol[:, 0] * shape[1] + rowcol[:, 1]
        # Reversed, so that `unique`, which keeps the first, keeps the last label of each pixel.
        _, first = np.unique(key[::-1], return_index=True)
        order = len(key) - 1 - first
        self.rowcol = rowcol[order]
        self.index = np.asarray(pixels.index, dtype=np.int64)[order]
        self.feature = np.asarray(pixels.feature, dtype=np.int64)[order]
        self._rows = np.ascontiguousarray(self.rowcol[:, 0])

    def __len__(self) -> int:
        return len(self.index)

    def label_mask(self, window: Window) -> NDArray[np.int64]:
        """Class indices (h, w) of a window, −1 where unlabelled or outside the scene."""
        mask = np.full(window.shape, -1, dtype=np.int64)
        start, stop = np.searchsorted(self._rows, [window.row, window.stop_row])
        cols = self.rowcol[start:stop, 1]
        inside = (cols >= window.col) & (cols < window.stop_col)
        rows = self._rows[start:stop][inside]
        mask[rows - window.row, cols[inside] - window.col] = self.index[start:stop][inside]
        return mask


class AnchorDraw:
    """The order in which chips take labelled pixels as anchors, over all epochs.

    A unit of labels is a single point, or the part of a polygon or line that fits half a chip.
    `natural` takes every unit equally often, so a field of 10,000 px counts as the few chips it can
    fill and not as 10,000 points. `balanced` takes the classes in turn and the units of each class
    equally often. Within a unit the pixel is drawn at random. Units are taken in random order
    without repetition; when all have been taken a new order begins, and neither the length of an
    epoch nor a restart disturbs the order.

    Args:
        labels: Labelled pixels of each scene.
        cell_px: Side of the squares that cut features into units.
        draw: `natural` or `balanced`.
        seed: At least 0.
    """

    def __init__(
        self, labels: Sequence[LabelIndex], cell_px: int, draw: str = "natural", seed: int = 0
    ) -> None:
        if draw not in DRAWS:
            raise InputError(f"Expected a draw of {' or '.join(DRAWS)}, got '{draw}'.")
        self.seed = seed
        sizes = [len(label) for label in labels]
        self._scene = np.repeat(np.arange(len(labels)), sizes)
        self._start = np.concatenate([[0], np.cumsum(sizes)])
        classes = np.concatenate([label.index for label in labels])
        unit = _number_units(labels, self._scene, max(cell_px, 1))
        # Pixels of unit u: _members[_bounds[u] : _bounds[u + 1]].
        self._members = np.argsort(unit, kind="stable")
        self._bounds = np.concatenate([[0], np.cumsum(np.bincount(unit))])
        unit_class = classes[self._members[self._bounds[:-1]]]
        groups = [np.zeros_like(unit_class)] if draw == "natural" else [unit_class]
        self._groups = [np.flatnonzero(groups[0] == g) for g in np.unique(groups[0])]
        self._orders: dict[tuple[int, int], NDArray[np.int64]] = {}

    def __len__(self) -> int:
        """Number of units."""
        return len(self._bounds) - 1

    def anchor(self, position: int, rng: np.random.Generator) -> tuple[int, int]:
        """The anchor of a chip.

        Args:
            position: Number of the chip, counted over all epochs.
            rng: Draws the pixel within the unit.

        Returns:
            Which scene, and which of its labelled pixels.
        """
        turn, place = divmod(position, len(self._groups))
        group = int(derive_rng(self.seed, 0, turn).permutation(len(self._groups))[place])
        unit = self._unit(group, turn)
        start, stop = self._bounds[unit], self._bounds[unit + 1]
        pixel = int(self._members[start + rng.integers(stop - start)])
        scene = int(self._scene[pixel])
        return scene, pixel - int(self._start[scene])

    def _unit(self, group: int, turn: int) -> int:
        """The unit a group gives at its turn; each pass through the group has its own order."""
        units = self._groups[group]
        passes, place = divmod(turn, len(units))
        order = self._orders.get((group, passes))
        if order is None:
            order = derive_rng(self.seed, 1, group, passes).permutation(len(units))
            # An epoch asked for out of order touches two passes at most where passes are long.
            if len(self._orders) >= 2 * len(self._groups):
                self._orders.clear()
            self._orders[group, passes] = order
        return int(units[order[place]])


def _number_units(
    labels: Sequence[LabelIndex], scene: NDArray[np.int64], cell_px: int
) -> NDArray[np.int64]:
    """The unit 0…U−1 of every labelled pixel of all scenes."""
    cells = np.concatenate([label.rowcol // cell_px for label in labels])
    feature = np.concatenate([label.feature for label in labels])
    classes = np.concatenate([label.index for label in labels])
    numbers = np.zeros(len(scene), dtype=np.int64)
    # Folding in one key at a time keeps the numbers small, so they never overflow.
    for key in (scene, feature, classes, cells[:, 0], cells[:, 1]):
        _, place = np.unique(key, return_inverse=True)
        combined = numbers * (int(place.max()) + 1) + place.reshape(-1)
        numbers = np.unique(combined, return_inverse=True)[1].reshape(-1).astype(np.int64)
    return numbers
