"""Bring the classes of a map and of a reference to one legend."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pointillist.accuracy.crosswalk import Crosswalk, collapse
from pointillist.errors import LegendError
from pointillist.legend import Legend, LegendClass

CANNOT_TELL, IGNORED = -2, -3
"""Answers that are no class: one that nobody can give, and one that is not judged."""

# What masks hold where nobody looked, even if they do not tag it as nodata.
UNLABELLED_CODES = (255, 65535)
UNLABELLED = -1


@dataclass(frozen=True, eq=False)
class JoinedClasses:
    """One legend for both: the map's classes in their order, then those only the reference has.

    Args:
        legend: The classes together.
        from_reference: (Cr + 1,) index in `legend` of each reference class; the last entry is −1,
            so that −1 (unlabelled) stays −1.
        notices: Classes that only one of the two has, in words.
        from_map: (Cm + 1,) index in `legend` of each class of the map, the last entry −1; None
            where they are the same.
    """

    legend: Legend
    from_reference: NDArray[np.int64]
    notices: tuple[str, ...]
    from_map: NDArray[np.int64] | None = None

    def of_map(self, index: NDArray[Any]) -> NDArray[Any]:
        """Indices in `legend` of what the map holds, −1 where it holds nothing."""
        return index if self.from_map is None else self.from_map[index]

    def pixels(self, of_map: NDArray[Any]) -> NDArray[Any]:
        """(C,) pixels or hectares of each class of `legend`, of those (Cm,) of the map's own."""
        total = np.zeros(len(self.legend), dtype=of_map.dtype)
        np.add.at(total, self.of_map(np.arange(len(of_map))), of_map)
        return total


def join_classes(
    map_legend: Legend,
    reference_legend: Legend,
    *,
    by_code: bool,
    map_name: str = "the map",
    reference_name: str = "the reference",
    crosswalk: Crosswalk | None = None,
    cannot_tell: Collection[str] = (),
) -> JoinedClasses:
    """Find each reference class in the map's legend.

    A class is found by its name; a name that is a number also by the map's codes. With `by_code`
    (rasters, whose codes mean something) a map without class names is matched by code, and a
    nameless 255 or 65535 that the map does not have is taken as unlabelled.

    Args:
        map_legend: Classes of the map.
        reference_legend: Classes of the reference.
        by_code: Whether the codes of the reference come from its file.
        map_name: For messages.
        reference_name: For messages.
        crosswalk: Which class of the reference means which one of the map.
        cannot_tell: Names of the reference that are no class but say that nobody can tell.

    Raises:
        LegendError: Not a single class in common, or a crosswalk that names unknown ones.
    """
    from_map, becomes = None, {}
    if crosswalk is not None:
        crosswalk.refuse_unknown(map_legend, reference_legend)
        becomes = crosswalk.find(reference_legend)
        of_map = crosswalk.find(map_legend, reference_legend)
        map_legend, from_map = collapse(map_legend, of_map, crosswalk.source)
        _refuse_targets(becomes, map_legend, crosswalk.source, map_name)
    unclear = {name.casefold() for name in cannot_tell}
    found: list[int | None] = []
    for i, c in enumerate(reference_legend.classes):
        if c.name.casefold() in unclear:
            found.append(CANNOT_TELL)
        elif i in becomes:
            name = becomes[i]
            found.append(IGNORED if name is None else map_legend.index_of(name))
        else:
            found.append(_find(c, map_legend, by_code=by_code))
    if all(index is None or index < 0 for index in found):
        raise LegendError(
            f"Expected classes in common, but {map_name} has {', '.join(map_legend.names)} and "
            f"{reference_name} has {', '.join(reference_legend.names)}. Rename the classes of one, "
            "say with --crosswalk which is which, or name the field that holds the class with "
            "--class-field."
        )
    extra = [c for c, at in zip(reference_legend.classes, found, strict=True) if at is None]
    places = iter(range(len(map_legend), len(map_legend) + len(extra)))
    index = [next(places) if at is None else at for at in found]
    if from_map is not None and np.array_equal(from_map[:-1], np.arange(len(map_legend))):
        from_map = None
    return JoinedClasses(
        map_legend.extended([c.name for c in extra]),
        np.array([*index, UNLABELLED], dtype=np.int64),
        (
            *_numbers_for_names(map_legend, reference_legend, map_name, reference_name, found),
            *_notices(map_legend, reference_legend, found, map_name, reference_name),
        ),
        from_map,
    )


