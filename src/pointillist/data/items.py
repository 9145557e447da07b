"""Items of data sets whose points are simulated from full masks."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from pointillist.data.augmentation import Augmentation
from pointillist.data.randomness import SharedEpoch, derive_rng
from pointillist.data.simulation import PointPlan
from pointillist.legend import Legend

Item = tuple[Tensor, Tensor, Tensor]


class SimulatedPointsDataset(Dataset[Item]):
    """Full masks of which points are drawn, fixed by `seed` and the number of the item.

    Args:
        legend: Classes of the masks.
        points: How many points to draw, and where.
        augment: Flip and turn image, mask and points together, anew at each access.
        seed: At least 0.
    """

    def __init__(self, legend: Legend, points: PointPlan, *, augment: bool, seed: int) -> None:
        self.legend = legend
        self.num_classes = len(legend)
        self.points = points
        self.augmentation = Augmentation() if augment else None
        self.seed = seed
        self._epoch = SharedEpoch()

    @abstractmethod
    def __len__(self) -> int:
        """Number of items."""

    @abstractmethod
    def _read_item(self, index: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Normalised image (B, H, W) and full mask (H, W), −1 where there is no class."""

    def __getitem__(self, index: int) -> Item:
        if not -len(self) <= index < len(self):
            raise IndexError(f"Expected an index below {len(self)}, got {index}.")
        index %= len(self)
        pixels, full = self._read_item(index)
        points = self.points.draw(full, self.num_classes, derive_rng(self.seed, 1, index))
        item = [torch.from_numpy(x) for x in (pixels, full, points)]
        if self.augmentation is not None:
            item = self.augmentation(*item, rng=self._epoch.item_rng(self.seed, index))
        return item[0], item[1], item[2]

    def set_epoch(self, epoch: int) -> None:
        """Fix the augmentation of the coming epoch: it then depends on seed, epoch and index."""
        self._epoch.set(epoch)
