"""Folders of images with full masks, from which points are simulated."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pointillist.data.items import SimulatedPointsDataset
from pointillist.data.pairs import Pair, find_pairs, to_class_indices
from pointillist.data.reading import image_shape, read_pixels, require_same_size, tile_windows
from pointillist.data.simulation import PointPlan
from pointillist.errors import InputError
from pointillist.grid import Window
from pointillist.legend import Legend
from pointillist.models import Normalisation


class ImageMaskFolder(SimulatedPointsDataset):
    """Images and full masks of one's own, with simulated points, as training tuples.

    Files are matched by name; PNG, JPEG and TIFF are read. Points are drawn from the mask, fixed by
    `seed` and the number of the item, so they are the same in every epoch.

    Args:
        images: Folder of images, or a folder with subfolders `images` and `masks`, or one in which
            masks lie beside their images (`a.png`, `a_mask.png`).
        masks: Folder of masks.
        legend: Classes of the masks: codes in one band, or colours in three. Without it, masks hold
            class indices 0…`num_classes` − 1.
        num_classes: Number of classes where there is no legend.
        num_points: Points per item in total; None draws `num_points_per_class` of each class.
        num_points_per_class: Points per item of every class that it holds.
        strategy: Any design of `pointillist.sampling`.
        tile_px: Cut images into tiles of this side and make each an item; None keeps them whole.
            The last tiles of a row or column are moved inwards so that all have the same size.
        normalisation: Applied to raw values; by default ImageNet's for 8-bit colour images.
        ignore: Codes in masks that mean "no class"; 255 always does.
        augment: Flip and turn image, mask and points together, anew at each access.
        seed: At least 0.

    Returns of indexing:
        Image (B, H, W) float32, full mask (H, W) int64 and point mask (H, W) int64; −1 where there
        is no class or no point.

    Raises:
        MissingFileError: No pair of image and mask, or an image without mask.
        GridError: A mask of another size than its image.
        InputError: Values that are no class, or neither `legend` nor `num_classes`.
    """

    def __init__(
        self,
        images: str | Path,
        masks: str | Path | None = None,
        *,
        legend: Legend | None = None,
        num_classes: int | None = None,
        num_points: int | None = None,
        num_points_per_class: int = 10,
        strategy: str = "random",
        tile_px: int | None = None,
        normalisation: Normalisation | None = None,
        ignore: Sequence[int] = (),
        augment: bool = False,
        seed: int = 0,
    ) -> None:
        plan = PointPlan(num_points_per_class, num_points, strategy)
        super().__init__(_choose_legend(legend, num_classes), plan, augment=augment, seed=seed)
        self.pairs = find_pairs(Path(images), None if masks is None else Path(masks))
        self.normalisation = normalisation
        self.ignore = tuple(ignore)
        self._items = _list_items(self.pairs, tile_px)

    def __len__(self) -> int:
        return len(self._items)

    def _read_item(self, index: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        pair, window = self._items[index]
        require_same_size(pair.image, pair.mask)
        image, mask = read_pixels(pair.image, window), read_pixels(pair.mask, window)
        image = image[None] if image.ndim == 2 else image
        full = to_class_indices(mask, self.legend, self.ignore, pair.mask)
        normalisation = self.normalisation or _default_normalisation(image, pair.image)
        return normalisation.apply(image), full


def _choose_legend(legend: Legend | None, num_classes: int | None) -> Legend:
    if legend is not None:
        return legend
    if num_classes is None or num_classes < 1:
        raise InputError(
            "Expected a legend, or num_classes where masks hold class indices from 0, "
            f"got num_classes={num_classes} and no legend."
        )
    return Legend.from_names([str(i) for i in range(num_classes)], range(num_classes))


def _default_normalisation(image: NDArray[np.generic], path: Path) -> Normalisation:
    if image.shape[0] == 3 and image.dtype == np.uint8:
        return Normalisation.imagenet(255)
    raise InputError(
        f"Expected an 8-bit image of three bands, got {image.shape[0]} bands of {image.dtype} in "
        f"{path.name}. Give the normalisation of such images."
    )


def _list_items(pairs: Sequence[Pair], tile_px: int | None) -> list[tuple[Pair, Window | None]]:
    """Each image, or each of its tiles."""
    if tile_px is None:
        return [(pair, None) for pair in pairs]
    return [
        (pair, window)
        for pair in pairs
        for window in tile_windows(image_shape(pair.image), tile_px, pair.image.name)
    ]
