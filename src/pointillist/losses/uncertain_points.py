"""A loss for points whose class may be wrong, or whose place is off by a pixel or two."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pointillist.errors import InputError
from pointillist.losses.partial_cross_entropy import (
    NormalisationName,
    as_class_weights,
    as_full_precision,
    average_losses,
    check_shapes,
    pick_labelled,
)
from pointillist.losses.picking import pick_logits


class UncertainPointsLoss(nn.Module):
    """−log of the chance that an annotator who errs at times would have placed this point.

    With C classes, a share e of wrong classes and a disc D of places where a point may really lie,
    all alike likely, a point of class y at p costs

        −log mean_{q ∈ D(p)} [ (1 − e) · P_q(y) + e / (C − 1) · (1 − P_q(y)) ]

    with P the softmax of the logits. A class that does not fit at all costs at most −log(e/(C−1)),
    so that wrong points do not pull without end; and a point near a border is content where one of
    the pixels around it has its class. With e = 0 and a radius of 0 it is the
    partial cross-entropy. Pixels farther than the radius from every point get exactly zero
    gradient.

    Args:
        label_noise: Share e of wrong classes, 0 … below 0.5.
        radius_px: Radius of the disc, 0 … 16.
        ignore_index: Value of unlabelled pixels in the targets.
        class_weights: (C,) weights by class index; None for equal weights.
        normalisation: "pixels" or "image", as of `PartialCrossEntropyLoss`.

    Raises:
        InputError: Noise, radius or weights out of range.

    References:
        Patrini et al. (2017), Making deep neural networks robust to label noise: a loss correction
        approach, CVPR, theorem 2 (forward correction, here with even confusion).
    """

    def __init__(
        self,
        label_noise: float = 0.0,
        radius_px: float = 0.0,
        ignore_index: int = -1,
        class_weights: Tensor | Sequence[float] | None = None,
        normalisation: NormalisationName = "pixels",
    ) -> None:
        super().__init__()
        if not 0 <= label_noise < 0.5:
            raise InputError(
                f"Expected a share of wrong points of 0 … below 0.5, got {label_noise:g}."
            )
        if not 0 <= radius_px <= 16:
            raise InputError(f"Expected a radius of 0 … 16 px around points, got {radius_px:g}.")
        self.label_noise = label_noise
        self.radius_px = radius_px
        self.ignore_index = ignore_index
        self.normalisation: NormalisationName = normalisation
        self.class_weights: Tensor | None
        self.register_buffer("class_weights", as_class_weights(class_weights))
        reach = int(radius_px)
        steps = torch.arange(-reach, reach + 1)
        row, col = torch.meshgrid(steps, steps, indexing="ij")
        near = row**2 + col**2 <= radius_px**2
        self.disc: Tensor
        self.register_buffer("disc", torch.stack([row[near], col[near]]), persistent=False)

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Compute the loss.

        Args:
            logits: (B, C, H, W) floating point, any memory format.
            targets: (B, H, W) integers, class index where labelled, else `ignore_index`.

        Returns:
            Scalar in float32 (float64 for float64 logits).

        Raises:
            InputError: Shapes that do not fit, or a target outside 0…C−1.
        """
        check_shapes(logits, targets, self.class_weights, None)
        if len(self.disc[0]) == 1:
            picked, classes, where = pick_labelled(logits, targets, self.ignore_index)
            inside = torch.ones((len(classes), 1), dtype=torch.bool, device=logits.device)
            around = picked[:, None]
        else:
            around, inside, classes, where = self._pick_around(logits, targets)
        losses = self._cost(around, inside, classes)
        weights = torch.ones_like(losses)
        if self.class_weights is not None:
            weights = weights * self.class_weights.to(losses)[classes]
        return average_losses(losses, weights, where[0], logits.shape[0], self.normalisation)

    def _pick_around(
        self, logits: Tensor, targets: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, tuple[Tensor, ...]]:
        """Logits (N, D, C) of each point's disc, which of them lie in the image, classes, where."""
        _, classes, where = pick_labelled(logits.detach(), targets, self.ignore_index)
        image, row, col = where
        height, width = targets.shape[1:]
        rows = row[:, None] + self.disc[0].to(row)
        cols = col[:, None] + self.disc[1].to(col)
        inside = (rows >= 0) & (rows < height) & (cols >= 0) & (cols < width)
        images = image[:, None].expand_as(rows)
        # each pixel is picked once, however many discs it lies in
        flat = (images * height + rows.clamp(0, height - 1)) * width + cols.clamp(0, width - 1)
        pixels, place = torch.unique(flat, return_inverse=True)
        at = (pixels // (height * width), pixels // width % height, pixels % width)
        picked = as_full_precision(pick_logits(logits, at))
        return picked[place], inside, classes, where

    def _cost(self, around: Tensor, inside: Tensor, classes: Tensor) -> Tensor:
        """(N,) from logits (N, D, C); in logarithms, so that no class is ever beyond reach."""
        with torch.autocast(around.device.type, enabled=False):
            n, places, n_classes = around.shape
            logs = F.log_softmax(around, dim=2)
            own = logs.gather(2, classes[:, None, None].expand(n, places, 1))[:, :, 0]
            if self.label_noise > 0 and n_classes > 1:
                wrong = self.label_noise / (n_classes - 1)
                own = torch.log(wrong + (1 - self.label_noise - wrong) * own.exp())
            own = own.masked_fill(~inside, -torch.inf)
            chance: Tensor = torch.logsumexp(own, dim=1) - inside.sum(dim=1).log()
            return -chance

    def extra_repr(self) -> str:
        """The settings, for `print(criterion)`."""
        return f"label_noise={self.label_noise:g}, radius_px={self.radius_px:g}"
