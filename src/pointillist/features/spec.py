"""Image features at several scales: what a pixel and its surroundings look like, in numbers.

Per band: the value itself and, at each scale, the Gaussian-smoothed intensity, the gradient
magnitude (edges) and the two eigenvalues of the Hessian (texture: ridges, valleys, spots). This is
what interactive pixel classifiers compute today, made aware of pixels without data.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from pointillist.errors import InputError
from pointillist.features.smoothing import (
    gaussian_kernel,
    kernel_radius,
    smooth_support,
    smooth_weighted,
)

_PER_SCALE = ("intensity", "gradient", "hessian1", "hessian2")


@dataclass(frozen=True, slots=True)
class FeatureSpec:
    """Which features to compute. Any two blocks that see the same surroundings get the same bits.

    Args:
        sigmas: Standard deviations of the Gaussians in pixels, each above 0; none leaves the raw
            bands only.
        truncate: Where a Gaussian is cut off, in standard deviations.

    Raises:
        InputError: A scale or the cut-off is not a positive number.

    References:
        Berg et al. (2019), ilastik: interactive machine learning for (bio)image analysis,
        Nature Methods 16. Knutsson and Westin (1993), Normalized and differential convolution.
    """

    sigmas: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
    truncate: float = 3.0

    def __post_init__(self) -> None:
        numbers = (*self.sigmas, self.truncate)
        if not all(np.isfinite(v) and v > 0 for v in numbers):
            raise InputError(
                f"Expected feature scales (sigmas) and truncate above 0, got {self.sigmas} and "
                f"{self.truncate}. Give the scales in pixels, for example 0.5,1,2,4."
            )

    @property
    def halo_px(self) -> int:
        """How far a feature looks: the widest Gaussian, and one pixel for its derivatives."""
        return max((kernel_radius(s, self.truncate) + 1 for s in self.sigmas), default=0)

    def n_features(self, n_bands: int) -> int:
        """Number of features of a scene with `n_bands` bands."""
        return n_bands * (1 + len(_PER_SCALE) * len(self.sigmas))

    def names(self, band_names: Sequence[str]) -> list[str]:
        """Names of the features in the order of `compute`, such as `nir_gradient_2`."""
        return [
            name
            for band in band_names
            for name in (
                f"{band}_raw",
                *(f"{band}_{kind}_{sigma:g}" for sigma in self.sigmas for kind in _PER_SCALE),
            )
        ]

    def compute(
        self,
        data: NDArray[np.float32],
        valid: NDArray[np.bool_] | None = None,
        threads: Executor | None = None,
    ) -> NDArray[np.float32]:
        """Compute all features of a window.

        Args:
            data: (B, h, w) normalised bands. Values of invalid pixels are not looked at.
            valid: (h, w); None means all valid. What lies outside the window counts as invalid, so
                only pixels at least `halo_px` from its edge see all their surroundings.
            threads: Shares the work among threads; None works alone.

        Returns:
            (F, h, w); 0 at invalid pixels.

        Raises:
            InputError: The shapes do not fit.
        """
        valid = _check(data, valid)
        features = np.zeros((self.n_features(len(data)), *valid.shape), dtype=np.float32)
        if not valid.any():
            return features
        padded = np.pad(np.where(valid, data, np.float32(0)), ((0, 0), (1, 1), (1, 1)))
        per_band = features.reshape(len(data), -1, *valid.shape)
        per_band[:, 0] = padded[:, 1:-1, 1:-1]
        padded_valid = np.pad(valid, 1)

        def fill_scale(scale: int) -> None:
            kernel = gaussian_kernel(self.sigmas[scale], self.truncate)
            support = smooth_support(padded_valid, kernel)
            first = 1 + scale * len(_PER_SCALE)
            for band, out in zip(padded, per_band, strict=True):
                smooth = smooth_weighted(band, support, kernel)
                _describe(smooth, out=out[first : first + len(_PER_SCALE)])

        # the widest Gaussian takes longest: start with it
        scales = sorted(range(len(self.sigmas)), key=lambda s: -self.sigmas[s])
        list((threads.map if threads else map)(fill_scale, scales))
        if not valid.all():
            features[:, ~valid] = 0
        return features

    def to_dict(self) -> dict[str, Any]:
        """Plain data for model metadata."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Read what `to_dict` wrote."""
        return cls(tuple(float(s) for s in values["sigmas"]), float(values["truncate"]))


def _check(data: NDArray[np.float32], valid: NDArray[np.bool_] | None) -> NDArray[np.bool_]:
    if data.ndim != 3:
        raise InputError(f"Expected bands as an array (B, h, w), got shape {data.shape}.")
    if valid is None:
        return np.ones(data.shape[1:], dtype=bool)
    if valid.shape != data.shape[1:]:
        raise InputError(
            f"Expected a valid mask of the bands' height and width {data.shape[1:]}, "
            f"got {valid.shape}."
        )
    return valid.astype(bool, copy=False)


def _describe(smooth: NDArray[np.float32], out: NDArray[np.float32], rows: int = 64) -> None:
    """Fill `out` (4, h, w) from a smoothed band (h + 2, w + 2), in strips that fit the cache."""
    for start in range(0, out.shape[1], rows):
        strip = out[:, start : start + rows]
        _describe_strip(smooth[start : start + strip.shape[1] + 2], strip)


def _describe_strip(smooth: NDArray[np.float32], out: NDArray[np.float32]) -> None:
    """Central differences of the smoothed band; Hessian eigenvalues, the larger one first."""
    centre = smooth[1:-1, 1:-1]
    left, right = smooth[1:-1, :-2], smooth[1:-1, 2:]
    up, down = smooth[:-2, 1:-1], smooth[2:, 1:-1]
    half = np.float32(0.5)
    gx, gy = (right - left) * half, (down - up) * half
    hxx, hyy = right + left - 2 * centre, down + up - 2 * centre
    hxy = (smooth[2:, 2:] - smooth[2:, :-2] - smooth[:-2, 2:] + smooth[:-2, :-2]) * (half * half)
    mean, difference = (hxx + hyy) * half, (hxx - hyy) * half
    spread = np.sqrt(difference * difference + hxy * hxy)
    out[0] = centre
    np.sqrt(gx * gx + gy * gy, out=out[1])
    np.add(mean, spread, out=out[2])
    np.subtract(mean, spread, out=out[3])
