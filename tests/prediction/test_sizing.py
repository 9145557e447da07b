"""Blocks as large as the memory allows."""

from __future__ import annotations

import pytest
from prediction_cases import Thresholder

from pointillist.errors import InputError
from pointillist.prediction.block import DEFAULT_BLOCK_PX
from pointillist.prediction.sizing import choose_tiling


def test_more_memory_makes_larger_blocks(tiny_network) -> None:
    sides = []
    for gib in (0.25, 1, 4, 100):
        tiling = choose_tiling(tiny_network, None, 128, gib)
        read = tiling.block_px + 2 * tiling.halo_px
        if tiling.block_px > 256:
            assert read**2 * tiny_network.bytes_per_px <= gib * 2**30
        sides.append(tiling.block_px)
    assert sides == sorted(sides)
    assert sides[-1] == 4096
    assert len(set(sides)) > 2


def test_what_is_asked_for_is_taken(tiny_network) -> None:
    assert choose_tiling(tiny_network, 96, None, 100).block_px == 96
    assert choose_tiling(tiny_network, None, 64, 1).halo_px == 64


def test_without_a_figure_the_usual_block(tiny_network) -> None:
    assert choose_tiling(Thresholder(), None, None, 0.1).block_px == DEFAULT_BLOCK_PX


def test_there_must_be_some_memory(tiny_network) -> None:
    with pytest.raises(InputError, match="--memory above 0 gigabytes, got 0"):
        choose_tiling(tiny_network, None, None, 0)
