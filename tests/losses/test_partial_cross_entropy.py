"""Partial cross-entropy against torch's own, and what torch's does not do."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from loss_contract import FORMATS, N_CLASSES, LossContract, make_batch

from pointillist.errors import InputError
from pointillist.losses import PartialCrossEntropyLoss


class TestPixelNormalisation(LossContract):
    def make_loss(self):
        return PartialCrossEntropyLoss()


class TestImageNormalisation(LossContract):
    def make_loss(self):
        return PartialCrossEntropyLoss(normalisation="image")


class TestClassWeights(LossContract):
    def make_loss(self):
        return PartialCrossEntropyLoss(class_weights=[0.5, 1, 2, 3, 0.1])


def value_and_gradient(loss, logits):
    logits = logits.detach().clone(memory_format=torch.preserve_format).requires_grad_()
    value = loss(logits)
    value.backward()
    return value.detach(), logits.grad


@pytest.mark.parametrize("memory_format", FORMATS)
@pytest.mark.parametrize("fraction", [0.0, 0.001, 0.05, 0.5, 1.0])
@pytest.mark.parametrize("weights", [None, [0.5, 1.0, 2.0, 3.0, 0.1]])
def test_equals_dense_cross_entropy(fraction, weights, memory_format):
    logits, targets = make_batch(fraction, shape=(4, 33, 21))
    logits = logits.contiguous(memory_format=memory_format)
    dense_weights = None if weights is None else torch.tensor(weights)
    value, gradient = value_and_gradient(
        lambda z: PartialCrossEntropyLoss(class_weights=weights)(z, targets), logits
    )
    expected, expected_gradient = value_and_gradient(
        lambda z: F.cross_entropy(z, targets, weight=dense_weights, ignore_index=-1), logits
    )
    torch.testing.assert_close(value, expected, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(gradient, expected_gradient, rtol=1e-6, atol=1e-6)
    assert gradient.is_contiguous(memory_format=memory_format)


def test_image_normalisation_counts_images_not_points():
    logits, targets = make_batch(0.5, shape=(4, 8, 8))
    targets[1] = -1
    targets[2, 1:] = -1
    alone = [
        F.cross_entropy(z[None], t[None], ignore_index=-1)
        for z, t in zip(logits, targets, strict=True)
    ]
    expected = torch.stack([alone[i] for i in (0, 2, 3)]).mean()
    got = PartialCrossEntropyLoss(normalisation="image")(logits, targets)
    torch.testing.assert_close(got, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("normalisation", ["pixels", "image"])
def test_whole_point_weights_are_like_repeated_points(normalisation):
    logits, _ = make_batch(shape=(1, 2, 2))
    targets = torch.tensor([[[0, 1], [-1, 2]]])
    weights = torch.tensor([[[1.0, 3.0], [float("nan"), 2.0]]])
    each = F.cross_entropy(logits, targets, ignore_index=-1, reduction="none")
    expected = (each[0, 0, 0] + 3 * each[0, 0, 1] + 2 * each[0, 1, 1]) / 6
    got = PartialCrossEntropyLoss(normalisation=normalisation)(logits, targets, weights)
    torch.testing.assert_close(got, expected)


def test_all_weights_zero_is_zero():
    logits, targets = make_batch()
    value, gradient = value_and_gradient(
        lambda z: PartialCrossEntropyLoss()(z, targets, torch.zeros(targets.shape)), logits
    )
    assert value == 0
    assert torch.all(gradient == 0)


@pytest.mark.parametrize("ignore_index", [255, 0, -100])
def test_any_value_can_mean_unlabelled(ignore_index):
    logits, targets = make_batch(1.0)
    targets[targets == 2] = ignore_index
    got = PartialCrossEntropyLoss(ignore_index=ignore_index)(logits, targets)
    expected = F.cross_entropy(logits, targets, ignore_index=ignore_index)
    torch.testing.assert_close(got, expected)


@pytest.mark.parametrize("dtype", [torch.int8, torch.int16, torch.int32])
def test_takes_any_integer_type(dtype):
    logits, targets = make_batch()
    loss = PartialCrossEntropyLoss()
    assert loss(logits, targets.to(dtype)) == loss(logits, targets)


def test_255_in_uint8_is_not_minus_one():
    logits, targets = make_batch(1.0)
    loss = PartialCrossEntropyLoss()
    assert loss(logits, targets.to(torch.uint8)) == loss(logits, targets)
    targets[0, 1, 2] = 255
    with pytest.raises(InputError, match="got 255 at image 0, row 1, column 2"):
        loss(logits, targets.to(torch.uint8))


def test_class_weights_are_a_buffer():
    loss = PartialCrossEntropyLoss(class_weights=[1.0] * N_CLASSES)
    assert [name for name, _ in loss.named_buffers()] == ["class_weights"]
    assert "class_weights=[1.0" in repr(loss)
    assert not list(PartialCrossEntropyLoss().buffers())


def test_refuses_class_weights_of_another_number():
    logits, targets = make_batch()
    with pytest.raises(InputError, match="Expected 5 class weights"):
        PartialCrossEntropyLoss(class_weights=[1.0, 2.0])(logits, targets)


@pytest.mark.parametrize("weights", [[1.0, -1.0], [float("nan")], [[1.0]]])
def test_refuses_impossible_class_weights(weights):
    with pytest.raises(InputError, match="one finite number of at least 0 per class"):
        PartialCrossEntropyLoss(class_weights=weights)


def test_refuses_point_weights_below_zero():
    logits, targets = make_batch()
    weights = torch.ones(targets.shape)
    weights[0, 0, 0] = -1
    with pytest.raises(InputError, match=r"point_weights.*got -1 at image 0, row 0, column 0"):
        PartialCrossEntropyLoss()(logits, targets, weights)


def test_refuses_point_weights_of_another_size():
    logits, targets = make_batch()
    with pytest.raises(InputError, match="point_weights of the targets' shape"):
        PartialCrossEntropyLoss()(logits, targets, torch.ones(3, 9))


def test_refuses_unknown_normalisation():
    with pytest.raises(InputError, match="one of pixels, image, got 'batch'"):
        PartialCrossEntropyLoss(normalisation="batch")
