"""Generated scenes with simulated points: the reference study's `classic`, and `terrain`."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from pointillist.data.augmentation import Augmentation
from pointillist.data.randomness import SharedEpoch, derive_rng
from pointillist.data.simulation import PointPlan
from pointillist.errors import InputError
from pointillist.models import Normalisation
from pointillist.scenes import (
    CLASSIC_LEGEND,
    TERRAIN_LEGEND,
    GeneratedScene,
    generate_classic,
    generate_terrain,
)

_KEEP_BYTES = 1 << 30

Item = tuple[Tensor, Tensor, Tensor]


class RemoteSensingDataset(Dataset[Item]):
    """Generated 5-class scenes with their full masks and point labels.

    Scenes and points are fixed by `seed` and the index: they are the same in every epoch, and two
    data sets of different seeds share none, so train, validation and test take one seed each.

    Args:
        num_samples: Number of scenes, at least 1.
        img_size: Side of a scene in pixels, at least 64.
        num_points_per_class: Points drawn of every class that the scene holds (all pixels of a
            class that has fewer).
        strategy: Where points lie: `random`, `stratified` (spread in space) or any other design of
            `pointillist.sampling`.
        augment: Flip and turn image, mask and points together, anew at each access, or what an
            `Augmentation` says. Call
            `set_epoch` for augmentation that is repeatable item by item.
        seed: At least 0.
        num_points: Points per scene in total, in place of a number per class.

    Returns of indexing:
        Image (3, H, W) float32, normalised with ImageNet mean and standard deviation; full mask
        (H, W) int64, class index of every pixel; point mask (H, W) int64, −1 where unlabelled.

    Raises:
        InputError: A number out of range.

    Example:
        >>> train = RemoteSensingDataset(num_samples=4, num_points_per_class=10, augment=True)
        >>> image, full_mask, point_mask = train[0]
        >>> image.shape, full_mask.shape, point_mask.shape
        (torch.Size([3, 128, 128]), torch.Size([128, 128]), torch.Size([128, 128]))
    """

    legend = CLASSIC_LEGEND
    num_classes = len(CLASSIC_LEGEND)

    def __init__(
        self,
        num_samples: int = 200,
        img_size: int = 128,
        num_points_per_class: int = 10,
        strategy: str = "random",
        augment: bool | Augmentation = False,
        seed: int = 0,
        *,
        num_points: int | None = None,
    ) -> None:
        if num_samples < 1 or seed < 0:
            raise InputError(
                f"Expected at least 1 sample and a seed of at least 0, "
                f"got num_samples={num_samples} and seed={seed}."
            )
        self.num_samples = num_samples
        self.img_size = img_size
        self.points = PointPlan(num_points_per_class, num_points, strategy)
        plain = Augmentation() if augment else None
        self.augmentation = augment if isinstance(augment, Augmentation) else plain
        self.seed = seed
        self._epoch = SharedEpoch()
        # Generated once and shared with workers, unless that would take more than a gigabyte.
        fits = num_samples * img_size**2 * 14 <= _KEEP_BYTES
        self._kept = [self._generate(i) for i in range(num_samples)] if fits else None

    def __len__(self) -> int:
        return self.num_samples

    def __getitem__(self, index: int) -> Item:
        if not -self.num_samples <= index < self.num_samples:
            raise IndexError(f"Expected an index below {self.num_samples}, got {index}.")
        index %= self.num_samples
        image, full, points = self._generate(index) if self._kept is None else self._kept[index]
        if self.augmentation is not None:
            rng = self._epoch.item_rng(self.seed, index)
            image, full, points = self.augmentation(image, full, points, rng=rng)
        else:
            image = image.clone()
        return image, full.long(), points.long()

    def unchanged(self, index: int) -> Item:
        """An item without augmentation: image, full mask, point mask."""
        image, full, points = self._generate(index) if self._kept is None else self._kept[index]
        return image.clone(), full.long(), points.long()

    def set_epoch(self, epoch: int) -> None:
        """Fix the augmentation of the coming epoch: it then depends on seed, epoch and index."""
        self._epoch.set(epoch)

    def _generate(self, index: int) -> Item:
        """One scene as (float32, uint8, int8) tensors; they are kept as small as they can be."""
        image, mask = self._scene(index)
        points = self.points.draw(mask, self.num_classes, derive_rng(self.seed, 1, index))
        found = torch.from_numpy(points.astype("int8"))
        return torch.from_numpy(image), torch.from_numpy(mask), found

    def _scene(self, index: int) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        """Normalised image (3, H, W) and full mask (H, W)."""
        pixels, mask = generate_classic(derive_rng(self.seed, 0, index), self.img_size)
        return Normalisation.imagenet().apply(pixels), mask


_TERRAIN_PX = 512


class TerrainDataset(RemoteSensingDataset):
    """Tiles of generated `terrain` scenes: the classes of `classic` on a country that is harder.

    Arguments, items and errors are those of `RemoteSensingDataset`. Tiles are cut side by side
    from scenes of 512×512 px; a size that is larger takes one scene per tile.
    """

    legend = TERRAIN_LEGEND
    num_classes = len(TERRAIN_LEGEND)
    _last: tuple[int, GeneratedScene] | None = None

    def _scene(self, index: int) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        size = self.img_size
        side = max(1, _TERRAIN_PX // size)
        number, at = divmod(index, side * side)
        if self._last is None or self._last[0] != number:
            seed = int(derive_rng(self.seed, 0, number).integers(2**31))
            self._last = number, generate_terrain(seed, side * size, side * size)
        scene = self._last[1]
        row, col = at // side * size, at % side * size
        part = np.s_[row : row + size, col : col + size]
        image = Normalisation.imagenet(255).apply(scene.image[:, part[0], part[1]])
        return image, np.ascontiguousarray(scene.mask[part])
