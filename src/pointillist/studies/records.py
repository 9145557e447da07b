"""Records of runs: JSON lines, appended and never edited."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pointillist.errors import StudyRunningError, UnreadableFileError


def append_record(path: Path, record: dict[str, Any]) -> dict[str, Any]:
    """Append one run's record, with machine and versions, as a line of JSON.

    Args:
        path: File of records (`.jsonl`); made with its folder when absent.
        record: Protocol, cell, seed, metrics, seconds, device.

    Returns:
        The record as written.
    """
    full = {**record, **_circumstances()}
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_cut_line(path)
    line = json.dumps(full, sort_keys=True) + "\n"
    with path.open("a", encoding="utf-8") as file:
        file.write(line)
        file.flush()
        os.fsync(file.fileno())
    return full


def read_records(path: Path, say: Callable[[str], None] | None = None) -> list[dict[str, Any]]:
    """Read all records of a file; a last line cut off by a kill is left out.

    Args:
        path: File of records; one that does not exist holds none.
        say: Told when a last line was left out.

    Raises:
        UnreadableFileError: A broken line elsewhere.
    """
    lines = path.read_text(encoding="utf-8").split("\n") if path.exists() else []
    records = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            records.append(json.loads(line))
        except json.JSONDecodeError as error:
            if number == len(lines):  # no newline after it: the run was killed while writing
                if say is not None:
                    say(
                        f"The last line of {path} was cut off (a run was killed while it wrote); "
                        f"its {len(records)} whole records are used."
                    )
                break
            raise UnreadableFileError(
                f"Expected a record of JSON in every line, but line {number} of '{path}' is "
                f"damaged ({error.msg}). Restore the file from version control."
            ) from error
    return records


@contextlib.contextmanager
def hold_records(folder: Path) -> Iterator[None]:
    """Keep a folder of records to this process, so that no run is made twice.

    Raises:
        StudyRunningError: Another process holds it.
    """
    try:
        import fcntl
    except ImportError:  # no such locks on this system
        yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise StudyRunningError(
                f"Another study is adding records to '{folder}'. Wait until it has ended, or give "
                "this one a folder of its own with --records and join the files afterwards."
            ) from error
        yield


def _remove_cut_line(path: Path) -> None:
    """Drop what a run left that was killed while it wrote its line."""
    if not path.exists():
        return
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        with path.open("r+b") as file:
            file.truncate(whole)


def _circumstances() -> dict[str, Any]:
    import torch

    from pointillist import __version__

    return {
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "pointillist": __version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "cpu": _cpu_name(),
        "threads": torch.get_num_threads(),
    }


def _cpu_name() -> str:
    """Model and the instruction sets that decide the speed."""
    info = Path("/proc/cpuinfo")
    text = info.read_text() if info.exists() else ""
    names = [ln.split(":", 1)[1].strip() for ln in text.splitlines() if ln.startswith("model name")]
    flags = [flag for flag in ("amx_bf16", "avx512_bf16", "avx512f", "avx2") if flag in text]
    return f"{names[0] if names else platform.processor()} [{' '.join(flags)}]"
