"""Neighbours of one colour want one class."""

from __future__ import annotations

import math

import pytest
import torch

from pointillist.errors import InputError
from pointillist.losses import AffinityKernel, GatedCrfLoss


def _two_colours(step: float = 10.0) -> torch.Tensor:
    """(1, 2, 8, 8): left half of one colour, right half of another."""
    image = torch.zeros(1, 2, 8, 8)
    image[..., 4:] = step
    return image


def _sure(left: int, right: int, n_classes: int = 3) -> torch.Tensor:
    logits = torch.zeros(1, n_classes, 8, 8)
    logits[0, left, :, :4] = 50.0
    logits[0, right, :, 4:] = 50.0
    return logits


def test_pairs_are_counted_as_the_formula_says():
    logits = torch.randn(1, 3, 3, 4, generator=torch.Generator().manual_seed(1))
    images = torch.randn(1, 2, 3, 4, generator=torch.Generator().manual_seed(2))
    kernel = AffinityKernel(radius=2, colour_std=0.7, distance_std=1.3)
    shares, total, n = logits.softmax(1)[0], 0.0, 0
    places = [(r, c) for r in range(3) for c in range(4)]
    for i, (r, c) in enumerate(places):
        for s, d in places[i + 1 :]:
            distance = (r - s) ** 2 + (c - d) ** 2
            if distance <= 4:
                apart = float(((images[0, :, r, c] - images[0, :, s, d]) ** 2).sum())
                alike = math.exp(-apart / (2 * 0.49) - distance / (2 * 1.69))
                total += alike * (1 - float(shares[:, r, c] @ shares[:, s, d]))
                n += 1
    loss = GatedCrfLoss(kernel, cell_px=1)(logits, images)
    assert loss.item() == pytest.approx(total / n, rel=1e-5)


def test_a_border_of_classes_costs_where_the_image_has_none():
    loss = GatedCrfLoss(cell_px=1)
    same_colour, two_colours = torch.zeros(1, 2, 8, 8), _two_colours()
    assert loss(_sure(0, 1), same_colour).item() > 0.1
    assert loss(_sure(0, 1), two_colours).item() == pytest.approx(0, abs=1e-6)
    assert loss(_sure(2, 2), same_colour).item() == pytest.approx(0, abs=1e-6)


def test_it_draws_a_lone_pixel_to_its_neighbours():
    logits = torch.zeros(1, 2, 8, 8)
    logits[0, 0] = 2.0
    logits[0, :, 4, 4] = torch.tensor([0.0, 1.0])
    logits.requires_grad_()
    GatedCrfLoss(cell_px=1)(logits, torch.zeros(1, 1, 8, 8)).backward()
    assert logits.grad[0, 1, 4, 4] > 0  # descent lowers the odd class
    assert logits.grad[0, 0, 4, 4] < 0


def test_pixels_without_data_neither_cost_nor_learn():
    logits = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(3)).requires_grad_()
    valid = torch.ones(2, 8, 8, dtype=torch.bool)
    valid[0, :, :4] = False
    valid[1] = False
    loss = GatedCrfLoss(cell_px=2)
    images = torch.zeros(2, 1, 8, 8)
    value = loss(logits, images, valid)
    value.backward()
    assert not logits.grad[~valid.unsqueeze(1).expand_as(logits)].any()
    assert logits.grad[0, :, :, 4:].any()
    assert value.item() == pytest.approx(loss(logits[:1, :, :, 4:], images[:1, :, :, 4:]).item())


def test_an_image_without_any_data_gives_zero():
    logits = torch.zeros(1, 2, 8, 8, requires_grad=True)
    loss = GatedCrfLoss()(logits, torch.zeros(1, 1, 8, 8), torch.zeros(1, 8, 8, dtype=torch.bool))
    loss.backward()
    assert loss.item() == 0


def test_gradcheck_and_no_gradient_into_the_image():
    logits = torch.randn(1, 3, 4, 4, dtype=torch.float64, requires_grad=True)
    images = torch.randn(1, 2, 4, 4, dtype=torch.float64, requires_grad=True)
    loss = GatedCrfLoss(cell_px=2)
    assert torch.autograd.gradcheck(lambda z: loss(z, images.detach()), (logits,))
    loss(logits, images).backward()
    assert images.grad is None


def test_bf16_logits_are_computed_in_float32():
    logits = torch.randn(1, 3, 8, 8).bfloat16()
    images = torch.randn(1, 2, 8, 8)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        got = GatedCrfLoss()(logits, images)
    assert got.dtype == torch.float32
    assert got.item() == pytest.approx(GatedCrfLoss()(logits.float(), images).item(), rel=1e-5)


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(InputError, match="of the same batch and size"):
        GatedCrfLoss()(torch.zeros(1, 2, 8, 8), torch.zeros(1, 3, 8, 4))


def test_a_kernel_out_of_range_is_refused():
    with pytest.raises(InputError, match="deviations above 0"):
        GatedCrfLoss(AffinityKernel(colour_std=0.0))
