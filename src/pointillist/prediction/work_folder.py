"""Finished blocks, kept beside a map until it is complete: what `--resume` goes on from."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from pointillist.errors import OutputError
from pointillist.prediction.block_store import BlockStore, KeptBlocks
from pointillist.prediction.job_record import JobRecord
from pointillist.prediction.ledger import Entry, sync_file
from pointillist.prediction.output_lock import OutputLock
from pointillist.raster.full_disk import writing

logger = logging.getLogger(__name__)

JOB_FILE, LEDGER_FILE, BLOCKS_FILE, LOCK_FILE = "job.json", "ledger.jsonl", "blocks.bin", "lock"
# two files for each share of the work that a worker of a cluster was given
SHARES_FOLDER = "shares"
_OWN = ""
UNREADABLE = "unreadable"


class FinishedBlocks:
    """Blocks of one map that are kept beside it, whoever finished them; only looked at.

    Args:
        output: The map.
        shares: Shares of the work that there are; None to look for them. Of files that another
            machine has just made, a list read from a shared disk may not tell yet.

    Attributes:
        output: The map.
        path: The folder.
    """

    def __init__(self, output: Path, shares: Sequence[str] | None = None) -> None:
        self.output = output
        self.path = work_path(output)
        own = KeptBlocks(self.path / BLOCKS_FILE, self.path / LEDGER_FILE)
        own.look()
        self._stores: dict[str, BlockStore | KeptBlocks] = {_OWN: own}
        self._where: dict[int, str] = {}
        for share in share_names(self.path) if shares is None else shares:
            self.look(share)

    @property
    def shares(self) -> list[str]:
        """Names of the shares whose blocks count."""
        return [name for name in self._stores if name != _OWN]

    @property
    def entries(self) -> dict[int, Entry]:
        """Finished blocks by index."""
        found: dict[int, Entry] = {}
        for store in self._stores.values():
            for index, entry in store.entries.items():
                if index not in found or found[index].kind == UNREADABLE:
                    found[index] = entry
        return found

    @property
    def n_kept(self) -> int:
        """Finished blocks that can be gone on from, also those no worker has told of yet."""
        for share in share_names(self.path):
            if share not in self._stores:
                self.look(share)
        return len(self.entries) if self.path.exists() else 0

    def look(self, share: str, *, check: bool = False) -> None:
        """Look up which blocks a worker of a cluster has finished.

        Args:
            share: Its share of the work.
            check: Also read all their bytes.
        """
        kept = KeptBlocks(*share_files(self.path, share))
        kept.look(check=check)
        self._stores[share] = kept
        for index in kept.entries:
            if self._kind(index) in (None, UNREADABLE):  # tried again, with luck
                self._where[index] = share

    def read(self, index: int) -> NDArray[np.uint8] | None:
        """The bytes of a finished block; None where it has none.

        Raises:
            OutputError: They are damaged, or gone.
        """
        self.refuse_gone([index])
        store = self._store_of(index)
        assert store is not None, "looked up before"
        entry = store.entries[index]
        if entry.kind != "pixels":
            return None
        with writing(self.output):
            data = store.read(entry)
        if data is None:
            raise OutputError(
                f"Block {index} of '{self.output}' reads back damaged from '{self.path}'. "
                "Check the disk."
            )
        return data

    def refuse_gone(self, blocks: Iterable[int]) -> None:
        """Make sure that blocks said to be finished are there.

        Raises:
            OutputError: One is not.
        """
        for index in blocks:
            if self._store_of(index) is None:
                raise OutputError(
                    f"Block {index} of '{self.output}' was finished, but is not in '{self.path}': "
                    "the folder has been removed, or is not the same on all machines. Put it on a "
                    "disk that stays and is shared."
                )

    def _store_of(self, index: int) -> BlockStore | KeptBlocks | None:
        """Where a block is kept; where it could be read rather than where it could not."""
        own = self._stores[_OWN]
        share = self._stores.get(self._where.get(index, _OWN), own)
        if index in own.entries and own.entries[index].kind != UNREADABLE:
            return own
        return next((store for store in (share, own) if index in store.entries), None)

    def _kind(self, index: int) -> str | None:
        store = self._store_of(index)
        return None if store is None else store.entries[index].kind


class WorkFolder(FinishedBlocks):
    """The finished blocks of one map, in `.map.tif.part` beside it. A context manager.

    Blocks computed by this process are in one store; those computed by workers of a cluster are in
    one per share of the work. When the block ends the folder stays if any block is finished, unless
    `remove` was called.

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
        about = self.path / JOB_FILE
        if not about.exists():
            _replace_text(about, json.dumps(job, indent=1))
        elif _is_another(json.loads(about.read_text(encoding="utf-8")), job):
            raise OutputError(
                f"'{self.path}' holds blocks of another run of '{self.output}', which began "
                "meanwhile with other settings. Finish that one, or start again with --overwrite."
            )
        self._own = BlockStore(self.path / BLOCKS_FILE, self.path / LEDGER_FILE, self.output)
        self._stores, self._where = {_OWN: self._own}, {}
        for share in share_names(self.path):
            self.look(share, check=True)

    def add(self, index: int, parts: Sequence[NDArray[Any]]) -> None:
        """Keep the pixels of a block.

        Raises:
            OutputError: The disk is full; what was kept before stays.
        """
        self._own.add(index, parts)

    def add_empty(self, index: int, *, unreadable: bool = False) -> None:
        """Keep that a block has no pixel to map, or that the scene cannot be read there."""
        self._own.add_empty(index, unreadable=unreadable)

    def begin_finishing(self) -> None:
        """Record that results are written from now on, and bring all to the disk meanwhile."""
        with writing(self.output):
            self._own.ledger.add_finishing()
            self._own.sync_if_due(0.0)

    def remove(self) -> None:
        """Remove the folder: the map is complete."""
        self._own.close()
        _remove_files(self.path)
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._own.is_closed:
            return
        if not self.n_kept:
            self.remove()
            return
        self._own.close(sync=True)
        self._lock.release()


def _is_another(was: dict[str, Any], now: dict[str, Any]) -> bool:
    """Whether blocks were computed for something else: they would be mixed into one map."""
    if was == now:
        return False
    try:
        return bool(JobRecord.from_dict(was).changes(JobRecord.from_dict(now)))
    except (OutputError, KeyError, TypeError, ValueError):
        return True


def work_path(output: Path) -> Path:
    """The folder beside a map that holds its finished blocks."""
    return output.with_name(f".{output.name}.part")


def share_files(folder: Path, share: str) -> tuple[Path, Path]:
    """Files of the bytes and of the ledger of a worker's blocks."""
    return folder / SHARES_FOLDER / f"{share}.bin", folder / SHARES_FOLDER / f"{share}.jsonl"


def share_ledgers(folder: Path) -> list[Path]:
    """The ledgers that workers left."""
    return sorted((folder / SHARES_FOLDER).glob("*.jsonl"))


def share_names(folder: Path) -> list[str]:
    """Names of the shares that workers left."""
    return [ledger.stem for ledger in share_ledgers(folder)]


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
    shutil.rmtree(folder / SHARES_FOLDER, ignore_errors=True)
