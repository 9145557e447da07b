"""What a recipe is given: scenes to read, labelled pixels, classes. And what it gives back."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pointillist.legend import Legend
from pointillist.models import ModelCard, Normalisation
from pointillist.points import LabelledPixels
from pointillist.raster import PixelSource
from pointillist.sampling.spacing import pixel_size_m

Report = Callable[[str], None]

FINE_M = 2.0
"""Largest pixels in which things have shapes: there the weights of generated scenes are taken, and
maps smoothed, unasked. Coarser ones are told apart by their spectra (docs/decisions/0018, 0020)."""


@dataclass(frozen=True)
class TrainingTask:
    """One thing to learn: labelled pixels of one or several scenes.

    Args:
        sources: The scenes, all with the same bands.
        labels: Labelled pixels, one set per scene.
        legend: The classes that label indices refer to.
        seed: Seed of everything random in the run.
        bands: Band names, in the order in which `sources` deliver them.
        resolution: Mean pixel size in CRS units; None where the scene has no georeference.
        crs: Coordinate system of the first scene as WKT, None where it has none.
        design: How the points were drawn (`simple`, `balanced`, …); None where nobody says.
        normalisation: That of the run which is gone on from; None to estimate it.
        label_noise: Share of points whose class is wrong, as far as known, 0 … below 0.5.
        point_radius: How far points may lie from where they belong, in pixels.
    """

    sources: tuple[PixelSource, ...]
    labels: tuple[LabelledPixels, ...]
    legend: Legend
    seed: int
    bands: tuple[str, ...]
    resolution: float | None = None
    crs: str | None = None
    design: str | None = None
    normalisation: Normalisation | None = None
    label_noise: float = 0.0
    point_radius: float = 0.0

    @property
    def n_labels(self) -> int:
        """Labelled pixels over all scenes."""
        return sum(len(pixels) for pixels in self.labels)

    @property
    def n_features(self) -> int:
        """Labelled points, lines and polygons over all scenes."""
        return sum(len(np.unique(pixels.feature)) for pixels in self.labels)

    @property
    def is_fine(self) -> bool:
        """Whether the pixels of all scenes measure at most `FINE_M` on the ground."""
        grids = [source.grid for source in self.sources]
        return all(grid.crs is not None and pixel_size_m(grid) <= FINE_M for grid in grids)

    def class_counts(self) -> NDArray[np.int64]:
        """Labelled pixels per class index, (C,)."""
        counts = np.zeros(len(self.legend), dtype=np.int64)
        for pixels in self.labels:
            counts += pixels.counts(len(self.legend))
        return counts

    def subset(self, keep: Sequence[NDArray[np.bool_]]) -> TrainingTask:
        """The same task with fewer labels: one boolean mask per scene."""
        labels = tuple(p.subset(mask) for p, mask in zip(self.labels, keep, strict=True))
        return replace(self, labels=labels)

    def fingerprint(self) -> str:
        """A hash of labels, classes, bands and grids; names of files do not count."""
        digest = hashlib.sha256()
        classes = (self.legend.codes, self.legend.names)
        digest.update(repr((classes, self.bands, self.seed)).encode())
        for source, pixels in zip(self.sources, self.labels, strict=True):
            digest.update(repr(source.grid).encode())
            digest.update(np.ascontiguousarray(pixels.rowcol).tobytes())
            digest.update(np.ascontiguousarray(pixels.index).tobytes())
        return digest.hexdigest()

    def card(
        self, recipe: str, normalisation: Normalisation, provenance: dict[str, Any]
    ) -> ModelCard:
        """The card of a model learnt from this task."""
        facts = {
            "scenes": [source.name for source in self.sources],
            "labelled_pixels": self.n_labels,
            "labelled_pixels_per_class": dict(
                zip(self.legend.names, self.class_counts().tolist(), strict=True)
            ),
            "seed": self.seed,
            **({} if self.design is None else {"design": self.design}),
            **({"label_noise": self.label_noise} if self.label_noise else {}),
            **({"point_radius": self.point_radius} if self.point_radius else {}),
        }
        return ModelCard(
            legend=self.legend,
            bands=self.bands,
            normalisation=normalisation,
            resolution=self.resolution,
            crs=self.crs,
            recipe=recipe,
            provenance={**facts, **provenance},
        )
