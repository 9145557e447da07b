"""Logits at a few pixels, with a gradient that is cheap to make."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor


def pick_logits(logits: Tensor, where: tuple[Tensor, ...]) -> Tensor:
    """Take the logits of some pixels.

    The gradient is zero but at these pixels and has the memory format of `logits`. On the CPU its
    memory comes zeroed from the operating system, which is several times as fast as writing zeros.

    Args:
        logits: (B, C, H, W) floating point.
        where: Image, row and column (N,) of the pixels; no pixel twice.

    Returns:
        (N, C), differentiable.
    """
    picked: Tensor = _PickLogits.apply(logits, *where)
    return picked


class _PickLogits(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, logits: Tensor, batch: Tensor, row: Tensor, col: Tensor) -> Tensor:
        ctx.save_for_backward(batch, row, col)
        ctx.shape = logits.shape
        ctx.is_channels_last = _is_channels_last(logits)
        return _at_pixels(logits, ctx.is_channels_last, batch, row, col)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        batch, row, col = ctx.saved_tensors
        (gradient,) = gradients
        b, c, h, w = ctx.shape
        if ctx.is_channels_last:
            whole = _lazy_zeros((b, h, w, c), gradient)
            whole[batch, row, col] = gradient
            return whole.permute(0, 3, 1, 2), None, None, None
        whole = _lazy_zeros((b, c, h, w), gradient)
        whole[batch, :, row, col] = gradient
        return whole, None, None, None


def _at_pixels(
    logits: Tensor, is_channels_last: bool, batch: Tensor, row: Tensor, col: Tensor
) -> Tensor:
    if is_channels_last:
        return logits.permute(0, 2, 3, 1)[batch, row, col]
    return logits[batch, :, row, col]


def _is_channels_last(logits: Tensor) -> bool:
    return logits.is_contiguous(memory_format=torch.channels_last) and not logits.is_contiguous()


def _lazy_zeros(shape: tuple[int, ...], like: Tensor) -> Tensor:
    """Zeros of the type and device of `like`.

    On the CPU torch.zeros writes every byte of fresh memory; numpy asks for zeroed pages instead.
    """
    if like.device.type != "cpu" or 0 in shape:
        return like.new_zeros(shape)
    n_bytes = int(np.prod(shape)) * like.element_size()
    return torch.from_numpy(np.zeros(n_bytes, np.uint8)).view(like.dtype).view(shape)
