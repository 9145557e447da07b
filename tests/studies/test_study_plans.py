"""Studies by name: their rows, and the tables that come of records."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from study_cases import make_records

from pointillist.cli import main
from pointillist.data.benchmarks import BENCHMARKS
from pointillist.errors import InputError
from pointillist.studies import find_study, read_lines, run_study
from pointillist.studies.classic import ClassicCell
from pointillist.studies.named import STUDIES
from pointillist.studies.plan import Row, RowsConfig, StudyConfig, make_study
from pointillist.studies.protocols import cell_key

RECORDS = Path(__file__).resolve().parents[2] / "studies" / "records"


@pytest.mark.parametrize("name", [*STUDIES, *BENCHMARKS])
def test_every_study_has_rows_of_different_names(name: str) -> None:
    study = find_study(name)
    assert len({row.name for row in study.rows}) == len(study.rows) >= 2
    assert len(set(study.cells(1))) <= len(study.rows)


@pytest.mark.parametrize("name", STUDIES)
def test_no_row_is_named_by_a_bare_number(name: str) -> None:
    bare = re.compile(r", (\d+(\.\d+)?|True|False)(,|$)")
    assert not [row.name for row in find_study(name).rows if bare.search(row.name)]


def test_what_the_reference_study_states_stands_beside_the_right_rows() -> None:
    lines = {row.name for row in find_study("density").rows}
    assert {f"{n} per class" for n in (1, 5, 10, 20, 50)} <= lines
    assert {f"{n} per image" for n in (50, 200, 500, 1000)} <= lines
    sampling = find_study("sampling")
    assert len(sampling.rows) == 25
    for kind in ("spread", "interior", "pseudo-stratified"):
        for n in (1, 2, 5, 10, 20):
            row = next(r for r in sampling.rows if r.name == f"{n} per class, {kind}")
            assert row.against == f"{n} per class"
    simple = next(r for r in sampling.rows if r.name == "50 per image")
    assert simple.against == "10 per class"
    real = find_study("real")
    # forest and network on both designs; shares estimated where points are balanced; both together
    assert len(real.rows) == 24 + 24 + 12 + 24
    assert real.seeds == 3


def test_rows_are_compared_over_the_seeds_they_share(tmp_path: Path) -> None:
    study = find_study("sampling")

    def score(cell: ClassicCell) -> float:
        better = 0.05 if cell.strategy == "stratified" else 0.0
        return 0.8 + better + 0.001 * ((cell.seed * 7 + cell.n_per_class) % 5)

    make_records(study, tmp_path, 3, score)
    lines = {line.row.name: line for line in read_lines(study, 10, tmp_path)}
    assert lines["5 per class"].comparison is None
    assert lines["5 per class"].stated == 0.8935
    assert lines["5 per class, pseudo-stratified"].stated == 0.9042
    compared = lines["5 per class, spread"]
    assert compared.comparison is not None
    assert compared.comparison.difference.value == pytest.approx(0.05, abs=0.004)
    assert compared.comparison.difference.n == 3
    assert compared.p is not None
    assert compared.p >= compared.comparison.p
    assert compared.accuracy.value == pytest.approx(compared.miou.value + 0.01)


def test_random_points_are_beside_the_figure_of_their_own_experiment(tmp_path: Path) -> None:
    stated = {}
    for name in ("density", "sampling"):
        study = find_study(name)
        make_records(study, tmp_path / name, 1, lambda cell: 0.9)
        lines = {line.row.name: line for line in read_lines(study, 1, tmp_path / name)}
        stated[name] = [lines[f"{n} per class"].stated for n in (1, 5, 10, 20)]
    assert stated == {
        "density": [0.8151, 0.9157, 0.9248, 0.9417],
        "sampling": [None, 0.8935, 0.9259, 0.9390],
    }


def test_spread_and_stratified_are_one_strategy() -> None:
    def rows(strategy: str, against: str) -> tuple[Row, ...]:
        random, other = {"n_per_class": 5}, {"n_per_class": 5, "strategy": strategy}
        parts = [{"cells": random}, {"cells": other, "against": {"strategy": against}}]
        data = {"name": "s", "title": "S", "rows": parts}
        return make_study(StudyConfig.model_validate(data)).rows

    assert rows("spread", "balanced") == rows("stratified", "random")
    assert rows("spread", "random")[1].against == "5 per class, plain training, one view"


def test_one_view_is_read_from_the_same_runs(tmp_path: Path) -> None:
    study = find_study("baselines")
    make_records(study, tmp_path, 2, lambda cell: 0.9)
    lines = {line.row.name: line for line in read_lines(study, 2, tmp_path)}
    assert set(lines["200 per image, one view"].runs) == {0, 1}
    assert lines["full masks"].stated == 0.9450
    assert "200 per image, plain training, one view" in lines
    assert lines["200 per image, recipe of the reference, one view"].stated is None


def test_a_file_of_weights_makes_rows_of_its_own() -> None:
    names = [row.name for row in find_study("baselines", "r34.safetensors@0a1b2c3d").rows]
    assert "200 per image, from r34.safetensors@0a1b2c3d" in names
    assert len(names) == len(find_study("baselines").rows) + 2


def test_committed_records_fill_the_first_row() -> None:
    """10 points per class, 5 epochs, random initialisation, at least as good as stated."""
    said: list[str] = []
    (line,) = run_study("density", 1, RECORDS, said.append, "10 per class")
    assert "1 of 1 runs are recorded" in said[-1]
    assert line.miou.value >= 0.9248
    assert line.stated == 0.9248


def test_the_command_prints_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["study", "density", "--only", "10 per class", "--seeds", "1",
              "--records", str(RECORDS)])  # fmt: skip
    assert not stop.value.code
    shown = capsys.readouterr().out
    assert "10 per class" in shown
    assert "0.9248" in shown
    assert "±" not in shown  # one seed has no interval


def test_a_table_of_several_seeds_keeps_each_figure_in_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_records(find_study("density"), tmp_path, 2, lambda cell: 0.9 + 0.01 * cell.seed)
    with pytest.raises(SystemExit):
        main(["study", "density", "--seeds", "2", "--records", str(tmp_path)])
    shown = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["10", "per", "class", "2", "0.9050", "±", "0.0635"] in [row[:7] for row in shown]
    assert any(row[:2] == ["±:", "half"] for row in shown)


def test_per_class_tables_are_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_records(find_study("perclass"), tmp_path, 2, lambda cell: 0.9)
    with pytest.raises(SystemExit) as stop:
        main(["study", "perclass", "--seeds", "2", "--records", str(tmp_path)])
    assert not stop.value.code
    shown = capsys.readouterr().out
    assert "200 per image, 2 seeds" in shown
    rows = [line.split() for line in shown.splitlines() if line.strip().startswith("Bare Soil")]
    assert rows
    assert all(len(row) == 2 + 3 * 2 for row in rows)  # no interval is broken over two lines


@pytest.mark.parametrize("name", ["perclass", "accuracy", "clicks"])
def test_a_file_of_a_study_prints_what_the_study_prints(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = []
    for study in (name, str(RECORDS.parents[1] / "configs" / "studies" / f"{name}.yaml")):
        with pytest.raises(SystemExit) as stop:
            main(["study", study, "--seeds", "1", "--records", str(RECORDS)])
        assert not stop.value.code
        shown.append(capsys.readouterr().out)
    assert shown[0] == shown[1]
    words = {"perclass": "Bare Soil", "accuracy": "coverage of OA", "clicks": "Clicks that reach"}
    assert words[name] in shown[0]


def test_a_number_with_decimals_is_the_same_cell() -> None:
    assert cell_key({"turn_deg": 10, "n": None}) == cell_key({"turn_deg": 10.0})
    assert cell_key({"augment": True}) != cell_key({"augment": 1})


def test_bad_requests(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"study of density, sampling, .* got 'weather'"):
        run_study("weather", 1, tmp_path)
    with pytest.raises(InputError, match="at least 1 seed"):
        run_study("density", 0, tmp_path)
    with pytest.raises(InputError, match=r"row among: 1 per class; .*; got '11 per class'"):
        run_study("density", 1, tmp_path, only="11 per class")


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ({"stratgy": "random"}, "Expected keys of P-classic among .*; got 'stratgy'"),
        ({"strategy": "guess"}, "Expected a strategy of random, .* got 'guess'"),
        ({"recipe": "magic"}, "Expected a recipe of unet, forest, .* got 'magic'"),
        ({"views": 4}, "Expected views of P-classic to be 8, or to be left out, got 4"),
    ],
)
def test_bad_cells_are_refused_before_the_first_run(cells: dict[str, object], message: str) -> None:
    config = StudyConfig(name="x", title="x", rows=[RowsConfig(cells=cells)])
    with pytest.raises(InputError, match=message):
        make_study(config)


def test_rows_compared_with_nothing_are_refused() -> None:
    rows = [RowsConfig(cells={"n_per_class": 5}, against={"n_per_class": 6})]
    with pytest.raises(InputError, match="compared with rows of 'x', got '6 per class"):
        make_study(StudyConfig(name="x", title="x", rows=rows))
    rows = [RowsConfig(protocol="P-moon", cells={})]
    with pytest.raises(InputError, match=r"protocol of P-classic, .* got 'P-moon'"):
        make_study(StudyConfig(name="x", title="x", rows=rows))


def test_of_many_rows_the_nearest_are_named() -> None:
    with pytest.raises(InputError) as refused:
        find_study("real").only("dubai1, 300 points, simple, forest")
    said = str(refused.value)
    assert "dubai1, 300 points, simple, forest, shares estimated; " in said
    assert "; and 72 more; got 'dubai1, 300 points, simple, forest'." in said
    with pytest.raises(InputError, match=r"Expected a row among: 1 per class; .*; got 'x'"):
        find_study("density").only("x")