def _refuse_targets(
    becomes: Mapping[int, str | None], map_legend: Legend, source: str, map_name: str
) -> None:
    """What classes of the reference become must be classes of the map."""
    wrong = [new for new in becomes.values() if new and map_legend.index_of(new) is None]
    if wrong:
        raise LegendError(
            f"Expected classes of {map_name} ({', '.join(map_legend.names)}) as what classes "
            f"become in {source}, got '{wrong[0]}'. Correct its spelling, or write 'ignore'."
        )


def name_by_code(legend: Legend, known: Legend | None) -> Legend:
    """A map's legend with names and colours of classes known by their codes.

    Args:
        legend: Of a map; left as it is where it has names.
        known: Classes whose codes mean something; None where there are none.
    """
    if known is None or not _is_nameless(legend) or _is_nameless(known):
        return legend
    if set(known.names) & set(legend.names):
        return legend  # the same numbers are names in both
    by_code = {c.code: c for c in known.classes}
    return Legend(tuple(by_code.get(c.code, c) for c in legend.classes))


def _find(wanted: LegendClass, legend: Legend, *, by_code: bool) -> int | None:
    found = legend.index_of(wanted.name)
    if found is not None or not by_code:
        return found
    if _is_nameless(legend) and wanted.code in legend.codes:
        return legend.codes.index(wanted.code)
    is_nameless = wanted.name == str(wanted.code)
    return UNLABELLED if is_nameless and wanted.code in UNLABELLED_CODES else None


def _is_nameless(legend: Legend) -> bool:
    """Whether the names are nothing but the codes."""
    return all(c.name == str(c.code) for c in legend.classes)


def _numbers_for_names(
    map_legend: Legend,
    reference_legend: Legend,
    map_name: str,
    reference_name: str,
    found: Sequence[int | None],
) -> list[str]:
    """Say that numbers were taken for named classes: only a person can tell if that is right."""
    if _is_nameless(map_legend) or not _is_nameless(reference_legend):
        return []
    if not any(
        at is not None and at >= 0 and map_legend.index_of(name) == at
        for name, at in zip(reference_legend.names, found, strict=True)
    ):
        return []  # a crosswalk says what they mean
    pairs = zip(map_legend.codes, map_legend.names, strict=True)
    meant = ", ".join(f"{k} {n}" for k, n in pairs if str(k) in reference_legend.names)
    return [
        f"{reference_name} has numbers and no class names; they were taken for the codes of "
        f"{map_name} ({meant}). If they mean other classes, name them with --legend."
    ]


def _notices(
    map_legend: Legend,
    reference_legend: Legend,
    found: Sequence[int | None],
    map_name: str,
    reference_name: str,
) -> list[str]:
    notices = []
    extra = [n for n, at in zip(reference_legend.names, found, strict=True) if at is None]
    if extra:
        names = ", ".join(extra)
        notices.append(f"Classes that {map_name} does not have, all counted as errors: {names}.")
    if UNLABELLED in found:
        code = reference_legend.codes[found.index(UNLABELLED)]
        notices.append(f"{code} in {reference_name}, no class of {map_name}, means unlabelled.")
    unseen = [n for i, n in enumerate(map_legend.names) if i not in found]
    if unseen:
        notices.append(f"Classes that {reference_name} does not have: {', '.join(unseen)}.")
    return notices
