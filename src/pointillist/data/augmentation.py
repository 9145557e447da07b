"""Augmentation that moves image and labels together, exactly, and never invents a label.

Flips and quarter turns permute pixels, so nothing is interpolated, nothing is filled and a labelled
point stays one labelled point. `torch.flip` and `torch.rot90` do this for any shape and band count.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from pointillist.errors import InputError


@dataclass(frozen=True)
class Augmentation:
    """Random flips and quarter turns (the eight symmetries of the square), optionally brightness.

    Args:
        flips: Mirror left–right with probability 1/2 (with turns this gives all eight);
            `horizontal` does that and nothing else, as the reference study does.
        quarter_turns: Turn by 0, 90, 180 or 270°; swaps height and width of oblong images. Without
            turns, flips go both ways: left–right and up–down, each with probability 1/2.
        gain: Each band is multiplied by a factor uniform in 1 ± gain; 0 … below 1.
        offset: Each band is shifted by a value uniform in ± offset, in units of the image as given
            (standard deviations for normalised images); at least 0.

    Raises:
        InputError: Gain or offset out of range.

    Example:
        >>> image, mask = torch.rand(3, 4, 6), torch.zeros(4, 6, dtype=torch.int64)
        >>> image, mask = Augmentation()(image, mask, rng=np.random.default_rng(0))
    """

    flips: bool | Literal["horizontal"] = True
    quarter_turns: bool = True
    gain: float = 0.0
    offset: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.gain < 1 or self.offset < 0:
            raise InputError(
                f"Expected a gain of 0 … below 1 and an offset of at least 0, "
                f"got gain {self.gain} and offset {self.offset}."
            )

    def __call__(self, image: Tensor, *masks: Tensor, rng: np.random.Generator) -> list[Tensor]:
        """Augment an image (B, H, W) and any masks (…, H, W) with the same move.

        Only the image gets the change of brightness. Masks keep their values: −1 stays −1.
        """
        mirror_cols = self.flips and bool(rng.integers(2))
        sideways = self.flips == "horizontal"
        turns_too = self.quarter_turns and not sideways
        mirror_rows = bool(self.flips and not turns_too and not sideways and rng.integers(2))
        turns = int(rng.integers(4)) if turns_too else 0
        moved = [move(x, mirror_cols, mirror_rows, turns) for x in (image, *masks)]
        if self.gain or self.offset:
            moved[0] = self._change_brightness(moved[0], rng)
        return moved

    def _change_brightness(self, image: Tensor, rng: np.random.Generator) -> Tensor:
        n_bands = image.shape[0]
        gains = 1 + rng.uniform(-self.gain, self.gain, size=(n_bands, 1, 1))
        offsets = rng.uniform(-self.offset, self.offset, size=(n_bands, 1, 1))
        return image * torch.from_numpy(gains).to(image) + torch.from_numpy(offsets).to(image)


def move(x: Tensor, mirror_cols: bool, mirror_rows: bool, turns: int) -> Tensor:
    """Mirror (…, H, W) left–right and up–down, then turn it counter-clockwise by quarter turns."""
    dims = [d for d, wanted in ((-2, mirror_rows), (-1, mirror_cols)) if wanted]
    x = torch.flip(x, dims) if dims else x
    return torch.rot90(x, turns, (-2, -1)).contiguous()
