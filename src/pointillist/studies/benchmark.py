"""P-benchmark: a published data set with simulated points, scored on the full masks of its test."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from pointillist.errors import InputError
from pointillist.studies.given import list_given
from pointillist.studies.places import NOWHERE, Folders, require_data

if TYPE_CHECKING:
    from pointillist.data.benchmarks import BenchmarkDataset

FULL = "full"
FOLDERS = "folders"
"""Name of images and masks of one's own."""


@dataclass(frozen=True)
class BenchmarkCell:
    """One run of the protocol.

    Args:
        data: Name of the data set.
        n_per_class: Points per class and tile.
        strategy: Where points lie.
        seed: Seed of points and network.
        n_points: Points per tile in total, in place of a number per class.
        supervision: `full` trains on the full masks; None on the points.
        tile_px: Side of a tile; of one's own images at most the smaller side of the smallest.
        n_train: Training tiles, evenly spaced over the split; None for all.
        n_test: Test tiles; None for all.
        epochs: Passes over the training tiles.
        encoder: Encoder of the U-Net, random initialisation.
        batch_size: Tiles per step.
    """

    data: str
    n_per_class: int = 10
    strategy: str = "random"
    seed: int = 0
    n_points: int | None = None
    supervision: str | None = None
    tile_px: int = 256
    n_train: int | None = 800
    n_test: int | None = 400
    epochs: int = 5
    encoder: str = "resnet34"
    batch_size: int = 4

    def __post_init__(self) -> None:
        from pointillist.data.benchmarks import DATA_SETS

        if self.data not in DATA_SETS:
            raise InputError(f"Expected a data set of {', '.join(DATA_SETS)}, got {self.data!r}.")
        if self.supervision not in (None, FULL):
            raise InputError(
                f"Expected supervision of P-benchmark to be {FULL}, or to be left out, "
                f"got {self.supervision!r}."
            )
        if self.batch_size < 2:
            raise InputError(
                f"Expected a batch_size of at least 2, got {self.batch_size}: the network takes "
                "means over a step."
            )
        if self.supervision == FULL:
            self._refuse_unused()

    def _refuse_unused(self) -> None:
        """Refuse what full masks do not take: a row would be named after what did nothing."""
        unused = list_given(self, ("n_per_class", "strategy", "n_points"))
        if unused:
            raise InputError(
                f"Expected no points beside full masks of P-benchmark, got {unused}. "
                "Leave it out, or leave out the supervision."
            )


