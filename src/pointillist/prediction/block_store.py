"""Finished blocks in two files: their bytes one after the other, and a ledger of them."""

from __future__ import annotations

import logging
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pointillist.prediction.ledger import Entry, Ledger, read_entries, sync_file, write_all
from pointillist.raster.full_disk import write_errors, writing

logger = logging.getLogger(__name__)

# A power cut loses what is younger than this; a killed process only the block it was at.
SYNC_S = 5.0


class BlockStore:
    """Keeps the blocks that one process finishes.

    A block's bytes are appended to one file, then its line with their checksum to the ledger; both
    are brought to the disk every few seconds in another thread. A block counts where its line is
    whole and its bytes agree with it.

    Args:
        blocks: File of the bytes; made when absent.
        ledger: File of the ledger; made when absent.
        output: The map, for messages.

    Attributes:
        ledger: What is finished.
    """

    def __init__(self, blocks: Path, ledger: Path, output: Path) -> None:
        self._output = output
        self.ledger = Ledger(ledger)
        blocks.touch()
        self._file = blocks.open("r+b", buffering=0)
        self._forget_damaged(blocks.parent)
        self._end = max((e.at + e.size for e in self.entries.values()), default=0)
        self._file.truncate(self._end)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sync")
        self._syncing: Future[None] = self._thread.submit(self.sync)
        self._synced_at = time.monotonic()

    @property
    def entries(self) -> Mapping[int, Entry]:
        """Finished blocks by index."""
        return self.ledger.entries

    @property
    def is_closed(self) -> bool:
        """Whether `close` was called."""
        return self._file.closed

    def _forget_damaged(self, folder: Path) -> None:
        """Blocks whose bytes are not those recorded are to be computed again."""
        damaged = [i for i, e in self.entries.items() if self.read(e) is None]
        for index in damaged:
            self.ledger.forget(index)
        tell_damaged(len(damaged), folder)

    def add(self, index: int, parts: Sequence[NDArray[Any]]) -> None:
        """Keep the pixels of a block.

        Raises:
            OutputError: The disk is full, and what was kept before stays; or the folder has gone.
        """
        at, crc = self._end, 0
        with self._writing():
            try:
                self._file.seek(at)
                for part in parts:
                    view = np.ascontiguousarray(part).reshape(-1).view(np.uint8).data
                    write_all(self._file, view)
                    crc = zlib.crc32(view, crc)
                    self._end += len(view)
                self.ledger.add(Entry(index, "pixels", at, self._end - at, crc))
            except OSError:
                self._end = at
                with suppress(OSError):
                    self._file.truncate(at)
                raise
            self.sync_if_due()

    def add_empty(self, index: int, *, unreadable: bool = False) -> None:
        """Keep that a block has no pixel to map, or that the scene cannot be read there."""
        with self._writing():
            self.ledger.add(Entry(index, "unreadable" if unreadable else "empty"))
            self.sync_if_due()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Open files of a folder that is gone take all that is written: look for the folder."""
        with writing(self._output):
            self._output.parent.stat()
            yield

    def read(self, entry: Entry) -> NDArray[np.uint8] | None:
        """The bytes of a finished block; None where they are not those that were recorded."""
        return _read(self._file, entry)

    def sync_if_due(self, after_s: float | None = None) -> None:
        """Begin to bring all to the disk, if the last time is so long ago."""
        if time.monotonic() - self._synced_at < (SYNC_S if after_s is None else after_s):
            return
        if not self._syncing.done():
            return
        self._syncing.result()
        self._syncing = self._thread.submit(self.sync)
        self._synced_at = time.monotonic()

    def sync(self) -> None:
        """Wait until all is on the disk."""
        sync_file(self._file)
        self.ledger.sync()

    def close(self, *, sync: bool = False) -> None:
        """Close both files."""
        if sync:
            with suppress(*write_errors()):  # what is not on the disk is found out when it is read
                self.sync()
        self._thread.shutdown(wait=True)
        self._file.close()
        self.ledger.close()


class KeptBlocks:
    """Blocks that another process keeps or kept, looked at without touching them.

    Args:
        blocks: File of the bytes.
        ledger: File of the ledger.
    """

    def __init__(self, blocks: Path, ledger: Path) -> None:
        self._blocks, self._ledger = blocks, ledger
        self.entries: Mapping[int, Entry] = {}

    def look(self, *, check: bool = False) -> None:
        """Read the ledger again.

        Args:
            check: Also read all bytes, and leave out blocks that are damaged.
        """
        self.entries = read_entries(self._ledger, tell=check)
        if check:
            n_all = len(self.entries)
            self.entries = {i: e for i, e in self.entries.items()
                            if e.kind != "pixels" or self.read(e) is not None}  # fmt: skip
            tell_damaged(n_all - len(self.entries), self._blocks.parent)

    def read(self, entry: Entry) -> NDArray[np.uint8] | None:
        """The bytes of a finished block; None where they are not those that were recorded."""
        try:
            with self._blocks.open("rb", buffering=0) as file:
                return _read(file, entry)
        except FileNotFoundError:
            return None


def tell_damaged(n: int, folder: Path) -> None:
    """Say that blocks are to be computed again."""
    if n:
        logger.warning(
            "%d of the blocks in '%s' did not reach the disk whole: computed again.", n, folder
        )


def _read(file: Any, entry: Entry) -> NDArray[np.uint8] | None:
    data, n_read = np.empty(entry.size, dtype=np.uint8), 0
    file.seek(entry.at)
    while n_read < entry.size:
        more = file.readinto(data[n_read:].data)
        if not more:
            break
        n_read += more
    whole = n_read == entry.size and zlib.crc32(data.data) == entry.crc
    return data if whole else None
