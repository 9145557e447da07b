"""Reference samples: drawn from a counted population, written so that `assess` needs no options."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pointillist.errors import InputError
from pointillist.points.sealing import ID_FIELD, SEAL_KEY, seal
from pointillist.sampling.drawing import DrawnPoints, draw_simple, draw_stratified, read_nodes
from pointillist.sampling.planning import Plan, SampleRequest, plan_sample
from pointillist.sampling.population import Population, Progress, Tally, count

Columns = dict[str, Any]
Facts = dict[str, Any]

_MOST_STARTS = 1000
# Training points are drawn by the bare seed: the same one must not lead to the same pixels.
_STREAM = 1
_NO_REFERENCE = {
    "interior": "which leaves out the borders where maps err most",
    "spread": "whose points have no inclusion probability that an interval could be computed from",
}


def check_reference(request: SampleRequest) -> None:
    """Refuse what is no probability sample, and options that do not go together.

    Raises:
        InputError: The reason.
    """
    design = request.design
    if design in _NO_REFERENCE:
        raise InputError(
            f"Expected a probability design for a reference sample, got '{design}', "
            f"{_NO_REFERENCE[design]}. Use simple, stratified or systematic."
        )
    if request.min_distance is not None and design != "systematic":
        raise InputError(
            f"Expected --design systematic for a reference sample with --min-distance, got "
            f"'{design}': keeping random points apart makes pixels at edges likelier to be drawn "
            "than others, by an amount that nobody knows (Fuentes and Gallego 1995), and an "
            "interval needs to know it."
        )
    if request.spacing is not None and design != "systematic":
        raise InputError(f"Expected --design systematic with --spacing, got '{design}'.")
    strata_only = {
        "--allocation": request.allocation,
        "--min-per-stratum": request.min_per_stratum,
    }
    for option, value in strata_only.items():
        if value is not None and design != "stratified":
            raise InputError(f"Expected --design stratified with {option}, got '{design}'.")
    _check_amount(request)


def _check_amount(request: SampleRequest) -> None:
    ways = {"-n": request.n, "--target-se": request.target_se, "--spacing": request.spacing}
    given = [option for option, value in ways.items() if value is not None]
    if len(given) != 1:
        raise InputError(
            "Expected one way to say how many points: -n, --target-se or (with --design "
            f"systematic) --spacing, got {' and '.join(given) or 'none'}."
        )


def draw_reference(
    population: Population,
    request: SampleRequest,
    *,
    say: Callable[[str], object] = lambda line: None,
    progress: Progress | None = None,
) -> tuple[NDArray[np.float64], Columns, Facts]:
    """Draw a reference sample: one pass that counts, and one over the blocks that are hit.

    Args:
        population: Where points may lie.
        request: What is asked for, see `check_reference`.
        say: Told the sample size formula with its inputs, and the allocation.
        progress: Called with the share counted, 0…1.

    Returns:
        Coordinates (N, 2), fields, and facts for the file's metadata.

    Raises:
        InputError: Numbers that do not go together, such as more points than pixels.
    """
    tally = count(population, progress)
    plan = plan_sample(request, population, tally)
    for line in plan.lines:
        say(line)
    rng = np.random.default_rng([request.seed, _STREAM])
    drawn = _draw(population, tally, plan, rng).shuffled(rng)
    if len(drawn) != plan.n:
        say(
            f"{len(drawn)} points were drawn instead of {plan.n}: that is what a regular grid "
            "gives."
        )
    columns, facts = _describe(population, tally, plan, drawn, request)
    if request.blind:
        columns, facts = _blinded(columns, facts, rng)
    return population.layer.grid.transform.xy(drawn.rowcol), columns, facts


def _draw(
    population: Population, tally: Tally, plan: Plan, rng: np.random.Generator
) -> DrawnPoints:
    if plan.points is not None:
        return draw_stratified(population, tally, plan.points, rng)
    if plan.lattice is None:
        return draw_simple(population, tally, plan.n, rng)
    for _ in range(_MOST_STARTS):
        drawn = read_nodes(population, tally, plan.lattice.nodes(rng))
        if len(drawn):  # a start that hits nothing is drawn again: no pixel gains by it
            return drawn
    raise InputError(
        f"Expected a grid that hits pixels of '{population.name}', but {_MOST_STARTS} random "
        "starts hit none. Use a smaller --spacing."
    )


def _describe(
    population: Population, tally: Tally, plan: Plan, drawn: DrawnPoints, request: SampleRequest
) -> tuple[Columns, Facts]:
    """Fields of the points and facts of the design."""
    n, legend = len(drawn), population.layer.legend
    columns: Columns = {
        "class": _classes(population, drawn),
        ID_FIELD: np.arange(1, n + 1),
        "design": np.full(n, request.design, dtype=object),
        "source": np.full(n, "sample", dtype=object),
    }
    facts: Facts = {
        "purpose": "reference",
        "design": request.design,
        "n": n,
        "population": tally.n_pixels,
        "seed": request.seed,
        **plan.facts,
        **_provenance(population),
    }
    if request.target_se is not None:
        facts["target_se"] = request.target_se
    if legend is not None:
        facts["legend"] = legend.to_dict()
        columns["map_class"] = np.array(legend.names, dtype=object)[drawn.map_class]
    if plan.points is not None:
        names, sizes = population.strata_names, tally.sizes
        columns["stratum"] = np.array(names, dtype=object)[drawn.stratum]
        columns["inclusion_probability"] = (plan.points / np.maximum(sizes, 1))[drawn.stratum]
        present = np.flatnonzero(sizes)
        facts["strata"] = "map classes" if population.strata_layer is None else "another map"
        facts["stratum_sizes"] = {names[h]: int(sizes[h]) for h in present}
        facts["stratum_points"] = {names[h]: int(plan.points[h]) for h in present}
    else:
        columns["inclusion_probability"] = _equal_chances(tally, plan, drawn)
        if legend is not None:
            counted = zip(legend.names, tally.sizes.tolist(), strict=True)
            facts["map_class_sizes"] = {name: size for name, size in counted if size}
    return columns, facts


def _classes(population: Population, drawn: DrawnPoints) -> NDArray[Any]:
    """For the mapper to fill; the raster's own where it is no map but what is known to be true."""
    legend = population.layer.legend
    if legend is None or not population.layer.is_truth:
        return np.full(len(drawn), None, dtype=object)
    return np.array(legend.names, dtype=object)[drawn.map_class]


