"""Bring the classes of a map and of a reference to one legend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pointillist.errors import LegendError
from pointillist.legend import Legend, LegendClass, choose_colors


@dataclass(frozen=True, eq=False)
class JoinedClasses:
    """One legend for both: the map's classes in their order, then those only the reference has.

    Args:
        legend: The classes together.
        from_reference: (Cr + 1,) index in `legend` of each reference class; the last entry is −1,
            so that −1 (unlabelled) stays −1.
        notices: Classes that only one of the two has, in words.
    """

    legend: Legend
    from_reference: NDArray[np.int64]
    notices: tuple[str, ...]


def join_classes(
    map_legend: Legend,
    reference_legend: Legend,
    *,
    by_code: bool,
    map_name: str = "the map",
    reference_name: str = "the reference",
) -> JoinedClasses:
    """Find each reference class in the map's legend.

    A class is found by its name; a name that is a number also by the map's codes. With `by_code`
    (rasters, whose codes mean something) a map without class names is matched by code.

    Args:
        map_legend: Classes of the map.
        reference_legend: Classes of the reference.
        by_code: Whether the codes of the reference come from its file.
        map_name: For messages.
        reference_name: For messages.

    Raises:
        LegendError: Not a single class in common.
    """
    found = [_find(c, map_legend, by_code=by_code) for c in reference_legend.classes]
    if all(index is None for index in found):
        raise LegendError(
            f"Expected classes in common, but {map_name} has {', '.join(map_legend.names)} and "
            f"{reference_name} has {', '.join(reference_legend.names)}. Rename the classes of one, "
            "or name the field that holds the class with --class-field."
        )
    extra = [c for c, at in zip(reference_legend.classes, found, strict=True) if at is None]
    places = iter(range(len(map_legend), len(map_legend) + len(extra)))
    index = [next(places) if at is None else at for at in found]
    return JoinedClasses(
        _extended(map_legend, [c.name for c in extra]),
        np.array([*index, -1], dtype=np.int64),
        tuple(_notices(map_legend, extra, found, map_name, reference_name)),
    )


def _find(wanted: LegendClass, legend: Legend, *, by_code: bool) -> int | None:
    found = legend.index_of(wanted.name)
    if found is None and by_code and _is_nameless(legend) and wanted.code in legend.codes:
        return legend.codes.index(wanted.code)
    return found


def _is_nameless(legend: Legend) -> bool:
    """Whether the names are nothing but the codes."""
    return all(c.name == str(c.code) for c in legend.classes)


def _extended(legend: Legend, names: Sequence[str]) -> Legend:
    """The legend with further classes, whose codes follow the highest."""
    colors = choose_colors([*legend.names, *names])[len(legend) :]
    first = max(legend.codes) + 1
    added = [LegendClass(first + i, n, colors[i]) for i, n in enumerate(names)]
    return Legend((*legend.classes, *added))


def _notices(
    map_legend: Legend,
    extra: Sequence[LegendClass],
    found: Sequence[int | None],
    map_name: str,
    reference_name: str,
) -> list[str]:
    notices = []
    if extra:
        names = ", ".join(c.name for c in extra)
        notices.append(f"Classes that {map_name} does not have, all counted as errors: {names}.")
    unseen = [n for i, n in enumerate(map_legend.names) if i not in found]
    if unseen:
        notices.append(f"Classes that {reference_name} does not have: {', '.join(unseen)}.")
    return notices
