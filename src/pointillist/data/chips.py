"""Training chips cut around labelled pixels, by windowed reads."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from pointillist.data.anchors import AnchorDraw, LabelIndex
from pointillist.data.augmentation import Augmentation
from pointillist.data.memory import keep_in_memory
from pointillist.data.randomness import SharedEpoch
from pointillist.errors import InputError, PointsError
from pointillist.grid import Window, chip_window
from pointillist.models import Normalisation
from pointillist.points import LabelledPixels
from pointillist.raster import PixelSource

_MAX_TRIES = 64


class PointChips(Dataset[tuple[Tensor, Tensor]]):
    """Chips of scenes around labelled pixels; every chip holds at least one label.

    Each chip is built around one labelled pixel, which lies anywhere in it. All other labels in the
    chip are kept. Where a chip reaches beyond its scene or over nodata, the image is 0 and the
    target −1. Chips stay inside the scene but for an eighth of their side, so that the network also
    learns what an edge looks like; a chip larger than the scene holds all of it.

    An item depends on the seed, the epoch and its index only: not on workers, not on restarts.

    Args:
        sources: The scenes, all with the same bands.
        labels: Labelled pixels of each scene, class indices 0…`num_classes` − 1.
        normalisation: Applied to the raw values.
        num_classes: Number of classes C.
        chip_px: Side of a chip.
        draw: `natural` (labelled points equally often) or `balanced` (classes equally often); see
            `AnchorDraw` for polygons.
        augment: Whether to flip and turn chips; or an `Augmentation` of one's own.
        length: Chips per epoch; by default the number of labelled points (see `AnchorDraw`),
            but at least 32.
        seed: At least 0.
        memory_mb: Scenes are held in memory while they fit into this many MiB together, in their
            own data type; all others are read window by window from disk.

    Returns of indexing:
        Image (B, chip, chip) float32, normalised; target (chip, chip) int64, −1 where unlabelled.

    Raises:
        InputError: Arguments that do not fit together, or a label outside the scene or classes.
        PointsError: No labels at all, or (when read) none on valid pixels.
    """

    def __init__(
        self,
        sources: Sequence[PixelSource],
        labels: Sequence[LabelledPixels],
        normalisation: Normalisation,
        num_classes: int,
        chip_px: int = 128,
        draw: str = "natural",
        augment: bool | Augmentation = True,
        length: int | None = None,
        seed: int = 0,
        *,
        memory_mb: float = 256,
    ) -> None:
        _check_arguments(sources, labels, num_classes, chip_px, length)
        self.labels = [
            LabelIndex(pixels, source.grid.shape)
            for source, pixels in zip(sources, labels, strict=True)
        ]
        if not sum(map(len, self.labels)):
            raise PointsError("Expected at least one labelled pixel to cut chips around, got none.")
        self.sources = keep_in_memory(sources, memory_mb)
        self.normalisation = normalisation
        self.num_classes = num_classes
        self.chip_px = chip_px
        self.augmentation = Augmentation() if augment is True else augment or None
        self.seed = seed
        self.anchors = AnchorDraw(self.labels, chip_px // 2, draw, seed)
        self.length = max(len(self.anchors), 32) if length is None else length
        self._epoch = SharedEpoch()
        self._epoch.set(0)

    def __len__(self) -> int:
        return self.length

    def set_epoch(self, epoch: int) -> None:
        """Begin an epoch: other chips than before, the same whenever this epoch is set again."""
        self._epoch.set(epoch)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        if not -self.length <= index < self.length:
            raise IndexError(f"Expected an index below {self.length}, got {index}.")
        index %= self.length
        rng = self._epoch.item_rng(self.seed, index)
        data, valid, target = self._find_chip((self._epoch.value or 0) * self.length + index, rng)
        image = torch.from_numpy(self.normalisation.apply(data, valid))
        chip = [image, torch.from_numpy(target), torch.from_numpy(valid)]
        if self.augmentation is not None:
            chip = self.augmentation(*chip, rng=rng)
        image, moved_target, moved_valid = chip
        return image.float() * moved_valid, moved_target

    def _find_chip(
        self, position: int, rng: np.random.Generator
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.int64]]:
        """Read the chip of a position; where its labels lie on nodata, that of another position."""
        for attempt in range(_MAX_TRIES):
            if attempt:
                position = int(rng.integers(len(self.anchors) * 64))
            scene, pixel = self.anchors.anchor(position, rng)
            window = self._place_window(scene, pixel, rng)
            target = self.labels[scene].label_mask(window)
            pixels = self.sources[scene].read(window)
            target[~pixels.valid] = -1
            if (target >= 0).any():
                return pixels.data, pixels.valid, target
        raise PointsError(
            f"Expected labels on valid pixels, but {_MAX_TRIES} labels in a row lie on nodata of "
            f"{self.sources[scene].name}. Leave out points on nodata, or choose other --bands."
        )

    def _place_window(self, scene: int, pixel: int, rng: np.random.Generator) -> Window:
        anchor = self.labels[scene].rowcol[pixel]
        offset = [
            _draw_offset(int(at), side, self.chip_px, rng)
            for at, side in zip(anchor, self.sources[scene].grid.shape, strict=True)
        ]
        return chip_window((int(anchor[0]), int(anchor[1])), (offset[0], offset[1]), self.chip_px)


def _draw_offset(anchor: int, side: int, chip_px: int, rng: np.random.Generator) -> int:
    """Where in the chip the anchor lies, so that the chip stays within the scene or near it."""
    margin = chip_px // 8
    first = max(anchor - chip_px + 1, min(-margin, side - chip_px))
    last = min(anchor, max(side - chip_px + margin, 0))
    return anchor - int(rng.integers(first, last, endpoint=True))


def _check_arguments(
    sources: Sequence[PixelSource],
    labels: Sequence[LabelledPixels],
    num_classes: int,
    chip_px: int,
    length: int | None,
) -> None:
    if not sources or len(sources) != len(labels):
        raise InputError(
            f"Expected labels for each of at least one scene, "
            f"got {len(sources)} scenes and {len(labels)} sets of labels."
        )
    if chip_px < 1 or (length is not None and length < 1):
        raise InputError(
            f"Expected chips of at least 1 px and at least 1 chip per epoch, "
            f"got chip_px={chip_px} and length={length}."
        )
    for source, pixels in zip(sources, labels, strict=True):
        if source.n_bands != sources[0].n_bands:
            raise InputError(
                f"Expected scenes with the same bands, got {sources[0].n_bands} in "
                f"{sources[0].name} and {source.n_bands} in {source.name}. "
                "Choose the same --bands of each."
            )
        wrong = pixels.index[(pixels.index < 0) | (pixels.index >= num_classes)]
        if len(wrong):
            raise InputError(
                f"Expected class indices 0…{num_classes - 1}, got {int(wrong[0])} among the labels "
                f"of {source.name}. Read labels and scene with the same legend."
            )
