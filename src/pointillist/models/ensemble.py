"""Several models as one: their probabilities averaged, corrected to other shares, calibrated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pointillist.errors import InputError, ModelFileError
from pointillist.models.card import ModelCard
from pointillist.models.trained import TrainedModel


class EnsembleModel(TrainedModel):
    """Models of the same classes and bands, averaged.

    p(c) ∝ (a(c) · Σᵢ wᵢ pᵢ(c))^(1/T), with a weight wᵢ per model and a factor a(c) per class. The
    factors bring a model trained on points of other class shares to those of the scene (Saerens et
    al. 2002, eq. 4): a(c) = share of the class in the scene ÷ its share of the points. The
    temperature T makes up for what averaging does: a mean is less sure than it is right (Rahaman
    and Thiery 2021). It changes no class.

    Args:
        parts: The models, at least one.
        weights: One per model, at least 0, one of them above; their sum does not matter.
        card: Classes, bands, normalisation and origin of the whole.
        class_factors: One per class, above 0; None for ones.
        temperature: T above 0; below 1 makes the probabilities surer.

    Raises:
        InputError: The parts, weights or factors do not fit together, or T is not above 0.

    References:
        Rahaman and Thiery (2021), Uncertainty quantification and deep ensembles, NeurIPS.
        Saerens, Latinne and Decaestecker (2002), Adjusting the outputs of a classifier to new a
        priori probabilities, Neural Computation 14.
    """

    kind = "ensemble"

    def __init__(
        self,
        parts: Sequence[TrainedModel],
        weights: ArrayLike,
        card: ModelCard,
        class_factors: ArrayLike | None = None,
        temperature: float = 1.0,
    ) -> None:
        super().__init__(card)
        self.parts = tuple(parts)
        given = np.asarray(weights, dtype=np.float64).reshape(-1)
        if not self.parts or len(given) != len(self.parts) or not _are_weights(given):
            raise InputError(
                f"Expected one weight of at least 0 for each of at least one model, one of them "
                f"above 0, got {given.tolist()} for {len(self.parts)} models."
            )
        for part in self.parts:
            same = part.bands == card.bands and part.legend.names == card.legend.names
            if not same or part.normalisation != card.normalisation:
                raise InputError(
                    "Expected parts of an ensemble with its bands, classes and normalisation, "
                    f"got another {part.kind}."
                )
        self.weights = (given / given.sum()).astype(np.float32)
        factors = np.ones(len(card.legend)) if class_factors is None else class_factors
        self.class_factors = np.asarray(factors, dtype=np.float32).reshape(-1)
        if len(self.class_factors) != len(card.legend) or not (self.class_factors > 0).all():
            raise InputError(
                f"Expected a factor above 0 for each of {len(card.legend)} classes, "
                f"got {self.class_factors.tolist()}."
            )
        if not (np.isfinite(temperature) and temperature > 0):
            raise InputError(f"Expected a temperature above 0, got {temperature:g}.")
        self.temperature = float(temperature)

    @property
    def halo_px(self) -> int:
        """The widest of the parts'."""
        return max(part.halo_px for part in self.parts)

    def halo_for(self, block_px: int) -> int:
        """The widest of the parts'."""
        return max(part.halo_for(block_px) for part in self.parts)

    @property
    def block_multiple_px(self) -> int:
        """The largest of the parts'."""
        return max(part.block_multiple_px for part in self.parts)

    @property
    def smallest_px(self) -> int:
        """The largest of the parts'."""
        return max(part.smallest_px for part in self.parts)

    @property
    def bytes_per_px(self) -> float | None:
        """The sum of the parts', because one keeps its memory while another works."""
        known = [part.bytes_per_px for part in self.parts]
        return None if None in known else sum(filter(None, known))

    def combine(self, probabilities: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Probabilities (C, …) of the whole from those of its parts, in their order.

        Replaces the first one in memory. NaN where any part has NaN.
        """
        total = probabilities[0]
        total *= self.weights[0]
        for weight, values in zip(self.weights[1:], probabilities[1:], strict=True):
            total += weight * values
        total *= self.class_factors.reshape(-1, *[1] * (total.ndim - 1))
        if self.temperature != 1.0:
            np.power(total, np.float32(1.0 / self.temperature), out=total)
        total /= total.sum(axis=0)
        return total

    def _class_probabilities(
        self, data: NDArray[np.float32], valid: NDArray[np.bool_]
    ) -> NDArray[np.float32]:
        found = [part._class_probabilities(data, valid) for part in self.parts]
        for probabilities in found:  # what a part says of invalid pixels does not matter
            probabilities[:, ~valid] = 1.0
        return self.combine(found)

    def make_ready(self) -> None:
        """Build the networks among the parts."""
        for part in self.parts:
            part.make_ready()

    def spec_dict(self) -> dict[str, Any]:
        """Kind and spec of every part, weights, factors and temperature."""
        return {
            "parts": [{"kind": part.kind, "spec": part.spec_dict()} for part in self.parts],
            "weights": [float(w) for w in self.weights],
            "class_factors": [float(f) for f in self.class_factors],
            "temperature": self.temperature,
        }

    def tensors(self) -> dict[str, NDArray[Any]]:
        """Those of part i under `i.name`."""
        return {
            f"{i}.{name}": tensor
            for i, part in enumerate(self.parts)
            for name, tensor in part.tensors().items()
        }

    @classmethod
    def from_parts(
        cls, spec: dict[str, Any], tensors: dict[str, NDArray[Any]], card: ModelCard
    ) -> Self:
        """Rebuild the models and the whole.

        Raises:
            ModelFileError: The tensors do not fit, or a part is of an unknown kind.
        """
        from pointillist.models.store import class_of_kind

        parts = []
        for i, about in enumerate(spec["parts"]):
            prefix = f"{i}."
            own = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
            part_class = class_of_kind(about["kind"])
            if part_class is None:
                raise ModelFileError(
                    f"Part {i + 1} is of kind {about['kind']!r}. Upgrade Pointillist."
                )
            parts.append(part_class.from_parts(about["spec"], own, card))
        temperature = spec.get("temperature", 1.0)  # models of before have none
        return cls(parts, spec["weights"], card, spec["class_factors"], temperature)


def _are_weights(values: NDArray[np.float64]) -> bool:
    return bool(np.isfinite(values).all() and (values >= 0).all() and values.sum() > 0)
