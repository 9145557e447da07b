"""Workers killed in the middle of a block, a scheduler that ends, files that go: told, not lost."""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cloudpickle
import geopandas as gpd
import numpy as np
import pytest
from prediction_cases import read_raster

from pointillist.errors import ClusterError, OutputError
from pointillist.prediction import predict
from pointillist.prediction.work_folder import work_path

BLOCK, HALO = 64, 32  # as in conftest.py
N_BLOCKS = 100

# workers cannot import tests: what they are to do comes with its source
cloudpickle.register_pickle_by_value(sys.modules[__name__])


def _doom(nth: int) -> int:
    """Make a worker kill itself while it computes its nth block; returns its process."""
    from pointillist.prediction import mapping

    compute, n_begun = mapping.predict_block, 0

    def die_in_between(*args: Any, **options: Any) -> Any:
        nonlocal n_begun
        n_begun += 1
        result = compute(*args, **options)
        if n_begun == nth:  # computed, and not kept
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    mapping.predict_block = die_in_between
    return os.getpid()


def _is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _told_of_kept(error: pytest.ExceptionInfo[BaseException]) -> int:
    """How many blocks the message says are kept."""
    text = str(error.value)
    assert "go on with --resume" in text, text
    return int(text.split("are kept (")[1].split(")")[0])


@pytest.mark.slow
@pytest.mark.parametrize("nth", [1, 9])
def test_workers_killed_in_the_middle_of_a_block(nth, cluster, made, tmp_path, caplog) -> None:
    from distributed import Client

    with Client(cluster, set_as_default=False) as client:
        client.wait_for_workers(2)
        pids = list(client.run(_doom, nth).values())
    out, seen = tmp_path / "map.tif", []
    with caplog.at_level(logging.WARNING):
        predict(made / "model.safetensors", made / "scene.tif", out, block=BLOCK, halo=HALO,
                progress=lambda done, _: seen.append(done),
                scheduler=cluster.scheduler_address)  # fmt: skip
    assert not any(_is_there(pid) for pid in pids)  # both died
    assert caplog.text.count("has vanished: others do what it had begun") == 2
    assert seen[-1] == N_BLOCKS  # every block is counted once
    assert seen == sorted(set(seen))
    np.testing.assert_array_equal(read_raster(out), read_raster(made / "alone.tif"))
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def _doom_while_finishing(once: str) -> None:
    """Make the first worker that has written a map kill itself before its polygons."""
    from pointillist.prediction import mapping

    write = mapping.write_polygons

    def die_before(*args: Any) -> Any:
        if not Path(once).exists():
            Path(once).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return write(*args)

    mapping.write_polygons = die_before


@pytest.mark.slow
def test_a_worker_killed_between_two_results(cluster, made, tmp_path, caplog) -> None:
    from distributed import Client

    with Client(cluster, set_as_default=False) as client:
        client.wait_for_workers(2)
        client.run(_doom_while_finishing, str(tmp_path / "once"))
    out, polygons = tmp_path / "map.tif", tmp_path / "map.gpkg"
    with caplog.at_level(logging.WARNING):
        predict(made / "model.safetensors", made / "scene.tif", out, block=BLOCK, halo=HALO,
                polygons=polygons, scheduler=cluster.scheduler_address)  # fmt: skip
    assert (tmp_path / "once").exists()
    assert caplog.text.count("has vanished: others do what it had begun") == 1
    np.testing.assert_array_equal(read_raster(out), read_raster(made / "alone.tif"))
    assert len(gpd.read_file(polygons)) > 1
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.slow
def test_a_folder_that_vanishes_is_told(cluster, made, tmp_path) -> None:
    out = tmp_path / "map.tif"

    def remove(done: int, total: int) -> None:
        shutil.rmtree(work_path(out), ignore_errors=True)

    with pytest.raises(OutputError, match=r"map\.tif' (cannot be written|was finished, but)"):
        predict(made / "model.safetensors", made / "scene.tif", out, block=BLOCK, halo=HALO,
                progress=remove, scheduler=cluster.scheduler_address)  # fmt: skip
    assert not out.exists()


def _stop_at(n_done: int) -> Callable[[int, int], None]:
    def stop(done: int, total: int) -> None:
        if done >= n_done:
            raise KeyboardInterrupt

    return stop


