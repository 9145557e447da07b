"""One block of a map: which window to read, and from its pixels to classes. Nothing remembered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pointillist.errors import InputError
from pointillist.grid import Block, Window, iter_windows
from pointillist.prediction.engine import Engine, FloatArray, best_class, classes_of
from pointillist.prediction.smoothing import Smoothing
from pointillist.prediction.views import N_VIEWS

if TYPE_CHECKING:
    from pointillist.models import TrainedModel

DEFAULT_BLOCK_PX = 1024


@dataclass(frozen=True)
class Tiling:
    """How scenes are cut into blocks.

    Args:
        block_px: Side of a core; a multiple of `stride_px`.
        halo_px: Margin read around a core; a multiple of `stride_px`.
        stride_px: Blocks start at multiples of this, so that a network's pooling falls into the
            same places as in one pass over the whole scene.
        smallest_px: Sides that are read at least; a scene that is smaller is padded.
    """

    block_px: int
    halo_px: int
    stride_px: int = 1
    smallest_px: int = 1

    @classmethod
    def of_model(
        cls,
        model: TrainedModel,
        block_px: int | None = None,
        halo_px: int | None = None,
        smoothing: Smoothing | None = None,
    ) -> Tiling:
        """The model's own halo and the default block, or what was asked for, rounded up.

        A forest's halo is what it needs to the pixel, so that smoothing makes it wider; a network's
        is where the edge's effect has faded.

        Raises:
            InputError: A block below 1 px or a negative halo.
        """
        block = DEFAULT_BLOCK_PX if block_px is None else block_px
        halo = model.halo_for(max(block, 1)) if halo_px is None else halo_px
        if smoothing is not None and halo_px is None and model.block_multiple_px == 1:
            halo += smoothing.reach_px
        if block < 1 or halo < 0:
            raise InputError(
                f"Expected --block of at least 1 px and --halo of at least 0 px, "
                f"got block {block} and halo {halo}."
            )
        stride = model.block_multiple_px
        smallest = model.smallest_px if model.smallest_px > stride else 1
        return cls(round_up(block, stride), round_up(halo, stride), stride, smallest)

    def plan(self, shape: tuple[int, int]) -> list[Block]:
        """Blocks of a raster (height, width), row by row; every pixel lies in exactly one core.

        Reading stops at the raster's edge (rounded up to the stride): there, a block sees what
        one pass over the whole raster would see.
        """
        limit = Window(0, 0, *(round_up(side, self.stride_px) for side in shape))
        return [
            Block(i, core, self._read_window(core, limit))
            for i, core in enumerate(iter_windows(shape, self.block_px))
        ]

    def _read_window(self, core: Window, limit: Window) -> Window:
        height, width = (round_up(side, self.stride_px) for side in core.shape)
        grown = Window(core.row, core.col, height, width).expand(self.halo_px)
        read = grown.intersection(limit)
        assert read is not None, "a core lies inside its raster"
        sides = (max(side, self.smallest_px) for side in read.shape)
        return Window(read.row, read.col, *sides)


@dataclass(frozen=True)
class Wanted:
    """What a map is to hold besides classes.

    Args:
        probabilities: A band per class.
        uncertainty: Normalised entropy.
        min_confidence: Pixels whose class is less probable than this stay unclassified.
        views: Flips and quarter turns of a block whose probabilities are averaged: 1, 2 (mirrored
            too), 4 (turned) or 8 (both).
        blend_px: Distance of overlapping windows that are faded into each other; 0 for none.
        smoothing: How probabilities are smoothed along the image's edges; None for not at all.
    """

    probabilities: bool = False
    uncertainty: bool = False
    min_confidence: float | None = None
    views: int = 1
    blend_px: int = 0
    smoothing: Smoothing | None = None

    def __post_init__(self) -> None:
        if self.views not in N_VIEWS:
            raise InputError(f"Expected --views of 1, 2, 4 or 8, got {self.views}.")
        if self.min_confidence is not None and not 0 < self.min_confidence < 1:
            raise InputError(
                f"Expected --min-confidence between 0 and 1, got {self.min_confidence:g}."
            )

    @property
    def needs_probabilities(self) -> bool:
        """Whether scores alone will not do."""
        return self.probabilities or self.uncertainty or self.min_confidence is not None


@dataclass(frozen=True)
class BlockPrediction:
    """What a block's core holds.

    Args:
        index: (h, w) class indices, −1 where there is none.
        probabilities: (C, h, w), NaN outside the mapped pixels; None if not wanted.
        uncertainty: (h, w) 0…1, NaN outside the mapped pixels; None if not wanted.
    """

    index: NDArray[np.int16]
    probabilities: FloatArray | None = None
    uncertainty: FloatArray | None = None


def predict_block(
    engine: Engine, prepared: Any, block: Block, mapped: NDArray[np.bool_], wanted: Wanted
) -> BlockPrediction:
    """Predict the core of one block. A pure function of its arguments.

    Args:
        engine: What computes the scores.
        prepared: What `engine.prepare` made of the pixels of `block.read`.
        block: The block.
        mapped: (h, w) pixels of the core to map: valid, and in the area of interest.
        wanted: What to return besides classes.
    """
    crop = block.core.slices_in(block.read)
    if not wanted.needs_probabilities:
        return _only_mapped(classes_of(engine, prepared, crop), mapped)
    scores = engine.scores(prepared, crop)
    index = best_class(scores)
    index[~mapped] = -1
    probabilities = engine.to_probabilities(scores)
    probabilities[:, ~mapped] = np.nan
    if wanted.min_confidence is not None:
        index[probabilities.max(axis=0) < wanted.min_confidence] = -1
    return BlockPrediction(
        index,
        probabilities if wanted.probabilities else None,
        normalised_entropy(probabilities) if wanted.uncertainty else None,
    )


def begin_block(
    engine: Engine, prepared: Any, block: Block, mapped: NDArray[np.bool_], wanted: Wanted
) -> Callable[[], BlockPrediction] | None:
    """Have the engine begin a block, if it can while another one is not finished yet.

    Returns:
        What waits for the prediction; None where the engine computes one block at a time.
    """
    begin = getattr(engine, "begin_classes", None)
    if begin is None or wanted.needs_probabilities:
        return None
    wait = begin(prepared, block.core.slices_in(block.read))
    return None if wait is None else lambda: _only_mapped(wait(), mapped)


def _only_mapped(index: NDArray[np.int16], mapped: NDArray[np.bool_]) -> BlockPrediction:
    if not mapped.all():
        index[~mapped] = -1
    return BlockPrediction(index)


def normalised_entropy(probabilities: FloatArray) -> FloatArray:
    """Uncertainty (h, w): −Σ p·ln p / ln C; 0 is sure, 1 is all classes alike, NaN stays NaN.

    Args:
        probabilities: (C, h, w).
    """
    n_classes = len(probabilities)
    total = np.zeros(probabilities.shape[1:], dtype=np.float32)
    tiny = np.finfo(np.float32).tiny
    for p in probabilities:
        total -= p * np.log(np.maximum(p, tiny))
    if n_classes > 1:
        total /= np.float32(np.log(n_classes))
    return np.clip(total, 0.0, 1.0)


def round_up(value: int, multiple: int) -> int:
    """The next multiple, or the value itself if it is one."""
    return -(-value // multiple) * multiple
