"""Design-based estimates of accuracy and area from a probability sample.

Every figure is a ratio of two totals over the pixels of the map, R = Y / X, where a pixel's y and
x depend only on its map class i and reference class j. With strata h of N_h pixels, of which n_h
were sampled, the estimate and its variance are (Stehman 2014, eqs. 25-28)

    R = Σ N_h ȳ_h / Σ N_h x̄_h,        V(R) = X̂⁻² Σ N_h² (1 − f_h) s²_h(y − R x) / n_h,

with f_h = n_h / N_h under the finite population correction and 0 without it. Where the strata are
the map classes these are exactly the estimators of Olofsson et al. (2013, eqs. 5-7; 2014); with one
stratum, those of simple random sampling. So one formula serves all three.

References:
    Olofsson, P., et al. (2014). Good practices for estimating area and assessing accuracy of land
    change. Remote Sensing of Environment 148, 42-57.
    Stehman, S. V. (2014). Estimating area and map accuracy for stratified random sampling when
    the strata are different from the map classes. International Journal of Remote Sensing 35(13),
    4923-4939.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pointillist.errors import InputError

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with what is known of its uncertainty.

    Args:
        value: The estimate; NaN where it is not estimable.
        se: Standard error; None where it is not estimable.
        ci: Lower and upper limit; None where there is no standard error.
    """

    value: float
    se: float | None = None
    ci: tuple[float, float] | None = None

    def scaled(self, factor: float) -> Estimate:
        """The same estimate in another unit."""
        se = None if self.se is None else self.se * factor
        ci = None if self.ci is None else (self.ci[0] * factor, self.ci[1] * factor)
        return Estimate(self.value * factor, se, ci)

    def to_dict(self) -> dict[str, Any]:
        """`{"estimate", "se", "ci"}` with null for whatever is not estimable."""
        value = None if np.isnan(self.value) else self.value
        return {"estimate": value, "se": self.se, "ci": None if self.ci is None else list(self.ci)}


@dataclass(frozen=True, eq=False)
class StratifiedSample:
    """A stratified random sample, counted; simple random sampling is one stratum.

    Args:
        counts: (H, C + 1, C) samples per stratum, map class and reference class; the last map row
            holds samples where the map has no class.
        sizes: (H,) pixels (or area) of each stratum in the whole map; only their proportions
            matter unless `fpc`.
        strata: H names.
        map_class: (H,) the map class each stratum consists of, where strata are map classes: then
            a class is known to be absent from the other strata. None where strata are something
            else.
        fpc: Whether to use the finite population correction 1 − n_h / N_h.

    Raises:
        InputError: Shapes that do not fit, or sizes that are impossible.
    """

    counts: NDArray[np.int64]
    sizes: Values
    strata: tuple[str, ...] = ("all",)
    map_class: NDArray[np.int64] | None = None
    fpc: bool = False

    def __post_init__(self) -> None:
        counts = np.asarray(self.counts, dtype=np.int64)
        sizes = np.asarray(self.sizes, dtype=np.float64)
        if counts.ndim != 3 or counts.shape[1] != counts.shape[2] + 1:
            raise InputError(f"Expected counts (H, C + 1, C) of a sample, got {counts.shape}.")
        if sizes.shape != counts.shape[:1] or len(self.strata) != len(sizes):
            raise InputError(
                f"Expected one size and one name for each of {len(counts)} strata, got "
                f"{sizes.size} sizes and {len(self.strata)} names."
            )
        if not np.all(np.isfinite(sizes)) or sizes.min() < 0 or sizes.sum() == 0:
            raise InputError("Expected stratum sizes above 0, got zero, negative or missing ones.")
        object.__setattr__(self, "counts", counts)
        object.__setattr__(self, "sizes", sizes)
        if self.fpc:
            self._check_fractions()

    def _check_fractions(self) -> None:
        for name, n, size in zip(self.strata, self.n, self.sizes, strict=True):
            if n > size:
                raise InputError(
                    f"Expected at most {size:g} samples in stratum '{name}' of {size:g} pixels, "
                    f"got {n}. Give the sizes in pixels, or leave the finite population "
                    "correction out."
                )

    @classmethod
    def from_labels(
        cls,
        map_index: ArrayLike,
        reference_index: ArrayLike,
        n_classes: int,
        stratum: ArrayLike | None = None,
        sizes: ArrayLike = (1.0,),
        **options: Any,
    ) -> Self:
        """Count samples given one by one.

        Args:
            map_index: (N,) map class, −1 where the map has none.
            reference_index: (N,) reference class, 0…C−1.
            n_classes: C.
            stratum: (N,) stratum number 0…H−1; all in one stratum when absent.
            sizes: (H,) pixels of each stratum.
            **options: `strata`, `map_class` and `fpc` as in the class.
        """
        rows, columns = np.asarray(map_index, dtype=np.int64), np.asarray(reference_index)
        where = np.zeros(len(rows), dtype=np.int64) if stratum is None else np.asarray(stratum)
        size = np.asarray(sizes, dtype=np.float64)
        counts = np.zeros((len(size), n_classes + 1, n_classes), dtype=np.int64)
        np.add.at(counts, (where, np.where(rows < 0, n_classes, rows), columns), 1)
        options.setdefault("strata", tuple(str(h) for h in range(len(size))))
        return cls(counts, size, **options)

    @property
    def n(self) -> NDArray[np.int64]:
        """(H,) samples of each stratum."""
        return np.asarray(self.counts.sum(axis=(1, 2)), dtype=np.int64)

    @property
    def n_classes(self) -> int:
        """C."""
        return int(self.counts.shape[2])

    def may_hold(self, y: Values) -> NDArray[np.bool_]:
        """(H,) whether pixels with y ≠ 0 can occur in each stratum."""
        if self.map_class is None:
            return self.sizes > 0
        return np.asarray((self.sizes > 0) & np.any(y[self.map_class] != 0, axis=1))


