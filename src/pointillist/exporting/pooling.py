"""Adaptive pooling that a graph can compute at any size."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
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


class PyramidLevel(nn.Module):
    """A level of PSPNet, whose own code pools in another way while it is traced.

    Args:
        pool: Pooling and what follows it.
    """

    def __init__(self, pool: nn.Module) -> None:
        super().__init__()
        self.pool = pool

    def forward(self, image: Tensor) -> Tensor:
        """Pooled, and stretched to the image's size again."""
        size: Any = image.shape[2:]
        pooled: Tensor = self.pool(image)
        stretched: Tensor = F.interpolate(pooled, size=size, mode="bilinear", align_corners=True)
        return stretched


def replace_adaptive_pooling(network: nn.Module) -> None:
    """Put modules that can be traced for any size in the place of adaptive pooling."""
    from segmentation_models_pytorch.decoders.pspnet.decoder import PSPBlock

    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, PSPBlock):
                setattr(module, name, PyramidLevel(child.pool))
            elif isinstance(child, nn.AdaptiveAvgPool2d):
                size: Any = child.output_size
                shape = size if isinstance(size, tuple) else (size, size)
                if shape != (1, 1) and None not in shape:
                    setattr(module, name, PoolByProduct(shape))


def _mean_of_bins(n_bins: int, side: Any) -> Tensor:
    """(n_bins, side): bin i is the mean of ⌊i·side/n⌋ … ⌈(i + 1)·side/n⌉ − 1."""
    bins, at = torch.arange(n_bins), torch.arange(side)
    side = torch.as_tensor(side)
    start = bins * side // n_bins
    end = ((bins + 1) * side + n_bins - 1) // n_bins
    inside = (at[None] >= start[:, None]) & (at[None] < end[:, None])
    shares: Tensor = inside.float() / (end - start)[:, None].float()
    return shares
