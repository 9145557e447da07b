"""A scene: one raster to be mapped, read window by window."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pointillist.errors import InputError, UnreadableFileError
from pointillist.grid import Window
from pointillist.raster.opening import (
    Closing,
    Handles,
    alpha_band_of,
    band_names_of,
    grid_of,
    masked_bands,
    rasterio_window,
    reading,
)
from pointillist.raster.source import Pixels, as_float32, clean, read_boundless

PathLike = str | os.PathLike[str]


class Scene(Closing):
    """A raster that GDAL opens. Safe in threads, and carried into other processes by its path.

    Args:
        path: GeoTIFF, COG, VRT, JP2, PNG, `/vsi…`, anything GDAL opens.
        bands: Bands by number (from 1) or name, in this order; all but alpha when absent. An alpha
            band that is named is data and masks nothing.

    Raises:
        MissingFileError: No such file.
        UnreadableFileError: No raster, damaged, or of complex numbers.
        InputError: A band it does not have.
    """

    def __init__(self, path: PathLike, bands: Sequence[str | int] | None = None) -> None:
        self.path = os.fspath(path)
        self._handles = Handles(self.path)
        dataset = self._handles.get()
        self.grid = grid_of(dataset)
        kinds = [kind.name for kind in dataset.colorinterp]
        self.alpha_band = alpha_band_of(dataset)
        self.all_band_names = band_names_of(dataset)
        usual = [i for i, kind in enumerate(kinds, start=1) if kind != "alpha"]
        self.bands = usual if bands is None else [self._band_number(b) for b in bands]
        if not self.bands:
            raise InputError(
                f"Expected at least one band of '{self.path}' to use, got none of its "
                f"{dataset.count}."
            )
        self.band_names = tuple(self.all_band_names[i - 1] for i in self.bands)
        types = {dataset.dtypes[i - 1] for i in self.bands}
        if any(t.startswith("complex") for t in types):
            raise UnreadableFileError(
                f"Expected real numbers in '{self.path}', got {', '.join(sorted(types))}. "
                "Convert it to amplitude or intensity first."
            )
        self.dtype = str(np.result_type(*types))
        self._is_mixed = len(types) > 1
        together = str(dataset.interleaving or "").lower().endswith("pixel")
        decoded = range(1, dataset.count + 1) if together else self.bands
        # Shape of the tiles or strips that are decoded at a time, and bytes per pixel of them.
        self.layout: tuple[tuple[int, int], int] = (
            dataset.block_shapes[self.bands[0] - 1],
            sum(np.dtype(dataset.dtypes[i - 1]).itemsize for i in decoded),
        )
        self.nodata = tuple(dataset.nodatavals[i - 1] for i in self.bands)
        # nodata is compared here; only other kinds of masks cost a second read
        self._masked = masked_bands(dataset, self.bands)
        self._has_only_control_points = bool(dataset.gcps[0]) and not self.grid.is_georeferenced

    @property
    def name(self) -> str:
        """The path."""
        return self.path

    @property
    def has_alpha(self) -> bool:
        """Whether a band is tagged as alpha."""
        return self.alpha_band is not None

    @property
    def notices(self) -> tuple[str, ...]:
        """What a person should know, a sentence or two each.

        A band that is taken for a mask; control points that give the scene no grid.
        """
        notices = []
        if self._alpha_masks and self.n_bands > 2:
            notices.append(
                f"Band {self.alpha_band} of '{self.path}' is tagged as alpha and used as a mask, "
                f"not as data. If it is a band, name it: --bands 1-{len(self.all_band_names)}."
            )
        if self._has_only_control_points:
            notices.append(
                f"'{self.path}' has ground control points and no grid: places are counted in its "
                "pixels, and maps of it lie nowhere. Warp it first: gdalwarp -t_srs EPSG:… IN OUT."
            )
        return tuple(notices)

    @property
    def _alpha_masks(self) -> bool:
        return self.alpha_band is not None and self.alpha_band not in self.bands

    @property
    def n_bands(self) -> int:
        """Bands in use."""
        return len(self.bands)

    def read(self, window: Window) -> Pixels:
        """Read a window; it may reach outside, where pixels are invalid.

        A pixel is invalid where any band in use has nodata, NaN, ±inf or ±3.4e38 (the ends of
        float32), or where the alpha band or mask of the file is 0.

        Raises:
            UnreadableFileError: The file is damaged there.
        """
        return read_boundless(window, self.grid, self.n_bands, self._read_inside)

    def read_raw(self, window: Window) -> NDArray[Any]:
        """Values (B, h, w) of a window inside the scene, in the file's own type.

        Bands of several types come in the smallest type that holds them all.
        """
        part, dataset = rasterio_window(window), self._handles.get()
        with reading(self.path, window):
            if self._is_mixed:
                bands = [dataset.read(band, window=part) for band in self.bands]
                return np.stack([band.astype(self.dtype) for band in bands])
            values: NDArray[Any] = dataset.read(self.bands, window=part)
        return values

    def _read_inside(self, window: Window) -> Pixels:
        raw = self.read_raw(window)
        valid = np.ones(window.shape, dtype=bool)
        for values, nodata in zip(raw, self.nodata, strict=True):
            if nodata is not None and np.isfinite(nodata):
                valid &= values != _as_type(nodata, raw.dtype)
        part, dataset = rasterio_window(window), self._handles.get()
        with reading(self.path, window):
            if self._alpha_masks:  # asked for itself: where nodata is tagged too, GDAL forgets it
                valid &= dataset.read(self.alpha_band, window=part) > 0
            if self._masked:
                valid &= (dataset.read_masks(self._masked, window=part) > 0).all(axis=0)
        return clean(as_float32(raw), valid, is_finite=raw.dtype.kind in "iu")

    def _band_number(self, band: str | int) -> int:
        n = len(self.all_band_names)
        if isinstance(band, int) and 1 <= band <= n:
            return band
        if str(band) in self.all_band_names:
            return self.all_band_names.index(str(band)) + 1
        if str(band).isdigit() and 1 <= int(band) <= n:
            return int(band)
        folded = [name.casefold() for name in self.all_band_names]
        if str(band).casefold() in folded:
            return folded.index(str(band).casefold()) + 1
        raise InputError(
            f"Band '{band}' is not in '{self.path}'. It has {n} bands: "
            f"{', '.join(f'{i} {name}' for i, name in enumerate(self.all_band_names, start=1))}."
        )

    def close(self) -> None:
        """Close the file; reading opens it again."""
        self._handles.close()

    def __repr__(self) -> str:
        return f"Scene({self.path!r}, {self.n_bands} bands, {self.grid.height}×{self.grid.width})"


def open_scene(path: PathLike, bands: Sequence[str | int] | None = None) -> Scene:
    """Open a raster as a scene, see `Scene`."""
    return Scene(path, bands)


def parse_bands(text: str) -> list[str | int]:
    """Read a list of bands: numbers, ranges (`1-7`), names, separated by commas.

    Raises:
        InputError: Nothing in it, or a range that runs backwards.

    Example:
        >>> parse_bands("1-3,nir")
        [1, 2, 3, 'nir']
    """
    bands: list[str | int] = []
    for part in (p.strip() for p in text.split(",")):
        span = re.fullmatch(r"(\d+)\s*-\s*(\d+)", part)
        if span:
            first, last = int(span[1]), int(span[2])
            if first > last:
                raise InputError(f"Expected a range like 1-7 in --bands, got '{part}'.")
            bands.extend(range(first, last + 1))
        elif part.isdigit():
            bands.append(int(part))
        elif part:
            bands.append(part)
    if not bands:
        raise InputError(f"Expected bands like 1-7 or red,nir in --bands, got '{text}'.")
    return bands


def _as_type(nodata: float, dtype: np.dtype[Any]) -> Any:
    """Nodata as the file's type, so that −3.4e38 equals its float32 self."""
    if dtype.kind == "f":
        return dtype.type(np.clip(nodata, np.finfo(dtype).min, np.finfo(dtype).max))
    info = np.iinfo(dtype)
    fits = nodata == int(nodata) and info.min <= nodata <= info.max
    return dtype.type(nodata) if fits else nodata
