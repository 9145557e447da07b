"""Ensembles: trees of a forest, a network's views of an image from eight sides, or models."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pointillist.grid import Block
from pointillist.models import NetworkModel, TrainedModel
from pointillist.models.forest import ForestModel
from pointillist.prediction import Engine
from pointillist.prediction.engine import EnsembleEngine
from pointillist.prediction.views import look_from_sides
from pointillist.raster import Pixels

Chosen = tuple[NDArray[np.int64], NDArray[np.bool_]]


class Ensemble(ABC):
    """Says how much its members contradict each other."""

    @staticmethod
    def of(model: TrainedModel, engine: Engine) -> Ensemble:
        """The trees of a forest, the views of a network, the models of an ensemble."""
        if isinstance(engine, EnsembleEngine):
            return Parts(engine)
        if isinstance(model, ForestModel):
            return Trees(model)
        assert isinstance(model, NetworkModel), "there are no other kinds"
        return Views(engine)

    @abstractmethod
    def ask(
        self, pixels: Pixels, prepared: Any, block: Block, chosen: Chosen
    ) -> NDArray[np.float32]:
        """Disagreement (N,) 0…1 at the chosen pixels of a block's core.

        Args:
            pixels: Of `block.read`.
            prepared: What the engine made of them.
            block: The block.
            chosen: Pixels (N, 2) of the core, and what they are.
        """


class Trees(Ensemble):
    """The trees of a forest.

    The leaves of fully grown trees hold one class each. Then no tree doubts, and the disagreement
    is the entropy of the forest.
    """

    def __init__(self, model: ForestModel) -> None:
        self.model = model

    def ask(
        self, pixels: Pixels, prepared: Any, block: Block, chosen: Chosen
    ) -> NDArray[np.float32]:
        """Entropy of the forest less the mean entropy of its trees."""
        model = self.model
        inset = block.core.row - block.read.row, block.core.col - block.read.col
        rowcol = chosen[0] + np.array(inset)
        data = model.normalisation.apply(pixels.data, pixels.valid)
        features = model.features.compute(data, pixels.valid)[:, rowcol[:, 0], rowcol[:, 1]].T
        mean, doubt = model.forest.predict_with_doubt(np.ascontiguousarray(features))
        return _over_all_alike(_entropy(mean, axis=1) - doubt, len(model.legend))


class Parts(Ensemble):
    """The models of an ensemble, such as a network and a forest."""

    def __init__(self, engine: EnsembleEngine) -> None:
        self.engine = engine

    def ask(
        self, pixels: Pixels, prepared: Any, block: Block, chosen: Chosen
    ) -> NDArray[np.float32]:
        """Entropy of the mean of the models less their mean entropy."""
        crop = block.core.slices_in(block.read)
        rows, cols = chosen[0].T
        said = np.stack(
            [
                engine.to_probabilities(engine.scores(ready, crop))[:, rows, cols]
                for engine, ready in zip(self.engine.engines, prepared, strict=True)
            ]
        )
        doubt = _entropy(said, axis=1).mean(axis=0)
        return _over_all_alike(_entropy(said.mean(axis=0), axis=0) - doubt, said.shape[1])


class Views(Ensemble):
    """A network's views of one image: its flips and quarter turns."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def ask(
        self, pixels: Pixels, prepared: Any, block: Block, chosen: Chosen
    ) -> NDArray[np.float32]:
        """Entropy of the mean of eight views less their mean entropy."""
        at = block.core.slices_in(block.read)
        rows, cols = chosen[0].T
        total: NDArray[np.float32] | None = None
        doubt = np.zeros(len(rows), dtype=np.float32)
        for whole in look_from_sides(self.engine, pixels, 8):
            view = whole[:, at[0], at[1]][:, rows, cols]
            total = view if total is None else total + view
            doubt += _entropy(view, axis=0) / 8
        assert total is not None, "there are eight views"
        return _over_all_alike(_entropy(total / 8, axis=0) - doubt, len(total))


def _entropy(probabilities: NDArray[Any], axis: int) -> NDArray[np.float32]:
    logs = np.log(np.maximum(probabilities, 1e-12))
    return np.asarray(-(probabilities * logs).sum(axis=axis), dtype=np.float32)


def _over_all_alike(information: NDArray[np.float32], n_classes: int) -> NDArray[np.float32]:
    """Over the entropy of all classes alike, the most there can be."""
    share = information / np.log(max(n_classes, 2))
    return np.asarray(np.clip(share, 0.0, 1.0), dtype=np.float32)
