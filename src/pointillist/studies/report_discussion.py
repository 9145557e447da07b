"""What the two experiments of the reference study teach, in sentences made of the records."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy as np

from pointillist.report.document import Paragraph
from pointillist.scenes import CLASSIC_LEGEND
from pointillist.studies.figures import strategy_of
from pointillist.studies.report_tables import listed
from pointillist.studies.tables import Line, signed

_RANDOM, _SIMPLE, _SPREAD, _INTERIOR, _OWN = (
    "", "simple", "spread", "interior", "pseudo-stratified",
)  # fmt: skip


def discuss_density(lines: Sequence[Line]) -> list[Paragraph]:
    """Where points gain most, in which class, and how steady it is."""
    found = [line for line in lines if line.row.name.endswith("per class") and line.miou.n > 1]
    if len(found) < 3:
        return []
    steps = [
        f"{signed(_per_doubling(before, after), 4)} from {_number(before)} to {_number(after)}"
        for before, after in itertools.pairwise(found)
    ]
    least, most = found[0], found[-1]
    gains = _by_class(most) - _by_class(least)
    worst, easiest = int(np.argmax(gains)), int(np.argmin(gains))
    names = CLASSIC_LEGEND.names
    scatter = [float(np.std(line.values("miou"), ddof=1)) for line in (least, most)]
    return [
        Paragraph(
            f"*Discussion.* Each doubling of the points gains {listed(steps)} per class. What "
            f"more points buy is not even over the classes: {names[worst]} rises from an IoU of "
            f"{_by_class(least)[worst]:.3f} to {_by_class(most)[worst]:.3f}, {names[easiest]} from "
            f"{_by_class(least)[easiest]:.3f} to {_by_class(most)[easiest]:.3f}. And they buy "
            f"steadiness: the standard deviation over seeds goes from {scatter[0]:.4f} to "
            f"{scatter[1]:.4f}, so that with {_number(least)} per class a single run says little "
            "about a recipe, which is what the reference study's table rests on."
        )
    ]


def discuss_sampling(lines: Sequence[Line]) -> list[Paragraph]:
    """What each strategy does against as many random points per class, and why."""
    told = [
        sentence
        for part in (_on_simple, _on_spread, _on_interior, _on_its_own)
        for sentence in part(lines)
    ]
    return [Paragraph(f"*Discussion.* {' '.join(told)}")] if told else []


def _on_simple(lines: Sequence[Line]) -> Iterator[str]:
    found = _of(lines, _SIMPLE)
    if len(found) < 2:
        return
    least, most = found[0], found[-1]
    names = CLASSIC_LEGEND.names
    rarest = int(np.argmin(_by_class(least)))
    few, many = _paired(lines, least), _paired(lines, most)
    if few is None or many is None:
        return
    better = int((_by_class(most) > _by_class(many)).sum())
    yield (
        "*Simple* points come as the classes do. With few of them the rarest class is missed: "
        f"{names[rarest]} has an IoU of {_by_class(least)[rarest]:.3f} at {least.row.name}, and "
        f"{_by_class(few)[rarest]:.3f} where every class is sure of a point. At {most.row.name} "
        f"they differ by {signed(_gain(most), 4)}, with the higher IoU in {better} of "
        f"{len(names)} classes."
    )


def _on_spread(lines: Sequence[Line]) -> Iterator[str]:
    found = _of(lines, _SPREAD)
    if len(found) < 2:
        return
    ahead = [line for line in found if _gain(line) > 0]
    yield (
        f"*Spread* points are ahead of random ones in {len(ahead)} of {len(found)} rows "
        f"({signed(_gain(found[0]), 4)} at {_number(found[0])} per class, "
        f"{signed(_gain(found[-1]), 4)} at {_number(found[-1])}): neighbours are alike, so two "
        "points side by side say little more than one."
    )


def _on_interior(lines: Sequence[Line]) -> Iterator[str]:
    found = _of(lines, _INTERIOR)
    if len(found) < 2 or any(_gain(line) >= 0 for line in found):
        return
    least, most = found[0], found[-1]
    if most.miou.value - least.miou.value >= -_gain(least) / 2:
        return  # more of them mend it
    worst = int(np.argmin(_by_class(most)))
    yield (
        "*Interior* points, where a person is sure of the class, cost most: "
        f"{signed(_gain(least), 3)} at {_number(least)} per class and {signed(_gain(most), 3)} at "
        f"{_number(most)}. More of them do not help (mean IoU {least.miou.value:.3f} and "
        f"{most.miou.value:.3f}), because no label ever says where a class ends: "
        f"{CLASSIC_LEGEND.names[worst]} stays at {_by_class(most)[worst]:.3f}. "
        "Whoever labels should click near edges too."
    )


def _on_its_own(lines: Sequence[Line]) -> Iterator[str]:
    found = [line for line in _of(lines, _OWN) if line.comparison is not None]
    if not found:
        return
    apart = max(abs(_gain(line)) for line in found)
    if all(line.p is None or line.p >= 0.05 for line in found):
        yield (
            f"The reference study's own sampler is never more than {apart:.4f} from random points "
            f"and significantly so in none of {len(found)} rows: what is reported as its gain is "
            "the luck of a draw."
        )


def _of(lines: Sequence[Line], strategy: str) -> list[Line]:
    return [line for line in lines if strategy_of(line) == strategy]


def _paired(lines: Sequence[Line], line: Line) -> Line | None:
    """Random points per class, as many as a row has in total."""
    n = line.row.cell.points_per_image
    return next((x for x in _of(lines, _RANDOM) if x.row.cell.points_per_image == n), None)


def _per_doubling(before: Line, after: Line) -> float:
    doublings = np.log2(after.row.cell.points_per_image / before.row.cell.points_per_image)
    return float((after.miou.value - before.miou.value) / doublings)


def _gain(line: Line) -> float:
    return float("nan") if line.comparison is None else line.comparison.difference.value


def _by_class(line: Line) -> np.ndarray:
    """(C,) IoU, mean over seeds."""
    found: np.ndarray = np.nanmean(np.array(line.by_class("iou")), axis=0)
    return found


def _number(line: Line) -> str:
    return line.row.name.split(" ")[0]