@dataclass(frozen=True, eq=False)
class AccuracyEstimates:
    """Everything `assess` states about a map, estimated from a sample.

    Lists are by class index; `cells` (C + 1, C) are the estimated proportions of the error
    matrix, the last row being pixels without a map class (NaN where not estimable).
    """

    overall: Estimate
    users: list[Estimate]
    producers: list[Estimate]
    f1: list[Estimate]
    iou: list[Estimate]
    mean_iou: Estimate
    area: list[Estimate]
    cells: Values


def estimate(sample: StratifiedSample, confidence: float = 0.95) -> AccuracyEstimates:
    """Estimate accuracy and area proportions with standard errors and intervals.

    Args:
        sample: A probability sample.
        confidence: Of the two-sided intervals, above 0 and below 1.

    Returns:
        Estimates; a figure whose stratum was never sampled is NaN, one with a stratum of a single
        sample has no standard error: neither is made up.
    """
    C = sample.n_classes
    everything = np.ones((C + 1, C))
    agree = np.eye(C + 1, C)
    per_class = [_indicators(C, c) for c in range(C)]

    def figure(y: Values, x: Values) -> Estimate:
        return _with_interval(sample, y, x, confidence)

    ious = [figure(both, in_map + in_ref - both) for both, in_map, in_ref in per_class]
    return AccuracyEstimates(
        overall=figure(agree, everything),
        users=[figure(both, in_map) for both, in_map, _ in per_class],
        producers=[figure(both, in_ref) for both, _, in_ref in per_class],
        f1=[figure(2 * both, in_map + in_ref) for both, in_map, in_ref in per_class],
        iou=ious,
        mean_iou=_mean_iou(sample, ious, confidence),
        area=[figure(in_ref, everything) for _, _, in_ref in per_class],
        cells=cell_proportions(sample),
    )


def ratio(sample: StratifiedSample, y: Values, x: Values) -> tuple[float, float | None]:
    """Estimate Y / X and its standard error.

    Args:
        sample: A probability sample.
        y: (C + 1, C) value of a pixel with map class i (last row: none) and reference class j.
        x: (C + 1, C) the same for the denominator.

    Returns:
        The estimate (NaN where a stratum that matters has no sample, or X is estimated as 0) and
        its standard error (None where a stratum that matters has fewer than two samples).
    """
    matters = sample.may_hold(np.abs(y) + np.abs(x))
    if np.any(matters & (sample.n == 0)):
        return float("nan"), None
    total_x = _total(sample, x, matters)
    if total_x == 0:
        return float("nan"), None
    value = _total(sample, y, matters) / total_x
    variance = _variance_of_total(sample, y - value * x, matters)
    return float(value), None if variance is None else float(np.sqrt(variance) / total_x)


def cell_proportions(sample: StratifiedSample) -> Values:
    """(C + 1, C) estimated proportion of the map in every cell of the error matrix."""
    if np.any((sample.sizes > 0) & (sample.n == 0)):
        return np.full(sample.counts.shape[1:], np.nan)
    weights = sample.sizes / sample.sizes.sum() / np.maximum(sample.n, 1)
    return np.asarray(np.einsum("h,hij->ij", weights, sample.counts))


