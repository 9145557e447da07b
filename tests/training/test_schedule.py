from __future__ import annotations

import itertools
import time

import numpy as np
import pytest

from pointillist.training.schedule import Progress, learning_rate_factor


def test_the_rate_rises_then_falls_and_never_reaches_zero() -> None:
    factors = [learning_rate_factor(f, 0.1) for f in np.linspace(0, 1, 101)]
    assert np.argmax(factors) == 10
    assert factors[10] == pytest.approx(1.0)
    assert min(factors) > 0
    assert all(a >= b for a, b in itertools.pairwise(factors[10:]))


def test_progress_is_the_further_of_steps_and_time() -> None:
    assert Progress(n_steps=10).measure(5) == pytest.approx(0.5)
    by_time = Progress(n_steps=1000, seconds=10, start=time.monotonic() - 8)
    assert by_time.measure(5) == pytest.approx(0.8, abs=0.01)
    assert Progress(n_steps=1000, seconds=10, earlier_s=11).measure(5) == 1.0


def test_time_before_the_first_step_is_no_part_of_the_schedule() -> None:
    progress = Progress(n_steps=10**6, seconds=100, start=time.monotonic() - 40)
    progress.begin()
    assert progress.measure(0) == pytest.approx(0.0, abs=0.01)
    later = Progress(n_steps=10**6, seconds=100, start=time.monotonic() - 30)
    later.go_on(progress.state())  # interrupted at 40 s, 30 s into what is left
    later.begin()
    assert later.measure(1) == pytest.approx(0.5, abs=0.01)
    too_late = Progress(n_steps=10**6, seconds=100, start=time.monotonic() - 101)
    too_late.begin()
    assert too_late.measure(0) == 1.0


def test_progress_moves_only_when_told() -> None:
    progress = Progress(n_steps=10)
    assert not progress.is_over
    progress.update(progress.measure(10))
    assert progress.is_over
