"""Studies: what is missing is run, what is recorded is not; the table is made of the records."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pointillist.cli import main
from pointillist.errors import InputError
from pointillist.studies import classic, read_records, run_study
from pointillist.studies.classic import ClassicCell, run_classic
from pointillist.studies.grid import StudyGrid, run_missing
from pointillist.training.fitting import Fit

RECORDS = Path(__file__).resolve().parents[2] / "studies" / "records"


@dataclass(frozen=True)
class ToyCell:
    n: int = 1
    seed: int = 0
    later: int | None = None


def _toy(cells: list[ToyCell], path: Path, ran: list[ToyCell]) -> StudyGrid:
    def run(cell: ToyCell) -> dict[str, Any]:
        if cell.n == 13:
            raise KeyboardInterrupt
        ran.append(cell)
        return {"protocol": "P-toy", "cell": {"n": cell.n, "seed": cell.seed}, "miou": cell.n / 10}

    return StudyGrid("toy", "P-toy", cells, run, path)


def test_an_interrupted_study_goes_on_where_it_was(tmp_path: Path) -> None:
    ran: list[ToyCell] = []
    path = tmp_path / "r.jsonl"
    with pytest.raises(KeyboardInterrupt):
        run_missing(_toy([ToyCell(1), ToyCell(2), ToyCell(13)], path, ran), lambda _: None)
    said: list[str] = []
    grid = _toy([ToyCell(1), ToyCell(2), ToyCell(3), ToyCell(1, seed=1)], path, ran)
    run_missing(grid, said.append)
    assert ran == [ToyCell(1), ToyCell(2), ToyCell(3), ToyCell(1, seed=1)]
    assert said[0].startswith("toy: 2 of 4 runs are recorded")
    assert "3 of 4: n 3, seed 0: mIoU 0.3000" in said[1]
    assert len(read_records(path)) == 4
    assert grid.missing() == []


def test_other_protocols_and_options_are_not_mixed_in(tmp_path: Path) -> None:
    ran: list[ToyCell] = []
    path = tmp_path / "r.jsonl"
    run_missing(_toy([ToyCell(1)], path, ran), lambda _: None)
    assert _toy([ToyCell(1, later=5)], path, ran).missing() == [ToyCell(1, later=5)]
    other = StudyGrid("toy", "P-other", [ToyCell(1)], lambda cell: {}, path)
    assert other.missing() == [ToyCell(1)]


def test_the_first_check_of_the_reference_study() -> None:
    """Committed records: 10 points per class, 5 epochs, random initialisation, 3 seeds."""
    ran: list[str] = []
    (line,) = run_study("density", 3, RECORDS, ran.append, "10 per class")
    assert "3 of 3 runs are recorded" in ran[0]
    assert len(ran) == 1
    assert line.miou.value >= 0.9248
    assert line.row.stated == 0.9248
    seconds = [r["seconds"] for r in read_records(RECORDS / "classic.jsonl")]
    assert max(seconds[:3]) < 60


def test_the_command_prints_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["study", "density", "--only", "10 per class", "--seeds", "3",
              "--records", str(RECORDS)])  # fmt: skip
    assert not stop.value.code
    shown = capsys.readouterr().out
    assert "10 per class" in shown
    assert "0.9248" in shown


@pytest.mark.slow
def test_a_study_from_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classic, "N_TRAIN", 8)
    monkeypatch.setattr(classic, "N_TEST", 2)
    monkeypatch.setattr(classic, "SIZE_PX", 64)
    monkeypatch.setattr(classic, "EPOCHS", 1)
    said: list[str] = []
    (line,) = run_study("sampling", 2, tmp_path, said.append, "stratified, 5 per class")
    assert line.miou.n == 2
    assert 0 < line.miou.value < 1
    again: list[str] = []
    run_study("sampling", 2, tmp_path, again.append, "stratified, 5 per class")
    assert len(again) == 1
    record = read_records(tmp_path / "classic.jsonl")[0]
    assert record["steps"] == 2
    assert len(record["iou"]) == len(record["precision"]) == 5


@pytest.mark.slow
def test_points_per_image(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classic, "N_TRAIN", 4)
    monkeypatch.setattr(classic, "N_TEST", 1)
    monkeypatch.setattr(classic, "SIZE_PX", 64)
    monkeypatch.setattr(classic, "EPOCHS", 1)
    record = run_classic(ClassicCell(n_points=30, encoder="resnet18"))
    assert record["cell"]["n_points"] == 30
    assert np.isfinite(record["miou"])


def test_rows_are_compared_with_random_points(tmp_path: Path) -> None:
    """A table from made-up records: comparisons are paired and corrected."""
    from pointillist.studies.records import append_record
    from pointillist.studies.tables import _sampling, make_grid, read_lines

    rows = _sampling()
    grid = make_grid("sampling", rows, 3, tmp_path)
    for i, cell in enumerate(grid.cells):
        better = 0.05 if cell.strategy == "stratified" else 0.0  # type: ignore[attr-defined]
        score = 0.8 + better + 0.001 * (i % 7)
        append_record(
            tmp_path / "classic.jsonl",
            {"protocol": "P-classic", "cell": vars(cell), "miou": score, "pixel_accuracy": score},
        )
    lines = {line.row.name: line for line in read_lines(rows, grid, 3)}
    assert lines["random, 5 per class"].comparison is None
    compared = lines["stratified, 5 per class"]
    assert compared.comparison is not None
    assert compared.comparison.difference.value == pytest.approx(0.05, abs=0.004)
    assert compared.p is not None
    assert compared.p >= compared.comparison.p
    assert lines["random, 10 per class"].row.stated == 0.9259


def test_bad_requests(tmp_path: Path) -> None:
    shutil.copy(RECORDS / "classic.jsonl", tmp_path)
    with pytest.raises(InputError, match="study of density, sampling, got 'weather'"):
        run_study("weather", 1, tmp_path)
    with pytest.raises(InputError, match="at least 1 seed"):
        run_study("density", 0, tmp_path)
    with pytest.raises(InputError, match=r"row among: 1 per class; .*; got '11 per class'"):
        run_study("density", 1, tmp_path, only="11 per class")


def test_training_sees_the_points_and_nothing_else_of_the_masks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The data set also gives full masks; a training that took them would look very good."""
    labelled: list[int] = []

    def look(network: Any, criterion: Any, loader: Any, *_: Any, **__: Any) -> Fit:
        for _image, target in loader:
            labelled.extend((target >= 0).sum(dim=(1, 2)).tolist())
        return Fit([], 0.0, len(loader), "fp32", "cpu")

    monkeypatch.setattr(classic, "fit_network", look)
    monkeypatch.setattr(classic, "N_TRAIN", 8)
    monkeypatch.setattr(classic, "N_TEST", 1)
    run_classic(ClassicCell(3, encoder="resnet18"))
    assert len(labelled) == 8
    assert all(0 < n <= 15 for n in labelled)
    labelled.clear()
    run_classic(ClassicCell(n_points=40, encoder="resnet18"))
    assert labelled == [40] * 8
