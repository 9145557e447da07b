"""The loss for balanced points: what it sees, what it teaches, what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pointillist.errors import InputError
from pointillist.losses import LogitAdjustedLoss, PartialCrossEntropyLoss


def test_is_the_inner_loss_on_logits_of_the_points_shares():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 3, 8, 8, generator=generator)
    target = torch.randint(-1, 3, (2, 8, 8), generator=generator)
    factors = np.array([3.0, 0.5, 1.0])
    shifted = logits - torch.log(torch.tensor(factors)).float()[None, :, None, None]
    inner = PartialCrossEntropyLoss()
    assert LogitAdjustedLoss(inner, factors)(logits, target) == inner(shifted, target)


def test_factors_of_one_change_nothing():
    logits, target = torch.randn(1, 2, 4, 4), torch.zeros(1, 4, 4, dtype=torch.int64)
    inner = PartialCrossEntropyLoss()
    assert LogitAdjustedLoss(inner, np.ones(2))(logits, target) == inner(logits, target)


def test_a_model_of_balanced_points_predicts_the_shares_of_the_scene():
    """One pixel that says nothing: the best a model can do is to know the shares."""
    bias = torch.zeros(1, 3, 1, 1, requires_grad=True)
    target = torch.tensor([0, 1, 2])[:, None, None]
    shares = np.array([0.7, 0.2, 0.1])
    criterion = LogitAdjustedLoss(PartialCrossEntropyLoss(), shares * 3)
    optimizer = torch.optim.SGD([bias], lr=1.0)
    for _ in range(300):
        optimizer.zero_grad()
        criterion(bias.expand(3, 3, 1, 1), target).backward()
        optimizer.step()
    np.testing.assert_allclose(torch.softmax(bias, 1).flatten().detach(), shares, atol=1e-3)


@pytest.mark.parametrize("factors", [[1.0, 0.0], [1.0, -2.0], [1.0, float("nan")]])
def test_refuses_factors_that_are_none(factors):
    with pytest.raises(InputError, match=r"factor above 0 for each class"):
        LogitAdjustedLoss(PartialCrossEntropyLoss(), factors)
