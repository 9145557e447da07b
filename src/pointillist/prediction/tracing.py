"""When a map's blocks were read, computed and written: a timeline for people and browsers."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from pointillist.errors import OutputError, OutputExistsError

_Event = dict[str, Any]


class Trace:
    """Collects spans of time from all threads of this process.

    Kept in Chrome's trace event format, which chrome://tracing, Perfetto and Speedscope open.

    References:
        Google (2016), Trace event format, sections "Complete events" and "Counter events".
    """

    def __init__(self) -> None:
        self._start = time.perf_counter()
        self._events: list[_Event] = []

    @contextmanager
    def span(self, name: str, **facts: Any) -> Generator[None, None, None]:
        """Record how long what is inside takes, whether or not it succeeds."""
        begin = self._now_us()
        try:
            yield
        finally:
            end = self._now_us()
            self._add(name, "X", begin, dur=end - begin, args=facts)
            self._add("memory", "C", end, args={"MiB": resident_mib()})

    def _now_us(self) -> float:
        return round(1e6 * (time.perf_counter() - self._start), 1)

    def _add(self, name: str, phase: str, at_us: float, **rest: Any) -> None:
        place = {"pid": os.getpid(), "tid": threading.get_native_id()}
        self._events.append({"name": name, "ph": phase, "ts": at_us, **place, **rest})

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        main = {"pid": os.getpid(), "tid": threading.main_thread().native_id}
        name: _Event = {"name": "thread_name", "ph": "M", **main, "args": {"name": "compute"}}
        threads = {(e["pid"], e["tid"]) for e in self._events if e["name"] == "read"}
        names = [
            {"name": "thread_name", "ph": "M", "pid": pid, "tid": tid, "args": {"name": "read"}}
            for pid, tid in sorted(threads - {(main["pid"], main["tid"])})
        ]
        events = sorted(self._events, key=lambda event: event["ts"])
        return {"traceEvents": [name, *names, *events], "displayTimeUnit": "ms"}


_START = b'{"traceEvents"'
_current: Trace | None = None


def span(name: str, **facts: Any) -> AbstractContextManager[None]:
    """A span in the trace that is being recorded; next to nothing where there is none."""
    return nullcontext() if _current is None else _current.span(name, **facts)


@contextmanager
def recorded(path: str | os.PathLike[str] | None) -> Generator[None, None, None]:
    """Record all spans of this process, and write them at the end, however it comes.

    Args:
        path: JSON file to write; None to record nothing.

    Raises:
        OutputError: It cannot be written, or is there and no trace; said before anything is done.
    """
    global _current
    if path is None:
        yield
        return
    file = Path(path)
    _refuse_other_files(file)
    _write(file, Trace())
    before, _current = _current, Trace()
    trace = _current
    try:
        yield
    finally:
        _current = before
        _write(file, trace)


def _refuse_other_files(file: Path) -> None:
    """An earlier trace is replaced; anything else is somebody's work."""
    if not file.is_file():
        return
    with file.open("rb") as opened:
        start = opened.read(len(_START))
    if start and start != _START:
        raise OutputExistsError(
            f"'{file}' exists already and is no trace. Choose another name for --trace."
        )


def _write(file: Path, trace: Trace) -> None:
    try:
        file.write_text(json.dumps(trace.to_dict()), encoding="utf-8")
    except OSError as error:
        raise OutputError(
            f"Trace '{file}' cannot be written: {error.strerror or error}. "
            "Choose a folder that exists and may be written."
        ) from error


def resident_mib() -> float:
    """Memory that this process has now, in MiB; 0 where the system does not say."""
    status = Path("/proc/self/statm")
    if not status.exists():
        return 0.0
    pages = int(status.read_text(encoding="ascii").split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 2**20, 1)
