"""Maps made by workers: the pixels of one process, whoever is killed."""

from __future__ import annotations

import logging
import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from prediction_cases import read_raster

import pointillist
from pointillist.errors import ClusterError, InputError, UnreadableFileError
from pointillist.prediction import predict
from pointillist.prediction.cluster import run
from pointillist.prediction.work_folder import work_path

BLOCK, HALO, SIDE = 64, 32, 640  # 100 blocks, as in conftest.py


def _hidden(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.startswith(".")]


def _same(made: Path, out: Path) -> bool:
    return bool(np.array_equal(read_raster(out), read_raster(made / "alone.tif")))


def _pids(cluster) -> dict[str, int]:
    from distributed import Client

    with Client(cluster, set_as_default=False) as client:
        return dict(client.run(os.getpid))


@pytest.mark.slow
def test_killed_workers_leave_no_trace_in_the_map(cluster, made, tmp_path, caplog) -> None:
    pids = list(_pids(cluster).values())
    killed: list[int] = []

    def kill(done: int, total: int) -> None:
        if done >= 12 * (len(killed) + 1) and pids:  # in mid-run, one after the other
            killed.append(done)
            os.kill(pids.pop(), signal.SIGKILL)

    out = tmp_path / "map.tif"
    with caplog.at_level(logging.WARNING):
        predict(made / "model.safetensors", made / "scene.tif", out, block=BLOCK, halo=HALO,
                probabilities=tmp_path / "p.tif", progress=kill,
                scheduler=cluster.scheduler_address)  # fmt: skip
    assert len(killed) == 2
    assert max(killed) < 100
    assert "has vanished: others do what it had begun" in caplog.text
    assert _same(made, out)
    np.testing.assert_array_equal(
        read_raster(tmp_path / "p.tif"), read_raster(made / "alone_p.tif")
    )
    assert not _hidden(tmp_path)


@pytest.mark.slow
def test_processes_on_this_machine_map_several_scenes(made, tmp_path) -> None:
    maps = predict(
        made / "model.safetensors", [made / "scene.tif", made / "second.tif"], tmp_path / "maps",
        polygons=tmp_path / "polygons", block=BLOCK, halo=HALO, workers=2,
    )  # fmt: skip
    assert _same(made, maps[0])
    assert read_raster(maps[1]).shape == (SIDE, 300)
    assert (tmp_path / "polygons" / "second_polygons.gpkg").exists()
    assert not _hidden(tmp_path / "maps")


@pytest.mark.slow
def test_an_interrupted_run_goes_on_with_or_without_workers(cluster, made, tmp_path) -> None:
    out = tmp_path / "map.tif"

    def stop(done: int, total: int) -> None:
        if done >= 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        predict(made / "model.safetensors", made / "scene.tif", out, block=BLOCK, halo=HALO,
                progress=stop, scheduler=cluster.scheduler_address)  # fmt: skip
    assert _hidden(tmp_path) == [work_path(out).name]  # what was finished, and nothing else
    seen: list[int] = []
    predict(made / "model.safetensors", made / "scene.tif", out, block=BLOCK, halo=HALO,
            resume=True, progress=lambda done, _: seen.append(done))  # fmt: skip
    assert seen[0] >= 10
    assert _same(made, out)
    assert not _hidden(tmp_path)


