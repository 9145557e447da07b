"""Two-sided intervals of shares: normal where that holds, score intervals where it fails.

The normal interval R ± z·SE goes wrong where few samples decide: it leaves 0…1, and it has no width
where the samples of a stratum all agree, as if nothing else could be there. The score interval is
Wilson's (1927) for one proportion; for a ratio R = Y / X over strata the Wilson limits of the
strata are put together by the square-and-add rule (Newcombe 1998; Zou, Huang and Zhang 2009, method
of variance estimates recovery): with a_h and b_h the shares of stratum h with y = 1 and with x = 1,
y = 0, its lower limit is the r at which

    Σ N_h ((1 − r) a_h − r b_h) = √ Σ N_h² (d² + e² + 2 k_h d e),
    d = (1 − r)(a_h − l_h),  e = r (u_h − b_h),

l_h Wilson's lower limit of a_h, u_h his upper limit of b_h and −k_h their correlation. That is a
quadratic equation in r. A stratum where nothing was missed still says how much may have been.

References:
    Wilson, E. B. (1927). Probable inference, the law of succession, and statistical inference.
    Journal of the American Statistical Association 22, 209-212.
    Zou, G. Y., Huang, W., Zhang, X. (2009). A note on confidence interval estimation for a linear
    function of binomial proportions. Computational Statistics and Data Analysis 53, 1080-1085.
"""

from __future__ import annotations

from statistics import NormalDist

import numpy as np

from pointillist.accuracy.sample import Mask, StratifiedSample, Values
from pointillist.errors import InputError

Limits = tuple[float, float]

NORMAL_IS_GOOD = 0.4
"""The normal interval stands while no limit is off by more than this share of its half-width."""


def critical_value(confidence: float) -> float:
    """Standard normal quantile of a two-sided interval.

    Raises:
        InputError: A confidence outside 0…1.
    """
    if not 0 < confidence < 1:
        raise InputError(f"Expected a confidence above 0 and below 1, got {confidence}. Try 0.95.")
    return NormalDist().inv_cdf(0.5 + confidence / 2)


def choose_interval(value: float, se: float, score: Limits, z: float) -> tuple[Limits, str]:
    """The normal interval where the score interval agrees with it, else the score interval.

    Args:
        value: The estimate.
        se: Its standard error.
        score: Its score interval.
        z: Critical value.

    Returns:
        The limits, and `normal` or `score`.
    """
    half = z * se
    normal = (value - half, value + half)
    off = max(abs(normal[0] - score[0]), abs(normal[1] - score[1]))
    inside = normal[0] >= 0 and normal[1] <= 1
    if inside and off <= NORMAL_IS_GOOD * half:
        return normal, "normal"
    if se < 1e-12 and off < 1e-12:
        return score, "normal"  # nothing is left to know
    return score, "score"


def wilson(share: Values | float, n: Values | float, z: float) -> tuple[Values, Values]:
    """Wilson's score limits of shares observed in n samples each."""
    p = np.asarray(share, dtype=np.float64)
    q = z**2 / np.asarray(n, dtype=np.float64)  # 0 of infinitely many
    middle, half = p + q / 2, np.sqrt(q * (p * (1 - p) + q / 4))
    lower = np.where(p <= 0, 0.0, (middle - half) / (1 + q))
    upper = np.where(p >= 1, 1.0, (middle + half) / (1 + q))
    return lower, upper


def score_interval(
    sample: StratifiedSample, y: Values, x: Values, matters: Mask, z: float, x_outside: float = 0.0
) -> Limits:
    """Score limits of Y / X, where y is 0 or 1 and x is 1 wherever y is.

    Args:
        sample: A probability sample.
        y: (C + 1, C) value of a pixel with map class i and reference class j.
        x: (C + 1, C) the same for the denominator.
        matters: (H,) strata that may hold x.
        z: Critical value.
        x_outside: x of samples that are not judged; their y is 0.
    """
    n = sample.effective_n[matters]
    weight = sample.mean_weights
    size = (sample.sizes * weight)[matters]
    outside = x_outside * sample.sums_outside[:, 0] / np.maximum(sample.n, 1) / weight
    hit = np.clip((sample.means(y) / weight)[matters], 0, 1)  # shares of the stratum
    miss = np.clip((sample.means(x - y) / weight + outside)[matters], 0, 1)
    may_hit, may_miss = (sample.may_hold(v)[matters] for v in (y, x - y))
    low_hit, high_hit = _limits(hit, n, z, may_hit)
    low_miss, high_miss = _limits(miss, n, z, may_miss)
    against = _opposition(hit, miss)
    lower = _lower_limit(size, hit, miss, hit - low_hit, high_miss - miss, against)
    upper = 1 - _lower_limit(size, miss, hit, miss - low_miss, high_hit - hit, against)
    return lower, upper


def _limits(share: Values, n: Values, z: float, possible: Mask) -> tuple[Values, Values]:
    """Wilson's limits; what cannot occur in a stratum is known to be 0."""
    lower, upper = wilson(share, n, z)
    return np.where(possible, lower, 0.0), np.where(possible, upper, 0.0)


def _opposition(hit: Values, miss: Values) -> Values:
    """(H,) minus the correlation of two shares of one stratum: 1 where they are all there is."""
    others = np.maximum((1 - hit) * (1 - miss), 1e-300)
    k = np.minimum(np.sqrt(hit * miss / others), 1.0)
    return np.where(hit + miss >= 1 - 1e-12, 1.0, k)


def _lower_limit(
    size: Values, hit: Values, miss: Values, down: Values, up: Values, against: Values
) -> float:
    """The root in 0…R of (A − r X)² = P (1 − r)² + Q r² + 2 M r (1 − r)."""
    total = float((size * hit).sum())
    everything = total + float((size * miss).sum())
    p, q = float(((size * down) ** 2).sum()), float(((size * up) ** 2).sum())
    m = float((size**2 * down * up * against).sum())
    a = everything**2 - p - q + 2 * m
    b = 2 * (p - m - total * everything)
    c = total**2 - p
    root = np.sqrt(max(b * b - 4 * a * c, 0.0))
    if c <= 1e-12 * everything**2 or root - b <= 0:
        return 0.0
    return float(np.clip(2 * c / (root - b), 0.0, total / everything))
