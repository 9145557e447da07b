from __future__ import annotations

import json
import os
import socket

import pytest

from pointillist.errors import OutputError
from pointillist.prediction import output_lock
from pointillist.prediction.output_lock import OutputLock, refuse_if_held


@pytest.fixture(params=["locked by the kernel", "by the process named"])
def path(request, tmp_path, monkeypatch):
    """A lock file, where files can be locked and where they cannot."""
    if request.param == "by the process named":
        monkeypatch.setattr(output_lock.importlib, "import_module", _no_such_module)
    return tmp_path / "lock"


def _no_such_module(name: str) -> None:
    raise ImportError(name)


def test_one_holds_it_until_it_lets_go(path, tmp_path) -> None:
    first, second = (OutputLock(path, tmp_path / "map.tif") for _ in range(2))
    refuse_if_held(path, tmp_path / "map.tif")
    assert first.acquire() is None
    told = rf"map\.tif' is being written by process {os.getpid()} on "
    with pytest.raises(OutputError, match=told):
        second.acquire()
    with pytest.raises(OutputError, match=told):
        refuse_if_held(path, tmp_path / "map.tif")
    first.release()
    refuse_if_held(path, tmp_path / "map.tif")
    assert second.acquire() is None
    second.release()


@pytest.mark.parametrize(("pid", "since"), [(2**22 + 5, 0.0), (os.getpid(), 0.0)])
def test_a_lock_of_a_dead_process_is_taken_over(pid, since, path, tmp_path) -> None:
    holder = {"pid": pid, "host": socket.gethostname(), "since": since}
    path.write_text(json.dumps(holder))
    lock = OutputLock(path, tmp_path / "map.tif")
    assert lock.acquire() == holder
    assert json.loads(path.read_text())["pid"] == os.getpid()
    lock.release()


def test_without_locks_a_process_elsewhere_counts_as_running(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(output_lock.importlib, "import_module", _no_such_module)
    path = tmp_path / "lock"
    path.write_text(json.dumps({"pid": 7, "host": "another-machine", "since": 0}))
    with pytest.raises(OutputError, match="process 7 on another-machine"):
        OutputLock(path, tmp_path / "map.tif").acquire()


def test_a_file_removed_meanwhile_is_no_lock(tmp_path, monkeypatch) -> None:
    path = tmp_path / "lock"
    may_take, removals = output_lock._may_take, iter([True, False])

    def remove_first(file, holder) -> bool:
        if next(removals):
            path.unlink()  # the process that held it has finished
        return may_take(file, holder)

    monkeypatch.setattr(output_lock, "_may_take", remove_first)
    lock = OutputLock(path, tmp_path / "map.tif")
    lock.acquire()
    assert path.exists()
    lock.release()
