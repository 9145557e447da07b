from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from pointillist.errors import InputError
from pointillist.models import EdgeEffect, measure_edge_effect
from pointillist.models.edge_effect import TOLERANCE


class _Neighbours(nn.Module):
    """Sign of a pixel and its four neighbours at some distance, black beyond the edge."""

    def __init__(self, reach_px: int) -> None:
        super().__init__()
        self.reach_px = reach_px
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        r, (height, width) = self.reach_px, image.shape[2:]
        wide = nn.functional.pad(image[:, :1], (r, r, r, r))
        total = sum(
            wide[..., row : row + height, col : col + width]
            for row, col in ((r, r), (0, r), (2 * r, r), (r, 0), (r, 2 * r))
        )
        return torch.cat([total * self.weight, -total], dim=1)


class _WholeMean(_Neighbours):
    """Brighter than the mean of all, or darker."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return super().forward(image - image.mean((2, 3), keepdim=True))


def _windows(rng: np.random.Generator, n: int = 3, side: int = 320):
    valid = np.ones((side, side), dtype=bool)
    return [(rng.normal(0, 1, (1, side, side)), valid) for _ in range(n)]


def test_a_network_without_context_needs_no_halo(rng) -> None:
    effect = measure_edge_effect(_Neighbours(0), _windows(rng))
    assert effect is not None
    assert effect.shares == (0.0,) * 5
    assert effect.halo_px(1024) == 0


@pytest.mark.parametrize(("reach", "halo"), [(20, 32), (40, 64), (64, 64), (70, 96)])
def test_the_halo_reaches_as_far_as_the_network_looks(reach: int, halo: int, rng) -> None:
    effect = measure_edge_effect(_Neighbours(reach), _windows(rng))
    assert effect is not None
    assert all(share > 0.01 for share in effect.shares[: halo // 32])
    assert not any(effect.shares[halo // 32 :])
    assert effect.halo_px(64) == halo


def test_no_halo_is_wide_enough_for_a_network_that_looks_at_the_mean_of_all(rng) -> None:
    effect = measure_edge_effect(_WholeMean(0), _windows(rng))
    assert effect is not None
    assert effect.halo_px(1024) is None


def test_invalid_pixels_do_not_count(rng) -> None:
    windows = _windows(rng, 1)
    windows[0][1][:, 100:220] = False  # the cut between left and right
    windows[0][1][100:220] = False
    effect = measure_edge_effect(_Neighbours(20), windows)
    assert effect is not None
    assert not any(effect.shares)
    assert (
        measure_edge_effect(_Neighbours(20), [(windows[0][0], np.zeros((320, 320), bool))]) is None
    )
    assert measure_edge_effect(_Neighbours(20), []) is None


def test_share_of_a_block_by_hand() -> None:
    effect = EdgeEffect((0.5, 0.25, 0.0))
    assert effect.share_changed(128, 0) == pytest.approx((0.5 * 3 + 0.25 * 1) / 4)
    assert effect.share_changed(128, 32) == pytest.approx(0.25 * 3 / 4)
    assert effect.share_changed(128, 64) == 0.0
    assert EdgeEffect((0.5,)).share_changed(100, 224) == pytest.approx(0.5)


def test_the_estimate_is_what_blocks_show(rng) -> None:
    network, side, block, halo = _Neighbours(40), 1024, 256, 32
    effect = measure_edge_effect(network, _windows(rng, 6))
    assert effect is not None
    image = torch.from_numpy(rng.normal(0, 1, (1, 1, side, side)).astype(np.float32))
    whole = network(image).argmax(1)[0]
    part = network(image[..., 256 - halo : 512 + halo, 512 - halo : 768 + halo]).argmax(1)[0]
    inner = slice(halo, halo + block)
    shown = float((part[inner, inner] != whole[256:512, 512:768]).float().mean())
    assert 0.5 < effect.share_changed(block, halo) / shown < 2


@given(st.lists(st.floats(0, 1), min_size=1, max_size=9), st.integers(1, 3000), st.integers(0, 300))
def test_a_share_is_a_share_and_the_halo_keeps_within_it(shares, block, halo) -> None:
    effect = EdgeEffect(tuple(shares))
    assert 0 <= effect.share_changed(block, halo) <= max(shares) + 1e-12
    chosen = effect.halo_px(block)
    assert chosen is None or effect.share_changed(block, chosen) <= TOLERANCE


@pytest.mark.parametrize("shares", [(), (1.5,), (-0.1,), (float("nan"),)])
def test_refuses_what_is_no_share(shares) -> None:
    with pytest.raises(InputError, match="shares from 0 to 1"):
        EdgeEffect(shares)


def test_survives_json_and_old_cards_have_none() -> None:
    effect = EdgeEffect((0.1, 0.01, 0.0))
    assert EdgeEffect.from_list(effect.to_list()) == effect
    assert EdgeEffect.from_list(None) is None


def test_the_worst_of_several_edge_effects() -> None:
    near, far = EdgeEffect((0.2, 0.0)), EdgeEffect((0.1, 0.05, 0.01))
    worst = EdgeEffect.worst([near, far])
    assert worst is not None
    assert worst.shares == (0.2, 0.05, 0.01)
    assert EdgeEffect.worst([near, None]) is None
    assert EdgeEffect.worst([]) is None