def run_benchmark(cell: BenchmarkCell, folders: Folders = NOWHERE) -> dict[str, Any]:
    """Train on points of the training split, score the full masks of the test split.

    Returns:
        Record: protocol, cell, `miou`, `pixel_accuracy`, lists by class with their `classes`,
        numbers of images, tiles and labelled pixels, `files` (a digest of each split), `notices`
        of the data set and of the tiles left out, seconds.

    Raises:
        InputError: The root of the data set is not given, or a split has no label.
        MissingFileError: Another layout; the message shows the tree that is expected.
    """
    import torch
    from torch.utils.data import DataLoader

    from pointillist.data.benchmarks import (
        fingerprint,
        open_benchmark,
        smallest_side,
    )
    from pointillist.losses import PartialCrossEntropyLoss
    from pointillist.models import build_model
    from pointillist.studies.classic import OneMask, predict_with, score
    from pointillist.training import UnetConfig
    from pointillist.training.fitting import EpochSampler, fit_network
    from pointillist.training.schedule import Progress

    root = require_data(cell.data, folders)
    start = time.monotonic()

    tile_px = min(cell.tile_px, smallest_side(root)) if cell.data == FOLDERS else cell.tile_px

    def open_split(split: str, limit: int | None, augment: bool) -> BenchmarkDataset:
        return open_benchmark(
            cell.data,
            root,
            split,
            tile_px=tile_px,
            num_points=cell.n_points,
            num_points_per_class=cell.n_per_class,
            strategy=cell.strategy,
            augment=augment,
            seed=cell.seed,
            limit=limit,
            once=split == "test",
        )

    train, test = open_split("train", cell.n_train, True), open_split("test", cell.n_test, False)
    if len(train) < cell.batch_size:
        raise InputError(
            f"Expected at least as many training tiles as there are in a step, got {len(train)} "
            f"for a batch_size of {cell.batch_size}. Choose a smaller one, or smaller tiles "
            "(batch_size, tile_px) in a study file, docs/studies.md."
        )
    scored = test.count_labels()
    labelled = train.count_labels() if cell.supervision == FULL else train.count_points()
    for split, n in (("test", scored), ("training", labelled)):
        if n == 0:
            raise InputError(
                f"Expected labels in the {split} tiles of '{cell.data}', got none: every pixel is "
                f"ignored. Check the labels in '{root}'."
            )
    files = {split.split: fingerprint(cell.data, root, split.split) for split in (train, test)}
    torch.manual_seed(cell.seed)
    network = build_model(
        encoder=cell.encoder,
        pretrained=False,
        in_channels=len(train.bands),
        num_classes=train.num_classes,
    )
    config = UnetConfig(
        encoder=cell.encoder,
        weights="none",
        select="last",
        batch_size=cell.batch_size,
        steps=max(1, cell.epochs * (len(train) // cell.batch_size)),
    )
    loader = DataLoader(
        OneMask(train, cell.supervision == FULL),
        batch_size=cell.batch_size,
        sampler=EpochSampler(train, shuffle=True),
        drop_last=True,
    )
    names = train.legend.names
    progress = Progress(config.steps)
    fit = fit_network(network, PartialCrossEntropyLoss(), loader, config, progress, names)
    return {
        "protocol": "P-benchmark",
        "cell": asdict(cell),
        **score(predict_with(network.eval()), test, names),
        "classes": list(names),
        "images": {split.split: len(split.samples) for split in (train, test)},
        "files": files,
        "train_tiles": len(train),
        "test_tiles": len(test),
        "train_labels": labelled,
        "test_pixels": scored,
        "tile_px": tile_px,
        "notices": list(dict.fromkeys([*train.notices, *test.notices, *_left_out(train, test)])),
        "steps": fit.steps,
        "precision_of_arithmetic": fit.precision,
        "device": fit.device,
        "seconds": round(time.monotonic() - start, 1),
    }


def _left_out(train: BenchmarkDataset, test: BenchmarkDataset) -> Iterator[str]:
    """Says where figures are of a part of the data set."""
    if len(test) < test.n_all or len(train) < train.n_all:
        yield (
            f"Trained on {len(train):,} of {train.n_all:,} tiles and scored on {len(test):,} of "
            f"{test.n_all:,}, evenly spaced over the images: n_train and n_test of a study file "
            "set how many (null: all), docs/benchmark_data.md."
        )


def are_current(records: Sequence[dict[str, Any]], folders: Folders) -> list[bool]:
    """Which records were made with the images and labels that the root holds today.

    Of records without a digest of the files (`files`) only the number of images is compared. Each
    split is looked at once, however many records there are. Without a root those count that were
    made with the files of the last record of their data set.
    """
    from pointillist.data.benchmarks import count_images, fingerprint

    root = folders.data
    if root is None:
        made_with = [record.get("files") or record.get("images") for record in records]
        names = [record["cell"]["data"] for record in records]
        last = dict(zip(names, made_with, strict=True))
        return [files == last[name] for name, files in zip(names, made_with, strict=True)]
    digest, count = cache(fingerprint), cache(count_images)

    def is_of_root(record: dict[str, Any]) -> bool:
        name, files = record["cell"]["data"], record.get("files")
        if isinstance(files, dict):
            return all(digest(name, root, split) == known for split, known in files.items())
        images = record.get("images")
        counts = images if isinstance(images, dict) else {}
        return all(count(name, root, split) == n for split, n in counts.items())

    return [is_of_root(record) for record in records]
