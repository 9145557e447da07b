"""Design-based estimates of accuracy and area from a probability sample.

Every figure is a ratio of two totals over the pixels of the map, R = Y / X, where a pixel's y and
x depend only on its map class i and reference class j. With strata h of N_h pixels, of which n_h
were sampled, the estimate and its variance are (Stehman 2014, eqs. 25-28)

    R = Σ N_h ȳ_h / Σ N_h x̄_h,        V(R) = X̂⁻² Σ N_h² (1 − f_h) s²_h(y − R x) / n_h,

with f_h = n_h / N_h under the finite population correction and 0 without it. Where the strata are
the map classes these are exactly the estimators of Olofsson et al. (2013, eqs. 5-7; 2014); with one
stratum, those of simple random sampling; with strata formed after a simple random draw, those of
post-stratification. So one formula serves all. `docs/accuracy.md` tells which is used when.

References:
    Olofsson, P., et al. (2014). Good practices for estimating area and assessing accuracy of land
    change. Remote Sensing of Environment 148, 42-57.
    Stehman, S. V. (2014). Estimating area and map accuracy for stratified random sampling when
    the strata are different from the map classes. International Journal of Remote Sensing 35(13),
    4923-4939.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pointillist.accuracy.intervals import choose_interval, critical_value, score_interval
from pointillist.accuracy.sample import Mask, StratifiedSample, Values

__all__ = [
    "AccuracyEstimates",
    "Estimate",
    "StratifiedSample",
    "cell_proportions",
    "critical_value",
    "estimate",
    "estimate_kappa",
    "indicators",
    "ratio",
]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with what is known of its uncertainty.

    Args:
        value: The estimate; NaN where it is not estimable.
        se: Standard error; None where it is not estimable.
        ci: Lower and upper limit; None where there is no standard error.
        interval: `normal` or `score`, the kind of the interval; empty where there is none.
        why: What keeps the figure or its standard error from being estimated, in words.
        bootstrap_ci: Limits by resampling, where they were made.
    """

    value: float
    se: float | None = None
    ci: tuple[float, float] | None = None
    interval: str = ""
    why: str = ""
    bootstrap_ci: tuple[float, float] | None = None

    def scaled(self, factor: float) -> Estimate:
        """The same estimate in another unit."""
        se = None if self.se is None else self.se * factor
        ci = None if self.ci is None else (self.ci[0] * factor, self.ci[1] * factor)
        return Estimate(self.value * factor, se, ci, self.interval, self.why)

    def to_dict(self) -> dict[str, Any]:
        """`{"estimate", "se", "ci"}` with null for whatever is not estimable.

        `interval` is added where the interval is not the normal one, `bootstrap_ci` where there is
        one.
        """
        value = None if np.isnan(self.value) else self.value
        stated: dict[str, Any] = {
            "estimate": value,
            "se": self.se,
            "ci": None if self.ci is None else list(self.ci),
        }
        if self.interval == "score":
            stated["interval"] = "score"
        if self.bootstrap_ci is not None:
            stated["bootstrap_ci"] = list(self.bootstrap_ci)
        return stated


@dataclass(frozen=True, eq=False)
class AccuracyEstimates:
    """Everything `assess` states about a map, estimated from a sample.

    Lists are by class index; `cells` (C + 1, C) are the estimated proportions of the error
    matrix, the last row being pixels without a map class (NaN where not estimable). `area` are
    shares of what is judged; `area_of_all` shares of the whole population, which differ only where
    some reference classes are ignored (None where they do not).
    """

    overall: Estimate
    users: list[Estimate]
    producers: list[Estimate]
    f1: list[Estimate]
    iou: list[Estimate]
    mean_iou: Estimate
    area: list[Estimate]
    cells: Values
    area_of_all: list[Estimate] | None = None
    kappa: Estimate | None = None


