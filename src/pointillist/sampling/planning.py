"""How many points a reference sample has and where, before any is drawn: the plan and its reasons.

The plan is computed from counts alone; what it says is printed, and kept with the points.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pointillist.errors import InputError
from pointillist.sampling.allocation import (
    allocate,
    deviations,
    expected_error,
    simple_size,
    stratified_size,
)
from pointillist.sampling.expected import Expected, read_expected
from pointillist.sampling.lattice import Ground, Lattice
from pointillist.sampling.population import Population, Tally

STRATIFIED = ("stratified", "balanced")


@dataclass(frozen=True)
class SampleRequest:
    """What is asked of a reference sample.

    Args:
        design: `simple`, `systematic`, `stratified` or `balanced` (stratified, equal shares).
        n: Points; None where a standard error or a spacing says how many.
        allocation: How strata share them; `equal` when absent.
        expected: User's accuracies that are expected.
        min_per_stratum: Points of every stratum at least.
        target_se: Standard error wanted of the overall accuracy.
        spacing: Metres between the points of a systematic sample.
        min_distance: Metres that points must be apart.
        blind: Whether the file keeps the map's answer from the mapper.
        seed: Of the draw.
    """

    design: str
    n: int | None = None
    allocation: str | None = None
    expected: Expected | None = None
    min_per_stratum: int | None = None
    target_se: float | None = None
    spacing: float | None = None
    min_distance: float | None = None
    blind: bool = False
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Plan:
    """What will be drawn.

    Args:
        n: Points, on average where a regular grid is laid.
        points: (H,) points per stratum, None where strata play no part.
        lattice: The grid of a systematic sample.
        facts: For the file's metadata.
        lines: For people.
    """

    n: int
    points: NDArray[np.int64] | None = None
    lattice: Lattice | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    lines: tuple[str, ...] = ()


def plan_sample(request: SampleRequest, population: Population, tally: Tally) -> Plan:
    """Find numbers and places that a request leads to.

    Raises:
        InputError: Numbers that do not go together.
    """
    if request.design in STRATIFIED:
        return _plan_strata(request, population, tally)
    if request.design == "systematic":
        return _plan_grid(request, population, tally)
    n, lines = _size_of_simple(request, population, tally)
    if n > tally.n_pixels:
        raise InputError(
            f"Expected at most {tally.n_pixels} points, the pixels there are to choose from, got "
            f"{n}. Ask for fewer."
        )
    return Plan(n, lines=tuple(lines))


def _plan_strata(request: SampleRequest, population: Population, tally: Tally) -> Plan:
    sizes, names = tally.sizes, population.strata_names
    present = np.flatnonzero(sizes)
    allocation = request.allocation or "equal"
    expected, source = _expected(request, population, tally, allocation)
    lines: list[str] = []
    n = request.n
    if request.target_se is not None:
        assert expected is not None
        n = stratified_size(sizes, expected, request.target_se)
        lines.append(_size_line(sizes, expected, request.target_se, n))
    assert n is not None
    if 0 < n < len(present):
        raise InputError(
            f"Expected at least one point for each of the {len(present)} strata of "
            f"'{population.name}', got {n}. Ask for more (about 30 per stratum give useful "
            "intervals) or use simple."
        )
    points = allocate(
        sizes, n, allocation, expected=expected, minimum=request.min_per_stratum
    )  # fmt: skip
    lines += _strata_table(names, sizes, points, expected, source)
    lines += _exhausted(names, sizes, points)
    if request.target_se is not None and expected is not None:
        lines += _missed(sizes, points, expected, request.target_se, allocation)
    facts: dict[str, Any] = {"allocation": allocation}
    if request.min_per_stratum is not None:
        facts["min_per_stratum"] = request.min_per_stratum
    if expected is not None:
        facts["expected_accuracy"] = {names[h]: round(float(expected[h]), 6) for h in present}
    return Plan(n, points=points, facts=facts, lines=tuple(lines))


def _plan_grid(request: SampleRequest, population: Population, tally: Tally) -> Plan:
    ground = Ground.of(population.layer.grid)
    lines: list[str] = []
    if request.spacing is not None:
        lattice = Lattice.spaced(ground, tally, request.spacing)
    else:
        n, lines = _size_of_simple(request, population, tally)
        lattice = Lattice.of_number(ground, tally, n)
    down, along = lattice.steps_m
    if request.min_distance is not None and lattice.closest_m < request.min_distance:
        raise InputError(
            f"Expected points at least {request.min_distance:g} m apart, but this grid puts them "
            f"{lattice.closest_m:g} m apart. Ask for fewer points or a wider --spacing."
        )
    area = float((tally.rows * ground.areas).sum())
    same = bool(np.isclose(down, along))
    step = f"{down:.6g} m" if same else f"{down:.6g} m by {along:.6g} m"
    lines.append(f"A grid of {step} on {area / 1e4:,.2f} ha, from a random start.")
    facts = {"spacing_m": down if same else [down, along]}
    return Plan(
        max(1, round(area / (down * along))), lattice=lattice, facts=facts, lines=tuple(lines)
    )


def _size_of_simple(
    request: SampleRequest, population: Population, tally: Tally
) -> tuple[int, list[str]]:
    if request.target_se is None:
        assert request.n is not None
        return request.n, []
    expected, _ = _expected(request, population, tally, "equal")
    assert expected is not None
    overall = float((expected * tally.sizes).sum() / tally.n_pixels)
    n = simple_size(tally.n_pixels, overall, request.target_se)
    return n, [
        f"n = {n}: n0 = P(1-P)/SE^2 with P = {overall:.4f} expected and SE = "
        f"{request.target_se:g}, n = n0/(1 + n0/N) with N = {tally.n_pixels:,} pixels (Cochran "
        "1977, eq. 4.2)."
    ]


def _expected(
    request: SampleRequest, population: Population, tally: Tally, allocation: str
) -> tuple[NDArray[np.float64] | None, str]:
    """Expected accuracy (H,) and where it is from; None where nothing needs it."""
    if request.expected is not None:
        found = read_expected(request.expected, population.strata, np.flatnonzero(tally.sizes))
        return found, "expected accuracy: as stated"
    if tally.confidence is not None:
        return np.clip(tally.confidence, 0, 1), "expected accuracy: mean probability in the raster"
    if request.target_se is not None or allocation == "neyman":
        what = "--target-se" if request.target_se is not None else "--allocation neyman"
        raise InputError(
            f"Expected the user's accuracies for {what}: the numbers follow from how many errors "
            "are expected. Say them with --expected, e.g. --expected 0.8 for all classes, or "
            "--expected 0.8,Water=0.95; a probability raster instead of a map knows them itself."
        )
    return None, ""


def _size_line(
    sizes: NDArray[np.int64], expected: NDArray[np.float64], target_se: float, n: int
) -> str:
    weight, deviation = sizes / sizes.sum(), deviations(expected)
    return (
        f"n = {n}: (sum W S)^2 / (SE^2 + sum W S^2 / N) with sum W S = "
        f"{(weight * deviation).sum():.4f}, sum W S^2 = {(weight * deviation**2).sum():.4f}, SE = "
        f"{target_se:g}, N = {int(sizes.sum()):,} pixels, S = sqrt(U(1-U)) (Olofsson et al. 2014, "
        "eq. 13)."
    )


def _strata_table(
    names: tuple[str, ...],
    sizes: NDArray[np.int64],
    points: NDArray[np.int64],
    expected: NDArray[np.float64] | None,
    source: str,
) -> list[str]:
    """A row per stratum: pixels, share, expected accuracy and its standard error, points."""
    present = np.flatnonzero(sizes)
    width = max(len("stratum"), *(len(names[h]) for h in present))
    head = f"{'stratum':<{width}} {'pixels':>15} {'share W':>8} {'points':>7}"
    lines = [head if expected is None else f"{head} {'U':>6} {'S':>6} {'SE of U':>8}"]
    for h in present:
        size, n = int(sizes[h]), int(points[h])
        line = f"{names[h]:<{width}} {size:>15,} {size / sizes.sum():>8.4f} {n:>7}"
        if expected is not None:
            s = float(deviations(expected)[h])
            error = s * np.sqrt(max(1 / n - 1 / size, 0))
            line += f" {expected[h]:>6.3f} {s:>6.3f} {error:>8.4f}"
        lines.append(line)
    if expected is not None:
        error = expected_error(sizes, points, expected)
        lines.append(f"Expected standard error of the overall accuracy: {error:.4f} ({source}).")
    return lines


def _missed(
    sizes: NDArray[np.int64],
    points: NDArray[np.int64],
    expected: NDArray[np.float64],
    target_se: float,
    allocation: str,
) -> list[str]:
    """A warning where the strata's shares of the points keep the wanted error from being met."""
    error = expected_error(sizes, points, expected)
    if error <= 1.02 * target_se:  # whole points
        return []
    n = int(points.sum())
    more = int(np.ceil(n * (error / target_se) ** 2))
    return [
        f"That is more than the {target_se:g} asked for: n holds for --allocation neyman, this is "
        f"{allocation}. Take neyman, or about {more:,} points (-n {more}) shared like this."
    ]


def _exhausted(
    names: tuple[str, ...], sizes: NDArray[np.int64], points: NDArray[np.int64]
) -> list[str]:
    return [
        f"Stratum '{names[h]}' has {int(sizes[h])} pixels only: all of them are in the sample."
        for h in np.flatnonzero(sizes)
        if points[h] == sizes[h]
    ]
