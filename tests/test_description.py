"""What `pointillist.describe` says of every kind of file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import pointillist
from pointillist.errors import MissingFileError, UnreadableFileError
from pointillist.training import train


def test_a_scene_points_and_a_model(small_world: Any) -> None:
    scene = pointillist.describe(small_world.scene)
    assert scene["kind"] == "raster"
    assert scene["size"] == "96 rows × 128 columns"
    points = pointillist.describe(str(small_world.points))
    assert points["kind"] == "points"
    assert points["features"] == 60
    assert sum(points["classes"].values()) == 60
    run = train(small_world.scene, small_world.points, small_world.folder / "run", recipe="forest")
    for path in (run, run.model_path):
        model = pointillist.describe(path)
        assert model["kind"] == "model"
        assert model["recipe"] == "forest"
        assert model["classes"] == ["1 Forest", "2 Urban", "3 Water"]
        assert model["pixel_size"] == pytest.approx(2)


def test_what_is_none_of_these(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="does not exist"):
        pointillist.describe(tmp_path / "none.tif")
    (tmp_path / "text.xyz").write_text("words")
    with pytest.raises(UnreadableFileError, match="cannot be opened"):
        pointillist.describe(tmp_path / "text.xyz")
