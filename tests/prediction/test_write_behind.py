"""Results are written in order, in another thread, and none is lost when making one fails."""

from __future__ import annotations

import threading

import pytest

from pointillist.prediction.write_behind import write_behind


def test_each_is_yielded_once_written_in_order() -> None:
    written: list[int] = []
    for n, made in enumerate(write_behind(range(5), written.append)):
        assert made == n
        assert written[: n + 1] == list(range(n + 1))
    assert written == list(range(5))


def test_writing_happens_while_the_next_is_made() -> None:
    writing, made_next = threading.Event(), threading.Event()

    def write(result: int) -> None:
        writing.set()
        assert result or made_next.wait(10)  # the first one waits for the second to be made

    def results():
        yield 0
        assert writing.wait(10)
        made_next.set()
        yield 1

    assert list(write_behind(results(), write)) == [0, 1]


def test_what_was_made_before_a_failure_is_written() -> None:
    def results():
        yield 1
        raise ValueError("the second cannot be made")

    written: list[int] = []
    with pytest.raises(ValueError, match="second cannot be made"):
        list(write_behind(results(), written.append))
    assert written == [1]


def test_a_failure_to_write_stops() -> None:
    made: list[int] = []

    def results():
        for n in range(10):
            made.append(n)
            yield n

    def write(result: int) -> None:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        list(write_behind(results(), write))
    assert len(made) <= 2


def test_one_who_leaves_early_leaves_nothing_unwritten() -> None:
    written: list[int] = []
    kept = write_behind(iter(range(5)), written.append)
    assert next(kept) == 0
    kept.close()
    assert written == [0, 1]
