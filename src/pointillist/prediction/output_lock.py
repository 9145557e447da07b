"""One process per output: a lock in a file, which a process that ended cannot keep."""

from __future__ import annotations

import importlib
import json
import os
import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from pointillist.errors import OutputError

_TRIES, _PAUSE_S = 3, 0.05  # a look by another process takes the lock for a moment


class OutputLock:
    """Held from `acquire` to `release`; the kernel lets go of it when the process ends.

    Where files cannot be locked (no `flock`, some network disks), the process named in the file
    counts: it holds the lock while it runs, and a process on another machine always does.

    Args:
        path: The lock file; its folder is there.
        output: What it guards, for messages.
    """

    def __init__(self, path: Path, output: Path) -> None:
        self.path = path
        self._output = output
        self._file: Any = None

    def acquire(self) -> dict[str, Any] | None:
        """Take the lock.

        Returns:
            The process that held it and ended without letting go; None where there is none.

        Raises:
            OutputError: A process that runs holds it.
        """
        for attempt in range(_TRIES):
            file = self.path.open("a+", encoding="utf-8")
            holder = _read_holder(file)
            if _may_take(file, holder) and _is_still_there(file, self.path):
                self._file = file
                self._sign()
                return holder
            file.close()
            if attempt < _TRIES - 1:
                time.sleep(_PAUSE_S)
        raise _busy(self._output, holder)

    def _sign(self) -> None:
        self._file.truncate(0)
        self._file.write(json.dumps(_this_process()))
        self._file.flush()

    def release(self) -> None:
        """Let go; the file stays, empty."""
        if self._file is None:
            return
        with suppress(OSError):
            self._file.truncate(0)
        self._file.close()
        self._file = None


def refuse_if_held(path: Path, output: Path) -> None:
    """Look whether another process holds a lock, and leave it as it is.

    Raises:
        OutputError: It is held.
    """
    try:
        file = path.open("r+", encoding="utf-8")
    except OSError:
        return  # nobody has begun, or nobody may
    with file:
        holder = _read_holder(file)
        if not _may_take(file, holder):
            raise _busy(output, holder)


def _may_take(file: Any, holder: dict[str, Any] | None) -> bool:
    """Lock an open file; where that is not possible, ask whether its process runs."""
    try:
        fcntl: Any = importlib.import_module("fcntl")
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except (ImportError, OSError):
        return holder is None or not _runs(holder)
    return True


def _is_still_there(file: Any, path: Path) -> bool:
    """Whether the file just locked has not been removed by a process that finished meanwhile."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except OSError:
        return False


def _read_holder(file: Any) -> dict[str, Any] | None:
    file.seek(0)
    try:
        holder = json.loads(file.read())
        return {"pid": int(holder["pid"]), "host": str(holder["host"]), "since": holder["since"]}
    except (ValueError, KeyError, TypeError):
        return None


def _this_process() -> dict[str, Any]:
    import psutil

    since = psutil.Process().create_time()
    return {"pid": os.getpid(), "host": socket.gethostname(), "since": since}


def _runs(holder: dict[str, Any]) -> bool:
    """Whether a process runs; yes where that cannot be known."""
    import psutil

    if holder["host"] != socket.gethostname():
        return True
    try:
        return bool(abs(psutil.Process(holder["pid"]).create_time() - holder["since"]) < 1)
    except psutil.NoSuchProcess:
        return False


def _busy(output: Path, holder: dict[str, Any] | None) -> OutputError:
    who = "another process" if holder is None else f"process {holder['pid']} on {holder['host']}"
    return OutputError(
        f"'{output}' is being written by {who}. Wait until it has ended, or give this run another "
        "name with --out."
    )