@pytest.mark.slow
def test_damaged_ledgers_of_workers_are_told_and_their_blocks_done_again(
    cluster, made, tmp_path, caplog
) -> None:
    out = tmp_path / "map.tif"
    about = {"block": BLOCK, "halo": HALO, "scheduler": cluster.scheduler_address}
    with pytest.raises(KeyboardInterrupt):
        predict(made / "model.safetensors", made / "scene.tif", out,
                progress=_stop_at(20), **about)  # fmt: skip
    ledgers = sorted((work_path(out) / "shares").glob("*.jsonl"))
    damaged = next(ledger for ledger in ledgers if ledger.read_bytes().count(b"\n") > 2)
    lines = damaged.read_bytes().splitlines(keepends=True)
    damaged.write_bytes(lines[0][:9] + b"#" + lines[0][10:] + b"".join(lines[1:]) + b'{"block": 9')
    seen: list[int] = []
    with caplog.at_level(logging.WARNING):
        predict(made / "model.safetensors", made / "scene.tif", out, resume=True,
                progress=lambda done, _: seen.append(done), **about)  # fmt: skip
    assert f"Line 1 of '{damaged}' is damaged" in caplog.text
    assert seen[-1] == N_BLOCKS
    np.testing.assert_array_equal(read_raster(out), read_raster(made / "alone.tif"))


@pytest.mark.slow
def test_a_second_run_on_the_same_map_is_refused_while_workers_are_at_it(
    cluster, made, tmp_path
) -> None:
    out, told = tmp_path / "map.tif", []

    def try_too(done: int, total: int) -> None:
        if not told and done > 0:
            with pytest.raises(
                OutputError, match=r"map\.tif' is being written by process"
            ) as error:
                predict(made / "model.safetensors", made / "scene.tif", out, block=BLOCK, halo=HALO,
                        resume=True)  # fmt: skip
            told.append(str(error.value))

    predict(made / "model.safetensors", made / "scene.tif", out, block=BLOCK, halo=HALO,
            progress=try_too, scheduler=cluster.scheduler_address)  # fmt: skip
    assert len(told) == 1
    np.testing.assert_array_equal(read_raster(out), read_raster(made / "alone.tif"))


class _Processes:
    """A scheduler and workers as one starts them by hand, some without Pointillist."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "scheduler.json"
        bare = folder / "bare"
        bare.mkdir()
        (bare / "sitecustomize.py").write_text("import sys\nsys.modules['pointillist'] = None\n")
        self._bare = {**os.environ, "PYTHONPATH": str(bare)}
        self._started: list[subprocess.Popen[bytes]] = []
        self.scheduler = self._start("scheduler", "--port", "0", "--scheduler-file", self._file)

    @property
    def address(self) -> str:
        deadline = time.monotonic() + 60
        while not self._file.exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        return str(json.loads(self._file.read_text())["address"])

    def start_worker(self, *, bare: bool) -> subprocess.Popen[bytes]:
        return self._start("worker", self.address, "--nthreads", "1", "--no-nanny", bare=bare)

    def _start(self, what: str, *args: object, bare: bool = True) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.dask_{what}", "--host", "127.0.0.1",
             "--no-dashboard", *map(str, args)],
            env=self._bare if bare else dict(os.environ), stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self._started.append(process)
        return process

    def end(self) -> None:
        for process in self._started:
            process.kill()
            process.wait()


@pytest.fixture
def processes(tmp_path) -> Iterator[_Processes]:
    started = _Processes(tmp_path)
    yield started
    started.end()


@pytest.mark.slow
def test_a_worker_without_the_package_and_a_scheduler_that_ends(
    processes, made, tmp_path, monkeypatch
) -> None:
    from pointillist.prediction.cluster import crew

    monkeypatch.setattr(crew, "_CONNECT_S", 5)  # so long it tries to reach a scheduler again
    (tmp_path / "out").mkdir()
    out = tmp_path / "out" / "map.tif"
    about = (made / "model.safetensors", made / "scene.tif", out)
    bare = processes.start_worker(bare=True)
    with pytest.raises(ClusterError, match=r"No worker .* can take part: .*a module is missing"):
        predict(*about, block=BLOCK, halo=HALO, scheduler=processes.address)
    bare.kill()
    processes.start_worker(bare=False)

    def end(done: int, total: int) -> None:
        if done > 5:
            processes.scheduler.kill()

    # the scheduler has no Pointillist, and needs none
    with pytest.raises(ClusterError, match=r"connection to scheduler tcp.* was lost") as error:
        predict(*about, block=BLOCK, halo=HALO, scheduler=processes.address, progress=end)
    assert 5 < _told_of_kept(error) < N_BLOCKS
    assert [path.name for path in out.parent.iterdir()] == [work_path(out).name]
    predict(*about, block=BLOCK, halo=HALO, resume=True)
    np.testing.assert_array_equal(read_raster(out), read_raster(made / "alone.tif"))
