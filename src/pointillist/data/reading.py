"""Image files of any usual format: their size, their pixels, their tiles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pointillist.errors import GridError, InputError, UnreadableFileError
from pointillist.grid import Window, iter_windows

if TYPE_CHECKING:
    from PIL import Image

_TIFF = (".tif", ".tiff")


def image_shape(path: Path) -> tuple[int, int]:
    """(height, width) of an image file, without decoding its pixels.

    Raises:
        UnreadableFileError: The file is damaged or no image.
    """
    if path.suffix.lower() in _TIFF:
        from pointillist.raster import open_scene

        with open_scene(path) as scene:
            return scene.grid.shape
    with _opened(path) as image:
        return image.height, image.width


def count_bands(path: Path) -> int:
    """Bands of an image file but for alpha, without decoding its pixels.

    Raises:
        UnreadableFileError: The file is damaged or no image.
    """
    if path.suffix.lower() in _TIFF:
        return len(read_values(path, Window(0, 0, 1, 1)))
    with _opened(path) as image:
        return len(image.getbands()) - _has_alpha(image)


def require_same_size(image: Path, mask: Path) -> tuple[int, int]:
    """(height, width) of an image and its mask.

    Raises:
        GridError: They differ.
        UnreadableFileError: A file is damaged or no image.
    """
    shape, other = image_shape(image), image_shape(mask)
    if shape != other:
        raise GridError(
            f"Expected a mask of the size of its image, got {shape[0]}×{shape[1]} px in "
            f"'{image}' and {other[0]}×{other[1]} px in '{mask}'. Check that they belong together "
            "and get both again."
        )
    return shape


def read_pixels(path: Path, window: Window | None = None) -> NDArray[np.generic]:
    """Read an image file: (H, W) where it has one band, else (B, H, W), in its own data type.

    A palette image gives the numbers, not the colours. An alpha band is left out. Pixels of a TIFF
    that its nodata value or mask declares invalid are 0.

    Args:
        path: PNG, JPEG or TIFF.
        window: Part of the image, inside it; the whole image when absent.

    Raises:
        UnreadableFileError: The file is damaged or no image.
    """
    if path.suffix.lower() not in _TIFF:
        return _squeeze(_decode(path, window))
    from pointillist.raster import open_scene

    with open_scene(path) as scene:
        pixels = scene.read(window or scene.grid.window)
        dtype = np.dtype(scene.dtype)
    return _squeeze(pixels.data.astype(dtype) if dtype.itemsize <= 2 else pixels.data)


def read_values(path: Path, window: Window, bands: Sequence[int] | None = None) -> NDArray[Any]:
    """Read a window as (B, h, w) in the file's own type, whatever it declares as nodata or alpha.

    Args:
        path: PNG, JPEG or TIFF; of a TIFF only the blocks of the window are read.
        window: Part of the image, inside it.
        bands: Numbers of bands from 1; all but alpha when absent.

    Raises:
        UnreadableFileError: The file is damaged or no image.
        InputError: A band it does not have.
    """
    if path.suffix.lower() in _TIFF:
        from pointillist.raster import open_scene

        with open_scene(path, bands) as scene:
            return scene.read_raw(window)
    values = _decode(path, window)
    if bands is not None:
        if max(bands) > len(values):
            raise InputError(
                f"Expected at least {max(bands)} bands in {path.name}, got {len(values)}."
            )
        values = values[[band - 1 for band in bands]]
    return values


def tile_windows(shape: tuple[int, int], tile_px: int, name: str = "") -> list[Window]:
    """Windows of one size that cover an image; the last of a row or column are moved inwards.

    Args:
        shape: (height, width) of the image.
        tile_px: Side of a tile, from 1 to the smaller side of the image.
        name: File, for messages.

    Raises:
        InputError: Tiles larger than the image.
    """
    if min(shape) < tile_px or tile_px < 1:
        raise InputError(
            f"Expected tiles of 1 px to the smaller side of the images, got {tile_px} px for an "
            f"image of {shape[0]}×{shape[1]} px{f' ({name})' if name else ''}. "
            "Choose a smaller tile_px."
        )
    return [
        Window(min(w.row, shape[0] - tile_px), min(w.col, shape[1] - tile_px), tile_px, tile_px)
        for w in iter_windows(shape, tile_px)
    ]


def _decode(path: Path, window: Window | None) -> NDArray[Any]:
    """(B, h, w) of a PNG or JPEG, which can only be decoded whole."""
    try:
        state = path.stat()
    except OSError as error:
        raise _unreadable(path, error) from error
    array = _decode_whole(path, state.st_size, state.st_mtime_ns)
    if window is not None:
        array = array[window.slices]
    return np.ascontiguousarray(array[None] if array.ndim == 2 else array.transpose(2, 0, 1))


@lru_cache(maxsize=2)
def _decode_whole(path: Path, size: int, changed: int) -> NDArray[Any]:
    """The last image and its mask stay: tiles are mostly asked for in their order."""
    with _opened(path) as image:
        array = np.asarray(image.convert(image.mode[:-1]) if _has_alpha(image) else image)
    array.flags.writeable = False
    return array


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """A PNG or JPEG, not decoded yet."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as image:
            yield image
    except Image.DecompressionBombError as error:
        raise UnreadableFileError(
            f"'{path}' is too large for a PNG or JPEG, which can only be read whole ({error}) "
            "Save it as a tiled GeoTIFF."
        ) from error
    except (UnidentifiedImageError, OSError, SyntaxError) as error:
        raise _unreadable(path, error) from error


def _has_alpha(image: Image.Image) -> bool:
    return image.mode in ("RGBA", "LA")


def _squeeze(array: NDArray[np.generic]) -> NDArray[np.generic]:
    return array[0] if len(array) == 1 else array


def _unreadable(path: Path, error: Exception) -> UnreadableFileError:
    return UnreadableFileError(
        f"'{path}' cannot be read as an image ({error}). Copy the file again."
    )
