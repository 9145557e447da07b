"""Fakes and small scenes whose map is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import rasterio
from numpy.typing import NDArray

from pointillist.legend import Legend
from pointillist.models import ModelCard, Normalisation, TrainedModel

LEGEND = Legend.from_names(["Dark", "Bright"], codes=[3, 7])
UTM = "EPSG:32633"
TRANSFORM = rasterio.Affine(10, 0, 300_000, 0, -10, 5_700_000)


class Thresholder(TrainedModel):
    """Bright where the first band is above 100; sure in proportion to the distance. No context."""

    kind: ClassVar[str] = "fake"

    def __init__(self, bands: tuple[str, ...] = ("grey",), **card: Any) -> None:
        norm = Normalisation((0.0,) * len(bands), (1.0,) * len(bands))
        super().__init__(ModelCard(LEGEND, bands, norm, **card))
        self.seen: list[tuple[int, int]] = []

    @property
    def halo_px(self) -> int:
        return 8

    def _class_probabilities(
        self, data: NDArray[np.float32], valid: NDArray[np.bool_]
    ) -> NDArray[np.float32]:
        self.seen.append((valid.shape[0], valid.shape[1]))
        bright = 1 / (1 + np.exp(-(data[0] - 100) / 20))
        return np.stack([1 - bright, bright]).astype(np.float32)

    def spec_dict(self) -> dict[str, Any]:
        return {}

    def tensors(self) -> dict[str, NDArray[Any]]:
        return {}

    @classmethod
    def from_parts(cls, spec: Any, tensors: Any, card: ModelCard) -> Thresholder:
        return cls()


def read_raster(path: Path) -> NDArray[Any]:
    """All bands, or the only one as (H, W)."""
    with rasterio.open(path) as dataset:
        data: NDArray[Any] = dataset.read()
    return data[0] if len(data) == 1 else data


def grey(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    """Blotches of dark and bright, values 40…160."""
    from scipy import ndimage

    noise = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(height, width)), 4)
    scaled = 100 + 40 * noise / max(float(np.abs(noise).max()), 1e-6)
    return scaled.astype(np.uint8)


def colour_scene(
    height: int, width: int, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Image (3, H, W) 0…255 with noise, and mask (H, W): soft blotches of three colours."""
    from scipy import ndimage

    fields = [ndimage.gaussian_filter(rng.normal(size=(height, width)), 8) for _ in range(3)]
    mask = np.argmax(fields, axis=0)
    colours = np.array([[160, 80, 80], [80, 160, 80], [80, 80, 160]], dtype=np.float32)
    image = colours[mask].transpose(2, 0, 1) + rng.normal(0, 25, (3, height, width))
    return np.clip(np.round(image), 0, 255).astype(np.float32), mask
