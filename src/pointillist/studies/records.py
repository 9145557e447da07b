"""Records of runs: JSON lines, appended and never edited."""

from __future__ import annotations

import contextlib
import json
import math
import os
import platform
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pointillist.errors import (
    MissingFileError,
    OutputError,
    StudyRunningError,
    UnreadableFileError,
)


def append_record(path: Path, record: dict[str, Any]) -> dict[str, Any]:
    """Append one run's record, with machine and versions, as a line of JSON.

    Args:
        path: File of records (`.jsonl`); made with its folder when absent.
        record: Protocol, cell, seed, metrics, seconds, device.

    Returns:
        The record as written; what is not a number is None, as JSON has no NaN.

    Raises:
        OutputError: The folder cannot be written to, or the disk is full.
    """
    full: dict[str, Any] = _without_nan({**record, **_circumstances()})
    line = json.dumps(full, sort_keys=True, allow_nan=False) + "\n"
    with _writing(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        _end_last_line(path)
        with path.open("a", encoding="utf-8") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
    return full


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def read_records(path: Path, say: Callable[[str], None] | None = None) -> list[dict[str, Any]]:
    """Read all records of a file; a last line cut off by a kill is left out.

    Args:
        path: File of records; one that does not exist holds none.
        say: Told when a last line was left out.

    Raises:
        UnreadableFileError: A broken line elsewhere, or a file that cannot be read.
    """
    try:
        lines = path.read_bytes().split(b"\n") if path.exists() else []
    except OSError as error:
        raise UnreadableFileError(
            f"Records '{path}' cannot be read ({error.strerror}). Check the file, or name another "
            "folder with --records."
        ) from error
    records = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            records.append(_parse(line))
        except ValueError as error:
            if number == len(lines):  # no newline after it: the run was killed while writing
                if say is not None:
                    say(
                        f"The last line of {path} was cut off (a run was killed while it wrote); "
                        f"what is whole before it is used ({len(records)})."
                    )
                break
            raise UnreadableFileError(
                f"Expected a record of JSON in every line, but line {number} of '{path}' is "
                f"damaged ({error}). Restore the file from a copy, or remove that line: its run is "
                "made again."
            ) from error
    return records


def require_folder(folder: Path) -> None:
    """Refuse a folder of records that is not there: a report of nothing would replace a good one.

    Raises:
        MissingFileError: There is no such folder.
    """
    if not folder.is_dir():
        raise MissingFileError(
            f"Expected a folder of records, but '{folder}' does not exist. Check --records, or run "
            "a study first."
        )


def _parse(line: bytes) -> dict[str, Any]:
    """One record; ValueError says what is wrong with the line."""
    record = json.loads(line.decode("utf-8"))
    if not isinstance(record, dict):
        raise ValueError(f"a {type(record).__name__} where keys and values belong")
    return record


@contextlib.contextmanager
def hold_records(folder: Path) -> Iterator[None]:
    """Keep a folder of records to this process, so that no run is made twice.

    Raises:
        StudyRunningError: Another process holds it.
        OutputError: The folder cannot be written to.
    """
    try:
        import fcntl
    except ImportError:  # no such locks on this system
        yield
        return
    with _writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / ".lock").open("w")
    with lock as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise StudyRunningError(
                f"Another study is adding records to '{folder}'. Wait until it has ended, or give "
                "this one a folder of its own with --records and join the files afterwards."
            ) from error
        yield


@contextlib.contextmanager
def _writing(folder: Path) -> Iterator[None]:
    """Say in one sentence what keeps records from being written."""
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"Records cannot be written to '{folder}' ({error.strerror}). Free some space or name "
            "another folder with --records; what is recorded stays, the others are run again."
        ) from error


def _end_last_line(path: Path) -> None:
    """Complete a last line that lacks only its end; drop one that was cut off by a kill."""
    if not path.exists():
        return
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole == len(content):
        return
    with path.open("r+b") as file:
        try:
            _parse(content[whole:])
        except ValueError:
            file.truncate(whole)
        else:
            file.seek(0, os.SEEK_END)
            file.write(b"\n")


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
