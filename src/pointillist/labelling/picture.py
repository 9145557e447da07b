"""Pictures of a scene: bands, contrast, tiles."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pointillist.errors import InputError
from pointillist.grid import Window
from pointillist.labelling.pyramid import TILE_PX, Pyramid

_SAMPLE_PX = 1024


@dataclass(frozen=True)
class Look:
    """How a scene is shown.

    Args:
        bands: One (grey) or three (red, green, blue) positions among the scene's bands, from 0.
        cuts: Per band, the percent of its pixels that become black, and as many white, 0…20.
    """

    bands: tuple[int, ...]
    cuts: tuple[float, ...]


@dataclass(frozen=True)
class Tile:
    """A picture file.

    Args:
        content: Its bytes.
        media_type: Such as `image/png`.
    """

    content: bytes
    media_type: str


class Pictures:
    """Makes tiles of a scene.

    Args:
        pyramid: The scene at every scale.
    """

    def __init__(self, pyramid: Pyramid) -> None:
        self.pyramid = pyramid

    @property
    def usual_bands(self) -> tuple[int, ...]:
        """Positions of the bands that are shown first, see `find_usual_bands`."""
        return find_usual_bands(self.pyramid.scene.band_names)

    def look(self, bands: Sequence[int] | None, cuts: Sequence[float]) -> Look:
        """Check how the scene is to be shown; one cut stands for all bands.

        Raises:
            InputError: A band it does not have, neither one nor three, or a cut out of range.
        """
        chosen = tuple(bands) if bands else self.usual_bands
        n = self.pyramid.scene.n_bands
        if len(chosen) not in (1, 3) or not all(0 <= b < n for b in chosen):
            raise InputError(f"Expected one or three bands among 1 to {n} to show.")
        if len(cuts) != 1 and len(cuts) < len(chosen):
            raise InputError(f"Expected one contrast cut or one per band, got {len(cuts)}.")
        if not all(0 <= cut <= 20 for cut in cuts):
            raise InputError(f"Expected contrast cuts of 0 to 20 percent, got {max(cuts):g}.")
        each = tuple(cuts) if len(cuts) >= len(chosen) else tuple(cuts) * len(chosen)
        return Look(chosen, each[: len(chosen)])

    @cached_property
    def _quantiles(self) -> NDArray[np.floating]:
        """(B, 1001) quantiles of each band, of a coarse view of the whole scene."""
        pyramid = self.pyramid
        level = next(
            (i for i in range(pyramid.n_levels) if max(pyramid.shape(i)) <= _SAMPLE_PX),
            pyramid.n_levels - 1,
        )
        pixels = pyramid.read(level, Window(0, 0, *pyramid.shape(level)))
        at = pixels.data[:, pixels.valid]
        if at.shape[1] == 0:
            return np.tile(np.linspace(0, 1, 1001), (len(at), 1))
        found: NDArray[np.floating] = np.quantile(at, np.linspace(0, 1, 1001), axis=1).T
        return found

    def look_again(self) -> None:
        """The view that the contrast is taken from is better than it was."""
        self.__dict__.pop("_quantiles", None)

    def limits(self, look: Look) -> list[tuple[float, float]]:
        """Values that become black and white, per band shown."""
        pairs = [
            (
                float(self._quantiles[band, round(cut * 10)]),
                float(self._quantiles[band, 1000 - round(cut * 10)]),
            )
            for band, cut in zip(look.bands, look.cuts, strict=True)
        ]
        return [(a, b if b > a else a + 1.0) for a, b in pairs]

    def tile(self, level: int, row: int, col: int, look: Look) -> Tile:
        """One tile of 256 px.

        Raises:
            InputError: There is no such tile.
        """
        window = tile_window(self.pyramid, level, row, col)
        pixels = self.pyramid.read(level, window)
        low, high = np.array(self.limits(look), dtype=np.float32).T
        return encode_picture(_to_bytes(pixels.data[list(look.bands)], low, high), pixels.valid)


def find_usual_bands(band_names: Sequence[str]) -> tuple[int, ...]:
    """Red, green, blue where bands have these names; else the first three, or one."""
    names = [name.casefold() for name in band_names]
    named = [names.index(color) for color in ("red", "green", "blue") if color in names]
    if len(named) == 3:
        return tuple(named)
    return (0, 1, 2) if len(names) >= 3 else (0,)


def stretch(values: NDArray[np.float32], valid: NDArray[np.bool_], cut: float) -> NDArray[np.uint8]:
    """Spread each band (B, h, w) over 0…255, some percent of its valid pixels cut at both ends."""
    if not valid.any():
        return np.zeros(values.shape, dtype=np.uint8)
    low, high = np.percentile(values[:, valid], [cut, 100 - cut], axis=1).astype(np.float32)
    return _to_bytes(values, low, high)


def _to_bytes(
    values: NDArray[np.float32], low: NDArray[np.float32], high: NDArray[np.float32]
) -> NDArray[np.uint8]:
    """Spread each band (B, h, w) between two values (B,) over 0…255."""
    scale = 255 / np.maximum(high - low, np.finfo(np.float32).tiny)
    spread = (values - low[:, None, None]) * scale[:, None, None]
    return np.asarray(np.clip(spread, 0, 255), dtype=np.uint8)


def tile_window(pyramid: Pyramid, level: int, row: int, col: int) -> Window:
    """The pixels of a tile in its level.

    Raises:
        InputError: There is no such tile.
    """
    if not 0 <= level < pyramid.n_levels:
        raise InputError(f"Expected a level of 0 to {pyramid.n_levels - 1}, got {level}.")
    height, width = pyramid.shape(level)
    if not (0 <= row * TILE_PX < height and 0 <= col * TILE_PX < width):
        raise InputError(f"There is no tile in row {row}, column {col} of level {level}.")
    return Window(row * TILE_PX, col * TILE_PX, TILE_PX, TILE_PX)


def encode_picture(image: NDArray[np.uint8], valid: NDArray[np.bool_]) -> Tile:
    """A picture (1 or 3, h, w) as JPEG; as PNG with transparent pixels where some are invalid."""
    from PIL import Image

    pixels = np.repeat(image, 3, axis=0) if len(image) == 1 else image
    buffer = io.BytesIO()
    if valid.all():
        Image.fromarray(np.moveaxis(pixels, 0, -1)).save(buffer, "JPEG", quality=92)
        return Tile(buffer.getvalue(), "image/jpeg")
    alpha = np.where(valid, 255, 0).astype(np.uint8)
    rgba = np.moveaxis(np.concatenate([pixels, alpha[None]]), 0, -1)
    Image.fromarray(np.ascontiguousarray(rgba)).save(buffer, "PNG", compress_level=1)
    return Tile(buffer.getvalue(), "image/png")


def encode_classes(index: NDArray[np.integer], colors: Sequence[tuple[int, int, int]]) -> Tile:
    """Class indices (h, w) as a PNG with a palette; transparent below 0."""
    from PIL import Image

    n = len(colors)
    values = np.where(index < 0, n, index).astype(np.uint8)
    picture = Image.fromarray(values, mode="P")
    picture.putpalette([v for color in colors for v in color] + [0, 0, 0])
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", transparency=n, compress_level=1)
    return Tile(buffer.getvalue(), "image/png")


def encode_uncertainty(share: NDArray[np.float32], valid: NDArray[np.bool_]) -> Tile:
    """Uncertainty (h, w), 0…1, as a magenta veil that is denser where it is higher."""
    from PIL import Image

    rgba = np.empty((*share.shape, 4), dtype=np.uint8)
    rgba[..., :3] = (214, 0, 147)
    rgba[..., 3] = np.where(valid, np.clip(share, 0, 1) ** 1.5 * 255, 0)
    buffer = io.BytesIO()
    Image.fromarray(rgba).save(buffer, "PNG", compress_level=1)
    return Tile(buffer.getvalue(), "image/png")
