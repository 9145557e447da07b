"""How far the edge of a block reaches into its classes: measured, and the halo that follows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pointillist.errors import InputError

if TYPE_CHECKING:
    from torch import nn

# Distances are told apart in steps of this; halos are multiples of it, as pooling wants.
STEP_PX = 32
# Share of a map's pixels that may have another class than one pass would give. One in a thousand is
# promised; scenes may be three times harder than the windows measured on.
TOLERANCE = 3e-4
# No wider halo is chosen: where a decoder pools over its whole input, none would be wide enough.
WIDEST_PX = 256


@dataclass(frozen=True)
class EdgeEffect:
    """Share of pixels whose class changes where the scene is cut at some distance from them.

    The effective receptive field as a map feels it: not how much a far pixel weighs, but how often
    it changes the class.

    Args:
        shares: 0…1, by distance from the cut: 0–31 px, 32–63 px and so on.

    Raises:
        InputError: No share, or one that is none.

    References:
        Luo et al. (2016), Understanding the effective receptive field in deep convolutional neural
        networks, NeurIPS.
    """

    shares: tuple[float, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "shares", tuple(float(s) for s in self.shares))
        if not self.shares or not all(0 <= share <= 1 for share in self.shares):
            raise InputError(f"Expected shares from 0 to 1, at least one, got {self.shares}.")

    def share_changed(self, block_px: int, halo_px: int) -> float:
        """Share of a block's pixels whose class differs from that of one pass over the scene.

        Beyond the distances measured, the share of the last one is taken.

        Args:
            block_px: Side of the core, which is cut on all four sides.
            halo_px: Margin read around it.
        """
        inner = np.maximum(block_px - 2 * np.arange(0, block_px // 2 + STEP_PX, STEP_PX), 0)
        rings = -np.diff(inner.astype(np.float64) ** 2)
        places = halo_px // STEP_PX + np.arange(len(rings))
        shares = np.array(self.shares)[np.minimum(places, len(self.shares) - 1)]
        return float((rings * shares).sum() / block_px**2)

    def halo_px(self, block_px: int) -> int | None:
        """Smallest halo, a multiple of 32 px, that changes a map's classes on 0.03 % of pixels.

        None if 256 px would not do.

        Args:
            block_px: Side of the core.
        """
        for halo in range(0, WIDEST_PX + 1, STEP_PX):
            if self.share_changed(block_px, halo) <= TOLERANCE:
                return halo
        return None

    @classmethod
    def worst(cls, effects: Sequence[Self | None]) -> Self | None:
        """At every distance the greatest of several; None where one was not measured."""
        known = [effect.shares for effect in effects if effect is not None]
        if not known or len(known) < len(effects):
            return None
        n = max(map(len, known))
        return cls(
            tuple(max(shares[min(i, len(shares) - 1)] for shares in known) for i in range(n))
        )

    def to_list(self) -> list[float]:
        """Plain data for JSON."""
        return [round(share, 7) for share in self.shares]

    @classmethod
    def from_list(cls, shares: Sequence[float] | None) -> Self | None:
        """Read what `to_list` wrote; None where nothing was measured."""
        return None if shares is None else cls(tuple(shares))


def measure_edge_effect(
    network: nn.Module, windows: Iterable[tuple[ArrayLike, NDArray[np.bool_]]]
) -> EdgeEffect | None:
    """Cut windows of a scene crosswise, and see how far from the cut classes change.

    Args:
        network: Logits (1, C, h, w) from images (1, B, h, w); in eval mode.
        windows: Images (B, h, w), normalised, and their valid pixels (h, w). Sides should be even
            multiples of 32 px, so that both parts pool in the same places as the whole.

    Returns:
        Shares up to the largest distance seen; None where no window has a valid pixel.
    """
    changed, seen = np.zeros(0), np.zeros(0)
    for image, valid in windows:
        data = np.asarray(image, dtype=np.float32)
        differs = _classes(network, data) != _classes_in_parts(network, data)
        steps = _distance_from_cut(valid.shape) // STEP_PX
        length = max(len(seen), int(steps.max()) + 1)
        changed = _grow(changed, length) + np.bincount(steps[valid], differs[valid], length)
        seen = _grow(seen, length) + np.bincount(steps[valid], minlength=length)
    if not seen.any():
        return None
    last = int(np.flatnonzero(seen)[-1]) + 1
    return EdgeEffect(tuple(changed[:last] / np.maximum(seen[:last], 1)))


def _classes(network: nn.Module, image: NDArray[np.float32]) -> NDArray[np.int64]:
    import torch

    with torch.inference_mode():
        device = next(network.parameters()).device
        tensor = torch.from_numpy(np.ascontiguousarray(image))[None]
        logits = network(tensor.to(device, memory_format=torch.channels_last))
        classes: NDArray[np.int64] = logits[0].argmax(0).cpu().numpy()
    return classes


def _classes_in_parts(network: nn.Module, image: NDArray[np.float32]) -> NDArray[np.int64]:
    row, col = (side // 2 for side in image.shape[1:])
    return np.block(
        [
            [_classes(network, image[:, rows, cols]) for cols in (slice(col), slice(col, None))]
            for rows in (slice(row), slice(row, None))
        ]
    )


def _distance_from_cut(shape: tuple[int, ...]) -> NDArray[np.int64]:
    """Pixels between each pixel and the nearer of the two lines that halve the window."""
    rows, cols = (
        np.where(np.arange(side) < side // 2, side // 2 - 1 - np.arange(side),
                 np.arange(side) - side // 2)
        for side in shape
    )  # fmt: skip
    return np.minimum.outer(rows, cols)


def _grow(counts: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    return np.pad(counts, (0, length - len(counts)))
