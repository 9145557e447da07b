"""A scene at every scale: level 0 is its own pixels, each further level halves them.

Files with overviews are read through them by rio-tiler. Others get a pyramid of their own: in
memory, or in a temporary file where the scene is large. While that of a large scene is being made,
a view from afar is a sketch of a few pixels, so that nobody waits for a hundred thousand rows.
"""

from __future__ import annotations

import tempfile
import threading
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pointillist.grid import Window, iter_windows
from pointillist.raster import Pixels, Scene

TILE_PX = 256
_STRIP_PX = 2048
_IN_MEMORY_BYTES = 256 * 2**20
_MOST_FIRST_PX = 64_000_000
_MOST_SKIPPED = 4
_PATIENT_PX = 250_000_000
_SKETCH_PX = 48
_N_EXACT = 2
_N_BUILDERS = 2


class Pyramid:
    """Reads windows of any level of a scene.

    Args:
        scene: The scene.
    """

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.on_ready: Callable[[], None] | None = None
        """Called when views from afar are no longer sketches."""
        side = max(scene.grid.shape)
        self.n_levels = 1
        while side > TILE_PX << (self.n_levels - 1):
            self.n_levels += 1
        self._readers = threading.local()
        self._levels: dict[int, tuple[NDArray[Any], NDArray[np.bool_]]] = {}
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._has_overviews = self._find_overviews()
        self.is_ready = threading.Event()
        self._first = first_level(scene.grid.height * scene.grid.width)
        self._may_sketch = scene.grid.height * scene.grid.width > _PATIENT_PX
        self._is_closed = False
        self.share = 0.0
        self._builder: threading.Thread | None = None
        if self._has_overviews or self.n_levels <= self._first:
            self.is_ready.set()
        else:
            self._builder = threading.Thread(target=self._build, name="pyramid", daemon=True)
            self._builder.start()

    def shape(self, level: int) -> tuple[int, int]:
        """Height and width of a level in its own pixels."""
        height, width = self.scene.grid.shape
        return -(-height // 2**level), -(-width // 2**level)

    def read(self, level: int, window: Window) -> Pixels:
        """Read a window in the pixels of a level; outside the scene pixels are invalid."""
        if level == 0:
            return self.scene.read(window)
        inside = window.intersection(Window(0, 0, *self.shape(level)))
        data = np.zeros((self.scene.n_bands, *window.shape), dtype=np.float32)
        valid = np.zeros(window.shape, dtype=bool)
        if inside is not None:
            target = inside.slices_in(window)
            data[:, *target], valid[target] = self._read_inside(level, inside)
        return Pixels(data, valid)

    def close(self) -> None:
        """Stop building; the scene may be closed afterwards."""
        self._is_closed = True
        if self._builder is not None:
            self._builder.join()

    def _read_inside(
        self, level: int, window: Window
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        if self._has_overviews:
            return self._read_overview(level, window)
        if level >= self._first and not self.is_ready.is_set():
            if self._may_sketch:
                return self._sketch(level, window)
            self.is_ready.wait()
        if level in self._levels:
            data, valid = self._levels[level]
            return data[:, *window.slices].astype(np.float32), valid[window.slices]
        return self._halve_from_scene(level, window)

    def _look_from_afar(
        self, level: int, window: Window
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """What is kept of a level: of every pixel's mean, or of a sixteenth of a large scene's."""
        if not self._may_sketch or level <= _N_EXACT:
            return self._halve_from_scene(level, window)
        factor = 2**_N_EXACT
        double = Window(*(v * factor for v in (window.row, window.col, *window.shape)))
        inside = double.intersection(Window(0, 0, *self.shape(level - _N_EXACT)))
        assert inside is not None
        found = self._read_decimated(level - _N_EXACT, inside, inside.shape, "nearest")
        for _ in range(_N_EXACT):
            found = halve(*found)
        return found

    def is_sketch(self, level: int) -> bool:
        """Whether a view of a level is made of a few pixels only, for now."""
        waits = level >= self._first and not self.is_ready.is_set()
        return waits and self._may_sketch and not self._has_overviews

    def _sketch(self, level: int, window: Window) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """A few pixels of the file, spread evenly and shown large."""
        few = min(_SKETCH_PX, window.height), min(_SKETCH_PX, window.width)
        data, valid = self._read_decimated(level, window, few, "nearest")
        rows, cols = (np.arange(n) * k // n for n, k in zip(window.shape, few, strict=True))
        return data[:, rows[:, None], cols], valid[rows[:, None], cols]

    def _halve_from_scene(
        self, level: int, window: Window
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        factor = 2**level
        full = Window(*(v * factor for v in (window.row, window.col, *window.shape)))
        pixels = self.scene.read(full)
        if not pixels.valid.any():  # most of a sparse mosaic
            return np.zeros((self.scene.n_bands, *window.shape), np.float32), np.zeros(
                window.shape, bool
            )
        found = pixels.data, pixels.valid
        for _ in range(level):
            found = halve(*found)
        return found

    def _read_overview(
        self, level: int, window: Window
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """By rio-tiler, which reads the overview that fits."""
        return self._read_decimated(level, window, window.shape, "average")

    def _read_decimated(
        self, level: int, window: Window, shape: tuple[int, int], resampling: str
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        factor = 2**level
        height, width = self.scene.grid.shape
        top, left = window.row * factor, window.col * factor
        bottom = min(top + window.height * factor, height)
        right = min(left + window.width * factor, width)
        image = self._reader().part(
            (left, bottom, right, top),
            indexes=tuple(self.scene.bands),
            height=shape[0],
            width=shape[1],
            max_size=None,
            resampling_method=resampling,
        )
        data = np.asarray(image.array.data, dtype=np.float32)
        masked = np.ma.getmaskarray(image.array).any(axis=0)
        valid: NDArray[np.bool_] = np.logical_and(~masked, np.isfinite(data).all(axis=0))
        data[:, ~valid] = 0
        return data, valid

    def _reader(self) -> Any:
        reader = getattr(self._readers, "reader", None)
        if reader is None:
            from rio_tiler.io.rasterio import ImageReader

            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                reader = ImageReader(self.scene.path)
            self._readers.reader = reader
        return reader

    def _find_overviews(self) -> bool:
        import rasterio

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with rasterio.open(self.scene.path) as dataset:
                factors = dataset.overviews(self.scene.bands[0])
        return bool(factors) and max(factors) * 2 * TILE_PX >= max(self.scene.grid.shape) // 2

    def _build(self) -> None:
        try:
            self._build_levels()
        finally:
            self.is_ready.set()
        if self.on_ready is not None and self._may_sketch and not self._is_closed:
            self.on_ready()

    def _build_levels(self) -> None:
        first = self._first
        data, valid = self._allocate(first)
        windows = list(iter_windows(self.shape(first), _STRIP_PX // 2**first))

        def look(window: Window) -> None:
            if self._is_closed:
                return
            part, mask = self._look_from_afar(first, window)
            data[:, *window.slices] = _as_type(part, data.dtype)
            valid[window.slices] = mask

        with ThreadPoolExecutor(_N_BUILDERS, thread_name_prefix="pyramid") as pool:
            for i, _ in enumerate(pool.map(look, windows)):
                self.share = (i + 1) / len(windows)
        if self._is_closed:
            return
        levels = {first: (data, valid)}
        for level in range(first + 1, self.n_levels):
            above, above_valid = levels[level - 1]
            data, valid = self._allocate(level)
            for window in iter_windows(self.shape(level), _STRIP_PX):
                double = Window(*(2 * v for v in (window.row, window.col, *window.shape)))
                inside = double.intersection(Window(0, 0, *self.shape(level - 1)))
                if self._is_closed or inside is None:
                    return
                part, mask = halve(
                    above[:, *inside.slices].astype(np.float32), above_valid[inside.slices]
                )
                data[:, *window.slices], valid[window.slices] = _as_type(part, data.dtype), mask
            levels[level] = (data, valid)
        self._levels = levels

    def _allocate(self, level: int) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        shape = (self.scene.n_bands, *self.shape(level))
        kind = np.dtype(self.scene.dtype)
        dtype = kind if kind.kind in "iu" and kind.itemsize <= 2 else np.dtype(np.float32)
        if int(np.prod(shape)) * dtype.itemsize <= _IN_MEMORY_BYTES:
            return np.zeros(shape, dtype), np.zeros(shape[1:], bool)
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="pointillist-pyramid-")
        base = Path(self._folder.name) / str(level)
        data = np.memmap(base.with_suffix(".data"), dtype, "w+", shape=shape)
        valid = np.memmap(base.with_suffix(".valid"), bool, "w+", shape=shape[1:])
        return data, valid


def first_level(n_pixels: int) -> int:
    """The finest level worth keeping of a scene: what is finer is halved from its pixels."""
    first = 1
    while first < _MOST_SKIPPED and n_pixels >> (2 * first) > _MOST_FIRST_PX:
        first += 1
    return first


def halve(
    data: NDArray[np.float32], valid: NDArray[np.bool_]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Mean of the valid ones of every 2 × 2 pixels; invalid where none is.

    Args:
        data: (B, h, w), 0 where invalid.
        valid: (h, w).

    Returns:
        (B, ⌈h/2⌉, ⌈w/2⌉) and its valid mask.
    """
    height, width = valid.shape
    odd = (0, height % 2), (0, width % 2)
    if valid.all():
        if height % 2 or width % 2:  # an edge beside itself has its own mean
            data = np.pad(data, ((0, 0), *odd), mode="edge")
        rows = data[:, ::2] + data[:, 1::2]
        rows *= np.float32(0.25)
        halved = rows[:, :, ::2] + rows[:, :, 1::2]
        return halved, np.ones(halved.shape[1:], dtype=bool)
    if height % 2 or width % 2:
        data, valid = np.pad(data, ((0, 0), *odd)), np.pad(valid, odd)
    quads = valid.reshape(valid.shape[0] // 2, 2, -1, 2)
    count = quads.sum(axis=(1, 3), dtype=np.float32)
    total = data.reshape(len(data), valid.shape[0] // 2, 2, -1, 2).sum(axis=(2, 4))
    some: NDArray[np.bool_] = np.greater(count, 0)
    return total / np.maximum(count, 1), some


def _as_type(data: NDArray[np.float32], dtype: np.dtype[Any]) -> NDArray[Any]:
    return np.rint(data).astype(dtype) if dtype.kind in "iu" else data.astype(dtype)
