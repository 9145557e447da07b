"""Several views of one image: class probabilities averaged over its flips and quarter turns."""

from __future__ import annotations

import torch
from torch import Tensor, nn

N_VIEWS = 8


def average_views(network: nn.Module, images: Tensor) -> Tensor:
    """Mean class probabilities over the eight symmetries of the square, turned back.

    Args:
        network: Logits (B, C, H, W) from images (B, bands, H, W).
        images: (B, bands, H, W) float32; height and width multiples of 32.

    Returns:
        Probabilities (B, C, H, W) float32.

    References:
        Simonyan and Zisserman (2015), Very deep convolutional networks, ICLR, section 3.2.
    """
    total: Tensor | None = None
    for mirrored in (False, True):
        for turns in range(4):
            view = torch.flip(images, [-1]) if mirrored else images
            view = torch.rot90(view, turns, (-2, -1)).contiguous(memory_format=torch.channels_last)
            found = torch.rot90(network(view).float().softmax(dim=1), -turns, (-2, -1))
            found = torch.flip(found, [-1]) if mirrored else found
            total = found if total is None else total + found
    assert total is not None
    return total / N_VIEWS
