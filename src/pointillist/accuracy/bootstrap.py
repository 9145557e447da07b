"""Intervals of F1, IoU and mean IoU by resampling, which no formula of a ratio's interval beats.

Each replicate draws n_h − 1 of the n_h samples of every stratum with replacement (Rao and Wu 1988:
without that one less, the spread of small strata would come out too small) and computes the figures
anew; limits are percentiles. With the finite population correction only the share √(1 − n_h / N_h)
of a replicate's deviation from the sample counts, so that a stratum that is wholly sampled varies
no more. Post-stratified samples are resampled within their strata.

References:
    Rao, J. N. K., Wu, C. F. J. (1988). Resampling inference with complex survey data. Journal of
    the American Statistical Association 83, 231-241.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pointillist.accuracy.estimators import AccuracyEstimates, Estimate
from pointillist.accuracy.sample import StratifiedSample, Values

_LEAST_DEFINED = 0.95
_FLAT = 1e-12


def add_bootstrap(
    estimates: AccuracyEstimates,
    sample: StratifiedSample,
    confidence: float,
    *,
    replicates: int,
    seed: int,
) -> AccuracyEstimates:
    """Give F1, IoU and mean IoU intervals by resampling, beside those by formula.

    Args:
        estimates: Of the sample.
        sample: The sample.
        confidence: Of the two-sided intervals.
        replicates: How often to resample.
        seed: Of the draws.

    Returns:
        The estimates; a figure without variation among the samples, or undefined in more than one
        of twenty replicates, gets no such interval.
    """
    rng = np.random.default_rng(seed)
    iou, f1, mean = _replicate(sample, replicates, rng)
    limits = (50 * (1 - confidence), 50 * (1 + confidence))

    def with_limits(figure: Estimate, values: Values) -> Estimate:
        defined = np.isfinite(values)
        if figure.se is None or figure.se < _FLAT or defined.mean() < _LEAST_DEFINED:
            return figure
        low, high = np.percentile(values[defined], limits)
        return replace(figure, bootstrap_ci=(float(low), float(high)))

    return replace(
        estimates,
        f1=[with_limits(e, f1[:, c]) for c, e in enumerate(estimates.f1)],
        iou=[with_limits(e, iou[:, c]) for c, e in enumerate(estimates.iou)],
        mean_iou=with_limits(estimates.mean_iou, mean),
    )


def _replicate(
    sample: StratifiedSample, replicates: int, rng: np.random.Generator
) -> tuple[Values, Values, Values]:
    """IoU (B, C), F1 (B, C) and mean IoU (B,) of each replicate; NaN where undefined."""
    C = sample.n_classes
    both, in_map, in_ref = (np.zeros((replicates, C)) for _ in range(3))
    for h in np.flatnonzero((sample.sizes > 0) & (sample.n > 0)):
        rows, columns, shares, value = _cells(sample, int(h))
        n = int(sample.n[h])
        left = np.sqrt(max(1 - n / sample.sizes[h], 0.0)) if sample.fpc else 1.0
        times = np.tile((1 - left) * n * shares[: len(rows)], (replicates, 1))
        if n > 1:
            drawn = rng.multinomial(n - 1, shares, size=replicates)[:, : len(rows)]
            times += left * n / (n - 1) * drawn
        weighted = times * (sample.sizes[h] * value / n)
        is_class = np.arange(C)
        of_map, of_ref = rows[:, None] == is_class, columns[:, None] == is_class
        in_map += weighted @ of_map
        in_ref += weighted @ of_ref
        both += weighted @ (of_map & of_ref)
    with np.errstate(invalid="ignore", divide="ignore"):
        iou = both / (in_map + in_ref - both)
        f1 = 2 * both / (in_map + in_ref)
    found = sample.counts.sum(axis=(0, 1)) > 0
    mean = iou[:, found].mean(axis=1) if found.any() else np.full(replicates, np.nan)
    return iou, f1, mean


def _cells(
    sample: StratifiedSample, h: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], Values, Values]:
    """Cells of a stratum that have samples: row, column, share (and that of the rest), weight."""
    rows, columns = np.nonzero(sample.counts[h])
    counts = sample.counts[h][rows, columns]
    n = float(sample.n[h])
    shares = np.append(counts / n, sample.n_outside[h] / n)
    value = np.ones(len(rows))
    if sample.weights is not None:
        value = sample.weights[h][rows, columns] / counts
    return rows, columns, shares / shares.sum(), value
