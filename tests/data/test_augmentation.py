"""Which moves augmentation makes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pointillist.data import Augmentation
from pointillist.errors import InputError


def results(augmentation: Augmentation, n: int = 200) -> set[tuple[int, ...]]:
    square = torch.arange(4).reshape(1, 2, 2)
    rng = np.random.default_rng(0)
    return {tuple(augmentation(square, rng=rng)[0].flatten().tolist()) for _ in range(n)}


@pytest.mark.parametrize(
    ("flips", "turns", "n_moves"),
    [(True, True, 8), (False, True, 4), (True, False, 4), (False, False, 1)],
)
def test_all_moves_occur(flips: bool, turns: bool, n_moves: int) -> None:
    assert len(results(Augmentation(flips=flips, quarter_turns=turns))) == n_moves


@pytest.mark.parametrize("wrong", [{"gain": 1.0}, {"gain": -0.1}, {"offset": -1.0}])
def test_impossible_jitter_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError, match=r"Expected a gain of 0 … below 1 and an offset"):
        Augmentation(**wrong)
