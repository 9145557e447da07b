"""Probabilities that mean what they say: a temperature from held-out points, and how far off."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

N_BINS = 10
MIN_POINTS = 20
# As if so many points had said that the network is right as it is: few points say little.
_PULL = 4.0
_COLDEST, _HOTTEST = 0.25, 8.0


def fit_temperature(logits: ArrayLike, index: NDArray[np.int64]) -> float:
    """The temperature T that makes held-out labels most likely under softmax(logits / T).

    Drawn towards 1 (a normal prior on ln T), so that a handful of points cannot turn it far.

    Args:
        logits: (N, C) at points that the network has not learnt from.
        index: (N,) their classes.

    Returns:
        0.25 … 8; 1 where there are fewer than 20 points.

    References:
        Guo et al. (2017), On calibration of modern neural networks, ICML, section 4.2.
    """
    from scipy.optimize import minimize_scalar

    z = np.asarray(logits, dtype=np.float64)
    if len(index) < MIN_POINTS:
        return 1.0
    rows = np.arange(len(index))

    def cost(log_temperature: float) -> float:
        cooled = z / np.exp(log_temperature)
        cooled = cooled - cooled.max(axis=1, keepdims=True)
        surprise = np.log(np.exp(cooled).sum(axis=1)) - cooled[rows, index]
        return float(surprise.sum() + 0.5 * _PULL * log_temperature**2)

    bounds = (float(np.log(_COLDEST)), float(np.log(_HOTTEST)))
    return float(np.exp(minimize_scalar(cost, bounds=bounds, method="bounded").x))


class Reliability:
    """How sure a model is against how often it is right, counted bit by bit over a large map.

    Args:
        n_bins: Bins of the highest probability, all of one width.
    """

    def __init__(self, n_bins: int = N_BINS) -> None:
        self._gaps = np.zeros(n_bins)
        self.n = 0

    def add(self, probabilities: ArrayLike, index: NDArray[np.integer]) -> None:
        """Count points: (N, C) at points the model has not seen, and their classes (N,).

        Rows with NaN are left out.
        """
        p = np.asarray(probabilities)
        known = np.isfinite(p).all(axis=1)
        p, given = p[known], index[known]
        sure, right = p.max(axis=1, initial=0.0), p.argmax(axis=1) == given
        n_bins = len(self._gaps)
        bins = np.minimum((sure * n_bins).astype(np.int64), n_bins - 1)
        self._gaps += np.bincount(bins, right - sure.astype(np.float64), n_bins)
        self.n += len(p)

    @property
    def error(self) -> float:
        """Expected calibration error, see `expected_calibration_error`; NaN where none counted."""
        return float(np.abs(self._gaps).sum() / self.n) if self.n else float("nan")


def expected_calibration_error(
    probabilities: ArrayLike, index: NDArray[np.int64], n_bins: int = N_BINS
) -> float:
    """Mean distance between how sure a model is and how often it is right.

        Σ_b (n_b / N) · | share right in b − mean confidence in b |

    over bins b of the highest probability, all of one width. With few points it is never near 0,
    even for an honest model: N points in a bin wander by about √(p(1 − p) / N).

    Args:
        probabilities: (N, C) at points the model has not seen; rows with NaN are left out.
        index: (N,) their classes.
        n_bins: Number of bins.

    Returns:
        0 … 1; NaN where no point is left.

    References:
        Guo et al. (2017), equation 3.
    """
    reliability = Reliability(n_bins)
    reliability.add(probabilities, index)
    return reliability.error


def soften(logits: ArrayLike, temperature: float) -> NDArray[np.float64]:
    """softmax(logits / T), (N, C)."""
    z = np.asarray(logits, dtype=np.float64) / temperature
    z = np.exp(z - z.max(axis=1, keepdims=True))
    shares: NDArray[np.float64] = z / z.sum(axis=1, keepdims=True)
    return shares


def soften_crosswise(
    logits: ArrayLike, index: NDArray[np.int64], n_parts: int = 5
) -> NDArray[np.float64]:
    """Softened probabilities (N, C), each point by a temperature that the other parts gave.

    So the error measured on them is not that of a temperature which has seen their labels.
    """
    z = np.asarray(logits, dtype=np.float64)
    part = np.arange(len(index)) % n_parts
    out = soften(z, 1.0)
    for k in range(n_parts):
        here = part == k
        out[here] = soften(z[here], fit_temperature(z[~here], index[~here]))
    return out


def calibration_facts(
    probabilities: ArrayLike, index: NDArray[np.int64], prefix: str = ""
) -> dict[str, Any]:
    """For `metrics.json`: the expected calibration error and on how many points it stands."""
    error = expected_calibration_error(probabilities, index)
    if not np.isfinite(error):
        return {}
    return {
        f"{prefix}calibration_error": round(error, 4),
        f"{prefix}calibration_points": int(np.isfinite(np.asarray(probabilities)[:, 0]).sum()),
    }
