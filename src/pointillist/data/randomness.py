"""Randomness of items, from (seed, epoch, index) only: workers and restarts change nothing."""

from __future__ import annotations

import numpy as np
import torch

_ITEM = 0x17E3  # keeps these streams apart from all other keys


class SharedEpoch:
    """The number of the current epoch, seen by data-loading workers that are already running.

    Until it is set, items that ask for randomness draw it from torch's own generator, as
    torchvision's transforms do: each epoch differs, and `torch.manual_seed` fixes the run.
    """

    def __init__(self) -> None:
        self._value = torch.full((), -1, dtype=torch.int64)
        self._value.share_memory_()  # type: ignore[no-untyped-call]

    @property
    def value(self) -> int | None:
        """The epoch, from 0; None before the first `set`."""
        value = int(self._value)
        return None if value < 0 else value

    def set(self, epoch: int) -> None:
        """Begin an epoch."""
        self._value.fill_(epoch)

    def item_rng(self, seed: int, index: int) -> np.random.Generator:
        """The generator of one item in the current epoch."""
        epoch = self.value
        if epoch is None:
            return np.random.default_rng(int(torch.randint(2**62, ())))
        return derive_rng(seed, _ITEM, epoch, index)


def derive_rng(seed: int, *key: int) -> np.random.Generator:
    """An independent generator for each (seed, key); different keys never share a stream.

    Args:
        seed: At least 0.
        key: Whole numbers, at least 0, that say what the randomness is for.
    """
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))