def _equal_chances(tally: Tally, plan: Plan, drawn: DrawnPoints) -> NDArray[np.float64]:
    """Share drawn of all pixels; of a grid on the ground, in proportion to a pixel's area."""
    if plan.lattice is None:
        return np.full(len(drawn), len(drawn) / tally.n_pixels)
    areas = plan.lattice.ground.areas
    total = float((areas * tally.rows).sum())
    return np.asarray(len(drawn) * areas[drawn.rowcol[:, 0]] / total, dtype=np.float64)


def _provenance(population: Population) -> Facts:
    """What was sampled: the raster, the map of the strata, the area of interest."""
    facts: Facts = {
        "raster": Path(population.name).name,
        "raster_fingerprint": population.layer.fingerprint(),
    }
    if population.strata_layer is not None:
        facts["strata_raster"] = Path(population.strata_layer.name).name
        facts["strata_fingerprint"] = population.strata_layer.fingerprint()
    if population.area is not None:
        facts["aoi"] = population.area.name
        facts["aoi_fingerprint"] = population.area.fingerprint()
    return facts


def _blinded(columns: Columns, facts: Facts, rng: np.random.Generator) -> tuple[Columns, Facts]:
    """Without the map's class; strata under numbers by lot, and those out of sight."""
    n = len(columns[ID_FIELD])
    columns = {k: v for k, v in columns.items() if k != "map_class"}
    columns["class"] = np.full(n, None, dtype=object)
    facts = {**facts, "blind": True}
    if "stratum" not in columns:
        return columns, facts
    names = list(facts["stratum_sizes"])
    number = {name: f"S{i + 1}" for name, i in zip(names, rng.permutation(len(names)), strict=True)}
    strata = [number[name] for name in columns.pop("stratum")]
    del columns["inclusion_probability"]  # it tells the strata apart
    facts[SEAL_KEY] = seal({"stratum": strata})
    for key in ("stratum_sizes", "stratum_points", "expected_accuracy"):
        if key in facts:
            renamed = {number[name]: value for name, value in facts[key].items()}
            facts[key] = {
                code: renamed[code] for code in sorted(renamed, key=lambda code: int(code[1:]))
            }
    return columns, facts
