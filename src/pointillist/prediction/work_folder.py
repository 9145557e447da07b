"""Finished blocks, kept beside a map until it is complete: what `--resume` goes on from."""

from __future__ import annotations

import json
import logging
import shutil
import time
import zlib
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from pointillist.errors import OutputError
from pointillist.prediction.ledger import Entry, Ledger, sync_file, write_all
from pointillist.prediction.output_lock import OutputLock
from pointillist.raster.full_disk import write_errors, writing

logger = logging.getLogger(__name__)

# A power cut loses what is younger than this; a killed process only the block it was at.
SYNC_S = 5.0
JOB_FILE, LEDGER_FILE, BLOCKS_FILE, LOCK_FILE = "job.json", "ledger.jsonl", "blocks.bin", "lock"


class WorkFolder:
    """The finished blocks of one map, in `.map.tif.part` beside it. A context manager.

    A block's bytes are appended to one file, then its line with their checksum to the ledger; both
    are brought to the disk every few seconds in another thread. A block counts where its line is
    whole and its bytes agree with it. When the block ends the folder stays if any block is
    finished, unless `remove` was called.

    Args:
        output: The map.
        job: What decides its pixels; kept as JSON.
        go_on: Keep the blocks that are there; else they are removed.

    Raises:
        OutputError: Another process is at this map, or the folder cannot be written.
    """

    def __init__(self, output: Path, job: dict[str, Any], *, go_on: bool) -> None:
        self.output = output
        self.path = work_path(output)
        self._lock = OutputLock(self.path / LOCK_FILE, output)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sync")
        self._syncing: Future[None] | None = None
        self._synced_at = time.monotonic()
        with writing(output):
            self.path.mkdir(exist_ok=True)
            ended = self._lock.acquire()
            try:
                if not go_on:
                    _remove_files(self.path)
                self._open(job)
            except BaseException:
                if not go_on:
                    shutil.rmtree(self.path, ignore_errors=True)
                self._lock.release()
                raise
        if go_on and ended is not None:
            logger.info("Process %(pid)d on %(host)s has ended; its blocks are used.", ended)

    def _open(self, job: dict[str, Any]) -> None:
        if not (self.path / JOB_FILE).exists():
            _replace_text(self.path / JOB_FILE, json.dumps(job, indent=1))
        self.ledger = Ledger(self.path / LEDGER_FILE)
        (self.path / BLOCKS_FILE).touch()
        self._blocks = (self.path / BLOCKS_FILE).open("r+b", buffering=0)
        self._forget_damaged()
        self._end = max((e.at + e.size for e in self.ledger.entries.values()), default=0)
        self._blocks.truncate(self._end)
        self._syncing = self._thread.submit(self._sync)

    def _forget_damaged(self) -> None:
        """Blocks whose bytes are not those recorded are to be computed again."""
        damaged = [i for i, e in self.ledger.entries.items() if not self._is_whole(e)]
        for index in damaged:
            self.ledger.forget(index)
        if damaged:
            logger.warning(
                "%d of the blocks in '%s' did not reach the disk whole: computed again.",
                len(damaged), self.path,
            )  # fmt: skip

    def _is_whole(self, entry: Entry) -> bool:
        return zlib.crc32(self._bytes(entry).data) == entry.crc

    def _bytes(self, entry: Entry) -> NDArray[np.uint8]:
        """What is in the file where a block should be; shorter where the file ends."""
        data, n_read = np.empty(entry.size, dtype=np.uint8), 0
        self._blocks.seek(entry.at)
        while n_read < entry.size:
            more = self._blocks.readinto(data[n_read:].data)
            if not more:
                break
            n_read += more
        return data[:n_read]

    def add(self, index: int, parts: Sequence[NDArray[Any]]) -> None:
        """Keep the pixels of a block.

        Raises:
            OutputError: The disk is full; what was kept before stays.
        """
        at, crc = self._end, 0
        with writing(self.output):
            try:
                self._blocks.seek(at)
                for part in parts:
                    view = np.ascontiguousarray(part).reshape(-1).view(np.uint8).data
                    write_all(self._blocks, view)
                    crc = zlib.crc32(view, crc)
                    self._end += len(view)
                self.ledger.add(Entry(index, "pixels", at, self._end - at, crc))
            except OSError:
                self._end = at
                with suppress(OSError):
                    self._blocks.truncate(at)
                raise
            self._sync_if_due()

    def add_empty(self, index: int, *, unreadable: bool = False) -> None:
        """Keep that a block has no pixel to map, or that the scene cannot be read there."""
        with writing(self.output):
            self.ledger.add(Entry(index, "unreadable" if unreadable else "empty"))
            self._sync_if_due()

    def read(self, index: int) -> NDArray[np.uint8] | None:
        """The bytes of a finished block; None where it has none.

        Raises:
            OutputError: They are damaged.
        """
        entry = self.ledger.entries[index]
        if entry.kind != "pixels":
            return None
        with writing(self.output):
            data = self._bytes(entry)
        if zlib.crc32(data.data) != entry.crc:
            raise OutputError(
                f"Block {index} of '{self.output}' reads back damaged from '{self.path}'. "
                "Check the disk."
            )
        return data

    def begin_finishing(self) -> None:
        """Record that results are written from now on, and bring all to the disk meanwhile."""
        with writing(self.output):
            self.ledger.add_finishing()
            self._sync_if_due(0.0)

    def remove(self) -> None:
        """Remove the folder: the map is complete."""
        self._close()
        _remove_files(self.path)
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock.release()

    def _sync_if_due(self, after_s: float | None = None) -> None:
        if time.monotonic() - self._synced_at < (SYNC_S if after_s is None else after_s):
            return
        if self._syncing is not None:
            if not self._syncing.done():
                return
            self._syncing.result()
        self._syncing = self._thread.submit(self._sync)
        self._synced_at = time.monotonic()

    def _sync(self) -> None:
        sync_file(self._blocks)
        self.ledger.sync()

    def _close(self) -> None:
        self._thread.shutdown(wait=True)
        self._blocks.close()
        self.ledger.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._blocks.closed:
            return
        if not self.ledger.entries:
            self.remove()
            return
        with suppress(*write_errors()):  # what is not on the disk is found out when it is read
            self._sync()
        self._close()
        self._lock.release()


def work_path(output: Path) -> Path:
    """The folder beside a map that holds its finished blocks."""
    return output.with_name(f".{output.name}.part")


def _replace_text(path: Path, text: str) -> None:
    part = path.with_suffix(".tmp")
    with part.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        sync_file(file)
    part.replace(path)


def _remove_files(folder: Path) -> None:
    """Remove all but the lock; the job first: without it, nothing else counts."""
    for name in (JOB_FILE, LEDGER_FILE, BLOCKS_FILE):
        (folder / name).unlink(missing_ok=True)
