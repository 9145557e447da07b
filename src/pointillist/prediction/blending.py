"""An engine that looks at each pixel from up to four windows, and fades between them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pointillist.prediction.engine import Crop, Engine, FloatArray

if TYPE_CHECKING:
    from pointillist.raster import Pixels

# Half the width over which one window fades into the next.
FADE_PX = 64
# Nearer ones would overlap with more than their neighbours.
SMALLEST_STRIDE_PX = 2 * FADE_PX
# Windows are about so far apart: wider ones take less time and more memory.
_USUAL_STRIDE_PX = 512


def stride_for(block_px: int) -> int:
    """Distance of the windows' centres: a part of the block's side that lies near 512 px.

    Args:
        block_px: Side of a block's core, a multiple of 128 px.
    """
    n = max(1, round(block_px / _USUAL_STRIDE_PX))
    while n > 1 and block_px % (64 * n):
        n -= 1
    return block_px // n


def halo_for(stride_px: int) -> int:
    """Margin that a block reads: half a window at the corners of its core."""
    return stride_px // 2 + FADE_PX


class BlendingEngine:
    """Averages another engine's probabilities over overlapping windows, weighed by raised cosines.

    Windows lie on one lattice over the whole scene: their centres are `stride_px` apart, beginning
    at the scene's corner, and each is `stride_px` + 128 px wide. A block computes all windows that
    reach into its core, so each pixel is the same sum whatever the order of the blocks; those over
    its borders are computed by its neighbours too, which is what blending costs.

    Args:
        engine: Computes each window.
        stride_px: Distance of the windows' centres; blocks begin at multiples of it.

    References:
        Allen and Rabiner (1977), A unified approach to short-time Fourier analysis and synthesis,
        Proceedings of the IEEE 65: overlapping windows whose weights sum to one.
    """

    def __init__(self, engine: Engine, stride_px: int) -> None:
        self._engine, self._stride = engine, stride_px
        self.name = f"{engine.name}, blended"

    def prepare(self, pixels: Pixels) -> Pixels:
        """The pixels as they are: each window is prepared when its turn comes."""
        return pixels

    def scores(self, prepared: Pixels, crop: Crop) -> FloatArray:
        """Mean probabilities (C, h, w); the crop is a block's core."""
        rows, cols = (
            (s.indices(side)[0], s.indices(side)[1])
            for s, side in zip(crop, prepared.valid.shape, strict=True)
        )
        height, width = prepared.valid.shape
        total: FloatArray | None = None
        weights = np.zeros((rows[1] - rows[0], cols[1] - cols[0]), dtype=np.float32)
        for row in self._spans(*rows, height):
            for col in self._spans(*cols, width):
                found = self._window(prepared, row, col)
                weight = np.outer(row.weight, col.weight)
                if total is None:
                    total = np.zeros((len(found), *weights.shape), dtype=np.float32)
                total[:, row.place, col.place] += weight * found[:, row.part, col.part]
                weights[row.place, col.place] += weight
        assert total is not None, "a core has pixels"
        total /= weights
        return total

    def to_probabilities(self, scores: FloatArray) -> FloatArray:
        """The scores are probabilities already."""
        return scores

    def _window(self, pixels: Pixels, row: _Span, col: _Span) -> FloatArray:
        part = type(pixels)(
            np.ascontiguousarray(pixels.data[:, row.read, col.read]),
            np.ascontiguousarray(pixels.valid[row.read, col.read]),
        )
        whole = (slice(0, part.valid.shape[0]), slice(0, part.valid.shape[1]))
        return self._engine.to_probabilities(self._engine.scores(self._engine.prepare(part), whole))

    def _spans(self, start: int, stop: int, side: int) -> Iterator[_Span]:
        """The windows that reach into the core from `start` to `stop`, along one axis.

        The last one is that which reaches the scene's edge: one whose centre lies further out sees
        less of a pixel's surroundings, and is left out.

        Args:
            start: Where the core begins in the pixels read: on the lattice.
            stop: Where it ends.
            side: Pixels read.
        """
        half = halo_for(self._stride)
        for centre in range(start, stop + self._stride, self._stride):
            if centre > start and centre - self._stride + half >= side:
                return
            begin, end = max(centre - half, start), min(centre + half, stop)
            read = slice(max(centre - half, 0), min(centre + half, side))
            if begin < end:
                yield _Span(
                    read,
                    slice(begin - read.start, end - read.start),
                    slice(begin - start, end - start),
                    _fade(np.arange(begin, end) + 0.5 - centre, half),
                )


class _Span:
    """One axis of a window: what it reads, which part of that is wanted, where it goes, weights."""

    def __init__(self, read: slice, part: slice, place: slice, weight: FloatArray) -> None:
        self.read, self.part, self.place, self.weight = read, part, place, weight


def _fade(distance: NDArray[Any], half: int) -> FloatArray:
    """Weight by signed distance from the centre: 1, and from 128 px before the edge cosine to 0."""
    inside = np.clip((half - np.abs(distance)) / (2 * FADE_PX), 0.0, 1.0)
    weights: FloatArray = (0.5 - 0.5 * np.cos(np.pi * inside)).astype(np.float32)
    return weights


def with_blending(engine: Engine, stride_px: int) -> Engine:
    """The engine itself for a stride of 0, else one that blends windows."""
    return BlendingEngine(engine, stride_px) if stride_px else engine
