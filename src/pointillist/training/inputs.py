"""What a run learnt from, so that its training can be done again on the same scenes and points."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pointillist.errors import InputError, MissingFileError
from pointillist.training.run import Run
from pointillist.training.task import TrainingTask


@dataclass(frozen=True)
class RunInputs:
    """Paths and options that a run was trained with.

    Args:
        scenes: Paths of the scenes, absolute where they are files.
        points: Paths of the points, likewise.
        bands: As asked for; None for all.
        class_field: As asked for.
        crs: As asked for.
        task: Fingerprint of the labels, classes, bands and grids.
        contents: Fingerprint of the scenes' pixels.
    """

    scenes: tuple[str, ...]
    points: tuple[str, ...]
    bands: str | list[str | int] | None = None
    class_field: str | None = None
    crs: str | None = None
    task: str = ""
    contents: str = ""


def record_inputs(
    sources: Mapping[str, Any],
    class_field: str | None,
    crs: str | None,
    task: TrainingTask,
    contents: str,
) -> dict[str, Any]:
    """Plain data that `read_inputs` reads again.

    Args:
        sources: `scenes`, `points` and `bands` as `train` was given them.
        class_field: Field that holds the class.
        crs: Coordinate system of points that state none.
        task: What was read from them.
        contents: Fingerprint of the scenes' pixels.
    """
    bands = sources["bands"]
    return {
        "scenes": _absolute(sources["scenes"]),
        "points": _absolute(sources["points"]),
        "bands": bands if bands is None or isinstance(bands, str) else list(bands),
        "class_field": class_field,
        "crs": crs,
        "task": task.fingerprint(),
        "contents": contents,
    }


def read_inputs(run: Run) -> RunInputs:
    """What a run learnt from.

    Raises:
        InputError: The run does not say, or is no run folder.
        MissingFileError: A scene or file of points is not there any more.
    """
    if not run.path.is_dir():
        raise InputError(
            f"Expected a run folder, got '{run.path}': a model file alone does not say which "
            "points it learnt from. Name the folder that `train` wrote."
        )
    recorded = run.metrics.get("inputs")
    if recorded is None:
        raise InputError(
            f"Run '{run.path}' does not record its scenes and points, as older versions did not. "
            "Train it again."
        )
    inputs = RunInputs(
        **{**recorded, **{k: tuple(recorded[k]) for k in ("scenes", "points")}},
    )
    for path in (*inputs.scenes, *inputs.points):
        if Path(path).is_absolute() and not path.startswith("/vsi") and not Path(path).exists():
            raise MissingFileError(
                f"'{path}', which run '{run.path}' learnt from, is not there any more. Put it "
                "back, or train again from where it is now."
            )
    return inputs


def _absolute(paths: Any) -> list[str]:
    """Paths that still lead there from another folder; what is no file stays as it is."""
    each = [paths] if isinstance(paths, (str, os.PathLike)) else list(paths)
    names = [os.fspath(path) for path in each]
    return [str(Path(name).resolve()) if Path(name).exists() else name for name in names]
