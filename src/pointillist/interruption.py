"""Ctrl-C that is never lost: held back until a step is done, then raised.

A KeyboardInterrupt that strikes inside a library can vanish there: C code that asks an object for
an attribute clears whatever comes out of it. So during long work Ctrl-C only leaves a mark, and
the work itself looks at the mark after every step.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def interrupt_between_steps() -> Iterator[Callable[[], None]]:
    """Hold Ctrl-C back until the work says that a step is done.

    A second Ctrl-C is raised at once. Outside the main thread, and where Ctrl-C is ignored,
    nothing changes.

    Yields:
        To be called after every step; raises KeyboardInterrupt where Ctrl-C has been pressed.
    """
    asked = False

    def check() -> None:
        if asked:
            raise KeyboardInterrupt

    def mark(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True

    before = signal.getsignal(signal.SIGINT)
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or before in (signal.SIG_IGN, None):
        yield check
        return
    signal.signal(signal.SIGINT, mark)
    try:
        yield check
    finally:
        signal.signal(signal.SIGINT, before)