def estimate(
    sample: StratifiedSample, confidence: float = 0.95, *, on_ground: StratifiedSample | None = None
) -> AccuracyEstimates:
    """Estimate accuracy and area proportions with standard errors and intervals.

    Args:
        sample: A probability sample.
        confidence: Of the two-sided intervals, above 0 and below 1.
        on_ground: The same sample with the ground each pixel covers as its weight, for the areas;
            None where all pixels cover the same.

    Returns:
        Estimates; a figure whose stratum was never sampled is NaN, one with a stratum of a single
        sample has no standard error: neither is made up, and `why` tells.
    """
    C, z = sample.n_classes, critical_value(confidence)
    everything = np.ones((C + 1, C))
    per_class = [indicators(C, c) for c in range(C)]
    ground = on_ground or sample
    ious = [_figure(sample, both, in_map + in_ref - both, z) for both, in_map, in_ref in per_class]
    of_all = None
    if sample.n_outside.any():
        of_all = [_figure(ground, in_ref, everything, z, x_outside=1.0) for *_, in_ref in per_class]
    return AccuracyEstimates(
        overall=_figure(sample, np.eye(C + 1, C), everything, z),
        users=[_figure(sample, both, in_map, z) for both, in_map, _ in per_class],
        producers=[_figure(sample, both, in_ref, z) for both, _, in_ref in per_class],
        f1=[_f1(sample, c, iou, z) for c, iou in enumerate(ious)],
        iou=ious,
        mean_iou=_mean_iou(sample, ious, z),
        area=[_figure(ground, in_ref, everything, z) for _, _, in_ref in per_class],
        cells=cell_proportions(sample),
        area_of_all=of_all,
    )


def ratio(
    sample: StratifiedSample, y: Values, x: Values, x_outside: float = 0.0
) -> tuple[float, float | None, str]:
    """Estimate Y / X and its standard error.

    Args:
        sample: A probability sample.
        y: (C + 1, C) value of a pixel with map class i (last row: none) and reference class j.
        x: (C + 1, C) the same for the denominator.
        x_outside: x of samples that are not judged; their y is 0.

    Returns:
        The estimate (NaN where a stratum that matters has no sample, or X is estimated as 0), its
        standard error (None where a stratum that matters has fewer than two samples), and why
        something is missing.
    """
    matters = sample.may_hold(np.abs(y) + np.abs(x))
    empty = matters & (sample.n == 0)
    if np.any(empty):
        return float("nan"), None, f"no sample in {_strata(sample, empty)}"
    outside = x_outside * sample.sums_outside[:, 0] / np.maximum(sample.n, 1)
    total_x = sample.total(x, matters) + float((sample.sizes * outside)[matters].sum())
    if total_x == 0:
        return float("nan"), None, _ABSENT
    value = sample.total(y, matters) / total_x
    variance = sample.variance_of_total(y - value * x, matters, -value * x_outside)
    if variance is None:
        single = matters & (sample.n == 1)
        return float(value), None, f"a single sample in {_strata(sample, single)}"
    return float(value), float(np.sqrt(variance) / total_x), ""


_ABSENT = "not in the sample"
_FLAT = 1e-12


def cell_proportions(sample: StratifiedSample) -> Values:
    """(C + 1, C) estimated proportion of what is judged in every cell of the error matrix."""
    if np.any((sample.sizes > 0) & (sample.n == 0)):
        return np.full(sample.counts.shape[1:], np.nan)
    weights = sample.counts if sample.weights is None else sample.weights
    cells = np.einsum("h,hij->ij", sample.sizes / np.maximum(sample.n, 1), weights)
    total = cells.sum()
    return np.asarray(cells / total if total > 0 else np.full(cells.shape, np.nan))


def indicators(n_classes: int, c: int) -> tuple[Values, Values, Values]:
    """(C + 1, C) each: pixel is class c in both, in the map, in the reference."""
    in_map, in_ref = np.zeros((n_classes + 1, n_classes)), np.zeros((n_classes + 1, n_classes))
    in_map[c], in_ref[:, c] = 1.0, 1.0
    return in_map * in_ref, in_map, in_ref


