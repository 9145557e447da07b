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
        ("views: 8", "recipe: magic", "Expected a recipe of unet, .* for P-classic, got 'magic'"),
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


def test_all_faults_of_a_file_are_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(
        "name: x\ntitle: x\nrows:\n"
        "  - cells: {batch_size: 0, sed: 3, strategy: guess}\n"
        "  - protocol: P-moon\n    cells: {}\n"
        "  - protocol: P-scene\n"
        "    cells: {scene: dubai8, design: [none, nowhere], class_shares: rubbish}\n"
        "  - cells: {n_points: 50, strategy: magic, views: 4}\n"
    )
    with pytest.raises(ConfigError) as caught:
        find_study(str(path))
    told = str(caught.value)
    for fault in (
        "in row 1 of study 'x': batch_size: Input should be greater than or equal to 1 (got 0)",
        "got 'sed'",
        "points per class, got 'guess'",
        "got 'P-moon'",
        "got 'none'",
        "got 'nowhere'",
        "Expected class_shares of auto for P-scene, got 'rubbish'",
        "got 'magic'",
        "Expected views of P-classic to be 8",
    ):
        assert told.count(fault) == 1


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("cells: {recipe: forest, encoder: resnet18}", "Expected no encoder with the recipe for"),
        ("cells: {recipe: stack, views: 8, warmup: 0.1}", "Expected no views, warmup with the"),
        ("protocol: P-transfer\n    cells: {scene: dubai1, wrong_share: 0.3}", "wrong_share: 0.3"),
        ("protocol: P-blocks\n    cells: {scene: dubai1, off_px: 5.0}", "in P-blocks, got off_px"),
        ("protocol: P-scene\n    cells: {scene: dubai1, recipe: forest, steps: 9}", "got steps: 9"),
        (
            "protocol: P-blocks\n    cells: {scene: dubai1, recipe: forest, steps: 9}",
            "got steps: 9",
        ),
        ("protocol: P-scene\n    cells: {scene: dubai1, budget: 2m, steps: 9}", "got both"),
        (
            "protocol: P-benchmark\n    cells: {data: loveda, batch_size: 1}",
            "batch_size of at least",
        ),
    ],
)
def test_values_that_a_run_would_not_use_are_refused(
    row: str, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(f"name: x\ntitle: x\nrows:\n  - {row}\n")
    with pytest.raises(InputError, match=message):
        find_study(str(path))


def test_the_network_of_p_classic_has_one_name(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(_GOOD.replace("views: 8", "views: 8, recipe: unet"))
    named = find_study(str(path)).cells(1)
    path.write_text(_GOOD)
    assert named == find_study(str(path)).cells(1)


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
