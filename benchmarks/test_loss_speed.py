"""Partial cross-entropy must be at least 3× as fast as dense and need at most half the memory."""

from __future__ import annotations

import pytest
from loss_against_dense import (
    LAYOUTS,
    LOSSES,
    make_case,
    measure_extra_bytes,
    measure_seconds,
    run_once,
)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", LOSSES)
def test_forward_and_backward(benchmark, name, layout):
    benchmark.group = f"loss, {layout}"
    benchmark(run_once, LOSSES[name], *make_case(layout))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_partial_is_three_times_as_fast(layout):
    seconds = measure_seconds(layout)
    assert seconds["dense"] >= 3 * seconds["partial"], seconds


@pytest.mark.parametrize("layout", LAYOUTS)
def test_partial_needs_at_most_half_the_memory(layout):
    extra = {name: measure_extra_bytes(name, layout) for name in LOSSES}
    assert extra["partial"] <= extra["dense"] / 2, extra