def estimate_kappa(sample: StratifiedSample, confidence: float = 0.95) -> Estimate:
    """Cohen's kappa, κ = (p_o − p_e) / (1 − p_e), by linearisation.

    It mixes accuracy with the classes' shares and says nothing that the other figures do not
    (Pontius and Millones 2011; Foody 2020): for comparison with older work only.
    """
    cells = cell_proportions(sample)
    if np.isnan(cells).any():
        return Estimate(float("nan"), why="a stratum without samples")
    n_classes = sample.n_classes
    rows, columns = cells.sum(axis=1), cells.sum(axis=0)
    observed, expected = float(np.trace(cells)), float(rows[:n_classes] @ columns)
    if expected >= 1:
        return Estimate(float("nan"), why="a single class in map and reference")
    value = (observed - expected) / (1 - expected)
    # ∂κ/∂p_ij = [δ_ij − (1 − κ)(p_.i + p_j.)] / (1 − p_e); an unmapped row has no p_.i
    by_row = np.append(columns, 0.0)[:, None] + rows[None, :n_classes]
    slope = (np.eye(n_classes + 1, n_classes) - (1 - value) * by_row) / (1 - expected)
    everything = np.ones_like(slope)
    matters = sample.may_hold(everything)
    linear = slope - float((cells * slope).sum())
    variance = sample.variance_of_total(linear, matters)
    if variance is None:
        return Estimate(value, why="a single sample in a stratum")
    se = float(np.sqrt(variance)) / sample.total(everything, matters)
    z = critical_value(confidence)
    if se < _FLAT:  # all samples agree, which says little where they are few
        right = np.eye(n_classes + 1, n_classes)
        low, high = score_interval(sample, right, everything, matters, z)
        limits = [(share - expected) / (1 - expected) for share in (low, high)]
        return Estimate(value, se, (max(-1.0, limits[0]), min(1.0, limits[1])), "score")
    half = z * se
    return Estimate(value, se, (max(-1.0, value - half), min(1.0, value + half)), "normal")


def _strata(sample: StratifiedSample, which: Mask) -> str:
    names = [name for name, those in zip(sample.strata, which, strict=True) if those]
    return f"stratum {', '.join(names)}" if len(names) == 1 else f"strata {', '.join(names)}"


def _figure(
    sample: StratifiedSample, y: Values, x: Values, z: float, x_outside: float = 0.0
) -> Estimate:
    value, se, why = ratio(sample, y, x, x_outside)
    if se is None:
        return Estimate(value, why=why)
    matters = sample.may_hold(x)
    score = score_interval(sample, y, x, matters, z, x_outside)
    ci, kind = choose_interval(value, se, score, z)
    return Estimate(value, se, ci, kind)


def _f1(sample: StratifiedSample, c: int, iou: Estimate, z: float) -> Estimate:
    """F1 = 2 IoU / (1 + IoU), and so its error and its limits."""
    value = 2 * iou.value / (1 + iou.value)
    if iou.se is None:
        return Estimate(value, why=iou.why)
    se = 2 * iou.se / (1 + iou.value) ** 2
    both, in_map, in_ref = indicators(sample.n_classes, c)
    union = in_map + in_ref - both
    low, high = score_interval(sample, both, union, sample.may_hold(union), z)
    ci, kind = choose_interval(value, se, (2 * low / (1 + low), 2 * high / (1 + high)), z)
    return Estimate(value, se, ci, kind)


def _mean_iou(sample: StratifiedSample, ious: list[Estimate], z: float) -> Estimate:
    """Mean IoU over the classes found in the sample's reference, by linearisation."""
    found = np.flatnonzero(sample.counts.sum(axis=(0, 1)) > 0)
    values = [ious[c].value for c in found]
    if not values or np.any(np.isnan(values)):
        reasons = [ious[c].why for c in found if ious[c].why]
        return Estimate(float("nan"), why=reasons[0] if reasons else _ABSENT)
    everything = np.ones(sample.counts.shape[1:], dtype=np.float64)
    linear = np.zeros_like(everything)
    matters = sample.may_hold(everything)
    for c, value in zip(found, values, strict=True):
        both, in_map, in_ref = indicators(sample.n_classes, int(c))
        union = in_map + in_ref - both
        linear += (both - value * union) / sample.total(union, matters) / len(found)
    variance = sample.variance_of_total(linear, matters)
    mean = float(np.mean(values))
    if variance is None:
        return Estimate(
            mean, why=f"a single sample in {_strata(sample, matters & (sample.n == 1))}"
        )
    se = float(np.sqrt(variance))
    limits = np.array([ious[c].ci or (0.0, 1.0) for c in found]).mean(axis=0)
    low, high = mean - z * se, mean + z * se
    if se > 1e-12 and low >= 0 and high <= 1:
        return Estimate(mean, se, (low, high), "normal")
    return Estimate(mean, se, (float(limits[0]), float(limits[1])), "score")
