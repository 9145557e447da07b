"""Write what is finished while the next one is made."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Made = TypeVar("Made")


def write_behind(
    results: Iterable[Made], write: Callable[[Made], None]
) -> Generator[Made, None, None]:
    """Yield each result once it is written, in order; it is written in one other thread.

    At most one result waits. When making one fails, those before it are written all the same.

    Args:
        results: What to write.
        write: Writes one; what it raises is raised here, before the next one is written.
    """
    last: tuple[Made, Future[None]] | None = None
    with ThreadPoolExecutor(1, thread_name_prefix="write-behind") as thread:
        try:
            for result in results:
                before, last = last, None
                if before is not None:
                    before[1].result()
                last = result, thread.submit(write, result)
                if before is not None:
                    yield before[0]
        finally:
            if last is not None:
                last[1].result()
        if last is not None:
            yield last[0]
