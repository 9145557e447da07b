"""Study files: those in `configs/studies` are the named studies, and bad ones are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pointillist.data.benchmarks import DATA_SETS
from pointillist.errors import ConfigError, InputError, MissingFileError
from pointillist.studies import find_study
from pointillist.studies.named import STUDIES

CONFIGS = Path(__file__).resolve().parents[2] / "configs" / "studies"
_BENCHMARK = (
    "name: x\ntitle: x\nrows:\n  - protocol: P-benchmark\n    cells: {data: loveda, epochs: 1}\n"
)
_GOOD = "name: x\ntitle: x\nrows:\n  - cells: {n_per_class: [5, 10], views: 8}\n"


@pytest.mark.parametrize("name", [name for name in (*STUDIES, *DATA_SETS) if name != "all"])
def test_a_file_for_each_study(name: str) -> None:
    assert find_study(str(CONFIGS / f"{name}.yaml")) == find_study(name)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (_GOOD + "sedes: 3\n", r"Expected a valid study in .*sedes: there is no such key"),
        (_GOOD.replace("cells", "cell"), r"rows.0.cells: is needed"),
        (_GOOD + "seeds: 0\n", r"seeds: Input should be greater than or equal to 1"),
        ("rows: [1, 2", r"cannot be read as YAML"),
        ("just words", r"Expected a study in .*, got str"),
        ("", r"Expected a study in .*, got nothing\. Compare it with"),
        ("- a\n- b\n", r"Expected a study in .*, got list"),
        ("name: x\ntitle: x\nrows: []\n", r"rows: List should have at least 1 item"),
        (_GOOD + "    figures: two_views\n", r"rows\.0\.figures: .* \(got 'two_views'\)"),
        (
            _GOOD.replace("views: 8", "strategy: []"),
            r"strategy in row 1 of study 'x', got an empty",
        ),
        (_GOOD.replace("[5, 10]", "[5, many]"), r"row 1 .*n_per_class: .* \(got 'many'\)"),
        (_GOOD.replace("[5, 10]", "-5"), r"n_per_class: .* or equal to 1 \(got -5\)"),
        (_GOOD.replace("[5, 10]", "true"), r"n_per_class: .*valid integer \(got True\)"),
        (_GOOD.replace("views: 8", "seed: 3, warmup: 2"), r"seed: belongs .*; warmup: .*got 2\)"),
        (_GOOD + "    against: {n_per_class: [5]}\n", r"each of the 2 rows of row 1 .*, got 1\."),
        (_BENCHMARK.replace("data: loveda, ", ""), r"values that P-benchmark .*: data: is needed"),
        (_BENCHMARK.replace("1}", "0}"), r"epochs: .*greater than or equal to 1 \(got 0\)"),
        (
            "name: x\ntitle: x\nrows:\n  - protocol: P-scene\n"
            "    cells: {scene: dubai1, budget: soon}\n",
            r"budget: .*a time above 0 like 90s, 10m or 1h \(got 'soon'\)",
        ),
    ],
)
def test_a_bad_file_is_refused(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        find_study(str(path))


def test_unknown_things_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    for old, new, message in (
        ("views: 8", "strategy: guess", "Expected a strategy of .* got 'guess'"),
        ("views: 8", "recipe: magic", "recipe of P-classic .* got 'magic'"),
        ("views: 8", "strategy: systematic", "points per class, got 'systematic'"),
        ("views", "vews", "Expected keys of P-classic .* got 'vews'"),
        ("  - cells", "  - protocol: P-moon\n    cells", "protocol of P-classic.* got 'P-moon'"),
    ):
        path.write_text(_GOOD.replace(old, new))
        with pytest.raises(InputError, match=message):
            find_study(str(path))
    path.write_text(_BENCHMARK.replace("epochs: 1", "supervision: half"))
    with pytest.raises(InputError, match=r"supervision of P-benchmark to be full, .* got 'half'"):
        find_study(str(path))
    with pytest.raises(MissingFileError, match=r"does not exist. Check its path"):
        find_study(str(tmp_path / "none.yaml"))


def test_all_studies_together_run_what_each_of_them_runs() -> None:
    every = find_study("all")
    own = {cell for name in STUDIES if name != "all" for cell in _own_cells(name)}
    assert set(every.cells(every.seeds)) == own
    assert {cell.seed for cell in every.cells(2)} == {0, 1}


def _own_cells(name: str) -> list[Any]:
    study = find_study(name)
    return study.cells(study.seeds)


def test_a_row_of_two_studies_keeps_its_comparison() -> None:
    against = {row.name: row.against for row in find_study("all").rows}
    for name in ("baselines", "ablation-reduced"):
        for row in find_study(name).rows:
            assert row.against is None or against[row.name] is not None


@pytest.mark.parametrize(
    ("cells", "strategy"),
    [
        ("n_per_class: 5, strategy: balanced", "random"),
        ("n_points: 50, strategy: simple", "random"),
        ("n_points: 50, strategy: balanced", "balanced"),
        ("n_per_class: 5, strategy: stratified", "stratified"),
    ],
)
def test_each_way_of_drawing_has_one_name(cells: str, strategy: str, tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(_GOOD.replace("n_per_class: [5, 10]", cells))
    (row,) = find_study(str(path)).rows
    assert row.cell.strategy == strategy


def test_simple_points_need_a_number_in_total(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(_GOOD.replace("views: 8", "strategy: simple"))
    with pytest.raises(InputError, match="Expected n_points with the strategy simple"):
        find_study(str(path))
