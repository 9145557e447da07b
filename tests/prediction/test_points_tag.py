"""A map names the points its model learnt from, so that a later assessment can look at them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from prediction_cases import Thresholder, grey

from pointillist.models import points_of
from pointillist.prediction import scene_map
from pointillist.raster import read_training_points


def test_a_map_names_the_points_of_its_run(
    write_scene: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    run.mkdir()
    assert points_of(run) == ()
    (run / "metrics.json").write_text(json.dumps({"inputs": {"points": ["/far/points.gpkg"]}}))
    assert points_of(run) == ("/far/points.gpkg",)
    monkeypatch.setattr(scene_map, "_load", lambda model: Thresholder())
    scene = write_scene(grey(40, 50).astype(np.uint8))  # type: ignore[operator]
    made = scene_map.predict(run, scene, tmp_path / "map.tif", engine="torch")
    assert read_training_points(str(made)) == ["/far/points.gpkg"]
    bare = scene_map.predict(Thresholder(), scene, tmp_path / "bare.tif", engine="torch")
    assert read_training_points(str(bare)) == []


def test_broken_metrics_name_nothing(tmp_path: Path) -> None:
    (tmp_path / "metrics.json").write_text("{")
    assert points_of(tmp_path / "model.safetensors") == ()
