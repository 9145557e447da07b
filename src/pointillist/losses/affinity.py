"""A loss that wants neighbours of the same colour to have the same class; no labels needed."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pointillist.errors import InputError


@dataclass(frozen=True)
class AffinityKernel:
    """How alike two pixels are: exp(−‖colour difference‖²/2σ_c² − distance²/2σ_d²).

    Args:
        radius: How far apart the pixels of a pair may be, in cells of the loss.
        colour_std: σ_c in units of the image (standard deviations of a band).
        distance_std: σ_d in cells.
    """

    radius: int = 3
    colour_std: float = 0.6
    distance_std: float = 4.0


class GatedCrfLoss(nn.Module):
    """Mean over pairs of near pixels of their likeness × the chance that their classes differ.

    With likeness k of a pair (p, q) and class probabilities P, the loss of a batch is

        Σ k(p, q) · (1 − P_p · P_q) / number of pairs

    over all pairs within the radius. The image gates: a pair across an edge of the image costs
    nothing, whatever its classes. It is computed on cells of `cell_px` pixels, on mean colours
    and mean probabilities, which costs little. Only pairs of two valid cells count, and gradients
    flow into the probabilities alone, never into the likeness.

    Args:
        kernel: The likeness.
        cell_px: Side of a cell.

    Raises:
        InputError: A kernel or a cell out of range.

    References:
        Obukhov et al. (2019), Gated CRF loss for weakly supervised semantic image segmentation,
        arXiv:1906.04651, equation 3.
    """

    def __init__(self, kernel: AffinityKernel = AffinityKernel(), cell_px: int = 4) -> None:
        super().__init__()
        if kernel.radius < 1 or cell_px < 1 or min(kernel.colour_std, kernel.distance_std) <= 0:
            raise InputError(
                "Expected a radius and cells of at least 1 and deviations above 0, "
                f"got {kernel} and cells of {cell_px} px."
            )
        self.kernel = kernel
        self.cell_px = cell_px
        reach = range(-kernel.radius, kernel.radius + 1)
        # one of each pair: those below, and those to the right in the same row
        self.shifts = [
            (down, right)
            for down in range(kernel.radius + 1)
            for right in reach
            if (down, right) > (0, 0) and down**2 + right**2 <= kernel.radius**2
        ]

    def forward(self, logits: Tensor, images: Tensor, valid: Tensor | None = None) -> Tensor:
        """Compute the loss.

        Args:
            logits: (B, C, H, W); sides of at least one cell.
            images: (B, bands, H, W) normalised.
            valid: (B, H, W) booleans, False where the image has no data; None where all has.

        Returns:
            Scalar in float32 (float64 for float64 logits), 0 … 1.

        Raises:
            InputError: Shapes that do not fit.
        """
        self._check(logits, images)
        with torch.autocast(logits.device.type, enabled=False):
            full = logits if logits.dtype == torch.float64 else logits.float()
            shares = self._cells(full.softmax(dim=1))
            colours = self._cells(images.detach().to(shares))
            weight = shares.new_ones((len(shares), *shares.shape[2:]))
            if valid is not None:  # a cell counts where all of it has data
                weight = (self._cells(valid[:, None].to(shares))[:, 0] > 0.999).to(shares)
            return self._mean_over_pairs(shares, colours, weight)

    def _cells(self, values: Tensor) -> Tensor:
        return F.avg_pool2d(values, self.cell_px) if self.cell_px > 1 else values

    def _mean_over_pairs(self, shares: Tensor, colours: Tensor, weight: Tensor) -> Tensor:
        total, pairs = shares.sum() * 0.0, weight.new_zeros(())
        kernel = self.kernel
        for down, right in self.shifts:
            one, other = _overlap(down, right)
            apart = ((colours[one] - colours[other]) ** 2).sum(dim=1)
            counted = weight[one[:1] + one[2:]] * weight[other[:1] + other[2:]]
            alike = counted * torch.exp(
                -apart / (2 * kernel.colour_std**2)
                - (down**2 + right**2) / (2 * kernel.distance_std**2)
            )
            differ = 1.0 - (shares[one] * shares[other]).sum(dim=1)
            total = total + (alike * differ).sum()
            pairs = pairs + counted.sum()
        return total / pairs.clamp(min=1.0)

    def _check(self, logits: Tensor, images: Tensor) -> None:
        fits = logits.ndim == images.ndim == 4
        fits = fits and (len(logits), *logits.shape[2:]) == (len(images), *images.shape[2:])
        if not fits:
            raise InputError(
                "Expected logits (B, C, H, W) and images (B, bands, H, W) of the same batch and "
                f"size, got {tuple(logits.shape)} and {tuple(images.shape)}."
            )


def _overlap(down: int, right: int) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Where in (B, C, H, W) the two pixels of all pairs of a shift lie."""
    everything = slice(None)
    rows = slice(0, -down or None), slice(down, None)
    if right >= 0:
        cols = slice(0, -right or None), slice(right, None)
    else:
        cols = slice(-right, None), slice(0, right)
    return (everything, everything, rows[0], cols[0]), (everything, everything, rows[1], cols[1])
