"""P-accuracy: is the stated accuracy true? Many samples of one map, each judged like a real one.

A map of a scene and its dense mask make a census. From it many independent reference samples are
drawn by a design, the accuracy assessment is run on each, and its estimates and intervals are
compared with the census: bias in standard errors, and how often a 95 % interval holds the truth.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pointillist.errors import InputError
from pointillist.studies import coverage_samples as samples
from pointillist.studies.coverage_batch import Figures, check, estimate_all
from pointillist.studies.coverage_samples import Counts, Draws
from pointillist.studies.places import NOWHERE, Folders, Place, read_place

DESIGNS = ("simple", "stratified", "equal", "post-stratified", "other strata", "systematic")
CONFIDENCE = 0.95
ENOUGH = 30
"""Samples of a class, on average, from which on its interval is judged."""


@dataclass(frozen=True)
class AccuracyCell:
    """One run of the protocol.

    Args:
        scene: Name of the scene; its map is learnt by a forest from 300 simple random points.
        design: `simple`; `stratified` (by map class, in proportion, at least two each); `equal`
            (as many of each map class); `post-stratified` (simple random, map classes as strata
            afterwards); `other strata` (by the commonest class of 64-px cells: strata that are not
            the map's classes); `systematic` (a grid with a random start, judged as if it were
            simple random, as is usual).
        n_points: Points of a reference sample.
        seed: Of map and samples.
        draws: Samples.
        turn_deg: Turns the grid of systematic samples.
        stretch: Lengthens its step.
    """

    scene: str
    design: str = "simple"
    n_points: int = 300
    seed: int = 0
    draws: int = 10_000
    turn_deg: float | None = None
    stretch: float | None = None

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
    draws = draw(cell, found, place)
    judged = judge(draws, count_census(found, place))
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


def draw(cell: AccuracyCell, found: NDArray[np.int16], place: Place) -> Draws:
    """The samples of a cell.

    Those of all designs but the systematic one are drawn from the counts of the census, which has
    the same distribution as drawing pixels without replacement.
    """
    rng = np.random.default_rng([cell.seed, cell.n_points, DESIGNS.index(cell.design), 77])
    mask, n, d = place.mask.astype(np.int16), cell.n_points, cell.draws
    if cell.design == "systematic":
        turn, stretch = cell.turn_deg or 0.0, cell.stretch or 1.0
        return samples.draw_grid(found, mask, n, d, rng, turn, stretch)
    census = count_census(found, place)
    if cell.design == "simple":
        return samples.draw_simple(census, n, d, rng)
    if cell.design == "post-stratified":
        return samples.draw_post_stratified(census, n, d, rng)
    if cell.design == "other strata":
        strata = samples.cut_by_old_map(found, mask, len(census))
        points = samples.share_out(strata.sum(axis=(1, 2)), n)
        return samples.draw_by_other_strata(strata, points, d, rng)
    share = samples.share_out if cell.design == "stratified" else samples.share_out_equally
    return samples.draw_by_class(census, share(census.sum(axis=1), n), d, rng)


def judge(draws: Draws, census: Counts) -> dict[str, Any]:
    """Estimates of all samples against the census.

    Args:
        draws: Reference samples of one map.
        census: (C, C) pixels by map class and class of the mask.

    Returns:
        Of each figure, in lists by class but for `overall`: `bias` in standard deviations over the
        draws, `coverage`, the `estimable` share, the share of `score` intervals, `se_ratio` (mean
        standard error by standard deviation over the draws) and the `truth`.
    """
    total, right = census.sum(), np.diag(census)
    with np.errstate(invalid="ignore", divide="ignore"):
        truth = {
            "overall": np.array([right.sum() / total]),
            "area": census.sum(axis=0) / total,
            "users": right / census.sum(axis=1),
            "producers": right / census.sum(axis=0),
        }
    found = estimate_all(draws, CONFIDENCE)
    check(draws, found, CONFIDENCE)
    told = {name: _compare(found[name], truth[name]) for name in truth}
    overall = {key: value[0] for key, value in told.pop("overall").items()}
    counts = draws.counts.sum(axis=1).mean(axis=0)
    n_in_map, n_in_reference = (counts.sum(axis=side).round(1).tolist() for side in (1, 0))
    told["area"]["n"] = told["producers"]["n"] = n_in_reference
    told["users"]["n"] = n_in_map
    return {"overall": overall, **told}


def _compare(figures: list[Figures], truth: NDArray[np.float64]) -> dict[str, list[Any]]:
    """Bias, coverage and estimable share of each figure over all samples."""
    out: dict[str, list[Any]] = {
        key: [] for key in ("bias", "coverage", "estimable", "score", "se_ratio", "truth")
    }
    for figure, true in zip(figures, truth, strict=True):
        ok = ~np.isnan(figure.se)
        held = (figure.low[ok] <= true + 1e-12) & (true - 1e-12 <= figure.high[ok])
        spread = float(np.std(figure.value[ok])) if ok.any() else 0.0
        known = spread > 0
        out["bias"].append(float(figure.value[ok].mean() - true) / spread if known else None)
        out["se_ratio"].append(float(figure.se[ok].mean()) / spread if known else None)
        out["coverage"].append(float(held.mean()) if ok.any() else None)
        out["estimable"].append(float(ok.mean()))
        out["score"].append(float(figure.score[ok].mean()) if ok.any() else None)
        out["truth"].append(None if np.isnan(true) else float(true))
    return out


def areas_with_enough(record: dict[str, Any]) -> tuple[list[float], list[float]]:
    """Biases and coverages of the areas of classes that have enough samples on average."""
    area = record["area"]
    enough = [c for c, n in enumerate(area["n"]) if n >= ENOUGH and area["coverage"][c] is not None]
    return [area["bias"][c] or 0.0 for c in enough], [area["coverage"][c] for c in enough]


def name_design(cell: dict[str, Any]) -> str:
    """The design, with what was done to a grid."""
    turn, stretch = cell.get("turn_deg"), cell.get("stretch")
    parts = [f"turned by {turn:g}°"] if turn else []
    parts += [f"step × {stretch:g}"] if stretch else []
    return ", ".join([cell["design"], *parts])


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
            f"{cell['scene']}, {name_design(cell)}, {cell['n_points']}",
            f"{record['overall']['bias']:+.3f}",
            f"{record['overall']['coverage']:.1%}",
            f"{max(biases, key=abs):+.3f}" if biases else "–",
            f"{min(held):.1%} … {max(held):.1%}" if held else "–",
        )
    note = (
        f"Bias in standard errors; coverage of 95 % intervals, Monte-Carlo error "
        f"{records[0]['monte_carlo_error']:.2%}; areas of classes with {ENOUGH} samples or more."
    )
    return Group(table, Text(note, style="dim"))
