"""Adaptive pooling that a graph can compute at any size."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class PoolByProduct(nn.Module):
    """`nn.AdaptiveAvgPool2d` as two matrix products.

    Traced, the original has its bins' borders fixed for the size it was traced at.

    Args:
        shape: Height and width of the output.
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        super().__init__()
        self.shape = shape

    def forward(self, image: Tensor) -> Tensor:
        """(N, C, H, W) → (N, C, *shape)."""
        down = _mean_of_bins(self.shape[0], image.shape[2])
        across = _mean_of_bins(self.shape[1], image.shape[3])
        return down @ image @ across.transpose(0, 1)


def replace_adaptive_pooling(network: nn.Module) -> None:
    """Put `PoolByProduct` in the place of adaptive pooling to more than one pixel."""
    for module in network.modules():
        for name, child in module.named_children():
            if isinstance(child, nn.AdaptiveAvgPool2d):
                size = child.output_size
                shape = size if isinstance(size, tuple) else (size, size)
                if shape != (1, 1) and None not in shape:
                    setattr(module, name, PoolByProduct(shape))


def _mean_of_bins(n_bins: int, side: Tensor | int) -> Tensor:
    """(n_bins, side): bin i is the mean of ⌊i·side/n⌋ … ⌈(i + 1)·side/n⌉ − 1."""
    bins, at = torch.arange(n_bins), torch.arange(side)
    side = torch.as_tensor(side)
    start = bins * side // n_bins
    end = ((bins + 1) * side + n_bins - 1) // n_bins
    inside = (at[None] >= start[:, None]) & (at[None] < end[:, None])
    return inside.float() / (end - start)[:, None].float()
