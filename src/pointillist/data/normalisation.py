"""Mean and standard deviation of each band, from a bounded number of windows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from pointillist.errors import InputError
from pointillist.grid import Window
from pointillist.models import Normalisation
from pointillist.raster import PixelSource

WINDOW_PX = 256
MAX_WINDOWS = 64
_MAX_EMPTY = 1024


def estimate_normalisation(sources: Sequence[PixelSource], seed: int = 0) -> Normalisation:
    """Estimate the mean and standard deviation of every band over the valid pixels.

    At most 64 windows of 256² px are read, shared among the scenes by area (at least one each), so
    the time does not grow with the scenes; windows of nodata only are passed over.

    Args:
        sources: Scenes with the same bands; smaller ones than a window are read whole.
        seed: Which windows, at least 0.

    Returns:
        Mean and standard deviation per band; 1 as standard deviation of a constant band.

    Raises:
        InputError: No scenes, different band counts, or no valid pixel found.
    """
    if not sources or len({s.n_bands for s in sources}) != 1:
        counts = ", ".join(f"{s.n_bands} in {s.name}" for s in sources) or "no scenes"
        raise InputError(f"Expected scenes with the same bands, got {counts}.")
    rng = np.random.default_rng(seed)
    total_area = sum(s.grid.height * s.grid.width for s in sources)
    moments = _Moments(sources[0].n_bands)
    for source in sources:
        share = MAX_WINDOWS * source.grid.height * source.grid.width / total_area
        _add_windows(moments, source, max(1, round(share)), rng)
    if not moments.count:
        raise InputError(
            f"Expected valid pixels in {', '.join(s.name for s in sources)}, but all that were "
            "looked at are nodata. Check the nodata value and the mask band, or choose --bands."
        )
    mean, std = moments.mean_std()
    return Normalisation(tuple(mean.tolist()), tuple(std.tolist()))


class _Moments:
    """Running count, mean and sum of squared deviations per band (Chan et al. 1983)."""

    def __init__(self, n_bands: int) -> None:
        self.count = 0
        self.mean = np.zeros(n_bands)
        self.squares = np.zeros(n_bands)

    def add(self, values: NDArray[np.float64]) -> None:
        """Take in values (B, N)."""
        n = values.shape[1]
        mean = values.mean(axis=1)
        squares = ((values - mean[:, None]) ** 2).sum(axis=1)
        delta, total = mean - self.mean, self.count + n
        self.squares += squares + delta**2 * (self.count * n / total)
        self.mean += delta * (n / total)
        self.count = total

    def mean_std(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        std = np.sqrt(self.squares / self.count)
        # Rounding leaves a trace of spread in a constant band; dividing by it would blow it up.
        constant = std <= 1e-10 * np.abs(self.mean)
        return self.mean, np.where(constant, 1.0, std)


def _add_windows(
    moments: _Moments, source: PixelSource, n_windows: int, rng: np.random.Generator
) -> None:
    used = 0
    for window in _random_windows(source.grid.shape, rng):
        pixels = source.read(window)
        if pixels.valid.any():
            moments.add(pixels.data[:, pixels.valid].astype(np.float64))
            used += 1
            if used == n_windows:
                return


def _random_windows(shape: tuple[int, int], rng: np.random.Generator) -> Iterator[Window]:
    """Tiles of the scene in random order, no tile twice; a bounded number of them."""
    n_cols = -(-shape[1] // WINDOW_PX)
    n_tiles = n_cols * -(-shape[0] // WINDOW_PX)
    for tile in rng.choice(n_tiles, size=min(n_tiles, _MAX_EMPTY), replace=False):
        row, col = divmod(int(tile), n_cols)
        row, col = row * WINDOW_PX, col * WINDOW_PX
        yield Window(row, col, min(WINDOW_PX, shape[0] - row), min(WINDOW_PX, shape[1] - col))
