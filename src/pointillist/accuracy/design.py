"""Whether a reference sample is a probability sample, and of which design.

A design-based estimate needs to know how the points were drawn. `sample --for reference` writes it
into the file (fields `design`, `stratum`, `inclusion_probability`); otherwise the person says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pointillist.accuracy.strata import StratumSizes, read_stratum_sizes, refuse_unsized
from pointillist.errors import InputError, PointsError
from pointillist.legend import Legend
from pointillist.points.sealing import sealed_column

ONE_STRATUM = ("simple", "systematic")
STRATIFIED = ("stratified", "balanced")
PROBABILITY_DESIGNS = ONE_STRATUM + STRATIFIED
NO_PROBABILITY = ("purposive", "interior")
CLICKED = ("click", "clicked", "suggestion", "suggested", "manual", "purposive", "training")
"""Words of the field `source` for points whose place a person or a program chose."""


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


@dataclass(frozen=True)
class SampleRecord:
    """What the file says about how each of its N points was drawn.

    Args:
        source: Name of the file.
        columns: Fields by name, each (N,).
        metadata: Kept with the file.
    """

    source: str
    columns: Mapping[str, NDArray[Any]]
    metadata: Mapping[str, Any]

    def column(self, name: str) -> NDArray[Any] | None:
        """A field, None where it is absent or wholly empty."""
        values = self.columns.get(name)
        if values is None:
            values = sealed_column(self.metadata, self.columns, name, self.source)
        if values is None or all(_is_empty(v) for v in values):
            return None
        return values

    @property
    def chosen_points(self) -> int:
        """How many points somebody or something chose, by the field `source`."""
        values = self.columns.get("source")
        return 0 if values is None else sum(str(v).casefold() in CLICKED for v in values)

    @property
    def design(self) -> str | None:
        """The recorded design; None where none or several are recorded."""
        values = self.column("design")
        names = set() if values is None else {str(v) for v in values if not _is_empty(v)}
        if not names and self.metadata.get("design"):
            names = {str(self.metadata["design"])}
        return names.pop() if len(names) == 1 else ("mixed" if names else None)

    @property
    def probabilities(self) -> NDArray[np.float64] | None:
        """(N,) inclusion probabilities, None where they are not recorded for every point."""
        values = self.column("inclusion_probability")
        if values is None:
            return None
        numbers = np.array([np.nan if _is_empty(v) else float(v) for v in values])
        return numbers if bool(np.all((numbers > 0) & (numbers <= 1))) else None


@dataclass(frozen=True, eq=False)
class Design:
    """How the points in use were drawn.

    Args:
        name: One of `PROBABILITY_DESIGNS`.
        stratum: (n,) stratum number of each point in use; −1 for a point outside every stratum.
        strata: H names.
        sizes: (H,) pixels of each stratum.
        are_map_classes: Whether the strata are the classes of the map under judgement.
        map_class: (H,) class index of each stratum where they are; C for pixels without a class.
        post: Whether the strata were formed after the draw.
        weights: (n,) 1 / inclusion probability, in units of its mean in the stratum, where
            probabilities differ within a stratum; None where they do not.
    """

    name: str
    stratum: NDArray[np.int64]
    strata: tuple[str, ...]
    sizes: NDArray[np.float64]
    are_map_classes: bool = False
    map_class: NDArray[np.int64] | None = None
    post: bool = False
    weights: NDArray[np.float64] | None = None

    @property
    def estimator(self) -> str:
        """`simple` (one stratum, also for systematic samples), `stratified`, `post-stratified`."""
        if self.post:
            return "post-stratified"
        return "simple" if self.name in ONE_STRATUM else "stratified"


@dataclass(frozen=True, eq=False)
class MapFacts:
    """What the design needs to know of the map.

    Args:
        legend: Its classes (those only the reference has come after).
        pixels: (C,) pixels of each class in the whole map.
        at_points: (n,) map class at each point in use, −1 where it has none.
        inside: (n,) whether it lies on the map's grid; all do where None.
    """

    legend: Legend
    pixels: NDArray[np.int64]
    at_points: NDArray[np.int64]
    inside: NDArray[np.bool_] | None = None

    @property
    def on_grid(self) -> NDArray[np.bool_]:
        """(n,) whether each point lies on the map's grid."""
        return np.ones(len(self.at_points), dtype=bool) if self.inside is None else self.inside


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
    name = request.name or recorded
    reason = _no_design_reason(name, record.source)
    if reason:
        return reason
    if name in ONE_STRATUM:
        plain = _weighted(_one_stratum(str(name), record, used, facts), record, used)
        return _post_stratified(plain, record, used, facts) if request.post_stratify else plain
    if request.post_stratify:
        raise InputError(
            f"Expected a simple random or systematic sample with --post-stratify, but "
            f"{record.source} is '{name}': its strata are known already. Leave the option out."
        )
    found = _stratified(str(name), request, record, used, facts)
    if isinstance(found, str) and request.is_made:
        raise InputError(found)
    return found if isinstance(found, str) else _weighted(found, record, used)


