"""A split of a published data set as training tuples."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pointillist.data.benchmarks.layout import Benchmark, Sample, SplitFiles
from pointillist.data.items import SimulatedPointsDataset
from pointillist.data.reading import image_shape, read_values, require_same_size, tile_windows
from pointillist.data.simulation import PointPlan
from pointillist.errors import InputError
from pointillist.grid import Window

_Decoded = tuple[NDArray[np.generic], NDArray[np.int16]]
_KEPT_BYTES = 2**30


class BenchmarkDataset(SimulatedPointsDataset):
    """Images and full masks of a published data set, with simulated points, as training tuples.

    Only the window of an item is read, and once: items that were read stay in memory, a GiB of
    them, because PNG and JPEG can only be decoded whole. Points are drawn from the mask, fixed by
    `seed` and the number of the item, so they are the same in every epoch. Made by
    `open_benchmark`.

    Args:
        benchmark: The data set.
        split: Which split the files are.
        files: What was found of it.
        points: How many points to draw, and where.
        tile_px: Cut images into tiles of this side and make each an item; None keeps them whole.
            The last tiles of a row or column are moved inwards so that all have the same size.
        augment: Flip and turn image, mask and points together, anew at each access.
        seed: At least 0.
        limit: Keep that many tiles, evenly spaced over the whole split; None keeps all.
        once: Leave out of a tile's labels what an earlier tile of its image holds already, so that
            scores count each pixel once.

    Attributes:
        name: Name of the data set.
        split: `train`, `val` or `test`.
        legend: Classes by index; the publisher's names and colours.
        num_classes: Number of classes.
        bands: Names of the bands of an image.
        normalisation: How raw values became those of the items.
        samples: Files of the split.
        notices: What a person should know before comparing figures, a sentence each.
        n_all: Items of the whole split, without the limit.

    Returns of indexing:
        Image (B, H, W) float32, full mask (H, W) int64 and point mask (H, W) int64; −1 where there
        is no class or no point.

    Raises:
        InputError: A limit below 1, tiles larger than an image, an image of other bands, or labels
            that the data set does not have.
        GridError: Labels of another size than their image.
        UnreadableFileError: A damaged file.
    """

    def __init__(
        self,
        benchmark: Benchmark,
        split: str,
        files: SplitFiles,
        points: PointPlan,
        *,
        tile_px: int | None = None,
        augment: bool = False,
        seed: int = 0,
        limit: int | None = None,
        once: bool = False,
    ) -> None:
        super().__init__(files.legend, points, augment=augment, seed=seed)
        self.name = benchmark.name
        self.split = split
        self.bands = benchmark.bands
        self.normalisation = benchmark.normalisation
        self.samples = files.samples
        self.notices = files.notices
        items = _list_items(files.samples, tile_px)
        self.n_all = len(items)
        self._items = _spread(items, limit)
        self._tile_px = tile_px if once else None
        self._checked: set[str] = set()
        self._kept: dict[int, _Decoded] = {}
        self._room = _KEPT_BYTES

    def __len__(self) -> int:
        return len(self._items)

    def item_name(self, index: int) -> str:
        """Where an item comes from: name of the image, and row and column of its tile."""
        sample, window = self._items[index]
        return sample.name if window is None else f"{sample.name}@{window.row},{window.col}"

    def check_items(self) -> None:
        """Read every item once: a bad file is found now and not after hours of training.

        Raises:
            InputError, GridError, UnreadableFileError: As indexing would.
        """
        for index in range(len(self)):
            self._read_item(index)

    def count_labels(self) -> tuple[int, int]:
        """Pixels with a class and pixels with a point, over all items; reads every one."""
        masks = points = 0
        for index in range(len(self)):
            _, mask, at = self[index]
            masks += int((mask >= 0).sum())
            points += int((at >= 0).sum())
        return masks, points

    def _read_item(self, index: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        item = self._kept.get(index)
        if item is None:
            item = self._decode(index)
            self._keep(index, item)
        values, labels = item
        return self.normalisation.apply(values), labels.astype(np.int64)

    def _keep(self, index: int, item: _Decoded) -> None:
        """Keep an item in memory while there is room."""
        size = sum(array.nbytes for array in item)
        if size <= self._room:
            self._room -= size
            self._kept[index] = item

    def _decode(self, index: int) -> _Decoded:
        """Values (B, H, W) as the file has them and classes (H, W) of an item, from its files."""
        sample, window = self._items[index]
        self._check_sizes(sample)
        window = window or Window(0, 0, *image_shape(sample.images[0][0]))
        bands = [_read_bands(path, window, numbers) for path, numbers in sample.images]
        labels = sample.labels.read(window).astype(np.int16)
        if self._tile_px is not None:
            labels[: _n_seen(window.row, sample, 0, self._tile_px)] = -1
            labels[:, : _n_seen(window.col, sample, 1, self._tile_px)] = -1
        return np.concatenate(bands), labels

    def _check_sizes(self, sample: Sample) -> None:
        """Refuse files of different sizes, once per image."""
        if sample.name in self._checked:
            return
        first, *others = (path for path, _ in sample.images)
        for other in [*others, *sample.labels.files]:
            require_same_size(first, other)
        self._checked.add(sample.name)


def _n_seen(start: int, sample: Sample, axis: int, tile_px: int) -> int:
    """Rows or columns of a tile that was moved inwards which the one before it holds too."""
    if start % tile_px == 0:
        return 0
    side = image_shape(sample.images[0][0])[axis]
    return side // tile_px * tile_px - start


def _read_bands(path: Path, window: Window, bands: tuple[int, ...]) -> NDArray[np.generic]:
    values = read_values(path, window, bands)
    if values.dtype != np.uint8:
        raise InputError(
            f"Expected an 8-bit image, got {values.dtype} in '{path}'. "
            "Use the publisher's own file; save images of your own with 8 bits."
        )
    return values


def _list_items(
    samples: tuple[Sample, ...], tile_px: int | None
) -> list[tuple[Sample, Window | None]]:
    """Each image, or each of its tiles."""
    if tile_px is None:
        return [(sample, None) for sample in samples]
    items: list[tuple[Sample, Window | None]] = []
    for sample in samples:
        path = sample.images[0][0]
        items += [
            (sample, window) for window in tile_windows(image_shape(path), tile_px, path.name)
        ]
    return items


def _spread(
    items: list[tuple[Sample, Window | None]], limit: int | None
) -> list[tuple[Sample, Window | None]]:
    """`limit` of the items, evenly spaced."""
    if limit is None or limit >= len(items):
        return items
    if limit < 1:
        raise InputError(f"Expected a limit of at least 1 tile, got {limit}.")
    return [items[i * len(items) // limit] for i in range(limit)]
