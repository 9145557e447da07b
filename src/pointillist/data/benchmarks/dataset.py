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

_Item = tuple[Sample, Window | None, int, int]
"""Files, window, and how many of its first rows and columns an earlier tile holds already."""
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
        self._once = once
        self._checked: set[str] = set()
        self._kept: dict[int, _Decoded] = {}
        self._room = _KEPT_BYTES

    def __len__(self) -> int:
        return len(self._items)

    def item_name(self, index: int) -> str:
        """Where an item comes from: name of the image, and row and column of its tile."""
        sample, window, *_ = self._items[index]
        return sample.name if window is None else f"{sample.name}@{window.row},{window.col}"

    def count_labels(self) -> int:
        """Pixels with a class over all items.

        Reads every item once: a bad file is found now and not after hours of training.

        Raises:
            InputError, GridError, UnreadableFileError: As indexing would.
        """
        return sum(int((self._read_item(i)[1] >= 0).sum()) for i in range(len(self)))

    def count_points(self) -> int:
        """Points over all items; otherwise as `count_labels`."""
        return sum(int((self[i][2] >= 0).sum()) for i in range(len(self)))

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
        sample, window, rows_before, cols_before = self._items[index]
        self._check_sizes(sample)
        window = window or Window(0, 0, *image_shape(sample.images[0][0]))
        bands = [_read_bands(path, window, numbers) for path, numbers in sample.images]
        labels = sample.labels.read(window).astype(np.int16)
        if self._once:
            labels[:rows_before] = -1
            labels[:, :cols_before] = -1
        return np.concatenate(bands), labels

    def _check_sizes(self, sample: Sample) -> None:
        """Refuse files of different sizes, once per image."""
        if sample.name in self._checked:
            return
        first, *others = (path for path, _ in sample.images)
        for other in [*others, *sample.labels.files]:
            require_same_size(first, other)
        self._checked.add(sample.name)


def _read_bands(path: Path, window: Window, bands: tuple[int, ...]) -> NDArray[np.generic]:
    values = read_values(path, window, bands)
    if values.dtype != np.uint8:
        raise InputError(
            f"Expected an 8-bit image, got {values.dtype} in '{path}'. "
            "Use the publisher's own file; save images of your own with 8 bits."
        )
    return values


def _list_items(samples: tuple[Sample, ...], tile_px: int | None) -> list[_Item]:
    """Each image, or each of its tiles."""
    if tile_px is None:
        return [(sample, None, 0, 0) for sample in samples]
    items: list[_Item] = []
    for sample in samples:
        path = sample.images[0][0]
        height, width = image_shape(path)
        for window in tile_windows((height, width), tile_px, path.name):
            rows_before = _n_before(height, window.row, tile_px)
            cols_before = _n_before(width, window.col, tile_px)
            items.append((sample, window, rows_before, cols_before))
    return items


def _n_before(side: int, start: int, tile_px: int) -> int:
    """Rows or columns that a tile which was moved inwards shares with the one before it."""
    return side // tile_px * tile_px - start if start % tile_px else 0


def _spread(items: list[_Item], limit: int | None) -> list[_Item]:
    """`limit` of the items, evenly spaced."""
    if limit is None or limit >= len(items):
        return items
    if limit < 1:
        raise InputError(f"Expected a limit of at least 1 tile, got {limit}.")
    return [items[i * len(items) // limit] for i in range(limit)]
