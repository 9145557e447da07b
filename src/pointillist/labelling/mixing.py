"""Many bands made few: what the quick map looks at in a scene of dozens or hundreds of bands.

Neighbouring bands of a spectrometer say nearly the same, and features of each of them would make
one tile larger than the memory. Their principal components keep what differs.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pointillist.grid import Window
from pointillist.labelling.pyramid import Pyramid
from pointillist.models import Normalisation

MOST_BANDS = 12
_MOST_PIXELS = 20_000
_SIDE_PX = 512
_FLOOR = 1e-4


class BandMix:
    """Standardised bands, or their first principal components where there are many.

    Args:
        pyramid: The scene at every scale.
        normalisation: Of its bands.
    """

    def __init__(self, pyramid: Pyramid, normalisation: Normalisation) -> None:
        self.normalisation = normalisation
        n_bands = pyramid.scene.n_bands
        self.weights = _components(pyramid, normalisation) if n_bands > MOST_BANDS else None

    def apply(self, data: NDArray[np.float32], valid: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Mix (B, h, w) into at most 12 planes of about unit spread; 0 where invalid."""
        standard = self.normalisation.apply(data, valid)
        if self.weights is None:
            return standard
        mixed: NDArray[np.float32] = np.tensordot(self.weights, standard, axes=1)
        return mixed


def _components(pyramid: Pyramid, normalisation: Normalisation) -> NDArray[np.float32]:
    """(12, B) directions of most spread, each scaled to a spread of 1, of a view from afar."""
    level = next(
        (i for i in range(pyramid.n_levels) if max(pyramid.shape(i)) <= _SIDE_PX),
        pyramid.n_levels - 1,
    )
    pixels = pyramid.read(level, Window(0, 0, *pyramid.shape(level)))
    values = normalisation.apply(pixels.data, pixels.valid)[:, pixels.valid]
    step = max(1, values.shape[1] // _MOST_PIXELS)
    covariance = np.cov(values[:, ::step].astype(np.float64))
    spread, directions = np.linalg.eigh(covariance)
    most = np.argsort(spread)[::-1][:MOST_BANDS]
    scale = 1 / np.sqrt(np.maximum(spread[most], _FLOOR * spread.max()))
    weights: NDArray[np.float32] = (directions[:, most] * scale).T.astype(np.float32)
    return weights
