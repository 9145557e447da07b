"""Read the next blocks while the present one is computed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")


def read_ahead(
    jobs: Iterable[Job], read: Callable[[Job], Result], n_ahead: int = 1, n_threads: int = 1
) -> Generator[tuple[Job, Result], None, None]:
    """Yield each job with what `read` makes of it, in order, reading in other threads.

    Args:
        jobs: What to read.
        read: Reads one; what it raises is raised here, in its turn.
        n_ahead: How many are read before they are asked for; so many wait in memory.
        n_threads: How many are read side by side, at most `n_ahead` + 1.
    """
    waiting: deque[tuple[Job, Future[Result]]] = deque()
    with ThreadPoolExecutor(n_threads, thread_name_prefix="read-ahead") as thread:
        try:
            for job in jobs:
                waiting.append((job, thread.submit(read, job)))
                if len(waiting) > n_ahead:
                    first, result = waiting.popleft()
                    yield first, result.result()
            while waiting:
                first, result = waiting.popleft()
                yield first, result.result()
        finally:
            for _, result in waiting:
                result.cancel()
