"""Points that may be wrong, or a pixel off."""

from __future__ import annotations

import math

import pytest
import torch
from loss_contract import LossContract, make_batch
from torch import nn

from pointillist.errors import InputError
from pointillist.losses import PartialCrossEntropyLoss, UncertainPointsLoss


class TestNoisyPoints(LossContract):
    def make_loss(self) -> nn.Module:
        return UncertainPointsLoss(label_noise=0.1)


@pytest.mark.parametrize("normalisation", ["pixels", "image"])
def test_without_doubt_it_is_the_partial_cross_entropy(normalisation):
    logits, targets = make_batch(0.3)
    weights = [1.0, 2.0, 0.5, 1.0, 3.0]
    plain = PartialCrossEntropyLoss(class_weights=weights, normalisation=normalisation)
    ours = UncertainPointsLoss(class_weights=weights, normalisation=normalisation)
    assert ours(logits, targets).item() == pytest.approx(plain(logits, targets).item(), rel=1e-6)


def test_a_wrong_point_costs_no_more_than_its_chance():
    logits = torch.zeros(1, 5, 1, 1)
    logits[0, 0] = 1000.0
    target = torch.ones(1, 1, 1, dtype=torch.int64)
    loss = UncertainPointsLoss(label_noise=0.2)(logits.requires_grad_(), target)
    assert loss.item() == pytest.approx(-math.log(0.2 / 4), rel=1e-5)
    loss.backward()
    assert logits.grad.abs().max() < 1e-6


def test_the_cost_is_the_mean_chance_over_the_disc():
    logits = torch.randn(1, 3, 5, 5, generator=torch.Generator().manual_seed(0))
    targets = torch.full((1, 5, 5), -1)
    targets[0, 2, 0] = 1
    disc = [(1, 0), (2, 0), (3, 0), (2, 1)]  # the fifth pixel lies beyond the edge
    shares = logits.softmax(1)[0, 1]
    chances = torch.stack([0.9 * shares[r, c] + 0.05 * (1 - shares[r, c]) for r, c in disc])
    loss = UncertainPointsLoss(label_noise=0.1, radius_px=1)(logits, targets)
    assert loss.item() == pytest.approx(-math.log(chances.mean().item()), rel=1e-5)


def test_only_the_discs_get_a_gradient():
    logits, targets = make_batch(shape=(2, 12, 12))
    targets[:] = -1
    targets[0, 3, 3] = 1
    targets[0, 3, 5] = 2  # both discs hold the pixels between them
    targets[1, 11, 0] = 0
    logits.requires_grad_()
    UncertainPointsLoss(radius_px=2)(logits, targets).backward()
    got = logits.grad.abs().sum(dim=1) > 0
    rows, cols = torch.meshgrid(torch.arange(12), torch.arange(12), indexing="ij")

    def disc(row: int, col: int) -> torch.Tensor:
        return (rows - row) ** 2 + (cols - col) ** 2 <= 4

    assert torch.equal(got[0], disc(3, 3) | disc(3, 5))
    assert torch.equal(got[1], disc(11, 0))


def test_a_point_beside_its_class_is_content():
    logits = torch.zeros(1, 2, 1, 3)
    logits[0, 0] = 20.0
    logits[0, :, 0, 2] = torch.tensor([0.0, 20.0])  # its class begins one pixel to the right
    targets = torch.tensor([[[-1, 1, -1]]])
    assert UncertainPointsLoss()(logits, targets).item() > 15
    near = UncertainPointsLoss(radius_px=1)(logits, targets).item()
    assert near == pytest.approx(math.log(3), abs=1e-3)


def test_gradcheck_with_overlapping_discs():
    logits, targets = make_batch(0.4, shape=(2, 3, 4))
    loss = UncertainPointsLoss(label_noise=0.1, radius_px=1.5)
    assert torch.autograd.gradcheck(lambda z: loss(z, targets), (logits.double().requires_grad_(),))


def test_without_labels_it_is_zero_and_attached():
    logits = torch.zeros(1, 3, 4, 4, requires_grad=True)
    loss = UncertainPointsLoss(radius_px=2)(logits, torch.full((1, 4, 4), -1))
    loss.backward()
    assert loss.item() == 0
    assert not logits.grad.any()


@pytest.mark.parametrize("noise", [-0.1, 0.5, float("nan")])
def test_a_share_that_cannot_be_is_refused(noise):
    with pytest.raises(InputError, match=r"share of wrong points of 0 … below 0.5"):
        UncertainPointsLoss(label_noise=noise)


def test_a_radius_out_of_range_is_refused():
    with pytest.raises(InputError, match="radius of 0 … 16 px"):
        UncertainPointsLoss(radius_px=17)
