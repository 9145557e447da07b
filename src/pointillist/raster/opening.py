"""Open rasters with GDAL: threads, quiet, and errors in one sentence."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pointillist.errors import MissingFileError, UnreadableFileError
from pointillist.grid import Grid, Transform, Window

# GDAL keeps decoded blocks up to 5 % of the machine's memory; a scene needs far less.
os.environ.setdefault("GDAL_CACHEMAX", "256")


class Handles:
    """One GDAL handle per thread for a raster, opened when first used.

    GDAL handles must not be shared among threads or carried into other processes.

    Args:
        path: Any path GDAL opens.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._local = threading.local()
        self._all: list[Any] = []
        self._pid = os.getpid()

    def get(self) -> Any:
        """The handle of this thread."""
        if self._pid != os.getpid():  # forked
            self.__init__(self.path)  # type: ignore[misc]
        handle = getattr(self._local, "handle", None)
        if handle is None or handle.closed:
            handle = open_dataset(self.path)
            self._local.handle = handle
            self._all.append(handle)
        return handle

    def close(self) -> None:
        """Close the handles of all threads."""
        for handle in self._all:
            handle.close()
        self._all.clear()

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["path"])  # type: ignore[misc]


class Closing:
    """Closes what it holds when a `with` block ends."""

    def close(self) -> None:
        """Close the files held open."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def open_dataset(path: str | Path) -> Any:
    """Open a raster for reading.

    Raises:
        MissingFileError: No such file.
        UnreadableFileError: No raster, or damaged.
    """
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning, RasterioError

    text = str(path)
    is_plain_path = not text.startswith("/vsi") and ":" not in text[2:]
    if is_plain_path and not Path(text).exists():
        raise MissingFileError(f"Raster '{path}' does not exist. Check the path.")
    if Path(text).is_dir():
        raise UnreadableFileError(f"'{path}' is a folder, not a raster. Name a file in it.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            return rasterio.open(text)
    except RasterioError as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise UnreadableFileError(
            f"'{path}' cannot be opened as a raster: {reason}. "
            "Check that the file is complete and of a kind that GDAL reads."
        ) from error


@contextmanager
def reading(path: str, window: Window) -> Iterator[None]:
    """Name file and window when a read fails."""
    from rasterio.errors import RasterioError

    try:
        yield
    except RasterioError as error:
        raise UnreadableFileError(
            f"'{path}' cannot be read at rows {window.row}–{window.stop_row}, columns "
            f"{window.col}–{window.stop_col}: the file is damaged or truncated. Get it again."
        ) from error


def grid_of(dataset: Any) -> Grid:
    """Size, place and coordinate system of an open raster."""
    crs = dataset.crs.to_wkt() if dataset.crs else None
    return Grid(dataset.height, dataset.width, Transform(*dataset.transform[:6]), crs)


def same_crs(one: str | None, other: str | None) -> bool:
    """Whether two coordinate systems are the same; how their axes are ordered does not matter."""
    import pyproj

    if one is None or other is None:
        return one is other
    return bool(pyproj.CRS.from_user_input(one).equals(other, ignore_axis_order=True))


def rasterio_window(window: Window) -> Any:
    """The window as rasterio's."""
    from rasterio.windows import Window as RasterioWindow

    return RasterioWindow(window.col, window.row, window.width, window.height)
