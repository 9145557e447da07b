"""What a reader of estimates must know: what limits them, and what could not be estimated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pointillist.accuracy.drawn import Design
from pointillist.accuracy.estimators import AccuracyEstimates, Estimate, StratifiedSample
from pointillist.accuracy.reference import Reference
from pointillist.accuracy.units import LEFT_OUT, Units
from pointillist.legend import Legend


def list_not_estimable(estimates: AccuracyEstimates, legend: Legend) -> list[Mapping[str, Any]]:
    """Figures without value or standard error, and why."""
    found: list[Mapping[str, Any]] = []

    def note(figure: str, of: str | None, e: Estimate, absent: str) -> None:
        if e.se is None:
            why = absent if e.why == "not in the sample" else e.why
            missing = "value" if np.isnan(e.value) else "interval"
            found.append({"figure": figure, "class": of, "missing": missing, "why": why})

    note("overall_accuracy", None, estimates.overall, "no sample")
    note("mean_iou", None, estimates.mean_iou, "no class in the sample")
    for c, name in enumerate(legend.names):
        note("users_accuracy", name, estimates.users[c], "not mapped at any sampled place")
        note("producers_accuracy", name, estimates.producers[c], "not found in the sample")
        for key, e in (("f1", estimates.f1[c]), ("iou", estimates.iou[c])):
            note(key, name, e, "neither mapped nor found in the sample")
        note("area", name, estimates.area[c], "no sample")
    return found


def tell_limits(
    design: Design,
    sample: StratifiedSample,
    units: Units,
    in_map: NDArray[np.int64],
    reference: Reference,
    n_unanswered: int,
) -> list[str]:
    """What limits the estimates."""
    source, n_out = reference.record.source, int((design.stratum < 0).sum())
    notices = units.lines(source, of=LEFT_OUT)
    if n_unanswered:
        share = n_unanswered / max(n_unanswered + int(sample.n.sum()), 1)
        notices.append(
            f"{n_unanswered:,} of the sampled places ({share:.1%}) have no answer. The estimates "
            "assume that, within each stratum, they are like those that have one; without that "
            "assumption each figure may lie anywhere between its bounds (nonresponse in the JSON)."
        )
    unmapped = int((units.is_answered & (design.stratum >= 0) & (in_map < 0)).sum())
    if unmapped:
        notices.append(
            f"{unmapped:,} answered points of the design lie where the map has no class: they "
            "belong to what was sampled, and count as places that the map has wrong."
        )
    if n_out:
        notices.append(
            f"{n_out:,} points lie where the map has no class, outside the strata: left out."
        )
    if design.name == "systematic":
        notices.append(
            "Standard errors of the systematic sample are those of a simple random one, for no "
            "formula is right for a single systematic sample. They are mostly too large; where "
            "classes repeat as the points do (streets, fields), they can be too small."
        )
    if not design.are_map_classes and len(design.strata) > 1:
        notices += _foreign_strata(design, in_map, reference)
    for n, words in ((0, "no sample: nothing"), (1, "a single sample: no standard error")):
        strata = [s for s, have in zip(design.strata, sample.n, strict=True) if have == n]
        if strata:
            remedy = "leave --post-stratify out" if design.post else "join strata"
            notices.append(
                f"Strata with {words} that rests on them is estimable: {', '.join(strata)}. "
                f"Add reference points there, or {remedy}."
            )
    return notices


def _foreign_strata(design: Design, in_map: NDArray[np.int64], reference: Reference) -> list[str]:
    """Strata named like the map's classes that are not what the map shows."""
    legend = reference.classes.legend
    index = [legend.index_of(name) for name in design.strata]
    if any(i is None for i in index):
        return []
    inside = design.stratum >= 0
    expected = np.array(index, dtype=np.int64)[design.stratum[inside]]
    n = int((expected != in_map[inside]).sum())
    raster = reference.record.metadata.get("raster")
    of = f" of {raster}" if raster else " of another map"
    return [
        f"{n:,} of {int(inside.sum()):,} points lie in another class of this map than their "
        f"stratum says: the strata are taken as classes{of}, as drawn (Stehman 2014). If they "
        "should be this map's, points were moved or it is not the map that was sampled."
    ]
