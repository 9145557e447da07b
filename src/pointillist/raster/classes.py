"""Class rasters: maps and masks, read as class indices."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pointillist.errors import LegendError, UnreadableFileError
from pointillist.grid import Window, iter_windows
from pointillist.legend import Legend
from pointillist.raster.opening import Closing, Handles, grid_of, rasterio_window, reading
from pointillist.raster.style import qml_path, read_pam_legend

PathLike = str | os.PathLike[str]
MAX_CLASSES = 256
_STRIP_PX = 2048


class ClassRaster(Closing):
    """A raster of class codes. Values that are no class, and nodata, become −1.

    Args:
        path: Any path GDAL opens; one band of whole numbers.
        legend: Its classes; when absent taken from the raster's own class names, its QGIS style,
            or else from the values that occur (names are then the codes).

    Raises:
        UnreadableFileError: Not a raster of classes.
    """

    def __init__(self, path: PathLike, legend: Legend | None = None) -> None:
        self.path = os.fspath(path)
        self._handles = Handles(self.path)
        dataset = self._handles.get()
        self.grid = grid_of(dataset)
        dtype = np.dtype(dataset.dtypes[0])
        if dtype.kind not in "iu":
            raise UnreadableFileError(
                f"Expected whole-number class codes in '{self.path}', got {dtype}. "
                "Name a raster of classes."
            )
        self.nodata = dataset.nodatavals[0]
        self.legend = legend or self._own_legend()

    @property
    def name(self) -> str:
        """The path."""
        return self.path

    def read(self, window: Window) -> NDArray[np.int16]:
        """Class indices (h, w) of a window; −1 where there is no class, also outside."""
        inside = window.intersection(self.grid.window)
        indices = np.full(window.shape, -1, dtype=np.int16)
        if inside is not None:
            codes = self._read_codes(inside)
            found = self.legend.to_indices(codes)
            if self.nodata is not None:
                found[codes == self.nodata] = -1
            indices[inside.slices_in(window)] = found
        return indices

    def counts(self) -> NDArray[np.int64]:
        """Pixels per class index (C,), counted strip by strip."""
        total = np.zeros(len(self.legend), dtype=np.int64)
        for window in iter_windows(self.grid.shape, _STRIP_PX):
            indices = self.read(window)
            total += np.bincount(indices[indices >= 0], minlength=len(total))
        return total

    def _read_codes(self, window: Window) -> NDArray[Any]:
        with reading(self.path, window):
            codes: NDArray[Any] = self._handles.get().read(1, window=rasterio_window(window))
        return codes

    def _own_legend(self) -> Legend:
        named = read_pam_legend(Path(self.path))
        style = qml_path(Path(self.path))
        if named is None and style.is_file():
            try:
                named = Legend.read(style)
            except LegendError:
                named = None  # a style of another kind
        if named is not None:
            return named
        codes = self._values()
        colors = self._colors(codes)
        return Legend.from_names([str(code) for code in codes], codes, colors)

    def _values(self) -> list[int]:
        """Values that occur, nodata left out."""
        found: set[int] = set()
        for window in iter_windows(self.grid.shape, _STRIP_PX):
            found |= set(np.unique(self._read_codes(window)).tolist())
            if len(found) > MAX_CLASSES + 1:
                raise UnreadableFileError(
                    f"Expected at most {MAX_CLASSES} classes in '{self.path}', got more: it looks "
                    "like an image. Name a raster of classes."
                )
        if self.nodata is not None:
            found.discard(int(self.nodata))
        if not found:
            raise UnreadableFileError(f"Expected classes in '{self.path}', got only nodata.")
        return sorted(found)

    def _colors(self, codes: list[int]) -> list[tuple[int, int, int]] | None:
        """Colours of the file's colour table; None where it has none."""
        try:
            table = self._handles.get().colormap(1)
        except ValueError:
            return None
        if not all(code in table for code in codes):
            return None
        return [tuple(table[code][:3]) for code in codes]

    def close(self) -> None:
        """Close the file; reading opens it again."""
        self._handles.close()


def open_class_raster(path: PathLike, legend: Legend | None = None) -> ClassRaster:
    """Open a raster of classes, see `ClassRaster`."""
    return ClassRaster(path, legend)
