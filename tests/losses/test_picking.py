"""Picked logits have the values and gradients of plain indexing."""

from __future__ import annotations

import pytest
import torch
from loss_contract import FORMATS, N_CLASSES, make_batch

from pointillist.losses.picking import pick_logits


def plainly(logits, where):
    batch, row, col = where
    return logits[batch, :, row, col]


@pytest.mark.parametrize("memory_format", FORMATS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
def test_is_plain_indexing(dtype, memory_format):
    logits, targets = make_batch(0.3)
    where = (targets >= 0).nonzero(as_tuple=True)
    gradients = []
    for pick in (pick_logits, plainly):
        given = logits.to(dtype).contiguous(memory_format=memory_format).requires_grad_()
        picked = pick(given, where)
        assert torch.equal(picked, plainly(given, where))
        picked.square().sum().backward()
        gradients.append(given.grad)
    assert torch.equal(*gradients)
    assert gradients[0].dtype == dtype
    assert gradients[0].is_contiguous(memory_format=memory_format)


def test_gradients_accumulate():
    logits, targets = make_batch(0.3)
    logits.requires_grad_()
    where = (targets >= 0).nonzero(as_tuple=True)
    for _ in range(2):
        (pick_logits(logits, where).sum() + logits.sum()).backward()
    expected = 2 + 2 * (targets >= 0).float()[:, None].expand(-1, N_CLASSES, -1, -1)
    assert torch.equal(logits.grad, expected)


@pytest.mark.parametrize("memory_format", FORMATS)
def test_can_be_differentiated_twice(memory_format):
    logits, targets = make_batch(0.5, shape=(2, 3, 4))
    where = (targets >= 0).nonzero(as_tuple=True)
    given = logits.double().contiguous(memory_format=memory_format).requires_grad_()
    assert torch.autograd.gradgradcheck(lambda z: pick_logits(z, where).exp(), (given,))


def test_no_pixel_at_all():
    logits, _ = make_batch()
    logits.requires_grad_()
    picked = pick_logits(logits, (torch.zeros(0, dtype=torch.long),) * 3)
    assert picked.shape == (0, N_CLASSES)
    picked.sum().backward()
    assert torch.equal(logits.grad, torch.zeros_like(logits))
