"""Ctrl-C waits for the end of a step, and is never lost."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from pointillist.interruption import interrupt_between_steps


@pytest.fixture(autouse=True)
def usual_handler() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def _press() -> None:
    os.kill(os.getpid(), signal.SIGINT)


class Careless:
    """Like code in C that asks for an attribute and takes any exception for a no."""

    def ask(self) -> None:
        try:
            _press()
            for _ in range(1000):
                pass
        except BaseException:
            return


def test_it_is_raised_after_the_step() -> None:
    done: list[str] = []

    def work() -> None:
        with interrupt_between_steps() as check:
            check()
            Careless().ask()
            done.append("the step")
            check()
            done.append("the next step")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == ["the step"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_second_one_does_not_wait() -> None:
    done: list[str] = []

    def work() -> None:
        with interrupt_between_steps():
            _press()
            done.append("still at work")
            _press()
            done.append("never")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == ["still at work"]


def test_where_it_is_ignored_it_stays_ignored() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with interrupt_between_steps() as check:
        _press()
        check()
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
