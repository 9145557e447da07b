"""Open rasters with GDAL: threads, quiet, and errors in one sentence."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from pointillist.errors import MissingFileError, UnreadableFileError
from pointillist.grid import Grid, Transform, Window

# GDAL keeps decoded blocks up to 5 % of the machine's memory; a scene needs far less.
USUAL_CACHE_MIB = "256"
os.environ.setdefault("GDAL_CACHEMAX", USUAL_CACHE_MIB)


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


def open_dataset(path: str | Path, **options: Any) -> Any:
    """Open a raster for reading, with options of GDAL's driver.

    Raises:
        MissingFileError: No such file.
        UnreadableFileError: No raster, or damaged.
    """
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning, RasterioError

    text = str(path)
    if not text or (is_file_path(text) and not Path(text).exists()):
        raise MissingFileError(f"Raster '{path}' does not exist. Check the path.")
    try:
        with warnings.catch_warnings(), np.errstate(over="ignore"):  # nodata beyond the type
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            dataset = rasterio.open(text, **options)
    except RasterioError as error:
        if Path(text).is_dir():  # some formats are folders, most folders are none
            raise UnreadableFileError(
                f"'{path}' is a folder, not a raster. Name a file in it."
            ) from error
        reason = " ".join(str(error).split()).rstrip(".")
        raise UnreadableFileError(
            f"'{path}' cannot be opened as a raster: {reason}. "
            "Check that the file is complete and of a kind that GDAL reads."
        ) from error
    if dataset.count == 0:
        parts = list(dataset.subdatasets)
        dataset.close()
        raise UnreadableFileError(
            f"'{path}' has no bands of its own. "
            + (f"Name one of the rasters in it: {', '.join(parts)}." if parts else "Get it again.")
        )
    return dataset


def is_file_path(path: str) -> bool:
    """Whether a path names a file or folder here, not something that only GDAL can find."""
    return Path(path).exists() or (not path.startswith("/vsi") and ":" not in path[2:])


@contextmanager
def reading(path: str, window: Window) -> Iterator[None]:
    """Name file and window when a read fails."""
    from rasterio.errors import RasterioError

    try:
        yield
    except RasterioError as error:
        raise UnreadableFileError(
            f"'{path}' cannot be read at rows {window.row}–{window.stop_row}, columns "
            f"{window.col}–{window.stop_col}: {_why_unreadable(path)}"
        ) from error


def _why_unreadable(path: str) -> str:
    if path.lower().endswith(".vrt"):
        return "a file that it is made of is missing, damaged or truncated. Check what it names."
    return "the file is damaged or truncated. Get it again."


def grid_of(dataset: Any) -> Grid:
    """Size, place and coordinate system of an open raster."""
    crs = dataset.crs.to_wkt() if dataset.crs else None
    return Grid(dataset.height, dataset.width, Transform(*dataset.transform[:6]), crs)


def band_names_of(dataset: Any) -> tuple[str, ...]:
    """Descriptions where there are any, `band_i` elsewhere; each name once."""
    names: list[str] = []
    for i, description in enumerate(dataset.descriptions, start=1):
        name = (description or "").strip() or f"band_{i}"
        names.append(name if name not in names else f"{name}_{i}")
    return tuple(names)


def alpha_band_of(dataset: Any) -> int | None:
    """Number of the band that is tagged as alpha; None where there is none."""
    kinds = [kind.name for kind in dataset.colorinterp]
    return kinds.index("alpha") + 1 if "alpha" in kinds else None


def masked_bands(dataset: Any, bands: Sequence[int]) -> list[int]:
    """Those of the bands whose masks are to be read; one for all where they share theirs.

    Nodata is no such mask, nor is alpha.
    """
    from rasterio.errors import NodataShadowWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NodataShadowWarning)
        flags = {i: {flag.name for flag in dataset.mask_flag_enums[i - 1]} for i in bands}
    shared = [i for i, kinds in flags.items() if kinds == {"per_dataset"}]
    return shared[:1] + [i for i, kinds in flags.items() if not kinds]


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
