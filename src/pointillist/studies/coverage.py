"""P-accuracy: is the stated accuracy true? Many samples of one map, each judged like a real one.

A map of a scene and its dense mask make a census. From it many independent reference samples are
drawn by a design, the accuracy assessment is run on each, and its estimates and intervals are
compared with the census: bias in standard errors, and how often a 95 % interval holds the truth.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pointillist.accuracy.estimators import Estimate, StratifiedSample, estimate
from pointillist.errors import InputError
from pointillist.studies.places import NOWHERE, Folders, Place, read_place

DESIGNS = ("simple", "stratified", "systematic")
CONFIDENCE = 0.95
ENOUGH = 30
"""Samples of a class, on average, from which on its interval is judged."""

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class AccuracyCell:
    """One run of the protocol.

    Args:
        scene: Name of the scene; its map is learnt by a forest from 300 simple random points.
        design: `simple`, `stratified` (by map class, in proportion, at least two each) or
            `systematic` (judged as if it were simple random, as is usual).
        n_points: Points of a reference sample.
        seed: Of map and samples.
        draws: Samples.
    """

    scene: str
    design: str = "simple"
    n_points: int = 300
    seed: int = 0
    draws: int = 10_000

    def __post_init__(self) -> None:
        if self.design not in DESIGNS:
            raise InputError(
                f"Expected a design of {', '.join(DESIGNS)} for P-accuracy, got {self.design!r}."
            )


def run_coverage(cell: AccuracyCell, folders: Folders = NOWHERE) -> dict[str, Any]:
    """Map a scene, draw samples, assess each, compare with the census.

    Returns:
        Record: `miou` and `overall_accuracy` of the map by census; `overall` with `bias` (in mean
        standard errors) and `coverage`; the same in lists by class for `area`, `users` and
        `producers`, with `n` samples on average and the `estimable` share; `monte_carlo_error` of
        a coverage of 95 %.
    """
    from pointillist.studies.mapping import score_map

    place, found = _mapped(cell.scene, cell.seed, folders.find_scenes())
    rng = np.random.default_rng([cell.seed, cell.n_points, DESIGNS.index(cell.design), 77])
    census = count_census(found, place)
    draw = _sampler(cell, census, found, place)
    judged = judge([draw(rng) for _ in range(cell.draws)], census)
    return {
        "protocol": "P-accuracy",
        "cell": asdict(cell),
        **score_map(found, place),
        **judged,
        "classes": list(place.legend.names),
        "monte_carlo_error": float(np.sqrt(CONFIDENCE * (1 - CONFIDENCE) / cell.draws)),
    }


@lru_cache(maxsize=1)
def _mapped(scene: str, seed: int, folder: Path) -> tuple[Place, NDArray[np.int16]]:
    from pointillist.studies.mapping import Lesson, draw_labels, learn, map_place

    place = read_place(scene, folder)
    model, _ = learn([place], [draw_labels(place, 300, "simple", seed)], Lesson("forest", seed))
    return place, map_place(model, place)


def count_census(found: NDArray[np.int16], place: Place) -> Counts:
    """Pixels (C, C) by map class and class of the mask, where both are known."""
    from pointillist.studies.mapping import count_pixels

    both = np.where(found < 0, -1, place.mask)
    matrix = count_pixels(np.maximum(found, 0), both, place.legend.names)
    return np.asarray(matrix.counts, dtype=np.int64)


def _sampler(
    cell: AccuracyCell, census: Counts, found: NDArray[np.int16], place: Place
) -> Callable[[np.random.Generator], StratifiedSample]:
    """A function that draws one sample, counted.

    Simple and stratified samples are drawn from the counts of the census, which has the same
    distribution as drawing pixels without replacement; systematic ones from the pixels.
    """
    n_classes = len(census)
    sizes = census.sum(axis=1)

    def simple(rng: np.random.Generator) -> StratifiedSample:
        counts = rng.multivariate_hypergeometric(census.ravel(), cell.n_points)
        return _one_stratum(counts.reshape(census.shape))

    def stratified(rng: np.random.Generator) -> StratifiedSample:
        counts = np.zeros((n_classes, n_classes + 1, n_classes), dtype=np.int64)
        for c, n in enumerate(allocate(sizes, cell.n_points)):
            counts[c, c] = rng.multivariate_hypergeometric(census[c], n)
        present = sizes > 0
        return StratifiedSample(
            counts[present],
            sizes[present].astype(np.float64),
            tuple(np.array(place.legend.names)[present].tolist()),
            np.flatnonzero(present),
        )

    def systematic(rng: np.random.Generator) -> StratifiedSample:
        from pointillist.sampling import draw_points

        rows, cols = draw_points(known, cell.n_points, "systematic", rng).T
        counts = np.zeros(census.shape, dtype=np.int64)
        np.add.at(counts, (found[rows, cols], place.mask[rows, cols]), 1)
        return _one_stratum(counts)

    if cell.design == "systematic":
        known = np.where(found < 0, -1, place.mask).astype(np.int8)
        return systematic
    return simple if cell.design == "simple" else stratified


def allocate(sizes: Counts, n: int) -> Counts:
    """Samples per stratum in proportion to its size, at least two where it has any pixel."""
    wanted = np.maximum(np.round(n * sizes / sizes.sum()).astype(np.int64), 2 * (sizes > 0))
    wanted[np.argmax(wanted)] -= wanted.sum() - n
    return np.asarray(np.minimum(wanted, sizes), dtype=np.int64)


def _one_stratum(counts: Counts) -> StratifiedSample:
    padded = np.zeros((1, len(counts) + 1, len(counts)), dtype=np.int64)
    padded[0, : len(counts)] = counts
    return StratifiedSample(padded, np.ones(1))


def judge(samples: list[StratifiedSample], census: Counts) -> dict[str, Any]:
    """Estimates of all samples against the census.

    Args:
        samples: Reference samples of one map.
        census: (C, C) pixels by map class and class of the mask.
    """
    total, right = census.sum(), np.diag(census)
    with np.errstate(invalid="ignore", divide="ignore"):
        truth = {
            "overall": np.array([right.sum() / total]),
            "area": census.sum(axis=0) / total,
            "users": right / census.sum(axis=1),
            "producers": right / census.sum(axis=0),
        }
    values: dict[str, list[list[Estimate]]] = {name: [] for name in truth}
    seen = np.zeros((2, len(census)))
    for sample in samples:
        found = estimate(sample, CONFIDENCE)
        values["overall"].append([found.overall])
        for name in ("area", "users", "producers"):
            values[name].append(getattr(found, name))
        counts = sample.counts.sum(axis=0)
        seen += counts[:-1].sum(axis=1), counts.sum(axis=0)
    users, producers = (seen / len(samples)).round(1).tolist()
    told = {name: _compare(values[name], truth[name]) for name in truth}
    overall = {key: value[0] for key, value in told.pop("overall").items()}
    told["area"]["n"] = told["producers"]["n"] = producers
    told["users"]["n"] = users
    return {"overall": overall, **told}


def _compare(estimates: list[list[Estimate]], truth: NDArray[np.float64]) -> dict[str, Any]:
    """Bias, coverage and estimable share of each figure over all samples."""
    value = np.array([[e.value for e in row] for row in estimates])
    has = np.array([[e.se is not None for e in row] for row in estimates])
    se = np.array([[np.nan if e.se is None else e.se for e in row] for row in estimates])
    nothing = (np.nan, np.nan)
    limits = np.array([[nothing if e.ci is None else e.ci for e in row] for row in estimates])
    held = (limits[..., 0] <= truth + 1e-12) & (truth - 1e-12 <= limits[..., 1]) & has
    out: dict[str, Any] = {"bias": [], "coverage": [], "estimable": [], "truth": []}
    for k, true in enumerate(truth):
        ok = has[:, k]
        spread = float(np.mean(se[ok, k])) if ok.any() else 0.0
        bias = float(np.mean(value[ok, k]) - true) / spread if spread > 0 else None
        out["bias"].append(bias)
        out["coverage"].append(float(held[ok, k].mean()) if ok.any() else None)
        out["estimable"].append(float(ok.mean()))
        out["truth"].append(None if np.isnan(true) else float(true))
    return out


def areas_with_enough(record: dict[str, Any]) -> tuple[list[float], list[float]]:
    """Biases and coverages of the areas of classes that have enough samples on average."""
    area = record["area"]
    enough = [c for c, n in enumerate(area["n"]) if n >= ENOUGH and area["coverage"][c] is not None]
    return [area["bias"][c] or 0.0 for c in enough], [area["coverage"][c] for c in enough]


def render_coverage(records: list[dict[str, Any]]) -> Any:
    """A table of several runs as something `rich` prints."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("map, design, points")
    for title in ("bias of OA", "coverage of OA", "worst bias of an area", "coverage of areas"):
        table.add_column(title, justify="right")
    for record in records:
        cell = record["cell"]
        biases, held = areas_with_enough(record)
        table.add_row(
            f"{cell['scene']}, {cell['design']}, {cell['n_points']}",
            f"{record['overall']['bias']:+.3f}",
            f"{record['overall']['coverage']:.1%}",
            f"{max(biases, key=abs):+.3f}",
            f"{min(held):.1%} … {max(held):.1%}",
        )
    note = (
        f"Bias in standard errors; coverage of 95 % intervals, Monte-Carlo error "
        f"{records[0]['monte_carlo_error']:.2%}; areas of classes with {ENOUGH} samples or more."
    )
    return Group(table, Text(note, style="dim"))
