"""An engine that smooths another's probabilities along the edges of the image (guided filter)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from pointillist.errors import InputError
from pointillist.prediction.engine import Crop, Engine, FloatArray

if TYPE_CHECKING:
    from pointillist.models import Normalisation, TrainedModel
    from pointillist.raster import Pixels

_MOST_PX = 16
# Brightness steps whose variance is well above this are edges, in squared standard deviations.
_EDGE_VARIANCE = 0.05
# Means are less sure than they are right: raised to this power they are nearly as sure as before.
_SHARPENED = 1.1


@dataclass(frozen=True)
class Smoothing:
    """How probabilities are smoothed.

    Args:
        radius_px: Radius r of the filter's squares, 1…16; each pixel depends on those within 2 r.
        normalisation: Of the scene's bands.

    Raises:
        InputError: A radius out of range.
    """

    radius_px: int
    normalisation: Normalisation

    def __post_init__(self) -> None:
        if not 1 <= self.radius_px <= _MOST_PX:
            raise InputError(
                f"Expected --smooth of 0 (not at all) to {_MOST_PX} pixels, got {self.radius_px}."
            )

    @classmethod
    def of_model(cls, model: TrainedModel, radius_px: int | None = None) -> Smoothing | None:
        """What a model asks for, or another radius; None for not at all."""
        radius = model.card.smooth_px if radius_px is None else radius_px
        return cls(radius, model.normalisation) if radius else None

    @property
    def reach_px(self) -> int:
        """How far a pixel's surroundings decide its class."""
        return 2 * self.radius_px

    def bytes_per_px(self, n_classes: int) -> float:
        """Memory per pixel of a block, besides the engine's: probabilities twice, eight planes."""
        return 4.0 * (2 * n_classes + 8)


class SmoothingEngine:
    """Smooths class probabilities where the image is even and leaves them at its edges.

    The guide is the mean of the normalised bands. Pixels without data take no part: they neither
    change nor change others.

    Args:
        engine: Computes the probabilities.
        smoothing: How.

    References:
        He, Sun and Tang (2013), Guided image filtering, IEEE TPAMI 35 (6), equations 5–8.
    """

    def __init__(self, engine: Engine, smoothing: Smoothing) -> None:
        self._engine, self._smoothing = engine, smoothing
        self.name = f"{engine.name}, smoothed"

    def prepare(self, pixels: Pixels) -> tuple[FloatArray, NDArray[np.bool_], Any]:
        """Guide (h, w), which pixels have data, and what the engine makes of them."""
        guide = self._smoothing.normalisation.apply(pixels.data, pixels.valid).mean(axis=0)
        return guide, pixels.valid, self._engine.prepare(pixels)

    def scores(self, prepared: tuple[FloatArray, NDArray[np.bool_], Any], crop: Crop) -> FloatArray:
        """Smoothed probabilities (C, h, w), NaN where the engine's are."""
        guide, valid, ready = prepared
        reach = self._smoothing.reach_px
        wide, inner = [], []
        for part, side in zip(crop, valid.shape, strict=True):
            start, stop, _ = part.indices(side)
            first, last = max(start - reach, 0), min(stop + reach, side)
            wide.append(slice(first, last))
            inner.append(slice(start - first, stop - first))
        grown = wide[0], wide[1]
        found = self._engine.to_probabilities(self._engine.scores(ready, grown))
        radius = self._smoothing.radius_px
        smooth = smooth_probabilities(found, guide[grown], valid[grown], radius)
        sharp = smooth[:, inner[0], inner[1]] ** np.float32(_SHARPENED)
        sharp /= np.maximum(sharp.sum(axis=0), np.float32(1e-6))
        return sharp

    def to_probabilities(self, scores: FloatArray) -> FloatArray:
        """The scores are probabilities already."""
        return scores


def smooth_probabilities(
    probabilities: FloatArray, guide: FloatArray, valid: NDArray[np.bool_], radius_px: int
) -> FloatArray:
    """Guided filter of each class's probability.

    Args:
        probabilities: (C, h, w), sum 1 at valid pixels.
        guide: (h, w) brightness in standard deviations.
        valid: (h, w), False where there is no data.
        radius_px: Radius of the squares, above 0.

    Returns:
        (C, h, w) with sum 1 at valid pixels, the given values elsewhere.
    """
    side = 2 * radius_px + 1
    inside = valid.astype(np.float32)

    def sums(values: FloatArray) -> FloatArray:
        found: FloatArray = uniform_filter(values, side, mode="constant")
        return found

    share = sums(inside)
    np.maximum(share, 0.5 / side**2, out=share)  # never below this where there is data

    def mean(values: FloatArray) -> FloatArray:
        found: FloatArray = sums(values * inside) / share
        return found

    guide_mean = mean(guide)
    variance = mean(guide * guide)
    variance -= guide_mean * guide_mean
    evenness = np.reciprocal(variance + np.float32(_EDGE_VARIANCE))
    out = np.empty_like(probabilities)
    for smooth, plane in zip(out, probabilities, strict=True):
        known = np.where(valid, plane, np.float32(0))
        plane_mean = mean(known)
        slope = (mean(guide * known) - guide_mean * plane_mean) * evenness
        smooth[:] = mean(slope) * guide + mean(plane_mean - slope * guide_mean)
    np.maximum(out, 0, out=out)
    out /= np.maximum(out.sum(axis=0), np.float32(1e-6))
    out[:, ~valid] = probabilities[:, ~valid]
    return out


def with_smoothing(engine: Engine, smoothing: Smoothing | None) -> Engine:
    """The engine itself for None, else one that smooths."""
    return engine if smoothing is None else SmoothingEngine(engine, smoothing)
