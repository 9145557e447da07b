"""Which blocks of a map are finished: JSON lines, each with its own checksum, only appended."""

from __future__ import annotations

import json
import logging
import os
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Entry:
    """One finished block.

    Args:
        block: Its index in the plan.
        kind: `pixels`; `empty` where nothing is to be mapped; `unreadable` where the scene could
            not be read and the map has nodata.
        at: Where its bytes begin in the file of blocks.
        size: How many they are.
        crc: Their CRC-32.
    """

    block: int
    kind: Literal["pixels", "empty", "unreadable"]
    at: int = 0
    size: int = 0
    crc: int = 0


class Ledger:
    """The finished blocks of one map, in a file. The last line about a block counts.

    What a kill left of a last line is cut; a line damaged elsewhere is told and its block counts
    as unfinished.

    Args:
        path: The file; made when absent.

    Attributes:
        entries: By index of the block.
        is_finishing: Whether all blocks were finished and the results were being written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.entries: dict[int, Entry] = {}
        self.is_finishing = False
        content = path.read_bytes() if path.exists() else b""
        for record in _records(content, path):
            if record.get("finishing"):
                self.is_finishing = True
            else:
                self.entries[record["block"]] = Entry(**record)
        self._file = path.open("ab", buffering=0)
        self._file.truncate(content.rfind(b"\n") + 1)

    def add(self, entry: Entry) -> None:
        """Append a finished block."""
        self._append({k: v for k, v in asdict(entry).items() if k in ("block", "kind") or v})
        self.entries[entry.block] = entry

    def add_finishing(self) -> None:
        """Append that all blocks are finished and results are written from now on."""
        if not self.is_finishing:
            self._append({"finishing": True})
            self.is_finishing = True

    def _append(self, record: dict[str, Any]) -> None:
        before = self._file.seek(0, os.SEEK_END)
        try:
            write_all(self._file, memoryview(_line(record)))
        except OSError:
            with suppress(OSError):
                self._file.truncate(before)  # half a line would damage the next one
            raise

    def forget(self, block: int) -> None:
        """Count a block as unfinished; its next line will count."""
        self.entries.pop(block, None)

    def sync(self) -> None:
        """Wait until all lines are on the disk."""
        sync_file(self._file)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read_entries(path: Path, *, tell: bool = False) -> dict[int, Entry]:
    """The blocks that a ledger names, read without touching it; none without one.

    Args:
        path: The ledger.
        tell: Tell a person of damaged lines.
    """
    content = path.read_bytes() if path.exists() else b""
    told = path if tell else None
    return {r["block"]: Entry(**r) for r in _records(content, told) if "block" in r}


def write_all(file: Any, data: memoryview) -> None:
    """Write all of it to an unbuffered file, which may take a part at a time."""
    while len(data):
        data = data[file.write(data) :]


def sync_file(file: Any) -> None:
    """Wait until what was written is on the disk."""
    getattr(os, "fdatasync", os.fsync)(file.fileno())


def _records(content: bytes, told: Path | None) -> Iterator[dict[str, Any]]:
    """The whole lines; of damaged ones a person is told where `told` names the file."""
    for number, line in enumerate(content.split(b"\n")[:-1], start=1):
        record = _parse(line)
        if record is not None:
            yield record
        elif told is not None:
            logger.warning(
                "Line %d of '%s' is damaged: the block it recorded is computed again.", number, told
            )


def _line(record: dict[str, Any]) -> bytes:
    return _text({**record, "check": zlib.crc32(_text(record))}) + b"\n"


def _parse(line: bytes) -> dict[str, Any] | None:
    """The record of a line; None where it is damaged."""
    try:
        record = json.loads(line)
        check = record.pop("check")
    except (ValueError, KeyError, AttributeError, TypeError):
        return None
    return record if check == zlib.crc32(_text(record)) else None


def _text(record: dict[str, Any]) -> bytes:
    return json.dumps(record, sort_keys=True, separators=(",", ":")).encode("ascii")
