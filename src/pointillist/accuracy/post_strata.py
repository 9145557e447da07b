"""Post-stratification: the map's classes as strata of a sample that was drawn without strata."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pointillist.accuracy.drawn import Design, MapFacts
from pointillist.accuracy.record import SampleRecord
from pointillist.errors import InputError


def post_stratify(
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
