"""All published data sets by name."""

from __future__ import annotations

from pathlib import Path

from pointillist.data.benchmarks.agriculture_vision import AGRICULTURE_VISION
from pointillist.data.benchmarks.dataset import BenchmarkDataset
from pointillist.data.benchmarks.deepglobe import DEEPGLOBE
from pointillist.data.benchmarks.digest import digest_files
from pointillist.data.benchmarks.isprs import POTSDAM, VAIHINGEN
from pointillist.data.benchmarks.layout import Benchmark, open_files
from pointillist.data.benchmarks.loveda import LOVEDA
from pointillist.data.benchmarks.openearthmap import OPENEARTHMAP
from pointillist.data.benchmarks.own_folders import OWN_FOLDERS
from pointillist.data.pairs import find_pairs
from pointillist.data.reading import image_shape
from pointillist.data.simulation import PointPlan
from pointillist.errors import InputError

_ALL = (POTSDAM, VAIHINGEN, DEEPGLOBE, AGRICULTURE_VISION, LOVEDA, OPENEARTHMAP)
_BY_NAME = {benchmark.name: benchmark for benchmark in _ALL}

BENCHMARKS: tuple[str, ...] = tuple(_BY_NAME)
"""The published data sets."""
OWN = OWN_FOLDERS.name
"""Images and masks of one's own."""
DATA_SETS = (*BENCHMARKS, OWN)


def open_benchmark(
    name: str,
    root: str | Path,
    split: str = "train",
    *,
    tile_px: int | None = None,
    num_points: int | None = None,
    num_points_per_class: int = 10,
    strategy: str = "random",
    augment: bool = False,
    seed: int = 0,
    limit: int | None = None,
    once: bool = False,
) -> BenchmarkDataset:
    """Open a split of a published data set, laid out as its publisher distributes it.

    What is expected of each, its classes, splits and pitfalls: `docs/benchmark_data.md`. Where a
    publisher keeps the labels of a split, labelled files chosen by their names take its place; the
    data set says so in its `notices`.

    Args:
        name: One of `BENCHMARKS`, or `folders` for images and masks of one's own.
        root: Folder into which the publisher's archives were unpacked.
        split: `train`, `val` or `test`.
        tile_px: Cut images into tiles of this side and make each an item; None keeps them whole.
            The last tiles of a row or column are moved inwards so that all have the same size.
        num_points: Points per item in total; None draws `num_points_per_class` of each class.
        num_points_per_class: Points per item of every class that it holds.
        strategy: Any design of `pointillist.sampling`.
        augment: Flip and turn image, mask and points together, anew at each access.
        seed: At least 0.
        limit: Keep that many tiles, evenly spaced over the whole split, for quick runs.
        once: Leave out of a tile's labels what an earlier tile of its image holds already, so that
            scores count each pixel once.

    Raises:
        InputError: No such data set or split, or an option out of range.
        MissingFileError: Another layout, or an image without labels; the message shows the tree
            that is expected.

    Example:
        >>> import pytest
        >>> from pointillist.errors import MissingFileError
        >>> with pytest.raises(MissingFileError, match="images_png"):
        ...     open_benchmark("loveda", "no/such/folder")
    """
    benchmark = _find(name)
    points = PointPlan(num_points_per_class, num_points, strategy)
    files = open_files(benchmark, Path(root), split)
    return BenchmarkDataset(
        benchmark,
        split,
        files,
        points,
        tile_px=tile_px,
        augment=augment,
        seed=seed,
        limit=limit,
        once=once,
    )


def smallest_side(root: str | Path) -> int:
    """The smallest height or width of images of one's own (`folders`), in pixels.

    Raises:
        MissingFileError, UnreadableFileError: As `open_benchmark`.
    """
    pairs = find_pairs(Path(root))
    return min(min(image_shape(pair.image)) for pair in pairs)


def count_images(name: str, root: str | Path, split: str = "train") -> int:
    """How many labelled images of a split a folder holds; none of them is opened.

    Raises:
        InputError, MissingFileError: As `open_benchmark`.
    """
    return len(open_files(_find(name), Path(root), split).samples)


def fingerprint(name: str, root: str | Path, split: str = "train") -> str:
    """A short digest of the files and classes of a split; another one tells of other data.

    Raises:
        InputError, MissingFileError: As `open_benchmark`.
        UnreadableFileError: Labels that cannot be read.
    """
    return digest_files(open_files(_find(name), Path(root), split), Path(root))


def _find(name: str) -> Benchmark:
    benchmark = OWN_FOLDERS if name == OWN else _BY_NAME.get(name)
    if benchmark is None:
        raise InputError(f"Expected a data set of {', '.join(DATA_SETS)}, got '{name}'.")
    return benchmark