def _indicators(n_classes: int, c: int) -> tuple[Values, Values, Values]:
    """(C + 1, C) each: pixel is class c in both, in the map, in the reference."""
    in_map, in_ref = np.zeros((n_classes + 1, n_classes)), np.zeros((n_classes + 1, n_classes))
    in_map[c], in_ref[:, c] = 1.0, 1.0
    return in_map * in_ref, in_map, in_ref


def _means(sample: StratifiedSample, y: Values) -> Values:
    return np.asarray(np.einsum("hij,ij->h", sample.counts, y) / np.maximum(sample.n, 1))


def _total(sample: StratifiedSample, y: Values, matters: NDArray[np.bool_]) -> float:
    return float((sample.sizes * _means(sample, y))[matters].sum())


def _variance_of_total(
    sample: StratifiedSample, y: Values, matters: NDArray[np.bool_]
) -> float | None:
    """V(Σ N_h ȳ_h), None where a stratum that matters has fewer than two samples."""
    n, size = sample.n[matters], sample.sizes[matters]
    exhausted = (n == size) if sample.fpc else np.zeros(len(n), dtype=bool)
    if np.any((n < 2) & ~exhausted):
        return None
    mean = _means(sample, y)
    deviation = (y[None] - mean[:, None, None]) ** 2
    squares = np.einsum("hij,hij->h", sample.counts, deviation)[matters]
    s2 = squares / np.maximum(n - 1, 1)
    left_over = 1.0 - n / size if sample.fpc else np.ones(len(n))
    return float((size**2 * left_over * s2 / n).sum())


def _with_interval(sample: StratifiedSample, y: Values, x: Values, confidence: float) -> Estimate:
    value, se = ratio(sample, y, x)
    if se is None:
        return Estimate(value)
    n_based_on = int(sample.counts[:, x > 0].sum())
    return Estimate(value, se, interval(value, se, confidence, n_based_on, fpc=sample.fpc))


def interval(
    value: float, se: float, confidence: float, n: int, *, fpc: bool = False
) -> tuple[float, float]:
    """Two-sided interval of a proportion: normal, cut to 0…1.

    Where every sample agrees (estimate 0 or 1, standard error 0) the normal interval would have
    no width; the Wilson score interval of n samples stands in, unless `fpc` says that nothing is
    left to know.

    Args:
        value: The estimate.
        se: Its standard error.
        confidence: Above 0 and below 1.
        n: Samples the figure is based on.
        fpc: Whether the standard error holds the finite population correction.
    """
    z = critical_value(confidence)
    if se > 1e-12 or fpc or not (np.isclose(value, 0) or np.isclose(value, 1)):
        return max(0.0, value - z * se), min(1.0, value + z * se)
    width = z**2 / (n + z**2)
    return (0.0, width) if np.isclose(value, 0) else (1.0 - width, 1.0)


def critical_value(confidence: float) -> float:
    """Standard normal quantile of a two-sided interval.

    Raises:
        InputError: A confidence outside 0…1.
    """
    if not 0 < confidence < 1:
        raise InputError(f"Expected a confidence above 0 and below 1, got {confidence}. Try 0.95.")
    return NormalDist().inv_cdf(0.5 + confidence / 2)


def _mean_iou(sample: StratifiedSample, ious: list[Estimate], confidence: float) -> Estimate:
    """Mean IoU over the classes found in the sample's reference, by linearisation."""
    found = np.flatnonzero(sample.counts.sum(axis=(0, 1)) > 0)
    values = [ious[c].value for c in found]
    if not values or np.any(np.isnan(values)):
        return Estimate(float("nan"))
    everything = np.ones(sample.counts.shape[1:], dtype=np.float64)
    linear = np.zeros_like(everything)
    matters = sample.may_hold(everything)
    for c, value in zip(found, values, strict=True):
        both, in_map, in_ref = _indicators(sample.n_classes, int(c))
        union = in_map + in_ref - both
        linear += (both - value * union) / _total(sample, union, matters) / len(found)
    variance = _variance_of_total(sample, linear, matters)
    mean = Estimate(float(np.mean(values)))
    if variance is None:
        return mean
    se = float(np.sqrt(variance))
    n = int(sample.n.sum())
    return replace(mean, se=se, ci=interval(mean.value, se, confidence, n, fpc=sample.fpc))
