"""Judge by points or polygons: an estimate where their design is known, else a description."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pointillist.accuracy import matrix as figures
from pointillist.accuracy.area import Ground
from pointillist.accuracy.assessment import Assessment
from pointillist.accuracy.bootstrap import add_bootstrap
from pointillist.accuracy.design import (
    Design,
    DesignRequest,
    MapFacts,
    OwnClasses,
    find_design,
)
from pointillist.accuracy.estimators import (
    AccuracyEstimates,
    Estimate,
    StratifiedSample,
    estimate,
    estimate_kappa,
)
from pointillist.accuracy.matrix import ErrorMatrix
from pointillist.accuracy.nonresponse import Unanswered, describe_nonresponse
from pointillist.accuracy.reference import Reference
from pointillist.accuracy.remarks import list_not_estimable, tell_limits
from pointillist.accuracy.units import LEFT_OUT, Units
from pointillist.errors import InputError, PointsError


@dataclass(frozen=True)
class Wishes:
    """How to estimate.

    Args:
        confidence: Of the intervals.
        fpc: Whether to use the finite population correction.
        bootstrap: Replicates for the intervals of F1 and IoU; 0 for none.
        seed: Of the bootstrap.
        kappa: Whether to state kappa too.
    """

    confidence: float = 0.95
    fpc: bool = False
    bootstrap: int = 0
    seed: int = 0
    kappa: bool = False

    def __post_init__(self) -> None:
        if self.bootstrap < 0 or 0 < self.bootstrap < 100:
            raise InputError(
                f"Expected at least 100 replicates of the bootstrap, or 0 for none, got "
                f"{self.bootstrap}. 1000 are usual."
            )


@dataclass(frozen=True, eq=False)
class MapCounts:
    """What the whole map holds.

    Args:
        pixels: (C,) of each class.
        ground: What pixels cover.
        hectares: (C,) of each class, where rows cover different ground; None where they do not.
        own_pixels: (Cm,) of each class of the map itself, where a crosswalk joins some; None where
            they are the same.
    """

    pixels: NDArray[np.int64]
    ground: Ground = field(default_factory=Ground)
    hectares: NDArray[np.float64] | None = None
    own_pixels: NDArray[np.int64] | None = None

    @property
    def shares(self) -> NDArray[np.float64]:
        """(C,) share of the ground of each class."""
        amount = self.pixels if self.hectares is None else self.hectares
        return np.asarray(amount / max(float(amount.sum()), 1e-300))


def assess_points(
    reference: Reference,
    map_pixels: NDArray[np.int64] | MapCounts,
    request: DesignRequest,
    wishes: Wishes | None = None,
    *,
    refused: str = "",
    confidence: float = 0.95,
    fpc: bool = False,
) -> Assessment:
    """Judge by points or polygons: an estimate where their design is known, else a description.

    Args:
        reference: What was read.
        map_pixels: (C,) pixels of each class in the whole map, or all that is known of them.
        request: What the person says of the design.
        wishes: How to estimate; `confidence` and `fpc` where absent.
        refused: Why the points are no reference for estimates; empty where nothing speaks against.
        confidence: Of the intervals.
        fpc: Whether to use the finite population correction.

    Raises:
        InputError: A design is asserted that cannot be.
    """
    counts = map_pixels if isinstance(map_pixels, MapCounts) else MapCounts(map_pixels)
    wishes = wishes or Wishes(confidence, fpc)
    units = _units_of(reference)
    if refused and request.is_made:
        raise InputError(f"Expected a reference sample, but {refused}")
    own = None
    if reference.own_classes is not None and counts.own_pixels is not None:
        own = OwnClasses(*reference.own_classes, counts.own_pixels, reference.classes.from_map)
    facts = MapFacts(
        reference.classes.legend, counts.pixels, _map_of(reference, units), units.inside, own
    )
    if refused:
        design: Design | str = f"Figures describe these points only: {refused}"
    elif reference.are_points:
        design = find_design(request, reference.record, units.feature, facts)
    else:
        design = _refuse_areas(request, reference.record.source)
    if isinstance(design, Design):
        return _estimate_from(reference, units, design, counts, wishes)
    return _describe_points(reference, units, counts, design)


def describe(matrix: ErrorMatrix, area: ArrayLike) -> AccuracyEstimates:
    """The figures of an error matrix as they are, without standard errors."""

    def plain(values: ArrayLike) -> list[Estimate]:
        return [Estimate(float(v)) for v in np.asarray(values)]

    return AccuracyEstimates(
        overall=Estimate(figures.overall_accuracy(matrix)),
        users=plain(figures.users_accuracy(matrix)),
        producers=plain(figures.producers_accuracy(matrix)),
        f1=plain(figures.f1(matrix)),
        iou=plain(figures.iou(matrix)),
        mean_iou=Estimate(figures.mean_iou(matrix)),
        area=plain(area),
        cells=np.vstack([matrix.counts, matrix.unmapped]) / max(matrix.n, 1),
    )


def _describe_points(
    reference: Reference, units: Units, counts: MapCounts, reason: str
) -> Assessment:
    source = reference.record.source
    notices = (
        *reference.classes.notices,
        *reference.notices,
        *_skipped(units, source),
        reason,
        "Areas are what the map shows (counted pixels), not corrected for its errors.",
    )
    return Assessment(
        "descriptive",
        reference.classes.legend,
        reference.matrix,
        describe(reference.matrix, counts.shares),
        int(counts.pixels.sum()),
        notices=notices,
        population_hectares=_hectares(counts),
        account=units.account or None,
    )


def _skipped(units: Units, source: str) -> list[str]:
    """What a description leaves out, first how much of the whole."""
    lines = units.lines(source, of=LEFT_OUT)
    if not lines:
        return []
    account = units.account
    used = account["used"] - sum((units.answer >= 0) & ~units.inside)
    skipped = [f"{line.split(' ', 1)[0]} skipped,{line.split(source, 1)[1]}" for line in lines]
    return [f"{source}: {used:,} of {account['in_file']:,} features used.", *skipped]


def _units_of(reference: Reference) -> Units:
    """The units of a reference; of areas all their pixels."""
    if reference.units is not None:
        return reference.units
    n = len(reference.feature)
    return Units(
        reference.feature,
        reference.reference_index,
        np.ones(n, dtype=bool),
        np.full((n, 2), -1, dtype=np.int64),
        {},
        {},
    )


def _map_of(reference: Reference, units: Units) -> NDArray[np.int64]:
    if reference.map_of_units is not None:
        return reference.map_of_units
    assert len(units.feature) == len(reference.map_index)
    return reference.map_index


def _estimate_from(
    reference: Reference, units: Units, design: Design, counts: MapCounts, wishes: Wishes
) -> Assessment:
    """Design-based estimates from the units that lie in a stratum."""
    legend, inside = reference.classes.legend, design.stratum >= 0
    in_map = _map_of(reference, units)
    judged = inside & ~units.is_unanswered
    sample, on_ground = _count(design, units, in_map, judged, counts, len(legend), wishes)
    lost = inside & units.is_unanswered
    estimates = estimate(sample, wishes.confidence, on_ground=on_ground)
    if wishes.bootstrap:
        estimates = add_bootstrap(
            estimates, sample, wishes.confidence, replicates=wishes.bootstrap, seed=wishes.seed
        )
    if wishes.kappa:
        estimates = replace(estimates, kappa=estimate_kappa(sample, wishes.confidence))
    answered = judged & units.is_answered
    if not answered.any():
        raise PointsError(
            f"Expected answered points inside the strata of {reference.record.source}, got none. "
            "Check that the map is the one that was sampled."
        )
    return Assessment(
        "design-based",
        legend,
        figures.error_matrix(in_map[answered], units.answer[answered], legend.names),
        estimates,
        float(design.sizes.sum()),
        confidence=wishes.confidence,
        design=replace(design, stratum=design.stratum[judged]),
        fpc=wishes.fpc,
        population_hectares=_hectares(counts, design, on_ground),
        account=units.account or None,
        nonresponse=_nonresponse(
            sample, on_ground, design, units, in_map, lost, counts, legend.names
        ),
        not_estimable=tuple(list_not_estimable(estimates, legend)),
        bootstrap=_bootstrap_facts(wishes),
        notices=(
            *reference.classes.notices,
            *reference.notices,
            *tell_limits(design, sample, units, in_map, reference, int(lost.sum())),
        ),
    )


def _count(
    design: Design,
    units: Units,
    in_map: NDArray[np.int64],
    judged: NDArray[np.bool_],
    counts: MapCounts,
    n_classes: int,
    wishes: Wishes,
) -> tuple[StratifiedSample, StratifiedSample | None]:
    """The sample, and the same weighted by ground where pixels cover different amounts."""
    rows, columns = in_map[judged], np.maximum(units.answer[judged], -1)
    stratum = design.stratum[judged]
    chance = None if design.weights is None else design.weights[judged]

    def make(weight: NDArray[np.float64] | None) -> StratifiedSample:
        return StratifiedSample.from_labels(
            rows,
            columns,
            n_classes,
            stratum,
            design.sizes,
            weight=weight,
            strata=design.strata,
            map_class=design.map_class,
            fpc=wishes.fpc,
            post=design.post,
        )

    area = _ground_of(units, judged, counts)
    if area is None:
        return make(chance), None
    return make(chance), make(area if chance is None else area * chance)


def _ground_of(
    units: Units, which: NDArray[np.bool_], counts: MapCounts
) -> NDArray[np.float64] | None:
    """What the pixels of some units cover; of units off the map, the mean of those on it."""
    per_row = counts.ground.per_row
    if per_row is None:
        return None
    at = np.clip(units.rowcol[:, 0], 0, len(per_row) - 1)
    known = per_row[at[units.inside]] if units.inside.any() else per_row
    return np.where(units.inside, per_row[at], np.nanmean(known))[which]


def _nonresponse(
    sample: StratifiedSample,
    on_ground: StratifiedSample | None,
    design: Design,
    units: Units,
    in_map: NDArray[np.int64],
    lost: NDArray[np.bool_],
    counts: MapCounts,
    names: Sequence[str],
) -> dict[str, Any] | None:
    """What places without an answer may change; None where there are none."""
    if not lost.any():
        return None
    shape, at = (len(design.strata), len(names) + 1), (design.stratum[lost], in_map[lost])

    def add_up(values: NDArray[np.float64] | None) -> NDArray[np.float64]:
        total = np.zeros(shape)
        np.add.at(total, at, 1.0 if values is None else values)
        return total

    chance = None if design.weights is None else design.weights[lost]
    area = _ground_of(units, lost, counts)
    ground = None
    if area is not None and on_ground is not None:
        ground = (on_ground, add_up(area if chance is None else area * chance))
    missing = Unanswered(
        add_up(None).astype(np.int64), None if chance is None else add_up(chance), ground
    )
    return describe_nonresponse(sample, missing, names)


def _hectares(
    counts: MapCounts, design: Design | None = None, on_ground: StratifiedSample | None = None
) -> float | None:
    """Of what is judged: the whole map's where it was sampled, else estimated by the sample."""
    total_px = float(counts.pixels.sum())
    population = total_px if design is None else float(design.sizes.sum())
    if counts.ground.per_pixel is not None:
        return population * counts.ground.per_pixel
    if counts.hectares is None:
        return None
    if abs(population - total_px) <= 0.5 or on_ground is None:
        return float(counts.hectares.sum())
    return float((on_ground.sizes * on_ground.mean_weights).sum())


def _bootstrap_facts(wishes: Wishes) -> Mapping[str, Any] | None:
    if not wishes.bootstrap:
        return None
    return {
        "replicates": wishes.bootstrap,
        "seed": wishes.seed,
        "method": "percentiles of resamples of n − 1 within strata (Rao and Wu 1988)",
    }


def _refuse_areas(request: DesignRequest, source: str) -> str:
    """Polygons and lines are no sample of pixels."""
    if request.is_made:
        raise InputError(
            f"Expected one point per sample for design-based estimates, but {source} holds areas "
            "or several pixels per feature. Leave the design out for descriptive figures."
        )
    return (
        f"{source} holds areas, whose pixels are no independent samples: figures describe these "
        "pixels only and carry no intervals."
    )
