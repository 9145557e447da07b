"""Recipe `stack`: a network and a forest learn from the same points, and map together.

The forest is right early and about colours and textures; the network is right about shapes and
gets better with time. Their averaged probabilities are better than either's.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pointillist.models.ensemble import EnsembleModel
from pointillist.models.forest import ForestModel
from pointillist.models.trained import TrainedModel
from pointillist.training.config import TrainConfig
from pointillist.training.crossvalidation import predict_at
from pointillist.training.forest import fit_forest, fit_forest_and_shares
from pointillist.training.holdout import Holdout, hold_out
from pointillist.training.recipe import Fitted, Workshop
from pointillist.training.rounds import Judged, places_of
from pointillist.training.task import TrainingTask
from pointillist.training.unet import fit_unet

EQUAL = 0.5
_MIN_HELD_OUT = 15
_WEIGHTS = np.linspace(0.1, 0.9, 17)
# Few held-out points say little: a weight far from one half must earn this much likelihood.
_PULL = 8.0


def fit_stack(task: TrainingTask, config: TrainConfig, workshop: Workshop) -> Fitted:
    """Train a forest, then a network for the rest of the time, and weigh them on held-out points.

    Args:
        task: Scenes, labelled pixels, legend.
        config: Of both parts.
        workshop: Where to keep state and logs, whom to tell, how long there is.

    Returns:
        An `EnsembleModel` and what was measured on the way.
    """
    holdout = hold_out(task, config.unet.holdout, workshop.begin)
    forest, shares = fit_forest_and_shares(task, config.forest, config.class_shares, workshop.say)
    witness = None
    if _can_judge(holdout):
        witness = fit_forest(holdout.train, config.forest)
    fitted = fit_unet(task, config.unet, workshop, holdout, shares.factors)
    network = fitted.model
    weight = EQUAL
    if witness is not None and holdout.validation is not None:
        weight = choose_weight(
            _to_points(_at_labels(network, holdout.validation), shares.factors),
            _at_labels(witness, holdout.validation),
            np.concatenate([pixels.index for pixels in holdout.validation.labels]),
        )
    workshop.say(f"The network counts {weight:.0%}, the forest {1 - weight:.0%}.")
    card = replace(
        network.card,
        recipe="stack",
        provenance={
            **network.card.provenance,
            "forest": forest.card.provenance,
            "network_weight": round(weight, 4),
            **shares.facts(task.legend.names),
        },
    )

    def join(part: ForestModel) -> EnsembleModel:
        if shares.factors is not None:
            part = part.reweigh_classes(shares.factors)
        return EnsembleModel([network, part], [weight, 1 - weight], card)

    judged = fitted.judged
    if witness is not None and holdout.validation is not None:
        judged = _judge(join(witness), holdout.validation)
    facts = {"network_weight": round(weight, 4), **shares.facts(task.legend.names)}
    return replace(fitted, model=join(forest), facts={**fitted.facts, **facts}, judged=judged)


def choose_weight(
    network: NDArray[np.float32], forest: NDArray[np.float32], index: NDArray[np.int64]
) -> float:
    """Weight of the network that makes held-out labels most likely, drawn towards one half.

    Args:
        network: (N, C) its probabilities at points it has not seen; NaN on nodata.
        forest: (N, C) the forest's, at the same points.
        index: (N,) classes of the points.
    """
    has_data = ~(np.isnan(network[:, 0]) | np.isnan(forest[:, 0]))
    rows = np.flatnonzero(has_data)
    p, q = network[rows, index[rows]], forest[rows, index[rows]]
    costs = [
        -np.log(np.maximum(w * p + (1 - w) * q, 1e-4)).sum() + _PULL * (w - EQUAL) ** 2
        for w in _WEIGHTS
    ]
    return float(_WEIGHTS[int(np.argmin(costs))])


def _to_points(
    probabilities: NDArray[np.float32], factors: NDArray[np.float64] | None
) -> NDArray[np.float32]:
    """Probabilities (N, C) for the scene as they are for the points, whose labels judge them."""
    if factors is None:
        return probabilities
    at_points = (probabilities / factors).astype(np.float32)
    at_points /= at_points.sum(axis=1, keepdims=True)
    return at_points


def _can_judge(holdout: Holdout) -> bool:
    """Enough held-out points, and at least two classes left to train on."""
    if holdout.validation is None or holdout.validation.n_labels < _MIN_HELD_OUT:
        return False
    return int((holdout.train.class_counts() > 0).sum()) > 1


def _judge(model: TrainedModel, validation: TrainingTask) -> Judged:
    """Whether both together, neither of which has seen them, are right at the held-out points."""
    index = np.concatenate([pixels.index for pixels in validation.labels])
    found = _at_labels(model, validation).argmax(axis=1)
    return Judged(places_of(validation), np.asarray(found == index, dtype=bool))


def _at_labels(model: TrainedModel, task: TrainingTask) -> NDArray[np.float32]:
    """Probabilities (N, C) at the labelled pixels of a task."""
    return np.concatenate(
        [
            predict_at(model, source, pixels.rowcol)
            for source, pixels in zip(task.sources, task.labels, strict=True)
        ]
    )
