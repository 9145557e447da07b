"""A disk that fills: told in one sentence, and found where no call reports it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pointillist.errors import OutputError
from pointillist.grid import iter_windows
from pointillist.raster.opening import open_dataset, rasterio_window

_PIECE_PX = 512  # the tiles of the files written here


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Say in one sentence what kept a file from being written."""
    try:
        yield
    except OutputError:
        raise
    except write_errors() as error:
        if not path.parent.exists():
            raise OutputError(
                f"'{path}' cannot be written: its folder has gone. Put it back, or choose "
                "another place."
            ) from error
        raise OutputError(
            f"'{path}' cannot be written, the disk may be full or write-protected "
            f"({_reason(error)}). Free some space or choose another place."
        ) from error


def _reason(error: BaseException) -> str:
    """What the system said at first; what follows from it tells a person less."""
    while error.__cause__ is not None:
        error = error.__cause__
    text = " ".join(str(getattr(error, "strerror", None) or error).split()).split(". ")[0]
    named_by_nobody = r"'?\S*\.part\.\S*?tif'?[,:]?\s*"
    return re.sub(named_by_nobody, "", text).rstrip(".")


def write_errors() -> tuple[type[BaseException], ...]:
    """What rasterio raises when a disk is full: closing lets GDAL's own errors through."""
    from rasterio._err import CPLE_BaseError
    from rasterio.errors import RasterioError

    return (RasterioError, CPLE_BaseError, SystemError, OSError)


def check_copy(source: Path, copy: Path, target: Path) -> None:
    """Read a finished file back whole: a disk that fills late leaves damage that no call reports.

    Raises:
        OutputError: Pixels are missing or differ, or an overview cannot be read.
    """
    with _damage_told(target):
        with open_dataset(source) as one, open_dataset(copy) as other:
            for window in _tiles(one):
                if not _same(one.read(window=window), other.read(window=window)):
                    raise _damaged(target)
            n_levels = len(other.overviews(1))
        for level in range(n_levels):
            with open_dataset(copy, overview_level=level) as overview:
                for window in _tiles(overview):
                    overview.read(window=window)


def check_array(path: Path, bands: NDArray[Any], target: Path) -> None:
    """Read a finished file back and compare it with what was to be written."""
    with _damage_told(target), open_dataset(path) as file:
        for window in _tiles(file):
            rows, cols = window.toslices()
            if not _same(file.read(window=window), bands[:, rows, cols]):
                raise _damaged(target)


def _tiles(dataset: Any) -> Iterator[Any]:
    """Its tiles, or pieces of their size: one is decoded at a time."""
    return (rasterio_window(window) for window in iter_windows(dataset.shape, _PIECE_PX))


def _same(one: NDArray[Any], other: NDArray[Any]) -> bool:
    return np.array_equal(one, other, equal_nan=one.dtype.kind == "f")


@contextmanager
def _damage_told(target: Path) -> Iterator[None]:
    try:
        yield
    except OutputError:
        raise
    except write_errors() as error:
        raise _damaged(target) from error


def _damaged(target: Path) -> OutputError:
    return OutputError(
        f"'{target}' cannot be written: it reads back damaged, the disk may be full. "
        "Free some space or choose another place."
    )
