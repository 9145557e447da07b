"""How many points a reference sample needs, and how they are shared among the strata.

References:
    Cochran, W. G. (1977). Sampling Techniques, 3rd ed., eq. 4.2 and 5.25.
    Olofsson, P. et al. (2014). Good practices for estimating area and assessing accuracy of land
    change. Remote Sensing of Environment 148, 42-57, eq. 13 and section 5.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pointillist.errors import InputError

ALLOCATIONS = ("equal", "proportional", "neyman")
_NEGLIGIBLE = 1e-9

Sizes = NDArray[np.int64]
Shares = NDArray[np.float64]


def deviations(expected: Shares) -> Shares:
    """Standard deviation √(U(1−U)) of being right in a stratum of expected accuracy U, (H,)."""
    return np.sqrt(expected * (1 - expected))


def stratified_size(sizes: Sizes, expected: Shares, target_se: float) -> int:
    """Points for a standard error of the overall accuracy, allocated optimally.

    n = (Σ W·S)² / (SE² + Σ W·S² / N), Olofsson et al. (2014) eq. 13.

    Args:
        sizes: (H,) pixels per stratum.
        expected: (H,) user's accuracies that are expected.
        target_se: Standard error wanted, e.g. 0.01.

    Example:
        >>> shares = np.array([0.02, 0.015, 0.32, 0.645])
        >>> users = np.array([0.7, 0.6, 0.9, 0.95])
        >>> stratified_size((shares * 1e7).astype(int), users, 0.01)  # their section 5.1.1
        641
    """
    check_target(target_se)
    n_pixels = int(sizes.sum())
    weight, deviation = sizes / n_pixels, deviations(expected)
    spread = float((weight * deviation).sum())
    ideal = spread**2 / (target_se**2 + float((weight * deviation**2).sum()) / n_pixels)
    return _whole(ideal, n_pixels)


def simple_size(n_pixels: int, expected: float, target_se: float) -> int:
    """Points of a simple random sample for a standard error of the overall accuracy.

    n = n₀ / (1 + n₀/N) with n₀ = P(1−P) / SE², Cochran (1977) eq. 4.2.

    Args:
        n_pixels: Of the population.
        expected: Overall accuracy that is expected.
        target_se: Standard error wanted.
    """
    check_target(target_se)
    infinite = expected * (1 - expected) / target_se**2
    return _whole(infinite / (1 + infinite / n_pixels), n_pixels)


def check_target(target_se: float) -> None:
    """Refuse a standard error that is none.

    Raises:
        InputError: Not above 0 and below 0.5.
    """
    if not 0 < target_se < 0.5:
        raise InputError(
            f"Expected a --target-se above 0 and below 0.5, got {target_se:g}. "
            "0.01 means plus or minus two percent at 95 % confidence."
        )


def allocate(
    sizes: Sizes,
    n: int,
    allocation: str,
    *,
    expected: Shares | None = None,
    minimum: int | None = None,
) -> Sizes:
    """Share n points among strata.

    What a stratum is given below the minimum or above its size is taken from, or given to, the
    others in proportion.

    Args:
        sizes: (H,) pixels per stratum; one without pixels gets no point.
        n: Points in total.
        allocation: One of `ALLOCATIONS`.
        expected: (H,) user's accuracies that are expected, for `neyman`.
        minimum: Points of every stratum at least, or all its pixels; when absent 2, without which
            nothing can be said of its error, or 1 where n is too small for that.

    Returns:
        (H,) points, n in total.

    Raises:
        InputError: An unknown allocation, or numbers that do not go together.
    """
    n_strata = int(np.count_nonzero(sizes))
    least = min(2, max(1, n // n_strata)) if minimum is None else minimum
    lower, upper = np.minimum(least, sizes), sizes
    _check_numbers(n, n_strata, least, lower, upper, given=minimum is not None)
    ideal = _fill(_weights(sizes, allocation, expected), lower, upper, n)
    return _round(ideal, lower, upper, n)


def expected_error(sizes: Sizes, points: Sizes, expected: Shares) -> float:
    """Standard error of the overall accuracy that an allocation (H,) leads to."""
    there = points > 0
    weight = sizes[there] / sizes.sum()
    variance = expected[there] * (1 - expected[there])
    scale = 1 / points[there] - 1 / sizes[there]
    return float(np.sqrt((weight**2 * variance * scale).sum()))


def _weights(sizes: Sizes, allocation: str, expected: Shares | None) -> Shares:
    """What points (H,) are to be proportional to; positive wherever a stratum has pixels."""
    if allocation == "equal":
        return (sizes > 0).astype(np.float64)
    if allocation == "proportional":
        return sizes.astype(np.float64)
    if allocation != "neyman":
        raise InputError(
            f"Expected --allocation of {', '.join(ALLOCATIONS)}, got '{allocation}'. "
            "Choose one of these."
        )
    if expected is None:
        raise InputError(
            "Expected the user's accuracies for --allocation neyman, which gives more points where "
            "more errors are expected. Say them with --expected, e.g. --expected 0.8,Water=0.95."
        )
    weights = sizes * deviations(expected)
    # a stratum without errors gets what is left when the others are full
    return np.asarray(weights + _NEGLIGIBLE * sizes, dtype=np.float64)


def _check_numbers(
    n: int, n_strata: int, least: int, lower: Sizes, upper: Sizes, *, given: bool
) -> None:
    if n < 1:
        raise InputError(f"Expected at least 1 point, got {n}.")
    if least < 1:
        raise InputError(
            f"Expected --min-per-stratum of at least 1, got {least}: a stratum without a point "
            "cannot be judged."
        )
    if n > upper.sum():
        raise InputError(
            f"Expected at most {int(upper.sum())} points, the pixels there are to choose from, "
            f"got {n}. Ask for fewer."
        )
    if lower.sum() > n and given:
        raise InputError(
            f"Expected at least {int(lower.sum())} points, {least} for each of the {n_strata} "
            f"strata (--min-per-stratum), got {n}. Ask for more points or a smaller minimum."
        )


def _fill(weights: Shares, lower: Sizes, upper: Sizes, n: int) -> Shares:
    """Points (H,) in proportion to the weights, within bounds, n in total: found by halving."""
    there = weights > 0
    high = float((upper[there] / weights[there]).max())
    low = 0.0
    for _ in range(200):
        middle = (low + high) / 2
        if np.clip(middle * weights, lower, upper).sum() < n:
            low = middle
        else:
            high = middle
    return np.asarray(np.clip(high * weights, lower, upper), dtype=np.float64)


def _round(ideal: Shares, lower: Sizes, upper: Sizes, n: int) -> Sizes:
    """Whole numbers within bounds that add up to n, by largest remainders."""
    points = np.clip(np.floor(ideal + _NEGLIGIBLE).astype(np.int64), lower, upper)
    while (missing := n - int(points.sum())) != 0:
        step = 1 if missing > 0 else -1
        open_to = np.flatnonzero(points < upper if missing > 0 else points > lower)
        order = open_to[np.argsort(step * (points - ideal)[open_to], kind="stable")]
        points[order[: abs(missing)]] += step
    return points


def _whole(ideal: float, n_pixels: int) -> int:
    """Rounded up, but not for a trifle: 640.5 is 641, and 385.0000001 is 385."""
    return int(min(max(np.ceil(ideal - 1e-6), 2), n_pixels))
