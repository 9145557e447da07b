"""Whether reference points are, or lie beside, points that the map was trained with.

A map is better where it was taught. A reference drawn by chance may hit such places, and rightly
so: they are part of the map. A reference that gathers there, or is the training set, says how well
the map remembers.

What chance would do is judged class by class of the map: a sample with as many points of every
class is nearer to training points of rare classes than places anywhere are, and rightly so.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pointillist.errors import InputError, MissingFileError, PointsError
from pointillist.grid import Grid

NEAR_PX = 5
_N_PLACES, _MOST_TRAINING = 50_000, 2_000_000
_SAME_SET, _UNLIKELY = 0.5, 0.01
PathLike = str | os.PathLike[str]
Pixels = NDArray[np.int64]


@dataclass(frozen=True)
class Leakage:
    """How near reference points are to training points.

    Args:
        training: Names of the files of training points.
        n: Reference points.
        on: Of them those in a pixel that was a label of the training.
        near: Those within `NEAR_PX` pixels of one (these among them).
        expected_near: Share that would be that near if as many places of each class of the map
            were drawn at random.
        near_m: What `NEAR_PX` is in metres; None where nothing tells.
        p_value: Chance of so many near ones if places were drawn at random.
    """

    training: tuple[str, ...]
    n: int
    on: int
    near: int
    expected_near: float
    near_m: float | None
    p_value: float

    @property
    def is_training_set(self) -> bool:
        """Whether the reference is, for the greater part, what the map was taught."""
        return self.on > _SAME_SET * self.n

    @property
    def refusal(self) -> str:
        """Why the points cannot judge by estimates; empty where they can."""
        if not self.is_training_set:
            return ""
        return (
            f"{self.on:,} of its {self.n:,} points lie on labels the map was trained with "
            f"({', '.join(self.training)}). Draw points of their own with `sample --for reference`."
        )

    @property
    def notice(self) -> str:
        """What a reader must know."""
        files, distance = ", ".join(self.training), f"{NEAR_PX} pixels"
        if self.near_m is not None:
            distance += f" ({self.near_m:,.4g} m)"
        text = (
            f"Training points ({files}): {self.on:,} of {self.n:,} reference points lie on one, "
            f"{self.near:,} within {distance}; of as many places of each class of the map, drawn "
            f"at random, {self.expected_near:.1%} would."
        )
        if self.p_value < _UNLIKELY and self.near > self.expected_near * self.n:
            text += (
                " That is more than chance: the reference gathers where the map was taught, and "
                "makes it look better than it is."
            )
        elif self.on:
            text += " Chance explains that; the points stay, for leaving them out would bias."
        return text

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "training": list(self.training),
            "n": self.n,
            "on": self.on,
            "near": self.near,
            "near_px": NEAR_PX,
            "near_m": self.near_m,
            "expected_near": self.expected_near,
            "p_value": self.p_value,
        }


@dataclass(frozen=True, eq=False)
class Judged:
    """Where a reference judges the map, and what the map holds.

    Args:
        rowcol: (n, 2) pixels of the reference.
        in_map: (n,) class of the map there, −1 where it has none.
        pixels: (C,) pixels of each class in the whole map.
        class_at: Class (m,) of the map at pixels (m, 2), −1 where it has none.
    """

    rowcol: Pixels
    in_map: NDArray[np.int64]
    pixels: NDArray[np.int64]
    class_at: Callable[[Pixels], NDArray[np.int64]]


def find_leakage(
    judged: Judged, grid: Grid, training: Sequence[PathLike], *, crs: str | None = None
) -> Leakage | None:
    """Compare reference pixels with the labels of training files.

    Args:
        judged: The reference.
        grid: Of the map.
        training: Files of training points, lines or polygons.
        crs: Coordinate system of files that name none.

    Returns:
        What was found; None where no training label lies on the map.
    """
    from scipy.spatial import cKDTree
    from scipy.stats import binomtest

    rowcol = judged.rowcol
    labels = [_labels_on(path, grid, crs) for path in training]
    taught = np.unique(np.concatenate([np.empty((0, 2), dtype=np.int64), *labels]), axis=0)
    if not len(taught) or not len(rowcol):
        return None
    if len(taught) > _MOST_TRAINING:
        taught = taught[:: -(-len(taught) // _MOST_TRAINING)]
    tree = cKDTree(taught)
    distance, _ = tree.query(rowcol)
    near_of_class = _count_near(taught, tree, grid, judged)
    share = np.append(near_of_class / np.maximum(judged.pixels, 1), 0.0)  # last: no class
    expected = float(np.clip(share, 0, 1)[judged.in_map].mean())
    near = int((distance <= NEAR_PX).sum())
    chance = min(max(expected, 1 / _N_PLACES), 1.0)
    return Leakage(
        tuple(Path(os.fspath(path)).name for path in training),
        len(rowcol),
        int((distance == 0).sum()),
        near,
        expected,
        _near_m(grid),
        float(binomtest(near, len(rowcol), chance, alternative="greater").pvalue),
    )


def _count_near(taught: Pixels, tree: Any, grid: Grid, judged: Judged) -> NDArray[np.float64]:
    """(C,) pixels of each class of the map that lie near a training label.

    Pairs of a label and a step of at most `NEAR_PX` reach each such pixel as often as it has labels
    near it; so each pair counts as one divided by that number. Of very many pairs some are drawn.
    """
    side = np.arange(-NEAR_PX, NEAR_PX + 1)
    steps = np.argwhere(np.add.outer(side**2, side**2) <= NEAR_PX**2) - NEAR_PX
    n_pairs = len(taught) * len(steps)
    pairs = np.arange(n_pairs)
    if n_pairs > _N_PLACES:
        pairs = np.random.default_rng(0).integers(0, n_pairs, size=_N_PLACES)
    places = taught[pairs // len(steps)] + steps[pairs % len(steps)]
    places = places[np.all((places >= 0) & (places < grid.shape), axis=1)]
    found = judged.class_at(places)
    places, found = places[found >= 0], found[found >= 0]
    if not len(places):
        return np.zeros(len(judged.pixels))
    times = tree.query_ball_point(places, NEAR_PX, return_length=True)
    total = np.bincount(found, 1 / times, minlength=len(judged.pixels))
    return np.asarray(total * n_pairs / len(pairs), dtype=np.float64)


def training_files(given: Sequence[PathLike], map_path: PathLike) -> list[PathLike]:
    """Files of training points: those given (a run stands for its own), else the map's own.

    Args:
        given: Files of points, runs or models.
        map_path: The map, whose tags may say what it was trained with.

    Raises:
        MissingFileError: A file that is given does not exist.
        InputError: A run that is given does not say what it was trained with.
    """
    if not given:
        return [path for path in _named_by_map(map_path) if Path(path).exists()]
    files: list[PathLike] = []
    for path in given:
        if Path(path).is_dir() or Path(path).suffix == ".safetensors":
            files += _of_model(Path(path))
        elif not Path(str(path).split("|")[0]).exists():
            raise MissingFileError(
                f"Training points '{path}' do not exist. Check the path after --training."
            )
        else:
            files.append(path)
    return files


def _named_by_map(path: PathLike) -> list[str]:
    from pointillist.raster import read_training_points

    return _beside(read_training_points(os.fspath(path)), Path(path).parent)


def _of_model(path: Path) -> list[PathLike]:
    """What the metrics of a run say of its points; `accuracy` knows no models."""
    folder = path if path.is_dir() else path.parent
    metrics = folder / "metrics.json"
    if not metrics.is_file():
        raise MissingFileError(
            f"There is no metrics.json in '{folder}', where a run says what it learnt from. Name "
            "the file of training points with --training."
        )
    try:
        names = [str(name) for name in json.loads(metrics.read_text("utf-8"))["inputs"]["points"]]
    except (ValueError, KeyError, TypeError):
        names = []
    there = [name for name in _beside(names, folder) if Path(name).exists()]
    if not there:
        what = f"{', '.join(names)} is not there" if names else "it does not name any"
        raise InputError(
            f"Expected the training points of '{path}', but {what}. Name their file with "
            "--training."
        )
    return list(there)


def _beside(names: Sequence[str], folder: Path) -> list[str]:
    """Names as they are, or as they lie beside a file that was moved with them."""
    return [n if Path(n).exists() else str(folder / Path(n).name) for n in names]


def _labels_on(path: PathLike, grid: Grid, crs: str | None) -> Pixels:
    from pointillist.points import read_labels

    try:
        return read_labels(path, grid, crs=crs, source_name="the map").pixels.rowcol
    except PointsError:
        return np.empty((0, 2), dtype=np.int64)  # no label of it lies on the map


def _near_m(grid: Grid) -> float | None:
    from pointillist.accuracy.area import metres_per_unit

    metres = None if grid.crs is None else metres_per_unit(grid.crs)
    return None if metres is None else NEAR_PX * float(np.sqrt(grid.transform.pixel_area)) * metres
