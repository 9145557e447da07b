"""What every loss on partly labelled images must keep; subclass and give `make_loss`."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from pointillist.errors import InputError

N_CLASSES = 5
FORMATS = [torch.contiguous_format, torch.channels_last]


def make_batch(
    fraction: float = 0.1, seed: int = 0, shape: tuple[int, int, int] = (3, 9, 7)
) -> tuple[Tensor, Tensor]:
    """Logits (B, C, H, W) and targets (B, H, W) with about `fraction` labelled, at least one."""
    generator = torch.Generator().manual_seed(seed)
    b, h, w = shape
    logits = 3 * torch.randn(b, N_CLASSES, h, w, generator=generator)
    targets = torch.randint(0, N_CLASSES, shape, generator=generator)
    hidden = torch.rand(shape, generator=generator) >= fraction
    hidden[0, 0, 0] = False
    targets[hidden] = -1
    return logits, targets


class LossContract:
    """Every loss: scalar, attached, nothing from unlabelled pixels, clear errors."""

    def make_loss(self) -> nn.Module:
        raise NotImplementedError

    @pytest.mark.parametrize("memory_format", FORMATS)
    def test_unlabelled_pixels_get_exactly_zero_gradient(self, memory_format):
        logits, targets = make_batch()
        logits = logits.contiguous(memory_format=memory_format).requires_grad_()
        self.make_loss()(logits, targets).backward()
        gradient = logits.grad.permute(0, 2, 3, 1)
        assert torch.all(gradient[targets == -1] == 0)
        assert torch.all(gradient[targets != -1].abs().sum(dim=1) > 0)

    def test_unlabelled_logits_do_not_matter_even_if_not_finite(self):
        logits, targets = make_batch()
        loss = self.make_loss()
        expected = loss(logits, targets)
        spoilt = logits.clone()
        spoilt.permute(0, 2, 3, 1)[targets == -1] = float("nan")
        spoilt.requires_grad_()
        got = loss(spoilt, targets)
        got.backward()
        assert got.item() == expected.item()
        assert torch.isfinite(spoilt.grad).all()

    @pytest.mark.parametrize("spoil", [0.0, float("inf"), float("nan")])
    def test_nothing_labelled_is_zero_and_attached(self, spoil):
        logits = torch.full((2, N_CLASSES, 4, 4), spoil, requires_grad=True)
        loss = self.make_loss()(logits, torch.full((2, 4, 4), -1))
        assert loss.item() == 0.0
        assert loss.requires_grad
        loss.backward()
        assert torch.equal(logits.grad, torch.zeros_like(logits))

    @pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
    def test_computes_in_float32_under_autocast(self, dtype):
        logits, targets = make_batch(0.5)
        low = logits.to(dtype).requires_grad_()
        loss = self.make_loss()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            got = loss(low, targets)
        expected = loss(low.detach().float(), targets)
        assert got.dtype == torch.float32
        assert got.item() == pytest.approx(expected.item(), rel=1e-6)
        got.backward()
        assert low.grad.dtype == dtype

    def test_passes_gradcheck(self):
        logits, targets = make_batch(0.3, shape=(2, 3, 4))
        loss = self.make_loss()
        assert torch.autograd.gradcheck(
            lambda z: loss(z, targets), (logits.double().requires_grad_(),)
        )

    @pytest.mark.parametrize("value", [5, -2, 255])
    def test_refuses_targets_that_are_no_class(self, value):
        logits, targets = make_batch()
        targets[1, 4, 2] = value
        with pytest.raises(
            InputError,
            match=f"targets between 0 and 4, or -1 .*got {value} at image 1, row 4, column 2",
        ):
            self.make_loss()(logits, targets)

    def test_refuses_targets_of_another_size(self):
        logits, targets = make_batch()
        with pytest.raises(InputError, match=r"targets \(B, H, W\) = \(3, 9, 7\).*got \(3, 9, 6\)"):
            self.make_loss()(logits, targets[..., :-1])

    def test_refuses_logits_without_batch_axis(self):
        logits, targets = make_batch()
        with pytest.raises(InputError, match=r"logits as floating point \(B, C, H, W\), got"):
            self.make_loss()(logits[0], targets[0])

    @pytest.mark.parametrize("dtype", [torch.float32, torch.bool])
    def test_refuses_targets_that_are_not_whole_numbers(self, dtype):
        logits, targets = make_batch()
        with pytest.raises(InputError, match="targets of an integer type"):
            self.make_loss()(logits, targets.to(dtype))
