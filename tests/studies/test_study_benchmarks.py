"""Published data sets, end to end on tiny trees in their publishers' layouts."""

from __future__ import annotations

import shutil
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from trees import MAKERS, make_folders, save

from pointillist.cli import main
from pointillist.data.benchmarks import count_images, fingerprint, open_benchmark
from pointillist.errors import InputError, MissingFileError
from pointillist.studies import find_study, read_records, run_study
from pointillist.studies.benchmark import BenchmarkCell, run_benchmark
from pointillist.studies.grid import StudyGrid
from pointillist.studies.places import Folders
from pointillist.studies.records import append_record

_STUDY = """
name: tiny
title: A tiny tree
seeds: 1
rows:
  - protocol: P-benchmark
    cells: {{data: {name}, n_points: 60, tile_px: 64, n_train: 4, n_test: 2, epochs: 1,
            batch_size: 2, encoder: resnet18}}
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(MAKERS))
def test_a_study_of_a_published_data_set(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, records = tmp_path / "data", tmp_path / "records"
    MAKERS[name](root)
    study = tmp_path / "tiny.yaml"
    study.write_text(_STUDY.format(name=name))
    with pytest.raises(SystemExit) as stop:
        main(["study", str(study), "--root", str(root), "--records", str(records)])
    assert not stop.value.code
    (record,) = read_records(records / "benchmark.jsonl")
    assert record["train_tiles"] == 4
    assert record["test_tiles"] == 2
    assert record["steps"] == 2
    assert 0 <= record["miou"] <= 1
    assert len(record["classes"]) == len(record["iou"])
    assert name in capsys.readouterr().out


def test_a_root_with_nothing_in_it_shows_the_tree(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match=r"(?s)Potsdam.*4_Ortho_RGB|Potsdam.*2_Ortho_RGB"):
        run_study("potsdam", 1, tmp_path / "records", folders=Folders(data=tmp_path))


def test_runs_are_made_again_when_the_root_holds_more(tmp_path: Path) -> None:
    root, records, said = tmp_path / "data", tmp_path / "records", list[str]()
    MAKERS["loveda"](root)
    cell = BenchmarkCell("loveda", tile_px=64)
    images = {s: count_images("loveda", root, s) for s in ("train", "test")}
    record = {"protocol": "P-benchmark", "cell": asdict(cell), "images": images}
    record |= {"miou": 0.5, "pixel_accuracy": 0.6}
    append_record(records / "benchmark.jsonl", record)
    grid = StudyGrid("loveda", [cell], records, Folders(data=root))
    assert grid.recorded(said.append)[0] is not None
    assert not said
    for folder in ("images_png", "masks_png"):
        one = min((root / "Train" / "Urban" / folder).iterdir())
        shutil.copy(one, one.with_stem("90001"))
    assert grid.recorded(said.append) == [None]
    assert said == [
        "Records of loveda made with other images or labels than there are now: 1. "
        "These runs are made again."
    ]
    assert StudyGrid("loveda", [cell], records).recorded()[0] is not None  # no root: not asked


def test_the_table_is_that_of_the_root_named(tmp_path: Path) -> None:
    """Records of another root, made later, are not shown in its place."""
    records, study = tmp_path / "records", find_study("folders")
    for root, miou in (("a", 0.11), ("b", 0.99)):
        make_folders(tmp_path / root, legend=True)
        if root == "b":
            (tmp_path / root / "images" / "tile5.png").unlink()
            (tmp_path / root / "masks" / "tile5_mask.png").unlink()
        files = {s: fingerprint("folders", tmp_path / root, s) for s in ("train", "test")}
        for cell in study.cells(1):
            record = {"protocol": "P-benchmark", "cell": asdict(cell), "files": files}
            record |= {"miou": miou, "pixel_accuracy": miou}
            append_record(records / "benchmark.jsonl", record)
    lines = run_study("folders", 1, records, folders=Folders(data=tmp_path / "a"))
    assert {line.miou.value for line in lines} == {0.11}


def test_runs_are_made_again_when_labels_or_classes_change(tmp_path: Path) -> None:
    root, records, said = tmp_path / "data", tmp_path / "records", list[str]()
    make_folders(root, legend=True)
    cell = BenchmarkCell("folders", tile_px=64)
    files = {s: fingerprint("folders", root, s) for s in ("train", "test")}
    record = {"protocol": "P-benchmark", "cell": asdict(cell), "files": files}
    append_record(records / "benchmark.jsonl", record | {"miou": 0.5, "pixel_accuracy": 0.6})
    grid = StudyGrid("folders", [cell], records, Folders(data=root))
    moved = StudyGrid("folders", [cell], records, Folders(data=root.rename(tmp_path / "moved")))
    assert moved.recorded(said.append)[0] is not None
    make_folders(root, legend=True)
    assert grid.recorded(said.append)[0] is not None
    assert not said
    (test,) = open_benchmark("folders", root, "test").samples
    (mask,) = test.labels.files
    save(mask, np.zeros((128, 128), dtype=np.uint8))
    assert grid.recorded(said.append) == [None]
    assert "other images or labels than there are now: 1." in said[0]
    make_folders(root, legend=True)
    legend = root / "legend.yaml"
    legend.write_text(legend.read_text().replace("Impervious surfaces", "Sealed"))
    assert grid.recorded() == [None]


def test_no_root_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"folder of the data set 'loveda'. Say .* --root"):
        run_study("loveda", 1, tmp_path)


def test_the_tree_is_shown_line_by_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["study", "loveda", "--root", str(tmp_path), "--records", str(tmp_path / "r")])
    assert stop.value.code == 1
    said = capsys.readouterr().err.splitlines()
    error = next(i for i, line in enumerate(said) if line.startswith("Error: Expected LoveDA in"))
    assert said[error].endswith("Unpacked, it looks like this:")
    assert said[error + 1 : error + 4] == ["  Train/", "    Rural/", "      images_png/0.png …"]


def test_fewer_tiles_than_a_step_takes_are_refused(tmp_path: Path) -> None:
    MAKERS["loveda"](tmp_path)
    cell = BenchmarkCell("loveda", tile_px=64, n_train=3, encoder="resnet18")
    with pytest.raises(InputError, match=r"got 3 for a batch_size of 4\. Choose a smaller one"):
        run_benchmark(cell, Folders(data=tmp_path))


def test_a_bad_test_mask_is_found_before_the_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    MAKERS["loveda"](tmp_path)
    (test,) = open_benchmark("loveda", tmp_path, "test").samples
    save(test.labels.files[0], np.full((128, 128), 77, dtype=np.uint8))
    monkeypatch.setattr("pointillist.training.fitting.fit_network", pytest.fail)
    cell = BenchmarkCell("loveda", tile_px=64, n_train=4, encoder="resnet18")
    with pytest.raises(InputError, match=r"Expected class codes .* got 77 at row 0, column 0"):
        run_benchmark(cell, Folders(data=tmp_path))
