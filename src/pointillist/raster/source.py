"""What training and prediction need of a scene, and a scene that is an array. No GDAL here."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from pointillist.errors import GridError, MissingFileError, UnreadableFileError
from pointillist.grid import Grid, Transform, Window

ARRAY_FILE_ERRORS = (KeyError, ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error)
"""What numpy raises when a file of arrays is damaged, cut off or another kind of file."""

# ±3.4028e38, the ends of float32, stand for no data wherever they occur; no sensor measures them
_LIMIT = np.float32(3.4e38)


@dataclass(frozen=True)
class Pixels:
    """The pixels of one window.

    Args:
        data: (B, h, w) float32 raw values; 0 where invalid.
        valid: (h, w) whether every band has a finite value there that is not nodata.
    """

    data: NDArray[np.float32]
    valid: NDArray[np.bool_]


class PixelSource(Protocol):
    """A scene, whatever holds it."""

    @property
    def name(self) -> str:
        """Path or name, for messages."""

    @property
    def grid(self) -> Grid:
        """Size, place and coordinate system."""

    @property
    def n_bands(self) -> int:
        """Bands that `read` delivers."""

    @property
    def band_names(self) -> tuple[str, ...]:
        """Names of these bands."""

    def read(self, window: Window) -> Pixels:
        """Read a window; it may reach outside, where pixels are invalid."""


class ArraySource:
    """A scene held in memory, in its own data type.

    Args:
        data: (B, H, W) of any number type.
        valid: (H, W) pixels with data; all finite pixels when absent.
        grid: Place; pixel coordinates when absent.
        band_names: One per band; `band_1` … when absent.
        name: For messages.

    Raises:
        GridError: Shapes that do not fit together.
    """

    def __init__(
        self,
        data: NDArray[Any],
        valid: NDArray[np.bool_] | None = None,
        grid: Grid | None = None,
        band_names: Sequence[str] | None = None,
        name: str = "array",
    ) -> None:
        data = np.asarray(data)
        if data.ndim != 3:
            raise GridError(f"Expected an array (bands, rows, columns), got shape {data.shape}.")
        shape = (int(data.shape[1]), int(data.shape[2]))
        self.name = name
        self.grid = grid or Grid(*shape)
        self.data = data
        self.valid = valid
        self.band_names = tuple(band_names or (f"band_{i + 1}" for i in range(len(data))))
        fits = self.grid.shape == shape and (valid is None or valid.shape == shape)
        if not fits or len(self.band_names) != len(data):
            raise GridError(
                f"Expected grid, valid pixels and band names to fit the array {data.shape} of "
                f"'{name}', got grid {self.grid.shape}, "
                f"valid {None if valid is None else valid.shape} and "
                f"{len(self.band_names)} names."
            )

    @property
    def n_bands(self) -> int:
        """Number of bands."""
        return len(self.data)

    def read(self, window: Window) -> Pixels:
        """Read a window; it may reach outside, where pixels are invalid."""
        return read_boundless(window, self.grid, self.n_bands, self._read_inside)

    def _read_inside(self, window: Window) -> Pixels:
        data = as_float32(self.data[:, *window.slices])
        is_finite = self.data.dtype.kind in "iub"
        valid = None if self.valid is None else self.valid[window.slices]
        if valid is None and is_finite:
            valid = np.ones(window.shape, dtype=bool)
        return clean(data, valid, is_finite=is_finite)

    def save_npz(self, path: str | Path) -> None:
        """Save for a machine without GDAL."""
        valid = np.ones(self.grid.shape, dtype=bool) if self.valid is None else self.valid
        np.savez_compressed(
            path,
            data=self.data,
            valid=valid,
            transform=np.array(self.grid.transform.coefficients),
            crs=np.array(self.grid.crs or ""),
            band_names=np.array(self.band_names),
        )

    @classmethod
    def load_npz(cls, path: str | Path) -> Self:
        """Load what `save_npz` saved.

        Raises:
            MissingFileError: No such file.
            UnreadableFileError: Another kind of file.
        """
        path = Path(path)
        if not path.exists():
            raise MissingFileError(f"'{path}' does not exist. Make it with `study prepare`.")
        try:
            with np.load(path) as file:
                height, width = file["data"].shape[1:]
                crs = str(file["crs"]) or None
                grid = Grid(height, width, Transform(*file["transform"].tolist()), crs)
                names = [str(name) for name in file["band_names"]]
                return cls(file["data"], file["valid"], grid, names, str(path))
        except ARRAY_FILE_ERRORS as error:
            raise UnreadableFileError(
                f"'{path}' is no scene saved by Pointillist ({error}). Make it anew."
            ) from error


def as_float32(data: NDArray[Any]) -> NDArray[np.float32]:
    """A copy as float32; what is too large for it becomes ±inf."""
    with np.errstate(over="ignore"):
        return data.astype(np.float32)


def clean(
    data: NDArray[np.float32], valid: NDArray[np.bool_] | None, *, is_finite: bool = False
) -> Pixels:
    """Set invalid pixels to 0 in all bands, NaN, ±inf and ±3.4e38 among them. Changes `data`.

    Args:
        data: (B, h, w).
        valid: (h, w), or None where nothing else is known of the pixels.
        is_finite: Whether the values were whole numbers, among which there are none such.
    """
    if is_finite and valid is not None:
        both = valid
    else:
        finite = ((data < _LIMIT) & (data > -_LIMIT)).all(axis=0)  # false for NaN
        both = np.logical_and(finite, True if valid is None else valid)
    if not both.all():
        np.copyto(data, 0, where=~both)  # many times faster than an index of booleans
    return Pixels(data, both)


def read_boundless(window: Window, grid: Grid, n_bands: int, read_inside: Any) -> Pixels:
    """Read the part of a window inside the grid; the rest is invalid.

    Args:
        window: May reach outside.
        grid: The scene's.
        n_bands: Bands that `read_inside` delivers.
        read_inside: Pixels of a window inside the grid.
    """
    inside = window.intersection(grid.window)
    if inside == window:
        pixels: Pixels = read_inside(window)
        return pixels
    data = np.zeros((n_bands, *window.shape), dtype=np.float32)
    valid = np.zeros(window.shape, dtype=bool)
    if inside is not None:
        part = read_inside(inside)
        place = inside.slices_in(window)
        data[:, *place], valid[place] = part.data, part.valid
    return Pixels(data, valid)
