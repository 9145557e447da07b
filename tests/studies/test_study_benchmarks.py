"""Published data sets, end to end on tiny trees in their publishers' layouts."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

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
from pointillist.studies.tables import read_lines

_HEAD = {"protocol": "P-benchmark", "protocol_version": 2}
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
    record = {**_HEAD, "cell": asdict(cell), "images": images}
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
            record = {**_HEAD, "cell": asdict(cell), "files": files}
            record |= {"miou": miou, "pixel_accuracy": miou}
            append_record(records / "benchmark.jsonl", record)
    lines = run_study("folders", 1, records, folders=Folders(data=tmp_path / "a"))
    assert {line.miou.value for line in lines} == {0.11}
    # without a root the runs of the last files count, and no others among them
    append_record(records / "benchmark.jsonl", {**record, "cell": asdict(study.cells(2)[-1])})
    said: list[str] = []
    lines = read_lines(study, 2, records, said.append)
    assert {line.miou.value for line in lines} == {0.99}
    assert said == []
    mixed = {**record, "cell": asdict(study.cells(2)[5]), "files": {"train": "other"}}
    (records / "benchmark.jsonl").write_text(
        json.dumps(mixed) + "\n" + (records / "benchmark.jsonl").read_text()
    )
    lines = read_lines(study, 2, records, said.append)
    assert {line.miou.value for line in lines} == {0.99}
    assert "than the last ones: 1. They are left out" in said[0]


def test_runs_are_made_again_when_labels_or_classes_change(tmp_path: Path) -> None:
    root, records, said = tmp_path / "data", tmp_path / "records", list[str]()
    make_folders(root, legend=True)
    cell = BenchmarkCell("folders", tile_px=64)
    files = {s: fingerprint("folders", root, s) for s in ("train", "test")}
    record = {**_HEAD, "cell": asdict(cell), "files": files}
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


@pytest.mark.slow
def test_small_images_of_ones_own(tmp_path: Path) -> None:
    """Smaller than a tile: then tiles are as large as they are; what is left out is told."""
    root = tmp_path / "data"
    make_folders(root, legend=True)
    cell = BenchmarkCell("folders", n_points=30, n_train=2, epochs=1, batch_size=2)
    record = run_benchmark(cell, Folders(data=root))
    assert (record["tile_px"], record["train_tiles"], record["train_labels"]) == (128, 2, 60)
    assert any("Trained on 2 of 4 tiles and scored on 1 of 1" in n for n in record["notices"])
    masks = [s.labels.files[0] for s in open_benchmark("folders", root, "test").samples]
    for mask in masks:
        save(mask, np.full((128, 128), 255, dtype=np.uint8))
    with pytest.raises(InputError, match="labels in the test tiles of 'folders', got none"):
        run_benchmark(cell, Folders(data=root))


def test_each_pixel_is_scored_once(tmp_path: Path) -> None:
    truth = make_folders(tmp_path, legend=True)
    for tile_px in (48, 64, 100, 128):
        test = open_benchmark("folders", tmp_path, "test", tile_px=tile_px, once=True)
        labelled = sum(int((truth[s.name] >= 0).sum()) for s in test.samples)
        assert test.count_labels() == labelled
        tiles = [test[i][1].numpy() for i in range(len(test))]
        there = [truth[s.name] for s in test.samples]
        counts = [
            sum(np.bincount(m[m >= 0], minlength=8) for m in masks) for masks in (tiles, there)
        ]
        assert counts[0].tolist() == counts[1].tolist()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"supervision": "full", "strategy": "interior"}, "no points beside full masks"),
        ({"supervision": "full", "n_points": 50}, "no points beside full masks"),
        ({"batch_size": 1}, "batch_size of at least 2"),
    ],
)
def test_what_a_run_would_not_use_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        BenchmarkCell("loveda", **options)


def test_rows_are_named_by_tiles() -> None:
    names = [row.name for row in find_study("potsdam").rows]
    assert names[-2:] == ["potsdam, 200 per tile", "potsdam, full masks"]
    assert names[0] == "potsdam, 5 per class and tile"


def test_files_that_no_run_takes_are_refused(tmp_path: Path) -> None:
    (tmp_path / "w.pth").write_bytes(b"x")
    folders = Folders(weights=tmp_path / "w.pth", data=tmp_path)
    with pytest.raises(InputError, match="no --weights with the study density"):
        run_study("density", 1, tmp_path, folders=folders)
    with pytest.raises(InputError, match="no --root with the study density"):
        run_study("density", 1, tmp_path, folders=Folders(data=tmp_path))


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
