"""The points that are there before a round: where they lie, how many rounds they have seen."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pointillist.errors import ClassFieldError
from pointillist.points import burn, choose_class_field, place_on_grid, read_features
from pointillist.raster import Scene

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

PathLike = str | os.PathLike[str]


@dataclass(frozen=True, eq=False)
class EarlierPoints:
    """What the files of points say.

    Args:
        files: Their names.
        rowcol: (M, 2) pixels of the scene that they touch, answered or not.
        n_points: Features in the scene.
        next_round: One more than the last round any of them was made in.
        class_field: Where new points keep their class.
        notices: What was assumed, one sentence each.
    """

    files: tuple[str, ...]
    rowcol: NDArray[np.int64]
    n_points: int
    next_round: int
    class_field: str
    notices: tuple[str, ...] = ()


def read_earlier(
    paths: Sequence[PathLike], scene: Scene, class_field: str | None, crs: str | None
) -> EarlierPoints:
    """Read files of points, answered or not, and find their pixels in a scene.

    Raises:
        MissingFileError: A file is not there.
        UnreadableFileError: It is damaged.
        PointsError: It holds nothing, or its coordinate system does not lead to the scene's.
        ClassFieldError: `class_field` is not among its fields.
    """
    pixels, notices = [np.empty((0, 2), dtype=np.int64)], []
    n_points, last_round, field = 0, 0, class_field
    for path in paths:
        frame = read_features(path, crs=crs)
        field = field or _class_field(frame, str(path))
        geometries, assumed = place_on_grid(frame, scene.grid, scene.name)
        burnt = burn(geometries, scene.grid)
        pixels.append(burnt.rowcol)
        n_points += len(np.unique(burnt.feature))
        notices += [*frame.attrs["notices"], *assumed]
        last_round = max(last_round, _last_round(frame))
    rowcol = np.unique(np.concatenate(pixels), axis=0)
    names = tuple(str(path) for path in paths)
    return EarlierPoints(
        names, rowcol, n_points, last_round + 1, field or "class", tuple(dict.fromkeys(notices))
    )


def _class_field(frame: GeoDataFrame, path: str) -> str | None:
    """The field that holds the class; None where it cannot be told, which does not matter here."""
    try:
        return choose_class_field(frame, None, path)
    except ClassFieldError:
        return None


def _last_round(frame: GeoDataFrame) -> int:
    """The greatest number in field `round`; 0 where there is none."""
    if "round" not in frame.columns:
        return 0
    import pandas as pd

    rounds: Any = pd.to_numeric(frame["round"], errors="coerce").dropna()
    return max(0, int(rounds.max())) if len(rounds) else 0
