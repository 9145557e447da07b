"""Which models ask for smooth maps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import pointillist
from pointillist.errors import ConfigError
from pointillist.grid import Grid, Transform
from pointillist.legend import Legend
from pointillist.models import ModelCard
from pointillist.points import LabelledPixels
from pointillist.raster import ArraySource
from pointillist.training import ForestConfig, TrainConfig, TrainingTask, Workshop
from pointillist.training.command import SMOOTH_PX, choose_smoothing, fit_recipe
from pointillist.training.config import read_config


def _task(pixel_m: float, crs: str | None = "EPSG:32633") -> TrainingTask:
    rng = np.random.default_rng(3)
    grid = Grid(40, 40, Transform(pixel_m, 0, 4e5, 0, -pixel_m, 5e6), crs)
    source = ArraySource(rng.normal(10, 3, (3, 40, 40)).astype(np.float32), None, grid)
    rowcol = rng.permutation(40)[:20, None] * [1, 1]
    pixels = LabelledPixels.from_arrays(rowcol, np.arange(20) % 2)
    return TrainingTask((source,), (pixels,), Legend.from_names(["a", "b"]), 0, source.band_names)


@pytest.mark.parametrize(
    ("pixel_m", "crs", "recipe", "expected"),
    [
        (0.5, "EPSG:32633", "auto", SMOOTH_PX),
        (2.0, "EPSG:32633", "stack", SMOOTH_PX),
        (0.5, "EPSG:32633", "forest", SMOOTH_PX),
        (0.5, "EPSG:32633", "unet", 0),
        (10.0, "EPSG:32633", "auto", 0),
        (0.5, None, "auto", 0),
    ],
)
def test_small_pixels_and_forests(pixel_m, crs, recipe, expected) -> None:
    assert choose_smoothing(_task(pixel_m, crs), TrainConfig(recipe=recipe)) == expected


def test_what_is_asked_for_is_kept_with_the_model(tmp_path) -> None:
    said: list[str] = []
    config = TrainConfig(recipe="forest", forest=ForestConfig(n_trees=5))
    model = fit_recipe(_task(0.5), config, Workshop(say=said.append)).model
    assert any(f"smoothed within {SMOOTH_PX} pixels" in line for line in said)
    model.save(tmp_path / "model.safetensors")
    assert pointillist.load(tmp_path / "model.safetensors").card.smooth_px == SMOOTH_PX
    asked = fit_recipe(_task(0.5), config.model_copy(update={"smooth_px": 0}), Workshop()).model
    assert asked.card.smooth_px == 0
    assert ModelCard.from_dict(replace(asked.card, smooth_px=5).to_dict()).smooth_px == 5


def test_out_of_range() -> None:
    with pytest.raises(ConfigError, match="smooth_px"):
        read_config(None, {"smooth_px": 17})


def test_train_asks_for_it_too(small_world) -> None:
    config = small_world.folder / "config.yaml"
    config.write_text("recipe: forest\nforest: {n_trees: 5}\n")
    run = pointillist.train(
        small_world.scene, small_world.points, small_world.folder / "run", config=config
    )
    assert pointillist.load(run).card.smooth_px == SMOOTH_PX
