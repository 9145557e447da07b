"""What holds for partial cross-entropy whatever the logits, the labels and their number."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from pointillist.losses import PartialCrossEntropyLoss


@st.composite
def batches(draw: st.DrawFn) -> tuple[Tensor, Tensor]:
    """Logits and targets of any small size, labelled fraction and memory format."""
    b, c = draw(st.integers(1, 4)), draw(st.integers(1, 6))
    h, w = draw(st.integers(1, 12)), draw(st.integers(1, 12))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**32)))
    logits = draw(st.sampled_from([0.01, 1.0, 30.0])) * torch.randn(b, c, h, w, generator=generator)
    targets = torch.randint(0, c, (b, h, w), generator=generator)
    targets[torch.rand(b, h, w, generator=generator) >= draw(st.floats(0, 1))] = -1
    if draw(st.booleans()):
        logits = logits.contiguous(memory_format=torch.channels_last)
    return logits, targets


def value_and_gradient(loss, logits: Tensor) -> tuple[Tensor, Tensor]:
    logits = logits.detach().clone().requires_grad_()
    value = loss(logits)
    value.backward()
    return value.detach(), logits.grad


@settings(max_examples=60, deadline=None)
@given(batches())
def test_equals_dense_wherever_anything_is_labelled(batch):
    logits, targets = batch
    value, gradient = value_and_gradient(lambda z: PartialCrossEntropyLoss()(z, targets), logits)
    if (targets == -1).all():
        assert value == 0
        assert torch.all(gradient == 0)
        return
    expected, expected_gradient = value_and_gradient(
        lambda z: F.cross_entropy(z, targets, ignore_index=-1), logits
    )
    torch.testing.assert_close(value, expected, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(gradient, expected_gradient, rtol=1e-6, atol=1e-6)


@settings(max_examples=60, deadline=None)
@given(batches(), st.sampled_from(["pixels", "image"]))
def test_unlabelled_pixels_get_exactly_zero_gradient(batch, normalisation):
    logits, targets = batch
    loss = PartialCrossEntropyLoss(normalisation=normalisation)
    _, gradient = value_and_gradient(lambda z: loss(z, targets), logits)
    assert torch.isfinite(gradient).all()
    assert torch.all(gradient.permute(0, 2, 3, 1)[targets == -1] == 0)


@settings(max_examples=30, deadline=None)
@given(batches(), st.floats(0.1, 10), st.sampled_from(["pixels", "image"]))
def test_scaling_all_weights_changes_nothing(batch, factor, normalisation):
    logits, targets = batch
    weights = torch.rand(targets.shape, generator=torch.Generator().manual_seed(1)) + 0.5
    loss = PartialCrossEntropyLoss(normalisation=normalisation)
    torch.testing.assert_close(
        loss(logits, targets, factor * weights),
        loss(logits, targets, weights),
        rtol=1e-5,
        atol=1e-6,
    )


@settings(max_examples=30, deadline=None)
@given(batches())
def test_image_and_pixel_mean_agree_for_one_image(batch):
    logits, targets = batch
    args = logits[:1], targets[:1]
    torch.testing.assert_close(
        PartialCrossEntropyLoss(normalisation="image")(*args), PartialCrossEntropyLoss()(*args)
    )
