"""The chips a network learns from, and those it is watched with."""

from __future__ import annotations

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from pointillist.data import Augmentation, PointChips
from pointillist.models import Normalisation
from pointillist.training.config import UnetConfig
from pointillist.training.fitting import EpochSampler, choose_device
from pointillist.training.growing import grow_points
from pointillist.training.heldout import read_around
from pointillist.training.holdout import Holdout
from pointillist.training.task import TrainingTask

Batches = DataLoader[tuple[torch.Tensor, ...]]

_MOST_WATCHED = 256
_WATCHED_AT_ONCE = 64


class ChipsInTerms(Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """Chips of one set of points, and from some moment on of another.

    Args:
        first: Those of the first term.
        second: As many, for later; None where there is no second term.
    """

    def __init__(self, first: PointChips, second: PointChips | None = None) -> None:
        self.first = first
        self.second = second
        self.is_second = False

    def begin_second(self) -> None:
        """From the next epoch on, give the others."""
        self.is_second = True

    def set_epoch(self, epoch: int) -> None:
        """Begin an epoch."""
        self.first.set_epoch(epoch)
        if self.second is not None:
            self.second.set_epoch(epoch)

    def __len__(self) -> int:
        return len(self.first)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        chips = self.second if self.is_second and self.second is not None else self.first
        return chips[index]


def make_chips(holdout: Holdout, config: UnetConfig, normalisation: Normalisation) -> ChipsInTerms:
    """Chips around the points to learn from; in a second term around all of them."""
    first = _chips(holdout.train, config, normalisation)
    if holdout.validation is None or config.refit == 0:
        return ChipsInTerms(first)
    return ChipsInTerms(first, _chips(holdout.everything, config, normalisation))


def make_loader(chips: ChipsInTerms, config: UnetConfig) -> Batches:
    """Batches of chips, one pass per epoch."""
    return DataLoader(
        chips,
        batch_size=config.batch_size,
        sampler=EpochSampler(chips),
        num_workers=config.workers,
        drop_last=True,
        pin_memory=torch.cuda.is_available(),
    )


class PointsAmidChips(Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """Labelled pixels, each once, in the middle of a chip that says nothing of its others.

    Args:
        task: Scenes and labelled pixels.
        normalisation: Of the scenes' bands.
        chip_px: Side of a chip.
        most: How many pixels at most; of more, some drawn with the task's seed.
    """

    def __init__(
        self, task: TrainingTask, normalisation: Normalisation, chip_px: int, most: int
    ) -> None:
        self._task, self._normalisation, self._half = task, normalisation, chip_px // 2
        places = [(s, i) for s, pixels in enumerate(task.labels) for i in range(len(pixels))]
        rng = np.random.default_rng([task.seed, 1])
        chosen = np.sort(rng.permutation(len(places))[:most])
        self._places = [places[k] for k in chosen]

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        scene, i = self._places[index]
        labels, half = self._task.labels[scene], self._half
        pixels = read_around(self._task.sources[scene], labels.rowcol[i], half)
        target = np.full(pixels.valid.shape, -1, dtype=np.int64)
        if pixels.valid[half, half]:
            target[half, half] = labels.index[i]
        image = self._normalisation.apply(pixels.data, pixels.valid)
        return torch.from_numpy(image), torch.from_numpy(target)


def make_watching_loader(
    task: TrainingTask, config: UnetConfig, normalisation: Normalisation
) -> Batches:
    """Chips around the held-out points, at most 256 of them, the same in every epoch."""
    chips = PointsAmidChips(task, normalisation, config.chip_px, _MOST_WATCHED)
    large = choose_device(config.device) == "cuda"  # which is kept waiting by small batches
    size = max(config.batch_size, _WATCHED_AT_ONCE) if large else config.batch_size
    return DataLoader(chips, batch_size=size, shuffle=False)


def _chips(task: TrainingTask, config: UnetConfig, normalisation: Normalisation) -> PointChips:
    grown = grow_points(task, config.grow_px, normalisation)
    return PointChips(
        list(grown.sources),
        list(grown.labels),
        normalisation,
        num_classes=len(task.legend),
        chip_px=config.chip_px,
        draw=config.draw,
        augment=_augmentation(config),
        length=config.steps_per_epoch * config.batch_size,
        seed=task.seed,
    )


def _augmentation(config: UnetConfig) -> Augmentation | bool:
    if not config.augment:
        return False
    return Augmentation(flips=config.augment, gain=config.jitter, offset=config.jitter)
