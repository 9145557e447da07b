"""Grids: what is missing is run, what is recorded is not, whatever happens in between."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from study_cases import ToyCell

from pointillist.errors import InputError, MissingFileError, StudyRunningError, WorkerError
from pointillist.studies import append_record, grid, read_records
from pointillist.studies.classic import ClassicCell
from pointillist.studies.grid import StudyGrid, run_missing
from pointillist.studies.places import NOWHERE, Folders
from pointillist.studies.records import hold_records
from pointillist.studies.scene import SceneCell
from pointillist.studies.workers import choose_workers, run_in_turn, run_side_by_side


def _silent(_: str) -> None:
    pass


def test_an_interrupted_study_goes_on_where_it_was(tmp_path: Path, ran: list[ToyCell]) -> None:
    with pytest.raises(KeyboardInterrupt):
        run_missing(StudyGrid("toy", [ToyCell(1), ToyCell(2), ToyCell(13)], tmp_path), _silent)
    said: list[str] = []
    cells = [ToyCell(1), ToyCell(2), ToyCell(3), ToyCell(1, seed=1)]
    grid = StudyGrid("toy", cells, tmp_path)
    run_missing(grid, said.append)
    assert ran == cells
    assert said[0].startswith("toy: 2 of 4 runs are recorded")
    assert "3 of 4: n 3, seed 0: mIoU 0.3000" in said[1]
    assert len(read_records(tmp_path / "toy.jsonl")) == 4
    assert grid.missing() == []


def test_time_left_is_told(tmp_path: Path, ran: list[ToyCell]) -> None:
    ticks = iter([0.0, 60.0, 120.0, 180.0])
    said: list[str] = []
    cells = [ToyCell(n) for n in (1, 2, 3)]
    run_missing(StudyGrid("toy", cells, tmp_path), said.append, lambda: next(ticks))
    assert [line.split("; ")[1] for line in said[1:]] == ["2 min left", "60 s left", "0 s left"]


def test_runs_that_began_together_count_together(
    tmp_path: Path, ran: list[ToyCell], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first of two side by side is finished when the other nearly is."""
    monkeypatch.setattr("pointillist.studies.grid.run_side_by_side", run_in_turn)
    ticks = iter([0.0, 60.0, 61.0, 120.0, 121.0])
    said: list[str] = []
    cells = [ToyCell(n) for n in (1, 2, 3, 4)]
    grid = StudyGrid("toy", cells, tmp_path)
    run_missing(grid, said.append, lambda: next(ticks), n_workers=2)
    assert [line.split("; ")[1] for line in said[1:3]] == ["2 min left", "61 s left"]


def test_a_cell_that_two_rows_share_is_run_once(tmp_path: Path, ran: list[ToyCell]) -> None:
    run_missing(StudyGrid("toy", [ToyCell(1), ToyCell(2), ToyCell(1)], tmp_path), _silent)
    assert ran == [ToyCell(1), ToyCell(2)]


def test_records_without_cell_or_score_are_left_out_aloud(
    tmp_path: Path, ran: list[ToyCell]
) -> None:
    path = tmp_path / "toy.jsonl"
    append_record(path, {"protocol": "P-toy", "protocol_version": 2, "miou": 0.5})
    cell = {"n": 1, "seed": 0}
    append_record(path, {"protocol": "P-toy", "protocol_version": 2, "cell": cell})
    blank = {"protocol": "P-toy", "protocol_version": 2, "cell": cell, "miou": float("nan")}
    append_record(path, blank)
    said: list[str] = []
    assert StudyGrid("toy", [ToyCell(1)], tmp_path).recorded(said.append) == [None]
    assert said == [f"Records of {path} left out because they hold no cell or no scores: 3."]


