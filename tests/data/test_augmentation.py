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


def test_horizontal_mirrors_left_and_right_and_nothing_else() -> None:
    image = torch.arange(12.0).reshape(1, 3, 4)
    seen = set()
    for seed in range(20):
        (moved,) = Augmentation(flips="horizontal")(image, rng=np.random.default_rng(seed))
        mirrored = torch.equal(moved, torch.flip(image, [-1]))
        assert mirrored or torch.equal(moved, image)
        seen.add(mirrored)
    assert seen == {True, False}
