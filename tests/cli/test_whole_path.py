"""The path a mapper walks, command by command."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from pointillist.cli import demo as demo_module

Cli = Callable[..., Any]


def test_points_to_judged_map(cli: Cli, small_world: Any) -> None:
    folder = small_world.folder
    assert cli("train", small_world.scene, "--points", small_world.points, "--recipe", "forest",
               "--out", folder / "run").status == 0  # fmt: skip
    mapped = cli("predict", folder / "run", small_world.scene, "--out", folder / "map.tif",
                 "--probabilities", folder / "p.tif", "--uncertainty", folder / "u.tif",
                 "--polygons", folder / "map.gpkg", "--min-area", 4)  # fmt: skip
    assert mapped.status == 0, mapped.err
    written = [f"Map: {folder / 'map.tif'}", f"Probabilities: {folder / 'p.tif'}",
               f"Uncertainty: {folder / 'u.tif'}", f"Polygons: {folder / 'map.gpkg'}"]  # fmt: skip
    assert mapped.err.splitlines()[-4:] == written
    assert cli("sample", folder / "map.tif", "-n", 60, "--design", "stratified",
               "--for", "reference", "--out", folder / "reference.gpkg").status == 0  # fmt: skip
    result = cli("assess", folder / "map.tif", "--reference", small_world.truth,
                 "--json", folder / "a.json", "--html", folder / "a.html")  # fmt: skip
    assert result.status == 0, result.err
    assert "overall accuracy" in result.out.lower()
    figures = json.loads((folder / "a.json").read_text())
    with rasterio.open(folder / "map.tif") as file:
        found = file.read(1)
        assert file.crs.to_epsg() == 32632
    assert figures["overall_accuracy"] == pytest.approx(np.mean(found == small_world.mask + 1))
    assert figures["overall_accuracy"] > 0.85
    assert "<html" in (folder / "a.html").read_text()


def test_sample_then_train_keeps_the_masks_codes(cli: Cli, small_world: Any) -> None:
    folder = small_world.folder
    assert cli("sample", small_world.truth, "-n", 50, "--out", folder / "p.gpkg").status == 0
    assert cli("train", small_world.scene, "--points", folder / "p.gpkg", "--recipe", "forest",
               "--out", folder / "run").status == 0  # fmt: skip
    assert cli("predict", folder / "run", small_world.scene, "--out", folder / "m.tif").status == 0
    with rasterio.open(folder / "m.tif") as file:
        assert set(np.unique(file.read(1))) <= {1, 2, 3}
    result = cli("assess", folder / "m.tif", "--reference", small_world.truth)
    assert result.status == 0, result.err


def test_stack_makes_a_scene_of_two_dates(cli: Cli, small_world: Any) -> None:
    folder = small_world.folder
    out = folder / "both.vrt"
    assert cli("stack", small_world.scene, small_world.scene, "--out", out).status == 0
    assert cli("train", out, "--points", small_world.points, "--recipe", "forest",
               "--out", folder / "run").status == 0  # fmt: skip
    shown = cli("info", folder / "run", "--json")
    assert len(json.loads(shown.out)["bands"]) == 6


def test_info_tells_what_files_hold(cli: Cli, small_world: Any) -> None:
    assert "96 rows × 128 columns" in cli("info", small_world.scene).out
    assert "class_field" in cli("info", small_world.points, "--json").out
    result = cli("info", small_world.folder / "nothing.tif")
    assert result.status == 1
    assert "does not exist" in result.err


def test_help_teaches_by_example(cli: Cli) -> None:
    for command in ("demo", "train", "predict", "sample", "assess", "stack", "info"):
        shown = cli(command, "--help")
        assert shown.status == 0
        assert f"pointillist {command}" in shown.out.split("Example", 1)[1]
    assert cli("--version").out.startswith("pointillist 0.")


@pytest.mark.slow
def test_the_demo_leaves_everything(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo_module, "SIZE_PX", 256)
    monkeypatch.setattr(demo_module, "BUDGET", "10s")
    out = tmp_path / "demo"
    result = cli("demo", "--out", out)
    assert result.status == 0, result.err
    files = demo_module.DemoFiles(out)
    assert "behind them the map" in files.page.read_text()
    for path in (files.scene, files.points, files.map, files.page, files.picture, files.accuracy):
        assert path.stat().st_size > 500, path
    assert (files.run / "model.safetensors").exists()
    assert "pointillist train   scene.tif" in result.out
    again = cli("demo", "--out", out)
    assert again.status == 1
    assert "--overwrite" in again.err
