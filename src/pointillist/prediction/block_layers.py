"""What is kept of a block: codes and shares in the types of the files they go to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pointillist.legend import Legend
from pointillist.prediction.block import BlockPrediction, Wanted
from pointillist.raster import scale_to_uint8

BandType = Literal["float32", "float16", "uint8"]


@dataclass(frozen=True)
class BlockLayers:
    """The pixels of one block's core.

    Args:
        codes: (h, w) as in the map.
        probabilities: (C, h, w) as in their file; None if not wanted.
        uncertainty: (1, h, w) as in its file; None if not wanted.
    """

    codes: NDArray[Any]
    probabilities: NDArray[Any] | None = None
    uncertainty: NDArray[Any] | None = None

    @property
    def parts(self) -> list[NDArray[Any]]:
        """The layers there are, in the order in which they are kept."""
        layers = (self.codes, self.probabilities, self.uncertainty)
        return [layer for layer in layers if layer is not None]


@dataclass(frozen=True)
class BlockFormat:
    """Makes layers of predictions, and layers of bytes.

    Args:
        legend: Classes; decides the codes.
        wanted: Which layers there are.
        dtype: Of probabilities and uncertainty: `float32`, `float16`, or `uint8` scaled.
    """

    legend: Legend
    wanted: Wanted
    dtype: BandType = "float32"

    def encode(self, block: BlockPrediction) -> BlockLayers:
        """The layers of a prediction."""
        uncertainty = None if block.uncertainty is None else block.uncertainty[None]
        return BlockLayers(
            self.legend.to_codes(block.index),
            self._shares(block.probabilities),
            self._shares(uncertainty),
        )

    def _shares(self, values: NDArray[np.float32] | None) -> NDArray[Any] | None:
        if values is None:
            return None
        return scale_to_uint8(values) if self.dtype == "uint8" else values.astype(self.dtype)

    def decode(self, data: NDArray[np.uint8], shape: tuple[int, int]) -> BlockLayers:
        """The layers in the bytes of their parts, one after the other.

        Args:
            data: What `encode(...).parts` hold.
            shape: (h, w) of the core.
        """
        codes, at = _take(data, 0, shape, self.legend.dtype)
        probabilities = uncertainty = None
        dtype = np.dtype(self.dtype)
        if self.wanted.probabilities:
            probabilities, at = _take(data, at, (len(self.legend), *shape), dtype)
        if self.wanted.uncertainty:
            uncertainty, at = _take(data, at, (1, *shape), dtype)
        return BlockLayers(codes, probabilities, uncertainty)


def _take(
    data: NDArray[np.uint8], at: int, shape: tuple[int, ...], dtype: np.dtype[Any]
) -> tuple[NDArray[Any], int]:
    """An array that begins at byte `at`, and where it ends."""
    n = int(np.prod(shape))
    return np.frombuffer(data.data, dtype, n, at).reshape(shape), at + n * dtype.itemsize