def test_what_another_process_ran_meanwhile_is_not_run_again(
    tmp_path: Path, ran: list[ToyCell], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look at the records and the lock, the other process may have ended."""

    @contextlib.contextmanager
    def hold_late(folder: Path) -> Iterator[None]:
        cell = {"n": 1, "seed": 0}
        record = {"protocol": "P-toy", "protocol_version": 2, "cell": cell, "miou": 0.5}
        append_record(folder / "toy.jsonl", record)
        yield

    monkeypatch.setattr(grid, "hold_records", hold_late)
    run_missing(StudyGrid("toy", [ToyCell(1), ToyCell(2)], tmp_path), _silent)
    assert ran == [ToyCell(2)]


def test_options_that_came_later_do_not_lose_records(tmp_path: Path, ran: list[ToyCell]) -> None:
    old = {"protocol": "P-toy", "protocol_version": 2, "cell": {"n": 1, "seed": 0}, "miou": 0.5}
    append_record(tmp_path / "toy.jsonl", old)
    assert StudyGrid("toy", [ToyCell(1)], tmp_path).missing() == []
    assert StudyGrid("toy", [ToyCell(1, later=5)], tmp_path).missing() == [ToyCell(1, later=5)]


def test_other_protocols_and_versions_are_left_out_aloud(
    tmp_path: Path, ran: list[ToyCell]
) -> None:
    path = tmp_path / "toy.jsonl"
    cell = {"n": 1, "seed": 0}
    append_record(path, {"protocol": "P-toy", "protocol_version": 1, "cell": cell, "miou": 0.9})
    append_record(path, {"protocol": "P-other", "cell": cell, "miou": 0.9})
    said: list[str] = []
    run_missing(StudyGrid("toy", [ToyCell(1)], tmp_path), said.append)
    assert ran == [ToyCell(1)]
    assert "another protocol than P-toy, version 2: 2." in said[0]
    assert read_records(path)[-1]["protocol_version"] == 2


def test_a_cut_last_line_is_told_and_its_run_made_again(tmp_path: Path, ran: list[ToyCell]) -> None:
    run_missing(StudyGrid("toy", [ToyCell(1), ToyCell(2)], tmp_path), _silent)
    path = tmp_path / "toy.jsonl"
    path.write_text(path.read_text()[:-20])
    said: list[str] = []
    run_missing(StudyGrid("toy", [ToyCell(1), ToyCell(2)], tmp_path), said.append)
    assert (
        "was cut off (a run was killed while it wrote); what is whole before it is used (1)"
        in said[0]
    )
    assert ran[-1] == ToyCell(2)
    assert [record["miou"] for record in read_records(path)] == [0.1, 0.2]


def test_two_studies_cannot_add_to_one_folder(tmp_path: Path, ran: list[ToyCell]) -> None:
    told = pytest.raises(StudyRunningError, match="Another study is adding records to")
    with hold_records(tmp_path), told:
        run_missing(StudyGrid("toy", [ToyCell(1)], tmp_path), _silent)
    assert ran == []
    run_missing(StudyGrid("toy", [ToyCell(1)], tmp_path), _silent)
    assert ran == [ToyCell(1)]


CHEAP = [ClassicCell(n_points=5, recipe="forest-pixels", seed=seed) for seed in range(2)]


@pytest.mark.slow
def test_two_cells_from_nothing_side_by_side(tmp_path: Path) -> None:
    """A real protocol in processes of their own, and nothing left to do the second time."""
    grid = StudyGrid("two", CHEAP, tmp_path)
    said: list[str] = []
    run_missing(grid, said.append, n_workers=2)
    records = read_records(tmp_path / "classic.jsonl")
    assert sorted(record["cell"]["seed"] for record in records) == [0, 1]
    assert all(0.5 < record["miou"] < 0.9 for record in records)
    again: list[str] = []
    run_missing(grid, again.append, n_workers=2)
    assert len(again) == 1
    assert "2 of 2 runs are recorded" in again[0]


_KILLED = """
from pathlib import Path
from pointillist.studies.classic import ClassicCell
from pointillist.studies.grid import StudyGrid, run_missing
cells = [ClassicCell(n_points=5, seed=seed) for seed in range(2)]
if __name__ == "__main__":
    run_missing(StudyGrid("killed", cells, Path({folder!r})), print, n_workers=2)
"""


def _command_of(process: psutil.Process) -> str:
    """Empty for one that has ended meanwhile: some helpers live for moments."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return " ".join(process.cmdline())
    return ""


def _children_of(pid: int, wanted: int) -> list[psutil.Process]:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        children = psutil.Process(pid).children(recursive=True)
        workers = [c for c in children if "spawn_main" in _command_of(c)]
        if len(workers) >= wanted:
            return workers
        time.sleep(0.2)
    raise AssertionError("no processes were started")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("signum", "after_s"),
    [(signal.SIGKILL, 3), (signal.SIGINT, 3), (signal.SIGINT, 20)],  # the last in mid-training
)
def test_no_process_outlives_the_study(tmp_path: Path, signum: int, after_s: float) -> None:
    script = tmp_path / "killed.py"
    script.write_text(_KILLED.format(folder=str(tmp_path)))
    study = subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        # a shell that starts the tests in the background has them ignore Ctrl-C
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    workers = _children_of(study.pid, 2)
    time.sleep(after_s)
    os.kill(study.pid, signum)
    study.communicate(timeout=60)
    _, alive = psutil.wait_procs(workers, timeout=30)
    assert not alive


@pytest.mark.slow
def test_a_killed_process_is_told() -> None:
    running = run_side_by_side([ClassicCell(n_points=5), ClassicCell(n_points=6)], NOWHERE, 2)

    def kill_one() -> None:
        _children_of(os.getpid(), 2)[0].kill()

    import threading

    killer = threading.Timer(6, kill_one)
    killer.start()
    with pytest.raises(WorkerError, match=r"One of 2 processes .* fewer --workers"):
        list(running)
    killer.join()


def test_how_many_side_by_side() -> None:
    assert choose_workers(3) == 3
    assert choose_workers(None) >= 1


def test_what_a_run_needs_is_looked_for_before_the_first_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grid, "run_in_turn", pytest.fail)
    cells = [ClassicCell(), ClassicCell(encoder="resnet43")]
    with pytest.raises(InputError, match=r"got 'resnet43'. Similar ones: .*resnet34"):
        run_missing(StudyGrid("x", cells, tmp_path), _silent)
    scenes = tmp_path / "scenes"
    scenes.mkdir()
    study = StudyGrid("x", [SceneCell("dubai99", 300)], tmp_path, Folders(scenes))
    with pytest.raises(MissingFileError, match=r"dubai99_image\.tif is not there"):
        run_missing(study, _silent)
