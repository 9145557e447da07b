"""A loss for points whose class shares are not those of the scene."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from pointillist.errors import InputError


class LogitAdjustedLoss(nn.Module):
    """Another loss, on logits brought from the scene's class shares to those of the points.

    A network trained with it predicts for the scene: with a(c) = share of class c in the scene ÷
    its share of the points, the inner loss sees logits(c) − ln a(c). In the limit this is the
    network trained without it, its outputs multiplied by a(c) afterwards; with few points, which a
    network fits nearly perfectly, it is another one (docs/decisions/0010).

    Args:
        inner: Loss of logits (B, C, H, W) and targets (B, H, W).
        factors: (C,) a(c), above 0.

    Raises:
        InputError: A factor that is not above 0.

    References:
        Menon et al. (2021), Long-tail learning via logit adjustment, ICLR, equation 10.
    """

    def __init__(self, inner: nn.Module, factors: ArrayLike) -> None:
        super().__init__()
        values = np.asarray(factors, dtype=np.float64)
        if not np.isfinite(values).all() or (values <= 0).any():
            raise InputError(f"Expected a factor above 0 for each class, got {values.tolist()}.")
        self.inner = inner
        self.shift: Tensor
        logs = torch.from_numpy(np.log(values)).float()
        self.register_buffer("shift", logs[None, :, None, None], persistent=False)

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        """The inner loss of the shifted logits."""
        loss: Tensor = self.inner(logits - self.shift.to(logits.device), target)
        return loss
