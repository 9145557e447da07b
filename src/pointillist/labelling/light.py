"""A light model: learnt in milliseconds from a few hundred points, applied in as little.

Linear discriminant analysis with a shrunken covariance. On two Dubai scenes with 300 points (simple
and balanced, 3 draws each) its mIoU was that of a forest of 100 trees on the same six scales within
0.02, at a hundredth of the cost; small networks were slower and no better. With the four scales of
the live map it loses about 0.02.

References:
    Ledoit and Wolf (2004), A well-conditioned estimator for large-dimensional covariance matrices,
    Journal of Multivariate Analysis 88.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

_CHUNK = 16384
_FLOOR = 1e-3


@dataclass(frozen=True, eq=False)
class LightModel:
    """A trained light model.

    Args:
        weights: (F, K).
        bias: (K,).
        classes: (K,) class indices of the columns.
    """

    weights: Array
    bias: Array
    classes: NDArray[np.int64]

    def predict(self, features: Array) -> Array:
        """Class probabilities (n, K) of features (n, F)."""
        shares = np.empty((len(features), len(self.classes)), dtype=np.float32)
        for start in range(0, len(features), _CHUNK):  # pieces that fit the cache
            rows = slice(start, start + _CHUNK)
            shares[rows] = _softmax(features[rows] @ self.weights + self.bias)
        return shares


def fit_light(features: Array, index: NDArray[np.int64]) -> LightModel:
    """Learn from some pixels; a single one per class is enough.

    Args:
        features: (n, F).
        index: (n,) class index, at least two different ones.
    """
    classes, member = np.unique(index, return_inverse=True)
    x = features.astype(np.float64)
    centre = x.mean(axis=0)
    scale = 1 / (x.std(axis=0) + _FLOOR)
    x = (x - centre) * scale
    counts = np.bincount(member)
    means = np.stack([x[member == k].mean(axis=0) for k in range(len(classes))])
    covariance = shrunken_covariance(x - means[member])
    weights = np.linalg.solve(covariance, means.T)  # (F, K)
    bias = np.log(counts / counts.sum()) - 0.5 * (means.T * weights).sum(axis=0)
    # standardisation goes into the weights: applying them then needs no pass of its own
    weights = scale[:, None] * weights
    bias = bias - centre @ weights
    return LightModel(weights.astype(np.float32), bias.astype(np.float32), classes)


def shrunken_covariance(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Covariance (F, F) of centred data (n, F), pulled towards a multiple of the identity.

    How far is Ledoit and Wolf's estimate of what is best; the identity where there is no spread.
    """
    n, f = x.shape
    empirical = x.T @ x / n
    mean = float(np.trace(empirical)) / f
    if mean < 1e-9:
        return np.eye(f)
    distance = float(((empirical - mean * np.eye(f)) ** 2).sum())
    spread = float(((x**2).sum(axis=1) ** 2).sum()) / n - float((empirical**2).sum())
    shrinkage = min(1.0, max(0.01, spread / n / max(distance, 1e-12)))
    shrunken: NDArray[np.float64] = (1 - shrinkage) * empirical
    shrunken[np.diag_indices(f)] += shrinkage * mean
    return shrunken


def _softmax(logits: Array) -> Array:
    logits -= logits.max(axis=1, keepdims=True)
    np.exp(logits, out=logits)
    logits /= logits.sum(axis=1, keepdims=True)
    return logits
