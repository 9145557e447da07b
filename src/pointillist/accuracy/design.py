"""Whether a reference sample is a probability sample, and of which design.

A design-based estimate needs to know how the points were drawn. `sample --for reference` writes it
into the file (fields `design`, `stratum`, `inclusion_probability`); otherwise the person says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pointillist.accuracy.drawn import (
    ONE_STRATUM,
    PROBABILITY_DESIGNS,
    STRATIFIED,
    Design,
    MapFacts,
    OwnClasses,
)
from pointillist.accuracy.post_strata import post_stratify
from pointillist.accuracy.record import SampleRecord, as_name, is_empty
from pointillist.accuracy.strata import StratumSizes, read_stratum_sizes, refuse_unsized
from pointillist.errors import InputError, PointsError

__all__ = [
    "Design",
    "DesignRequest",
    "MapFacts",
    "OwnClasses",
    "SampleRecord",
    "find_design",
]

NO_PROBABILITY = ("purposive", "interior", "spread")


@dataclass(frozen=True)
class DesignRequest:
    """What the person says about the design; None where it is left to the file.

    Args:
        design: One of `PROBABILITY_DESIGNS`, asserted by the person.
        strata: Field that holds the stratum.
        stratum_sizes: Pixels per stratum: a mapping, or a CSV with the columns stratum and pixels.
        post_stratify: Use the map's classes as strata of a sample that was drawn without strata.
    """

    design: str | None = None
    strata: str | None = None
    stratum_sizes: StratumSizes | None = None
    post_stratify: bool = False

    def __post_init__(self) -> None:
        if self.design is not None and self.design not in PROBABILITY_DESIGNS:
            raise InputError(
                f"Expected a design that is a probability sample "
                f"({', '.join(PROBABILITY_DESIGNS)}), got '{self.design}'. Leave --design out for "
                "descriptive figures."
            )
        strata_only = {"--strata": self.strata, "--stratum-sizes": self.stratum_sizes}
        given = [option for option, value in strata_only.items() if value is not None]
        if given and self.design in ONE_STRATUM:
            raise InputError(
                f"Expected --design stratified with {' and '.join(given)}, got '{self.design}', "
                "which has no strata. Say which of the two is meant."
            )

    @property
    def is_made(self) -> bool:
        """Whether the person says anything at all."""
        said = any(v is not None for v in (self.design, self.strata, self.stratum_sizes))
        return said or self.post_stratify

    @property
    def name(self) -> str | None:
        """The design that follows from what is said."""
        if self.design is None and (self.strata is not None or self.stratum_sizes is not None):
            return "stratified"
        return self.design


def find_design(
    request: DesignRequest, record: SampleRecord, used: NDArray[np.int64], facts: MapFacts
) -> Design | str:
    """Find out how the points were drawn.

    Args:
        request: What the person says; comes first.
        record: What the file says of all its points.
        used: (n,) rows of the file that are in use.
        facts: About the map.

    Returns:
        The design, or the reason why there is none and figures can only be descriptive.

    Raises:
        InputError: The person's words contradict the file, or lack what the design needs.
    """
    recorded = record.design
    chosen = _chosen_reason(record)
    if request.is_made and chosen:
        raise InputError(
            f"Expected a probability sample, but {record.source} {chosen}. "
            "Leave the design out for descriptive figures."
        )
    if chosen:
        return (
            f"{record.source} {chosen}, which is no probability design: figures describe these "
            "points only and carry no intervals."
        )
    _refuse_contradiction(request, record)
    name = request.name or recorded
    reason = _no_design_reason(name, record.source)
    if reason:
        return reason
    if name in ONE_STRATUM:
        plain = _weighted(_one_stratum(str(name), record, used, facts), record, used)
        return post_stratify(plain, record, used, facts) if request.post_stratify else plain
    if request.post_stratify:
        raise InputError(
            f"Expected a simple random or systematic sample with --post-stratify, but "
            f"{record.source} is '{name}': its strata are known already. Leave the option out."
        )
    found = _stratified(str(name), request, record, used, facts)
    if isinstance(found, str) and request.is_made:
        raise InputError(found)
    return found if isinstance(found, str) else _weighted(found, record, used)


def _refuse_contradiction(request: DesignRequest, record: SampleRecord) -> None:
    """A file that says how its points were drawn is not overruled: strata make a difference."""
    kinds = [kind for kind in (ONE_STRATUM, STRATIFIED) if record.design in kind]
    if request.name is None or not kinds or request.name in kinds[0]:
        return
    said = f"--design {request.design}" if request.design else "strata"
    raise InputError(
        f"Expected the design that {record.source} records, '{record.design}', got {said}. Leave "
        "the option out; or correct the field 'design', if it is wrong."
    )


def _chosen_reason(record: SampleRecord) -> str:
    """Why points are known not to be drawn by chance, as "… records its points as"; or empty."""
    for name, n in record.designs.items():
        if name in NO_PROBABILITY:
            whom = "its points" if len(record.designs) == 1 else f"{n:,} of its points"
            return f"records {whom} as '{name}'"
    if record.metadata.get("purpose") == "training":
        return "was written by `sample` as training points"
    if n := record.chosen_points:
        return (
            f"says in its field 'source' that {n:,} of its points were clicked, suggested or used "
            "for training"
        )
    return ""


def _no_design_reason(name: str | None, source: str) -> str:
    """Why figures can only be descriptive; empty where a design is known."""
    if name is None:
        return (
            f"{source} does not say how its points were drawn: figures describe these points only "
            "and carry no intervals. If they are a simple random sample, say --design simple."
        )
    if name not in PROBABILITY_DESIGNS:
        return (
            f"{source} records its points as '{name}', no probability design this estimator "
            "knows: figures describe these points only and carry no intervals."
        )
    return ""


def _one_stratum(
    name: str, record: SampleRecord, used: NDArray[np.int64], facts: MapFacts
) -> Design:
    pi = record.probabilities
    recorded = record.metadata.get("population")
    stratum = np.zeros(len(used), dtype=np.int64)
    if recorded:
        size = float(recorded)
    elif pi is not None:
        size = float((1 / pi).sum())
    else:
        # Nothing says what was sampled: the map. Points off its grid are not of that population;
        # points where it has no class stand for pixels that cannot be counted in the map.
        stratum[~facts.on_grid] = -1
        inside = facts.at_points[facts.on_grid]
        mapped = float(np.mean(inside >= 0)) if len(inside) else 0.0
        size = float(facts.pixels.sum()) / (mapped or 1.0)
    return Design(name, stratum, ("all",), np.array([size]))


def _weighted(design: Design, record: SampleRecord, used: NDArray[np.int64]) -> Design:
    """With weights where the recorded chances differ within a stratum."""
    pi = record.probabilities
    if pi is None:
        return design
    weight = 1 / pi[used]
    for h in range(len(design.strata)):
        members = design.stratum == h
        if members.any():
            weight[members] /= weight[members].mean()
    return design if np.allclose(weight, 1.0, rtol=1e-6) else replace(design, weights=weight)


def _stratified(
    name: str,
    request: DesignRequest,
    record: SampleRecord,
    used: NDArray[np.int64],
    facts: MapFacts,
) -> Design | str:
    values = _stratum_values(request, record)
    if values is None:
        _refuse_lost_strata(request, record)
        return _by_map_class(name, request, facts)
    values, record = _map_classes_of_blind(values, record, used, facts)
    labels = np.array(values)
    row = {s: facts.legend.index_of(s) for s in values}
    at_stratum = np.array([-1 if row[s] is None else row[s] for s in labels[used]])
    are_map_classes = bool(np.all(at_stratum >= 0) and np.array_equal(at_stratum, facts.at_points))
    sizes = _given_sizes(request, record, labels)
    if are_map_classes:
        sizes = _with_unsampled(sizes, row, facts)
    if sizes is None:
        return (
            f"The sizes of the strata ({', '.join(sorted(row)[:5])}) of {record.source} are not "
            "known. Give them with --stratum-sizes."
        )
    number = {s: h for h, s in enumerate(sizes)}
    stratum = np.array([number[s] for s in labels[used]], dtype=np.int64)
    map_class = None
    if are_map_classes:
        found = [facts.legend.index_of(s) for s in sizes]
        map_class = np.array([-1 if c is None else c for c in found], dtype=np.int64)
        if (map_class < 0).any() or len(set(map_class.tolist())) < len(map_class):
            are_map_classes, map_class = False, None
    return Design(
        name, stratum, tuple(sizes), np.array(list(sizes.values())), are_map_classes, map_class
    )


def _with_unsampled(
    sizes: dict[str, float] | None, row: Mapping[str, int | None], facts: MapFacts
) -> dict[str, float]:
    """Sizes of strata that are map classes, with those that got no sample.

    Sizes by inclusion probabilities know nothing of a class without a sample. Where they are those
    of the whole map, its other classes were strata as well.
    """
    own = {s: float(facts.pixels[at]) for s, at in sorted(row.items()) if at is not None}
    given = own if sizes is None else sizes
    whole = all(abs(given.get(s, -1) - size) <= 0.005 * size for s, size in own.items())
    if whole:
        for c, name in enumerate(facts.legend.names):
            if facts.pixels[c] > 0 and c not in row.values() and name not in given:
                given = {**given, name: float(facts.pixels[c])}
    return given


def _stratum_values(request: DesignRequest, record: SampleRecord) -> list[str] | None:
    """(N,) stratum of every point; None where the file has no such field."""
    field = request.strata or "stratum"
    values = record.column(field)
    if values is None:
        if request.strata is None:
            return None
        fields = ", ".join(record.columns) or "none"
        raise PointsError(
            f"Expected a field '{field}' with the strata in {record.source}, but it has: {fields}. "
            "Name one of them with --strata."
        )
    missing = [i + 1 for i, v in enumerate(values) if is_empty(v)]
    if missing:
        raise PointsError(
            f"Expected a stratum for every point of {record.source}, but row {missing[0]} has "
            f"none in field '{field}' ({len(missing)} in all). Fill it in or remove the points."
        )
    return [as_name(v) for v in values]


def _refuse_lost_strata(request: DesignRequest, record: SampleRecord) -> None:
    """A file that was drawn by strata must still say which ones, or the person must."""
    if request.design is None and request.stratum_sizes is None:
        fields = ", ".join(record.columns) or "none"
        raise PointsError(
            f"Expected the field 'stratum' in {record.source}, which says that its points "
            f"were drawn by strata, but its fields are: {fields}. Put it back, name it with "
            "--strata, or say --design stratified if the strata are the classes of this map."
        )


def _map_classes_of_blind(
    values: list[str], record: SampleRecord, used: NDArray[np.int64], facts: MapFacts
) -> tuple[list[str], SampleRecord]:
    """Names instead of the numbers of a blind sample's strata, where they are the map's classes.

    They are if every stratum shows one class of the map at all its points, and no two the same.
    """
    sizes = record.metadata.get("stratum_sizes")
    if not record.metadata.get("blind") or not isinstance(sizes, Mapping):
        return values, record
    labels, names = np.array(values)[used], {}
    for code in sizes:
        shown = np.unique(facts.at_points[labels == code])
        if len(shown) != 1 or shown[0] < 0:
            return values, record
        names[code] = facts.legend.names[shown[0]]
    if len(set(names.values())) < len(names) or not set(values) <= set(names):
        return values, record
    renamed = {names[code]: size for code, size in sizes.items()}
    return [names[v] for v in values], replace(
        record, metadata={**record.metadata, "stratum_sizes": renamed}
    )


def _by_map_class(name: str, request: DesignRequest, facts: MapFacts) -> Design:
    """Strata are the classes of this very map, before a crosswalk joined any."""
    given = None if request.stratum_sizes is None else read_stratum_sizes(request.stratum_sizes)
    own = facts.own or OwnClasses(facts.legend, facts.at_points, facts.pixels)
    mapped = [c for c in range(len(own.legend)) if own.pixels[c] > 0]
    names = tuple(own.legend.names[c] for c in mapped)
    sizes = {n: float(own.pixels[c]) for n, c in zip(names, mapped, strict=True)}
    if given is not None:
        refuse_unsized(names, given)
        sizes = {n: given[n] for n in names}
    number = np.full(len(own.legend) + 1, -1, dtype=np.int64)
    number[mapped] = np.arange(len(mapped))
    joined = np.array(mapped, dtype=np.int64)
    return Design(
        name,
        number[own.at_points],
        names,
        np.array(list(sizes.values())),
        True,
        joined if own.becomes is None else own.becomes[joined],
    )


def _given_sizes(
    request: DesignRequest, record: SampleRecord, labels: NDArray[np.str_]
) -> dict[str, float] | None:
    """Pixels per stratum: given, recorded, or from inclusion probabilities; None if unknown."""
    strata = sorted(set(labels.tolist()))
    given = request.stratum_sizes or record.metadata.get("stratum_sizes")
    if given:
        sizes = read_stratum_sizes(given)
        refuse_unsized(strata, sizes)
        return sizes
    pi = record.probabilities
    if pi is None:
        return None
    return {s: float((1 / pi[labels == s]).sum()) for s in strata}
