"""Training: recipes that learn a map's classes from labelled points."""

from __future__ import annotations

from pointillist.training.command import fit_recipe, open_scenes, read_task, train
from pointillist.training.config import (
    ForestConfig,
    TrainConfig,
    UnetConfig,
    parse_duration,
    read_config,
)
from pointillist.training.recipe import Fitted, Workshop
from pointillist.training.run import Run
from pointillist.training.task import TrainingTask

__all__ = [
    "Fitted",
    "ForestConfig",
    "Run",
    "TrainConfig",
    "TrainingTask",
    "UnetConfig",
    "Workshop",
    "fit_recipe",
    "open_scenes",
    "parse_duration",
    "read_config",
    "read_task",
    "train",
]
