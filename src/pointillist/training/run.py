"""A run: the folder of one training, with its config, log, metrics, figures and model."""

from __future__ import annotations

import json
import os
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from pointillist.errors import MissingFileError, OutputError, OutputExistsError, PointillistError
from pointillist.models import TrainedModel, load


@dataclass(frozen=True)
class Run(os.PathLike[str]):
    """The folder of one training. Can be given wherever a model is asked for.

    Args:
        path: The folder.
    """

    path: Path

    def __fspath__(self) -> str:
        return str(self.path)

    @property
    def model_path(self) -> Path:
        """The trained model; exists when the training is complete."""
        return self.path / "model.safetensors"

    @property
    def config_path(self) -> Path:
        """The resolved configuration."""
        return self.path / "config.yaml"

    @property
    def metrics_path(self) -> Path:
        """What was measured, as JSON."""
        return self.path / "metrics.json"

    @property
    def log_path(self) -> Path:
        """What was said while training."""
        return self.path / "train.log"

    @property
    def checkpoint_path(self) -> Path:
        """State of an unfinished training, renewed after every epoch."""
        return self.path / "checkpoints" / "last.ckpt"

    @property
    def state_path(self) -> Path:
        """Folder of the state of an unfinished training."""
        return self.checkpoint_path.parent

    @property
    def task_path(self) -> Path:
        """Fingerprint of the scenes and labels of an unfinished training."""
        return self.state_path / "task.txt"

    @property
    def figures(self) -> Path:
        """Folder of figures."""
        return self.path / "figures"

    @property
    def is_complete(self) -> bool:
        """Whether the model is there."""
        return self.model_path.exists()

    @cached_property
    def model(self) -> TrainedModel:
        """The trained model, loaded once."""
        return load(self.path)

    @property
    def metrics(self) -> dict[str, Any]:
        """What `metrics.json` holds.

        Raises:
            MissingFileError: The training is not complete.
        """
        if not self.metrics_path.exists():
            raise MissingFileError(
                f"Run '{self.path}' has no metrics.json: its training is not complete. "
                "Finish it with --resume."
            )
        metrics: dict[str, Any] = json.loads(self.metrics_path.read_text(encoding="utf-8"))
        return metrics

    def write_metrics(self, metrics: dict[str, Any]) -> None:
        """Write `metrics.json` beside its final name and move it into place."""
        part = self.metrics_path.with_suffix(".json.part")
        part.write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")
        part.replace(self.metrics_path)

    def log(self, line: str) -> None:
        """Append a line with the time to `train.log`."""
        with self.log_path.open("a", encoding="utf-8") as file:
            file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')}  {line}\n")


def check_run(path: str | Path, *, overwrite: bool = False, resume: bool = False) -> Run:
    """Check that a run may go into a folder; touches nothing.

    Args:
        path: The folder.
        overwrite: An earlier run there may be replaced.
        resume: An unfinished run there is to go on.

    Raises:
        OutputExistsError: The folder holds something and neither was asked for.
        OutputError: The path is a file.
    """
    run = Run(Path(path))
    if run.path.exists() and not run.path.is_dir():
        raise OutputError(f"Expected a folder for the run, but '{path}' is a file. Choose another.")
    if not run.path.is_dir() or not any(run.path.iterdir()):
        return run
    if not _is_of_a_training(run):
        raise OutputExistsError(
            f"Folder '{path}' holds other files and no run. Choose another with --out."
        )
    if not overwrite and not resume:
        raise OutputExistsError(
            f"Run '{path}' exists already. Continue it with --resume, replace it with "
            "--overwrite, or choose another folder with --out."
        )
    return run


def _is_of_a_training(run: Run) -> bool:
    """Whether the folder was made by a training: others have a `config.yaml` of theirs, too."""
    if run.task_path.exists():
        return True
    with suppress(OSError, ValueError, yaml.YAMLError):
        stated = yaml.safe_load(run.config_path.read_text(encoding="utf-8"))
        if isinstance(stated, dict) and {"recipe", "unet", "forest"} <= stated.keys():
            return True
    with suppress(OSError, PointillistError):
        return bool(load(run.path, ready=False).legend)
    return False


def make_run(run: Run, *, resume: bool = False) -> None:
    """Make the folder of a run; what an earlier run left there goes, unless it is resumed.

    Raises:
        OutputError: The folder cannot be made.
    """
    if not resume:
        _clear(run)
    try:
        run.path.mkdir(parents=True, exist_ok=True)
        run.figures.mkdir(exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"Run folder '{run.path}' cannot be made: {error.strerror}. Choose another with --out."
        ) from error


def _clear(run: Run) -> None:
    """Remove what a run writes, and nothing else that may lie in the folder."""
    for file in (run.model_path, run.config_path, run.metrics_path, run.log_path):
        file.unlink(missing_ok=True)
    for folder in (run.figures, run.state_path, run.path / "logs"):
        shutil.rmtree(folder, ignore_errors=True)
