"""A run is cross-validated on what it learnt from, by its own recipe."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest

from pointillist.errors import InputError, MissingFileError
from pointillist.training import Run, TrainConfig, read_config, train
from pointillist.training.run_crossvalidation import _config_of_a_fold, cross_validate_run

CONFIG = "forest: {n_trees: 12, sigmas: [1.0, 2.0]}\n"


@pytest.fixture
def forest_run(small_world: Any) -> Path:
    config = small_world.folder / "small.yaml"
    config.write_text(CONFIG, encoding="utf-8")
    out = small_world.folder / "run"
    train(small_world.scene, small_world.points, out, recipe="forest", config=config)
    return out


def test_the_run_says_what_it_learnt_from(forest_run: Path, small_world: Any) -> None:
    inputs = json.loads((forest_run / "metrics.json").read_text("utf-8"))["inputs"]
    assert inputs["scenes"] == [str(small_world.scene)]
    assert inputs["points"] == [str(small_world.points)]


def test_every_label_is_judged_while_held_out(forest_run: Path, tmp_path: Path) -> None:
    said: list[str] = []
    done: list[float] = []
    found = cross_validate_run(
        forest_run, n_folds=3, say=said.append, step=lambda share, _: done.append(share)
    )
    stated = found.to_dict()
    assert stated["n"] == stated["features"] == 60
    assert sum(fold["n"] for fold in stated["folds"]) == 60
    assert sum(map(sum, stated["confusion_matrix"])) == 60
    assert stated["overall_accuracy"] > 0.7  # three colours, easily told apart
    assert stated["notices"] == []
    assert "3 folds of squares of" in said[0]
    assert done == pytest.approx([1 / 3, 2 / 3, 1])
    assert stated["median_distance_px"]["held_out"] > stated["median_distance_px"]["anywhere"]
    assert "does not tell how accurate the map is" in stated["what_it_tells"][1]
    path = found.write_json(tmp_path / "cv.json")
    assert json.loads(path.read_text("utf-8")) == stated
    again = cross_validate_run(forest_run, n_folds=3).to_dict()
    assert again["confusion_matrix"] == stated["confusion_matrix"]


def test_points_that_came_since_are_told(forest_run: Path, small_world: Any) -> None:
    frame = gpd.read_file(small_world.points)
    frame.iloc[:45].to_file(small_world.points, driver="GPKG")
    found = cross_validate_run(forest_run, n_folds=2, block_px=30)
    assert "60 labelled pixels then, 45 now" in found.notices[0]
    assert found.blocks.side_px == 30


def test_what_cannot_be_cross_validated(forest_run: Path, small_world: Any) -> None:
    with pytest.raises(InputError, match="at least 2 --folds, got 1"):
        cross_validate_run(forest_run, n_folds=1)
    with pytest.raises(InputError, match="--block of at least 1"):
        cross_validate_run(forest_run, block_px=0)
    with pytest.raises(InputError, match="Expected a run folder"):
        cross_validate_run(forest_run / "model.safetensors")
    small_world.points.rename(small_world.folder / "elsewhere.gpkg")
    with pytest.raises(MissingFileError, match=r"points\.gpkg.*is not there any more"):
        cross_validate_run(forest_run)
    metrics = json.loads((forest_run / "metrics.json").read_text("utf-8"))
    del metrics["inputs"]
    (forest_run / "metrics.json").write_text(json.dumps(metrics), encoding="utf-8")
    with pytest.raises(InputError, match="does not record its scenes and points"):
        cross_validate_run(forest_run)


def test_a_fold_trains_like_the_run_or_within_its_share_of_the_time(forest_run: Path) -> None:
    def config(metrics: dict[str, Any], budget: str | None = None) -> TrainConfig:
        return _config_of_a_fold(Run(forest_run), metrics, budget, 4, None)

    assert config({}) == read_config(forest_run / "config.yaml")
    assert config({}, "2m").budget_s == pytest.approx(30)
    settings = config({}).model_dump(mode="json")
    settings["unet"]["steps"], settings["budget"] = 150, "45s"  # a round that goes on from another
    TrainConfig.model_validate(settings).write(forest_run / "config.yaml")
    assert config({"from": "round0"}).unet.steps == TrainConfig().unet.steps
    assert config({"from": "round0"}).budget is None
    assert config({}).unet.steps == 150


@pytest.mark.slow
def test_networks_and_forests_learn_again_in_every_fold(small_world: Any) -> None:
    config = small_world.folder / "small.yaml"
    config.write_text(CONFIG, encoding="utf-8")
    out = small_world.folder / "run"
    train(
        small_world.scene, small_world.points, out, recipe="stack", config=config,
        encoder="slim", weights="none", steps=2,
    )  # fmt: skip
    found = cross_validate_run(out, n_folds=2).to_dict()
    assert found["recipe"] == "stack"
    assert found["n"] == 60
