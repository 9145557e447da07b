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
from pointillist.raster.opening import (
    Closing,
    Handles,
    alpha_band_of,
    grid_of,
    masked_bands,
    rasterio_window,
    reading,
)
from pointillist.raster.style import qml_path, read_pam_legend

PathLike = str | os.PathLike[str]
MAX_CLASSES = 256
_STRIP_PX = 2048


class ClassRaster(Closing):
    """A raster of class codes. What is no class becomes −1: other values, nodata, masked pixels.

    Args:
        path: Any path GDAL opens; one band of whole numbers (an alpha band is a mask), of a
            floating type too, as some programs write them.
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
        self._alpha = alpha_band_of(dataset)
        n_bands = dataset.count - (self._alpha is not None)
        if n_bands != 1 or dataset.dtypes[0].startswith("complex"):
            raise UnreadableFileError(
                f"Expected one band of class codes in '{self.path}', got {n_bands} of type "
                f"{dataset.dtypes[0]}. Name a raster of classes, not an image."
            )
        self.nodata = dataset.nodatavals[0]
        self._masked = masked_bands(dataset, [1])
        self._tally: dict[int, int] | None = None
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
            codes, missing = self._read_raw(inside)
            found = indices[inside.slices_in(window)]
            found[...] = self.legend.to_indices(codes)
            found[missing] = -1
        return indices

    def counts(self) -> NDArray[np.int64]:
        """Pixels per class index (C,), in one pass over the file, strip by strip.

        The pass that found out which codes there are counts them as well.
        """
        total = np.zeros(len(self.legend), dtype=np.int64)
        tally = self._tally if self._tally is not None else self._count_codes()
        codes = np.array(sorted(tally), dtype=np.int64)
        index = self.legend.to_indices(codes)
        for code, at in zip(codes.tolist(), index.tolist(), strict=True):
            if at >= 0:
                total[at] += tally[code]
        return total

    def thin(self, step: int) -> NDArray[np.int16]:
        """Class indices of one pixel of every `step` × `step`, for a look at the whole.

        Overviews of the file are used where it has any; memory is that of the result.
        """
        shape = -(-self.grid.height // step), -(-self.grid.width // step)
        codes, missing = self._read_raw(self.grid.window, shape)
        indices = self.legend.to_indices(codes).astype(np.int16)
        indices[missing] = -1
        return indices

    def _read_raw(
        self, window: Window, shape: tuple[int, int] | None = None
    ) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Whole numbers (h, w) as the file has them, and where they are no codes.

        With a `shape`, that many of them, the nearest to the middle of each cell.
        """
        part, dataset = rasterio_window(window), self._handles.get()
        wanted: dict[str, Any] = {"window": part, "out_shape": shape}
        with reading(self.path, window):
            raw = dataset.read(1, **wanted)
            missing = np.zeros(raw.shape, dtype=bool) if raw.dtype.kind == "u" else raw < 0
            if self.nodata is not None:
                missing |= raw == self.nodata
            if self._alpha is not None:
                missing |= dataset.read(self._alpha, **wanted) == 0
            if self._masked:
                missing |= dataset.read_masks(1, **wanted) == 0
        if raw.dtype.kind == "f":
            missing |= ~np.isfinite(raw)
            self._check_whole(raw[~missing])
            raw = np.where(missing, 0, raw).astype(np.int64)
        return raw, missing

    def _check_whole(self, values: NDArray[np.floating[Any]]) -> None:
        broken = values[values != np.rint(values)]
        if broken.size:
            raise UnreadableFileError(
                f"Expected whole-number class codes in '{self.path}', got {broken[0]:g}. "
                "Name a raster of classes."
            )

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
        """Codes that occur."""
        self._tally = self._count_codes(most=MAX_CLASSES)
        if not self._tally:
            raise UnreadableFileError(f"Expected classes in '{self.path}', got only nodata.")
        return sorted(self._tally)

    def _count_codes(self, most: int | None = None) -> dict[int, int]:
        """Pixels per code.

        Args:
            most: Number of codes beyond which this is no raster of classes.
        """
        tally: dict[int, int] = {}
        for window in iter_windows(self.grid.shape, _STRIP_PX):
            raw, missing = self._read_raw(window)
            present = raw[~missing] if missing.any() else raw.ravel()
            for code, n in zip(*(a.tolist() for a in _histogram(present)), strict=True):
                tally[code] = tally.get(code, 0) + n
            if most is not None and len(tally) > most:
                raise UnreadableFileError(
                    f"Expected at most {most} classes in '{self.path}', got more: it looks "
                    "like an image. Name a raster of classes."
                )
        return tally

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


def _histogram(codes: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """The values that occur and how often; of short unsigned numbers without sorting them."""
    if codes.dtype.kind != "u" or codes.dtype.itemsize > 2:
        return np.unique(codes, return_counts=True)
    if codes.dtype.itemsize == 1:
        even = len(codes) // 2 * 2
        pairs = np.bincount(codes[:even].view(np.uint16), minlength=65_536).reshape(256, 256)
        counts = pairs.sum(axis=0) + pairs.sum(axis=1)
        counts[codes[even:]] += 1
    else:
        counts = np.bincount(codes, minlength=65_536)
    found = np.flatnonzero(counts)
    return found, counts[found]