@pytest.mark.slow
def test_a_window_that_cannot_be_read_is_named_and_the_rest_kept(
    cluster, made, tmp_path, caplog
) -> None:
    broken = tmp_path / "broken.tif"
    broken.write_bytes((made / "scene.tif").read_bytes()[:600_000])
    out = tmp_path / "map.tif"
    about = (made / "model.safetensors", broken, out)
    options = {"block": 128, "halo": HALO, "scheduler": cluster.scheduler_address}
    with pytest.raises(UnreadableFileError, match=r"broken\.tif' cannot be read at rows .*--skip"):
        predict(*about, **options)
    with caplog.at_level(logging.WARNING):
        predict(*about, **options, resume=True, skip_unreadable=True)
    assert "could not be read and are nodata in" in caplog.text
    predict(made / "model.safetensors", made / "scene.tif", tmp_path / "whole.tif", block=128,
            halo=HALO)  # fmt: skip
    expected, found = read_raster(tmp_path / "whole.tif"), read_raster(out)
    n_read = int((found[-1] == 255).argmax()) if (found[-1] == 255).any() else SIDE
    assert (found == 255).any()
    np.testing.assert_array_equal(found[:128, :n_read], expected[:128, :n_read])


@pytest.mark.slow
def test_workers_that_cannot_take_part_say_why(cluster, made, tmp_path, monkeypatch) -> None:
    about = (made / "model.safetensors", made / "scene.tif", tmp_path / "map.tif")
    where = {"scheduler": cluster.scheduler_address}
    with monkeypatch.context() as patch:
        patch.setattr(pointillist, "__version__", "99.0")
        with pytest.raises(ClusterError, match=r"No worker of .*it has Pointillist .*, not 99\.0"):
            predict(*about, **where)
    with monkeypatch.context() as patch:
        patch.setattr(run, "Errand", _unseen(run.Errand))
        with pytest.raises(ClusterError, match="does not see the folder of the results"):
            predict(*about, **where)
    assert not _hidden(tmp_path)


def _unseen(errand):
    """An errand whose files are not where the worker looks."""

    def make(**values):
        return errand(**{**values, "flag": Path("/elsewhere/run/wanted")})

    return make


def test_a_scheduler_without_workers_is_told(made, tmp_path, monkeypatch) -> None:
    from distributed import LocalCluster

    monkeypatch.setattr(run, "PATIENCE_S", 1.0)
    with (
        LocalCluster(
            n_workers=0,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            silence_logs=logging.CRITICAL,
        ) as empty,
        pytest.raises(ClusterError, match=r"No worker of scheduler tcp.* was there for 1 seconds"),
    ):
        predict(made / "model.safetensors", made / "scene.tif", tmp_path / "map.tif",
                scheduler=empty.scheduler_address)  # fmt: skip


def test_a_scheduler_that_is_not_there(made, tmp_path, monkeypatch) -> None:
    from pointillist.prediction.cluster import crew

    monkeypatch.setattr(crew, "_CONNECT_S", 1)
    start = time.monotonic()
    with pytest.raises(ClusterError, match=r"Scheduler tcp://127\.0\.0\.1:1 cannot be reached"):
        predict(made / "model.safetensors", made / "scene.tif", tmp_path / "map.tif",
                scheduler="tcp://127.0.0.1:1")  # fmt: skip
    assert time.monotonic() - start < 20
    assert not _hidden(tmp_path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"workers": 0}, "--workers of at least 1, got 0"),
        ({"workers": 2, "scheduler": "tcp://h:1"}, "got both"),
        ({"scheduler": "h:1"}, r"an address like tcp://.*got 'h:1'"),
    ],
)
def test_workers_asked_for_wrongly(options, message, made, tmp_path) -> None:
    with pytest.raises(InputError, match=message):
        predict(made / "model.safetensors", made / "scene.tif", tmp_path / "map.tif", **options)


class _DeadFuture:
    """Finished, but what it returned was with a worker that has died since."""

    def __init__(self, status: str) -> None:
        self.status = status

    def result(self, timeout: float | None = None) -> None:
        assert timeout is not None, "would wait for ever"
        raise TimeoutError("no worker")


def test_a_result_that_died_with_its_worker_is_not_waited_for() -> None:
    assert run._result(_DeadFuture("finished"), "tcp://here") is None
    with pytest.raises(ClusterError, match=r"tcp://here failed: TimeoutError: no worker"):
        run._result(_DeadFuture("error"), "tcp://here")
