"""Training points: drawn from a mask in memory, written as a mapper would have clicked them."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pointillist.errors import InputError
from pointillist.sampling.designs import draw_points
from pointillist.sampling.planning import STRATIFIED, SampleRequest
from pointillist.sampling.population import Population
from pointillist.sampling.spacing import Spacing, ground_positions

logger = logging.getLogger(__name__)

_MORE = 8  # candidates per point still missing, where points must keep a distance


def check_training(request: SampleRequest) -> None:
    """Refuse options that speak of a reference sample.

    Raises:
        InputError: Names the option.
    """
    reference_only = {
        "--allocation": request.allocation,
        "--expected": request.expected,
        "--min-per-stratum": request.min_per_stratum,
        "--target-se": request.target_se,
        "--spacing": request.spacing,
        "--blind": request.blind or None,
    }
    for option, value in reference_only.items():
        if value is not None:
            raise InputError(
                f"Expected --for reference with {option}, got training points. Say --for reference "
                "to judge a map, or leave the option out."
            )
    if request.n is None:
        raise InputError("Expected a number of points, got none. Say -n, e.g. -n 300.")


def draw_training(
    population: Population, request: SampleRequest
) -> tuple[NDArray[np.float64], dict[str, Any], dict[str, Any]]:
    """Draw training points.

    Returns:
        Coordinates (N, 2), fields, and facts for the file's metadata.
    """
    assert request.n is not None
    strata, classes = population.mask()
    rng = np.random.default_rng(request.seed)
    if request.min_distance:
        rowcol = _draw_apart(population, strata, request, rng)
    else:
        rowcol = draw_points(strata, request.n, request.design, rng)
    if len(rowcol) != request.n:
        why = (
            f"no more fit at {request.min_distance:g} m from each other"
            if request.min_distance
            else "that is what a regular grid gives"
        )
        logger.warning("%d points were drawn instead of %d: %s.", len(rowcol), request.n, why)
    legend = population.layer.legend
    names: Any = np.full(len(rowcol), None, dtype=object)
    facts: dict[str, Any] = {"purpose": "training", "raster": Path(population.name).name}
    if legend is not None:
        at_points = classes[rowcol[:, 0], rowcol[:, 1]]
        names = np.array(legend.names, dtype=object)[at_points]
        facts["legend"] = legend.to_dict()
    columns = {
        "class": names,
        "design": np.full(len(rowcol), request.design, dtype=object),
        "source": np.full(len(rowcol), "sample", dtype=object),
    }
    facts["seed"] = request.seed
    return population.layer.grid.transform.xy(rowcol), columns, facts


def _draw_apart(
    population: Population,
    strata: NDArray[np.integer],
    request: SampleRequest,
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Draw by the design, drop what is too near to points taken before, and draw again.

    Rounds end when all points are there, or when not one of a round's candidates fits any more.
    """
    assert request.n is not None
    assert request.min_distance is not None
    open_to, grid = strata.copy(), population.layer.grid
    quota = _quota(strata, request, rng)
    taken = np.empty((0, 2), dtype=np.int64)
    while (missing := int(quota.sum())) and (available := int((open_to >= 0).sum())):
        n = missing if request.design == "systematic" else min(available, _MORE * missing)
        fresh = rng.permutation(draw_points(open_to, n, request.design, rng))
        group = _group(strata, fresh, quota)
        spacing = Spacing(
            ground_positions(grid, fresh), request.min_distance, ground_positions(grid, taken)
        )
        chosen = []
        for i, g in enumerate(group):
            if quota[g] > 0 and spacing.take(i):
                quota[g] -= 1
                chosen.append(i)
        taken = np.concatenate([taken, fresh[chosen]])
        open_to[fresh[:, 0], fresh[:, 1]] = -1
        if len(quota) > 1:
            open_to[np.isin(open_to, np.flatnonzero(quota == 0))] = -1
        if not chosen or request.design == "systematic":
            break
    return taken


def _quota(
    strata: NDArray[np.integer], request: SampleRequest, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Points to take of each class (C,) where the design shares them out, else of all (1,)."""
    assert request.n is not None
    if request.design not in STRATIFIED:
        return np.array([request.n])
    rowcol = draw_points(strata, request.n, request.design, rng)
    return np.bincount(strata[rowcol[:, 0], rowcol[:, 1]])


def _group(
    strata: NDArray[np.integer], rowcol: NDArray[np.int64], quota: NDArray[np.int64]
) -> list[int]:
    """To which quota each pixel (N, 2) counts."""
    if len(quota) == 1:
        return [0] * len(rowcol)
    return [int(g) for g in strata[rowcol[:, 0], rowcol[:, 1]]]
