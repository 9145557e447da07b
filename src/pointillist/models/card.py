"""What a model needs to know about its classes and its input, kept with its weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from pointillist.errors import InputError
from pointillist.legend import Legend
from pointillist.models.edge_effect import EdgeEffect

_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Normalisation:
    """Per-band shift and scale of raw values: (value − mean) / std.

    Args:
        mean: One finite number per band, in raw units.
        std: One finite number above 0 per band, in raw units.

    Raises:
        InputError: Different lengths, a number that is not finite, or a std of 0 or less.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "mean", tuple(float(v) for v in self.mean))
        object.__setattr__(self, "std", tuple(float(v) for v in self.std))
        if len(self.mean) != len(self.std) or not self.mean:
            raise InputError(
                "Expected as many means as standard deviations, at least one, "
                f"got {len(self.mean)} and {len(self.std)}."
            )
        for band, (mean, std) in enumerate(zip(self.mean, self.std, strict=True), start=1):
            if not np.isfinite(mean) or not np.isfinite(std) or std <= 0:
                raise InputError(
                    "Expected a finite mean and a standard deviation above 0 for every band, "
                    f"got mean {mean:g} and std {std:g} for band {band}."
                )

    @classmethod
    def imagenet(cls, max_value: float = 1.0) -> Self:
        """ImageNet's red, green and blue, for values from 0 to `max_value` (255 for uint8)."""
        return cls(
            tuple(max_value * v for v in _IMAGENET_MEAN),
            tuple(max_value * v for v in _IMAGENET_STD),
        )

    @property
    def n_bands(self) -> int:
        """Number of bands."""
        return len(self.mean)

    @property
    def shift_scale(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(B,) what is subtracted of raw values, and (B,) what they are then multiplied by."""
        return (
            np.asarray(self.mean, dtype=np.float32),
            (1.0 / np.asarray(self.std)).astype(np.float32),
        )

    def apply(
        self, data: NDArray[Any], valid: NDArray[np.bool_] | None = None
    ) -> NDArray[np.float32]:
        """Normalise raw values.

        Args:
            data: (B, h, w) raw values of any number type.
            valid: (h, w), False where there is no data; None where all pixels are valid.

        Returns:
            (B, h, w) float32; invalid pixels are 0, the mean.

        Raises:
            InputError: Another number of bands.
        """
        if data.ndim != 3 or data.shape[0] != self.n_bands:
            raise InputError(
                f"Expected an array (bands, height, width) with {self.n_bands} bands to normalise, "
                f"got {data.shape}."
            )
        mean, scale = (values[:, None, None] for values in self.shift_scale)
        with np.errstate(invalid="ignore", over="ignore"):
            out: NDArray[np.float32] = np.subtract(data, mean, dtype=np.float32)
            out *= scale
        if valid is not None and not valid.all():
            out[:, ~valid] = 0.0
        return out

    def to_dict(self) -> dict[str, list[float]]:
        """Plain data for JSON or YAML."""
        return {"mean": list(self.mean), "std": list(self.std)}

    @classmethod
    def from_dict(cls, values: dict[str, Sequence[float]]) -> Self:
        """Read what `to_dict` wrote."""
        return cls(tuple(values["mean"]), tuple(values["std"]))


@dataclass
class ModelCard:
    """What a trained model says about itself.

    Args:
        legend: Classes by index.
        bands: Names of the input bands, in order.
        normalisation: How raw values become network input, one mean and std per band.
        resolution: Mean pixel size of the training scenes in units of their CRS, None if unknown.
        crs: Coordinate reference system of the training scenes as WKT, None where there is none.
        recipe: Name of the recipe that learned it.
        provenance: Anything worth keeping (points, seed, versions, date), plain JSON data.
        edge_effect: How far the edge of a block reaches, as measured; None where it was not.
        smooth_px: Radius within which maps are smoothed unless another is asked for; 0 for not.

    Raises:
        InputError: Number of bands and normalisation differ.
    """

    legend: Legend
    bands: tuple[str, ...]
    normalisation: Normalisation
    resolution: float | None = None
    crs: str | None = None
    recipe: str = ""
    provenance: dict[str, Any] = field(default_factory=dict)
    edge_effect: EdgeEffect | None = None
    smooth_px: int = 0

    def __post_init__(self) -> None:
        self.bands = tuple(str(b) for b in self.bands)
        if len(self.bands) != self.normalisation.n_bands:
            raise InputError(
                f"Expected one mean and std per band, got {self.normalisation.n_bands} "
                f"for the {len(self.bands)} bands {', '.join(self.bands)}."
            )

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "legend": self.legend.to_dict(),
            "bands": list(self.bands),
            "normalisation": self.normalisation.to_dict(),
            "resolution": self.resolution,
            "crs": self.crs,
            "recipe": self.recipe,
            "provenance": self.provenance,
            "edge_effect": None if self.edge_effect is None else self.edge_effect.to_list(),
            "smooth_px": self.smooth_px,
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Read what `to_dict` wrote."""
        return cls(
            legend=Legend.from_dict(values["legend"]),
            bands=tuple(values["bands"]),
            normalisation=Normalisation.from_dict(values["normalisation"]),
            resolution=values.get("resolution"),
            crs=values.get("crs"),
            recipe=values.get("recipe", ""),
            provenance=dict(values.get("provenance") or {}),
            edge_effect=EdgeEffect.from_list(values.get("edge_effect")),
            smooth_px=int(values.get("smooth_px") or 0),
        )
