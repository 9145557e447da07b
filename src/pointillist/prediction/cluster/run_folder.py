"""A folder beside the maps for as long as a cluster works on them: the model, and a flag."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from pointillist.errors import OutputError
from pointillist.prediction.output_lock import OutputLock
from pointillist.raster.full_disk import writing

_PREFIX = ".pointillist-run-"


@dataclass(frozen=True)
class RunFolder:
    """What workers read while a run lasts.

    Args:
        path: The folder.
    """

    path: Path

    @property
    def flag_file(self) -> Path:
        """There as long as the run wants results."""
        return self.path / "wanted"

    @contextmanager
    def flag(self) -> Iterator[None]:
        """Want results until the block ends."""
        self.flag_file.touch()
        try:
            yield
        finally:
            self.flag_file.unlink(missing_ok=True)


@contextmanager
def run_folder(beside: Path) -> Iterator[RunFolder]:
    """Make a folder beside maps, and remove it in the end; those of killed runs are removed first.

    Raises:
        OutputError: It cannot be written.
    """
    for left in beside.glob(f"{_PREFIX}*"):
        _remove_if_left(left)
    path = beside / f"{_PREFIX}{uuid.uuid4().hex[:12]}"
    with writing(path):
        path.mkdir()
        lock = OutputLock(path / "lock", path)
        lock.acquire()
    try:
        yield RunFolder(path)
    finally:
        lock.release()
        shutil.rmtree(path, ignore_errors=True)


def _remove_if_left(path: Path) -> None:
    lock = OutputLock(path / "lock", path)
    with suppress(OutputError, OSError):  # a run that goes on holds it
        lock.acquire()
        lock.release()
        shutil.rmtree(path, ignore_errors=True)
