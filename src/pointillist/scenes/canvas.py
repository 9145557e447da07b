"""What the parts of a `terrain` scene paint on, and the spectra of what they paint."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pointillist.scenes.noise import Field, Shape

BANDS = ("red", "green", "blue", "nir", "swir")

# Reflectance in red, green, blue, near and short-wave infrared. Several are close on purpose: grey
# roofs and asphalt, brown tiles and soil, dark water and shaded forest, dry grass and stubble.
SPECTRA: dict[str, tuple[float, float, float, float, float]] = {
    "meadow": (0.085, 0.115, 0.055, 0.40, 0.22),
    "dry grass": (0.180, 0.158, 0.095, 0.34, 0.30),
    "lawn": (0.075, 0.115, 0.050, 0.45, 0.20),
    "broadleaf": (0.050, 0.078, 0.038, 0.42, 0.18),
    "conifer": (0.036, 0.054, 0.034, 0.28, 0.11),
    "cereal": (0.060, 0.105, 0.045, 0.48, 0.20),
    "ripe cereal": (0.215, 0.183, 0.105, 0.38, 0.33),
    "rapeseed": (0.250, 0.245, 0.060, 0.46, 0.24),
    "dark soil": (0.125, 0.098, 0.074, 0.19, 0.27),
    "pale soil": (0.225, 0.180, 0.132, 0.30, 0.38),
    "stubble": (0.215, 0.178, 0.112, 0.31, 0.36),
    "gravel": (0.255, 0.238, 0.205, 0.30, 0.34),
    "clear water": (0.028, 0.042, 0.046, 0.018, 0.008),
    "turbid water": (0.068, 0.076, 0.054, 0.034, 0.012),
    "asphalt": (0.122, 0.120, 0.117, 0.145, 0.170),
    "worn asphalt": (0.185, 0.180, 0.170, 0.215, 0.240),
    "paving": (0.215, 0.200, 0.182, 0.245, 0.270),
    "paint": (0.420, 0.420, 0.410, 0.430, 0.400),
    "red tile": (0.215, 0.112, 0.078, 0.270, 0.300),
    "brown tile": (0.140, 0.104, 0.080, 0.200, 0.250),
    "slate": (0.088, 0.088, 0.092, 0.110, 0.130),
    "grey roof": (0.160, 0.157, 0.152, 0.190, 0.220),
    "light roof": (0.330, 0.325, 0.315, 0.350, 0.330),
    "gravel roof": (0.235, 0.215, 0.185, 0.270, 0.300),
    "green roof": (0.110, 0.120, 0.080, 0.270, 0.240),
}


@dataclass
class Canvas:
    """A scene in the making.

    Args:
        reflectance: (B, H, W) before illumination.
        mask: (H, W) class index.
        height: (H, W) m above the ground of roofs and crowns.
        tree_density: (H, W) chance 0…1 that a tree may stand here.
        bands: Position of each band in `BANDS`.
    """

    reflectance: NDArray[np.float32]
    mask: NDArray[np.uint8]
    height: NDArray[np.float32]
    tree_density: NDArray[np.float32]
    bands: tuple[int, ...]

    @classmethod
    def blank(cls, shape: Shape, bands: tuple[int, ...]) -> Canvas:
        """Nothing painted yet."""
        return cls(
            np.zeros((len(bands), *shape), dtype=np.float32),
            np.zeros(shape, dtype=np.uint8),
            np.zeros(shape, dtype=np.float32),
            np.zeros(shape, dtype=np.float32),
            bands,
        )

    @property
    def shape(self) -> Shape:
        """(height, width)."""
        height, width = self.mask.shape
        return height, width

    def spectrum(self, material: str) -> NDArray[np.float32]:
        """Reflectance of a material in the bands of this scene, (B,)."""
        return np.array([SPECTRA[material][b] for b in self.bands], dtype=np.float32)

    def spectra(self, materials: tuple[str, ...]) -> NDArray[np.float32]:
        """Reflectances (len(materials), B)."""
        return np.stack([self.spectrum(m) for m in materials])

    def blend(self, first: str, second: str, share: Field) -> NDArray[np.float32]:
        """Reflectance (…, B) of two materials, `share` (…) of the second."""
        part = share.astype(np.float32)[..., None]
        return self.spectrum(first) * (1 - part) + self.spectrum(second) * part

    def paint(
        self,
        where: NDArray[np.bool_],
        class_index: int | None,
        colour: NDArray[np.float32],
        tone: NDArray[np.floating] | float = 1.0,
        height: NDArray[np.floating] | float = 0.0,
    ) -> None:
        """Cover pixels with a material.

        Args:
            where: (H, W) which N pixels.
            class_index: Their class; None keeps the one there is.
            colour: Reflectance (B,) of all or (N, B) of each.
            tone: Factor on the reflectance, of all or (N,) of each.
            height: m above the ground, of all or (N,) of each.
        """
        lit = colour * np.asarray(tone, dtype=np.float32)[..., None]
        for band in range(len(self.bands)):
            self.reflectance[band][where] = lit[..., band]
        if class_index is not None:
            self.mask[where] = class_index
        self.height[where] = height

    def window(self, rows: slice, cols: slice) -> Canvas:
        """A part of the canvas; painting it paints the whole."""
        return Canvas(
            self.reflectance[:, rows, cols],
            self.mask[rows, cols],
            self.height[rows, cols],
            self.tree_density[rows, cols],
            self.bands,
        )


def grain(
    rng: np.random.Generator, shape: Shape, amount: float, smooth: Field | float = 0.0
) -> Field:
    """Tones around 1: fine grain plus a smooth part."""
    tones: Field = 1 + amount * rng.standard_normal(shape) + smooth
    return np.maximum(tones, 0.2)