def _chosen_reason(record: SampleRecord) -> str:
    """Why points are known not to be drawn by chance, as "… records its points as"; or empty."""
    if record.design in NO_PROBABILITY:
        return f"records its points as '{record.design}'"
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


def _post_stratified(
    design: Design, record: SampleRecord, used: NDArray[np.int64], facts: MapFacts
) -> Design:
    """Strata after the fact: the classes of the map, whose sizes the map itself tells."""
    if design.weights is not None:
        raise InputError(
            f"Expected equal inclusion probabilities with --post-stratify, but those of "
            f"{record.source} differ. Leave the option out."
        )
    sizes = _sizes_after_the_fact(design, record, used, facts)
    C = len(facts.legend)
    there = np.flatnonzero(sizes > 0)
    number = np.full(C + 1, -1, dtype=np.int64)
    number[there] = np.arange(len(there))
    names = [*facts.legend.names, "no class in the map"]
    stratum = np.where(design.stratum < 0, -1, number[facts.at_points])
    return replace(
        design,
        stratum=stratum,
        strata=tuple(names[c] for c in there),
        sizes=sizes[there],
        are_map_classes=True,
        map_class=there,
        post=True,
    )


def _sizes_after_the_fact(
    design: Design, record: SampleRecord, used: NDArray[np.int64], facts: MapFacts
) -> NDArray[np.float64]:
    """(C + 1,) pixels of each class of the map, and of none, in what was sampled."""
    total, mapped = float(design.sizes[0]), facts.pixels.astype(np.float64)
    recorded = record.metadata.get("map_class_sizes")
    if abs(total - mapped.sum()) <= 0.5 or (total > mapped.sum() and (facts.at_points < 0).any()):
        return np.append(mapped, max(total - mapped.sum(), 0.0))
    if isinstance(recorded, Mapping) and _same_at_points(record, used, facts):
        sizes = np.zeros(len(mapped) + 1)
        for name, size in recorded.items():
            index = facts.legend.index_of(name)
            sizes[-1 if index is None else index] += float(size)
        return sizes
    raise InputError(
        f"Expected a sample of the whole map with --post-stratify, but {record.source} was drawn "
        f"from {total:,.0f} pixels and the map has {mapped.sum():,.0f}: how many of each class of "
        "the map are among them is not known. Leave the option out."
    )


def _same_at_points(record: SampleRecord, used: NDArray[np.int64], facts: MapFacts) -> bool:
    """Whether the map class that the file records is that of this map at every point."""
    values = record.column("map_class")
    if values is None:
        return False
    index = [facts.legend.index_of(v) for v in values[used]]
    return all(i == at for i, at in zip(index, facts.at_points.tolist(), strict=True))


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
    missing = [i + 1 for i, v in enumerate(values) if _is_empty(v)]
    if missing:
        raise PointsError(
            f"Expected a stratum for every point of {record.source}, but row {missing[0]} has "
            f"none in field '{field}' ({len(missing)} in all). Fill it in or remove the points."
        )
    return [_as_name(v) for v in values]


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
    """Strata are the classes of this very map."""
    given = None if request.stratum_sizes is None else read_stratum_sizes(request.stratum_sizes)
    mapped = [c for c in range(len(facts.legend)) if facts.pixels[c] > 0]
    names = tuple(facts.legend.names[c] for c in mapped)
    sizes = {n: float(facts.pixels[c]) for n, c in zip(names, mapped, strict=True)}
    if given is not None:
        refuse_unsized(names, given)
        sizes = {n: given[n] for n in names}
    number = np.full(len(facts.legend) + 1, -1, dtype=np.int64)
    number[mapped] = np.arange(len(mapped))
    return Design(
        name,
        number[facts.at_points],
        names,
        np.array(list(sizes.values())),
        True,
        np.array(mapped, dtype=np.int64),
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


def _as_name(value: Any) -> str:
    """The text of a stratum: whole numbers without a fraction, as GIS files mix 1 and 1.0."""
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value).strip()


def _is_empty(value: Any) -> bool:
    if value is None or (isinstance(value, float | np.floating) and np.isnan(value)):
        return True
    return str(value).strip() in {"", "<NA>", "None", "NaT"}
