"""Cross-entropy over labelled pixels only: time and memory grow with the labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pointillist.errors import InputError
from pointillist.losses.picking import pick_logits

NormalisationName = Literal["pixels", "image"]
NORMALISATIONS: tuple[str, ...] = get_args(NormalisationName)


class PartialCrossEntropyLoss(nn.Module):
    """Mean cross-entropy of the labelled pixels; unlabelled pixels get exactly zero gradient.

    With labelled pixels L, logits z, targets y and weights w (class weight × point weight, 1 where
    none are given) the loss of a batch is, for `normalisation="pixels"`,

        Σ_{p∈L} w_p · (−log softmax(z_p)[y_p]) / Σ_{p∈L} w_p

    the same as `torch.nn.functional.cross_entropy(..., ignore_index=...)`. `"image"` takes this
    mean in each image first, then averages the images that have labels, so that an image with few
    points counts as much as one with many. A batch without labels gives 0, attached to the graph,
    with zero gradients (where torch gives NaN).

    Args:
        ignore_index: Value of unlabelled pixels in the targets.
        class_weights: (C,) finite weights, at least 0, by class index; None for equal weights.
        normalisation: "pixels" or "image".

    Raises:
        InputError: Class weights that are not (C,), negative or not finite; unknown normalisation.

    Example:
        >>> import torch
        >>> logits = torch.zeros(1, 5, 4, 4, requires_grad=True)
        >>> targets = torch.full((1, 4, 4), -1)
        >>> targets[0, 2, 1] = 3
        >>> loss = PartialCrossEntropyLoss()(logits, targets)
        >>> round(loss.item(), 4)
        1.6094
    """

    class_weights: Tensor | None

    def __init__(
        self,
        ignore_index: int = -1,
        class_weights: Tensor | Sequence[float] | None = None,
        normalisation: NormalisationName = "pixels",
    ) -> None:
        super().__init__()
        _check_normalisation(normalisation)
        self.ignore_index = ignore_index
        self.normalisation = normalisation
        self.register_buffer("class_weights", as_class_weights(class_weights))

    def forward(
        self, logits: Tensor, targets: Tensor, point_weights: Tensor | None = None
    ) -> Tensor:
        """Compute the loss.

        Args:
            logits: (B, C, H, W) floating point, any memory format.
            targets: (B, H, W) integers, class index where labelled, else `ignore_index`.
            point_weights: (B, H, W) weights, at least 0; only those at labelled pixels are read.

        Returns:
            Scalar in float32 (float64 for float64 logits).

        Raises:
            InputError: Shapes that do not fit, or a target outside 0…C−1.
        """
        return partial_cross_entropy(
            logits,
            targets,
            ignore_index=self.ignore_index,
            class_weights=self.class_weights,
            normalisation=self.normalisation,
            point_weights=point_weights,
        )

    def extra_repr(self) -> str:
        """The settings, for `print(criterion)`."""
        weighted = (
            "" if self.class_weights is None else f", class_weights={self.class_weights.tolist()}"
        )
        return f"ignore_index={self.ignore_index}, normalisation={self.normalisation!r}{weighted}"


def partial_cross_entropy(
    logits: Tensor,
    targets: Tensor,
    *,
    ignore_index: int = -1,
    class_weights: Tensor | None = None,
    normalisation: NormalisationName = "pixels",
    point_weights: Tensor | None = None,
) -> Tensor:
    """Compute what `PartialCrossEntropyLoss` describes, without keeping settings.

    Args:
        logits: (B, C, H, W) floating point, any memory format.
        targets: (B, H, W) integers, class index where labelled, else `ignore_index`.
        ignore_index: Value of unlabelled pixels.
        class_weights: (C,) weights by class index, None for equal weights.
        normalisation: "pixels" or "image".
        point_weights: (B, H, W) weights, None for equal weights.

    Returns:
        Scalar in float32 (float64 for float64 logits).

    Raises:
        InputError: Shapes that do not fit, or a target outside 0…C−1.
    """
    _check_normalisation(normalisation)
    check_shapes(logits, targets, class_weights, point_weights)
    picked, classes, where = pick_labelled(logits, targets, ignore_index)
    with torch.autocast(logits.device.type, enabled=False):
        losses = F.cross_entropy(picked, classes, reduction="none")
        weights = _point_weights(losses, classes, where, class_weights, point_weights)
        return average_losses(losses, weights, where[0], logits.shape[0], normalisation)


def pick_labelled(
    logits: Tensor, targets: Tensor, ignore_index: int = -1
) -> tuple[Tensor, Tensor, tuple[Tensor, ...]]:
    """Logits (N, C) of the labelled pixels in full precision, their classes (N,), and where.

    Raises:
        InputError: A target outside 0…C−1.
    """
    where = _find_labelled(targets, ignore_index)
    classes = targets[where].long()
    _check_classes(classes, where, logits.shape[1], ignore_index)
    with torch.autocast(logits.device.type, enabled=False):
        return as_full_precision(pick_logits(logits, where)), classes, where


def average_losses(
    losses: Tensor, weights: Tensor, image: Tensor, n_images: int, normalisation: NormalisationName
) -> Tensor:
    """Weighted mean of the points' losses, as `PartialCrossEntropyLoss` says.

    Args:
        losses: (N,) of the points.
        weights: (N,) at least 0.
        image: (N,) which image of the batch each lies in.
        n_images: Size of the batch.
        normalisation: "pixels" or "image".
    """
    if normalisation == "pixels":
        return _weighted_mean(losses, weights)
    return _mean_of_image_means(losses, weights, image, n_images)


def _find_labelled(targets: Tensor, ignore_index: int) -> tuple[Tensor, ...]:
    """Image, row and column (N,) of the labelled pixels."""
    limits = torch.iinfo(targets.dtype)
    if not limits.min <= ignore_index <= limits.max:
        # torch would compare modulo 256: 255 in uint8 would equal −1.
        targets = targets.long()
    return (targets != ignore_index).nonzero(as_tuple=True)


def as_full_precision(values: Tensor) -> Tensor:
    """In float32, float64 where they are so already."""
    return values if values.dtype == torch.float64 else values.float()


def _point_weights(
    losses: Tensor,
    classes: Tensor,
    where: tuple[Tensor, ...],
    class_weights: Tensor | None,
    point_weights: Tensor | None,
) -> Tensor:
    """Weight (N,) of every labelled pixel."""
    weights = torch.ones_like(losses)
    if class_weights is not None:
        weights = weights * class_weights.to(losses)[classes]
    if point_weights is not None:
        given = point_weights[where].to(losses)
        _check_point_weights(given, where)
        weights = weights * given
    return weights.detach()


def _weighted_mean(losses: Tensor, weights: Tensor) -> Tensor:
    """Σ w·loss / Σ w; 0 (attached to the graph) where there is no weight."""
    total = weights.sum()
    return (losses * weights).sum() / torch.where(total > 0, total, torch.ones_like(total))


def _mean_of_image_means(losses: Tensor, weights: Tensor, image: Tensor, n_images: int) -> Tensor:
    """Weighted mean of each image, averaged over the images that have any weight."""
    zeros = losses.new_zeros(n_images)
    total = zeros.index_add(0, image, weights)
    summed = zeros.index_add(0, image, losses * weights)
    has_labels = total > 0
    means = summed / torch.where(has_labels, total, torch.ones_like(total))
    return means.sum() / has_labels.sum().clamp(min=1)


def as_class_weights(weights: Tensor | Sequence[float] | None) -> Tensor | None:
    """Class weights as a tensor, checked; None stays None."""
    if weights is None:
        return None
    values = torch.as_tensor(weights, dtype=torch.float32).detach().clone()
    if values.ndim != 1 or not bool(torch.isfinite(values).all()) or bool((values < 0).any()):
        raise InputError(
            "Expected class_weights as one finite number of at least 0 per class, "
            f"got {values.tolist()}."
        )
    return values


def _check_normalisation(normalisation: str) -> None:
    if normalisation not in NORMALISATIONS:
        raise InputError(
            f"Expected normalisation to be one of {', '.join(NORMALISATIONS)}, "
            f"got {normalisation!r}."
        )


def check_shapes(
    logits: Tensor, targets: Tensor, class_weights: Tensor | None, point_weights: Tensor | None
) -> None:
    """Refuse shapes that do not fit together, and targets that are no integers."""
    if logits.ndim != 4 or not logits.is_floating_point():
        raise InputError(
            "Expected logits as floating point (B, C, H, W), "
            f"got {tuple(logits.shape)} of {logits.dtype}. Add the batch axis with logits[None]."
        )
    expected = (logits.shape[0], *logits.shape[2:])
    if tuple(targets.shape) != expected:
        raise InputError(
            f"Expected targets (B, H, W) = {expected} for logits {tuple(logits.shape)}, "
            f"got {tuple(targets.shape)}."
        )
    if targets.is_floating_point() or targets.is_complex() or targets.dtype == torch.bool:
        raise InputError(f"Expected targets of an integer type, got {targets.dtype}.")
    if class_weights is not None and tuple(class_weights.shape) != (logits.shape[1],):
        raise InputError(
            f"Expected {logits.shape[1]} class weights for logits with {logits.shape[1]} classes, "
            f"got shape {tuple(class_weights.shape)}."
        )
    if point_weights is not None and point_weights.shape != targets.shape:
        raise InputError(
            f"Expected point_weights of the targets' shape {expected}, "
            f"got {tuple(point_weights.shape)}."
        )


def _check_classes(
    classes: Tensor, where: tuple[Tensor, ...], n_classes: int, ignore_index: int
) -> None:
    bad = (classes < 0) | (classes >= n_classes)
    if bool(bad.any()):
        i = int(bad.nonzero()[0])
        raise InputError(
            f"Expected targets between 0 and {n_classes - 1}, or {ignore_index} where unlabelled, "
            f"got {int(classes[i])} at {_place(where, i)}. "
            "Give the model one output per class, or set ignore_index."
        )


def _check_point_weights(weights: Tensor, where: tuple[Tensor, ...]) -> None:
    bad = ~torch.isfinite(weights) | (weights < 0)
    if bool(bad.any()):
        i = int(bad.nonzero()[0])
        raise InputError(
            "Expected point_weights that are finite and at least 0 at labelled pixels, "
            f"got {float(weights[i]):g} at {_place(where, i)}."
        )


def _place(where: tuple[Tensor, ...], i: int) -> str:
    batch, row, col = (int(axis[i]) for axis in where)
    return f"image {batch}, row {row}, column {col}"
