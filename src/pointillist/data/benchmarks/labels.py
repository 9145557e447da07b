"""Label files of published data sets: codes, colours and layers become class indices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pointillist.data.pairs import match_colors
from pointillist.data.reading import read_values
from pointillist.errors import InputError
from pointillist.grid import Window
from pointillist.legend import Color

IGNORED = -1


class LabelFiles(Protocol):
    """Where the classes of an image are written."""

    @property
    def files(self) -> tuple[Path, ...]:
        """All of the size of the image."""

    def read(self, window: Window) -> NDArray[np.int64]:
        """Class index of every pixel of a window, −1 where ignored."""


@dataclass(frozen=True)
class CodedLabels:
    """A raster of one band of codes.

    Args:
        file: The raster.
        indices: Class index by code; −1 for codes that are ignored.
    """

    file: Path
    indices: Mapping[int, int]

    @property
    def files(self) -> tuple[Path, ...]:
        """The raster."""
        return (self.file,)

    def read(self, window: Window) -> NDArray[np.int64]:
        """Class index of every pixel of a window, −1 where ignored.

        Raises:
            InputError: Several bands, or a code that the data set does not have.
        """
        values = read_values(self.file, window)
        if len(values) != 1:
            raise InputError(
                f"Expected one band of class codes in {self.file.name}, got {len(values)} bands. "
                "Use the publisher's own label files, not a coloured picture of them."
            )
        codes = np.array(sorted(self.indices))
        at = np.clip(np.searchsorted(codes, values[0]), 0, len(codes) - 1)
        known = codes[at] == values[0]
        if not known.all():
            row, col = np.argwhere(~known)[0]
            raise InputError(
                f"Expected class codes {', '.join(map(str, codes))} in '{self.file}', got "
                f"{values[0, row, col]} at row {window.row + row}, column {window.col + col} "
                f"({int((~known).sum())} px there). Get the file again from its publisher; of your "
                "own masks, give the code a class in the legend, or 255 to pixels without one."
            )
        indices: NDArray[np.int64] = np.array([self.indices[int(c)] for c in codes])[at]
        return indices


@dataclass(frozen=True)
class ColoredLabels:
    """A picture whose colours are classes.

    Args:
        file: The picture, three bands.
        indices: Class index by colour, each 0 or 255 per band; −1 for colours that are ignored.
        threshold: Take values from 128 for 255 and others for 0, where the publisher says so or is
            known to have published inexact colours.
    """

    file: Path
    indices: Mapping[Color, int]
    threshold: bool = False

    @property
    def files(self) -> tuple[Path, ...]:
        """The picture."""
        return (self.file,)

    def read(self, window: Window) -> NDArray[np.int64]:
        """Class index of every pixel of a window, −1 where ignored.

        Raises:
            InputError: Not three bands, or a colour that the data set does not have.
        """
        values = read_values(self.file, window)
        if len(values) != 3:
            raise InputError(
                f"Expected three bands of class colours in {self.file.name}, "
                f"got {len(values)}. Get the file again from its publisher; save masks of your own "
                "all as colours or all as codes."
            )
        pure = np.where(values >= 128, 255, 0) if self.threshold else values
        at = match_colors(pure, list(self.indices))
        if (at < 0).any():
            row, col = np.argwhere(at < 0)[0]
            color = ",".join(str(int(v)) for v in values[:, row, col].tolist())
            raise InputError(
                f"Expected only the colours of the data set in '{self.file}', got {color} at row "
                f"{window.row + row}, column {window.col + col} ({int((at < 0).sum())} px there). "
                "Get the file again from its publisher; of your own masks, give the colour a class "
                "in the legend. Labels must not be saved as JPEG."
            )
        indices: NDArray[np.int64] = np.array(list(self.indices.values()))[at]
        return indices


@dataclass(frozen=True)
class LayeredLabels:
    """A binary layer per class; layers may overlap, and may be switched off by valid masks.

    A pixel of no layer is `rest`; a pixel of exactly one layer is its class; a pixel of two or more
    has no one class and is ignored, and so is every pixel where a mask is 0.

    Args:
        layers: File of each layer and its class index, −1 for a layer that is ignored.
        valid: Masks, 0 where nothing counts.
        rest: Class index where there is no layer.
    """

    layers: tuple[tuple[Path, int], ...]
    valid: tuple[Path, ...]
    rest: int = 0

    @property
    def files(self) -> tuple[Path, ...]:
        """Layers and masks."""
        return (*(file for file, _ in self.layers), *self.valid)

    def read(self, window: Window) -> NDArray[np.int64]:
        """Class index of every pixel of a window, −1 where ignored.

        Raises:
            InputError: A layer or mask that holds other values than 0 and 255.
        """
        indices = np.full(window.shape, self.rest, dtype=np.int64)
        n_layers = np.zeros(window.shape, dtype=np.int64)
        for file, index in self.layers:
            inside = _read_layer(file, window)
            indices[inside] = index
            n_layers += inside
        indices[n_layers > 1] = IGNORED
        for file in self.valid:
            indices[~_read_layer(file, window)] = IGNORED
        return indices


def _read_layer(file: Path, window: Window) -> NDArray[np.bool_]:
    """Where a layer of 0 and 255 is set."""
    values = read_values(file, window)[0]
    strange = (values != 0) & (values != 255)
    if strange.any():
        row, col = np.argwhere(strange)[0]
        raise InputError(
            f"Expected 0 and 255 only in '{file}', got {values[row, col]} at row "
            f"{window.row + row}, column {window.col + col} ({int(strange.sum())} px there). "
            "Get the file again from its publisher; labels must not be saved as JPEG."
        )
    inside: NDArray[np.bool_] = values != 0
    return inside
