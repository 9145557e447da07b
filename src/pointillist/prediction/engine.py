"""Engines: what turns a block of imagery into class scores, on which hardware and how precisely."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pointillist.models.forest import ForestModel

if TYPE_CHECKING:
    from torch import nn

    from pointillist.models import EnsembleModel, NetworkModel, TrainedModel
    from pointillist.raster import Pixels

FloatArray = NDArray[np.float32]
Crop = tuple[slice, slice]


class Engine(Protocol):
    """Computes class scores of one block at a time, independently of all others.

    Attributes:
        name: What runs, for people: `openvino bf16`.
    """

    name: str

    def prepare(self, pixels: Pixels) -> Any:
        """Make the engine's input of raw pixels; called in the thread that reads."""
        ...

    def scores(self, prepared: Any, crop: Crop) -> FloatArray:
        """Scores (C, h, w) of the cropped part of a block; the largest one is the class."""
        ...

    def to_probabilities(self, scores: FloatArray) -> FloatArray:
        """Probabilities (C, h, w) of what `scores` returned; may reuse its memory."""
        ...


class ModelEngine:
    """Any trained model by its own `predict`; forests run like this.

    Args:
        model: The model.
    """

    def __init__(self, model: TrainedModel) -> None:
        self.model = model
        self.name = f"{model.kind} fp32"

    def prepare(self, pixels: Pixels) -> Pixels:
        """The pixels as they are: the model normalises them itself."""
        return pixels

    def scores(self, prepared: Pixels, crop: Crop) -> FloatArray:
        """Probabilities (C, h, w), NaN at invalid pixels."""
        if isinstance(self.model, ForestModel):
            return self.model.predict_part(prepared.data, prepared.valid, crop)
        probabilities = self.model.predict(prepared.data, prepared.valid)
        return probabilities[:, crop[0], crop[1]]

    def to_probabilities(self, scores: FloatArray) -> FloatArray:
        """The scores are probabilities already."""
        return scores


class EnsembleEngine:
    """Each model of an ensemble by its own engine, on the same pixels.

    Args:
        model: The ensemble.
        engines: One per part, in their order.
    """

    def __init__(self, model: EnsembleModel, engines: Sequence[Engine]) -> None:
        self._model = model
        self.engines = tuple(engines)
        self.name = " + ".join(engine.name for engine in self.engines)

    def prepare(self, pixels: Pixels) -> list[Any]:
        """What each engine makes of the pixels."""
        return [engine.prepare(pixels) for engine in self.engines]

    def scores(self, prepared: list[Any], crop: Crop) -> FloatArray:
        """Probabilities (C, h, w), NaN where a part has NaN."""
        return self._model.combine(
            [
                engine.to_probabilities(engine.scores(ready, crop))
                for engine, ready in zip(self.engines, prepared, strict=True)
            ]
        )

    def to_probabilities(self, scores: FloatArray) -> FloatArray:
        """The scores are probabilities already."""
        return scores


class NetworkEngine:
    """What engines of networks share: normalised input, logits out.

    Args:
        model: The network.
    """

    def __init__(self, model: NetworkModel) -> None:
        self._normalisation = model.normalisation

    def prepare(self, pixels: Pixels) -> FloatArray:
        """Normalised bands (1, B, h, w), 0 where invalid, as in training."""
        return self._normalisation.apply(pixels.data, pixels.valid)[None]

    def to_probabilities(self, scores: FloatArray) -> FloatArray:
        """Softmax over the classes."""
        return softmax(scores)


def cpu_network(model: NetworkModel) -> nn.Module:
    """The model's network on the CPU, ready to predict; a copy where it would have to move."""
    import torch

    network = model.network.eval()
    if next(network.parameters()).device.type == "cpu":
        return network
    return copy.deepcopy(network).to(torch.device("cpu"))


def classes_of(engine: Engine, prepared: Any, crop: Crop) -> NDArray[np.int16]:
    """Class indices (h, w) of a block, found where the scores are if the engine can."""
    find = getattr(engine, "classes", None)
    found: NDArray[np.int16] | None = None if find is None else find(prepared, crop)
    return best_class(engine.scores(prepared, crop)) if found is None else found


def best_class(scores: FloatArray) -> NDArray[np.int16]:
    """Index (h, w) of the largest of the scores (C, h, w); the first of equals, 0 where all NaN.

    A running maximum over planes: many times faster than `argmax` over a leading axis.
    """
    best = scores[0].copy()
    index = np.zeros(best.shape, dtype=np.int16)
    for k in range(1, len(scores)):
        larger = scores[k] > best
        index[larger] = k
        np.maximum(best, scores[k], out=best)
    return index


def softmax(logits: FloatArray) -> FloatArray:
    """Probabilities over the first axis; replaces the logits in memory."""
    logits -= logits.max(axis=0)
    np.exp(logits, out=logits)
    logits /= logits.sum(axis=0)
    return logits
