from __future__ import annotations

import threading

import pytest

from pointillist.prediction.read_ahead import read_ahead


def test_results_come_in_order_from_another_thread() -> None:
    threads = set()

    def read(job: int) -> int:
        threads.add(threading.get_ident())
        return job * 10

    assert list(read_ahead(range(5), read)) == [(i, i * 10) for i in range(5)]
    assert len(threads) == 1
    assert threading.get_ident() not in threads


@pytest.mark.parametrize("n_ahead", [1, 2])
def test_only_so_many_are_read_before_they_are_asked_for(n_ahead: int) -> None:
    asked: list[int] = []

    def jobs():
        for i in range(10):
            asked.append(i)
            yield i

    results = read_ahead(jobs(), lambda job: job, n_ahead)
    next(results)
    assert len(asked) == n_ahead + 1
    results.close()
    assert len(asked) == n_ahead + 1


def test_a_failed_read_is_raised_in_its_turn() -> None:
    def read(job: int) -> int:
        if job == 2:
            raise OSError("damaged")
        return job

    results = read_ahead(range(5), read)
    assert [next(results), next(results)] == [(0, 0), (1, 1)]
    with pytest.raises(OSError, match="damaged"):
        next(results)
