"""Augmentation permutes pixels: it never invents, drops or tears away a label."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pointillist.data import Augmentation

sizes = st.integers(1, 24)


@given(sizes, sizes, st.integers(0, 2**32), st.booleans(), st.booleans())
@settings(max_examples=60, deadline=None)
def test_image_and_masks_move_together_exactly(
    height: int, width: int, seed: int, flips: bool, quarter_turns: bool
) -> None:
    numbers = torch.arange(height * width).reshape(height, width)
    image = torch.stack([numbers, -numbers]).float()
    moved, mask = Augmentation(flips=flips, quarter_turns=quarter_turns)(
        image, numbers, rng=np.random.default_rng(seed)
    )
    assert torch.equal(moved[0], mask.float())
    assert torch.equal(moved[1], -mask.float())
    assert torch.equal(mask.flatten().sort().values, numbers.flatten())
    assert sorted(mask.shape) == sorted((height, width))
    if not quarter_turns:
        assert mask.shape == (height, width)


@given(sizes, sizes, st.integers(0, 2**32), st.integers(0, 10))
@settings(max_examples=60, deadline=None)
def test_labels_are_neither_lost_nor_invented(
    height: int, width: int, seed: int, n_labels: int
) -> None:
    rng = np.random.default_rng(seed)
    target = torch.full((height, width), -1)
    at = rng.permutation(height * width)[:n_labels]
    target.view(-1)[at] = torch.from_numpy(rng.integers(0, 5, len(at)))
    image = torch.where(target >= 0, 10.0 * target + 1, 0.0)[None]
    moved, labels = Augmentation(gain=0.2)(image, target, rng=rng)
    assert torch.equal(labels.flatten().sort().values, target.flatten().sort().values)
    # the colour each label had is still under it
    assert torch.equal(moved[0] != 0, labels >= 0)


@given(st.integers(0, 2**32))
@settings(max_examples=30, deadline=None)
def test_brightness_changes_bands_within_bounds_and_masks_not_at_all(seed: int) -> None:
    image, mask = torch.ones(4, 5, 7), torch.arange(35).reshape(5, 7)
    changed, same = Augmentation(flips=False, quarter_turns=False, gain=0.1, offset=0.3)(
        image, mask, rng=np.random.default_rng(seed)
    )
    assert torch.equal(same, mask)
    assert changed.min() >= 1 - 0.1 - 0.3 - 1e-6
    assert changed.max() <= 1 + 0.1 + 0.3 + 1e-6
    assert torch.equal(changed[:, 0, 0], changed[:, 4, 6])
