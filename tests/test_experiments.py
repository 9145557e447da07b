"""The reference study's entry points run from records that are there."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "studies"))
from study_cases import make_records  # noqa: E402

from pointillist.studies import find_study  # noqa: E402


@pytest.mark.parametrize(
    ("script", "study", "row"),
    [
        ("exp1_point_density", "density", "50 per class"),
        ("exp2_sampling", "sampling", "spread"),
    ],
)
def test_an_experiment_prints_its_table_and_draws_its_figure(
    script: str,
    study: str,
    row: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    rng = np.random.default_rng(0)

    def score(cell: object) -> float:
        points = cell.n_points or 5 * cell.n_per_class  # type: ignore[attr-defined]
        return float(0.98 - 0.15 / np.sqrt(points) + rng.normal(0, 0.002))

    make_records(find_study(study), tmp_path, 3, score)
    make_records(find_study("baselines"), tmp_path, 3, lambda cell: 0.985 + 0.0001 * cell.seed)
    figure = tmp_path / "figure.svg"
    arguments = ["--seeds", "3", "--records", str(tmp_path), "--figure", str(figure)]
    monkeypatch.setattr("sys.argv", [script, *arguments])
    runpy.run_path(str(ROOT / "experiments" / f"{script}.py"), run_name="__main__")
    shown = capsys.readouterr().out
    assert row in shown
    assert "runs are recorded" in shown
    assert figure.read_bytes().lstrip().startswith(b"<?xml")


@pytest.mark.parametrize("script", ["exp1_point_density", "exp2_sampling"])
def test_a_damaged_record_is_told_in_a_sentence(
    script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "classic.jsonl").write_text('{"protocol":\n{"miou": 1}\n')
    monkeypatch.setattr("sys.argv", [script, "--records", str(tmp_path)])
    with pytest.raises(SystemExit, match=r"^Error: Expected a record of JSON .* line 1 of"):
        runpy.run_path(str(ROOT / "experiments" / f"{script}.py"), run_name="__main__")
