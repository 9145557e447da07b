"""Recipe `stack`: a network and a forest learn from the same points, and map together.

The forest is right early and about colours and textures; the network is right about shapes and
gets better with time. Their averaged probabilities are better than either's.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pointillist.models.ensemble import EnsembleModel
from pointillist.training.calibration import (
    calibration_facts,
    fit_temperature,
    soften_crosswise,
)
from pointillist.training.config import TrainConfig
from pointillist.training.forest import fit_forest_and_shares, predict_held_out
from pointillist.training.heldout import HeldOut, judge
from pointillist.training.holdout import Holdout, hold_out
from pointillist.training.members import choose_members, fit_networks, settle_encoder
from pointillist.training.recipe import Fitted, Workshop
from pointillist.training.rounds import Judged
from pointillist.training.task import TrainingTask
from pointillist.training.warm_start import networks_of

EQUAL = 0.5
"""Weight of a network beside a forest where nothing tells it better."""
OF_SEVERAL = 0.6
"""The same of several networks together, which are better than one (docs/decisions/0021)."""
_MIN_HELD_OUT = 10
# A part that gets ten points right seems clearly better, and is not (Leipzig: a weight of .9).
_MIN_TO_WEIGH = 30
# Some tens of points asked for .5 after a single step, and for .9 after a hundred.
_MIN_TO_OVERRULE = 100
# A network that time did not suffice for must not spoil what the forest knows.
_ENOUGH_STEPS, _FEW_STEPS = 200, 50
# More than three quarters were never better, and forty points have asked for them (decision 21).
_WEIGHTS = np.linspace(0.1, 0.75, 14)
# Standard errors. Held-out points lie in few blocks, so their own errors are stated too small.
_CLEARLY = 3.0
_LEAST = 1e-4


def fit_stack(task: TrainingTask, config: TrainConfig, workshop: Workshop) -> Fitted:
    """Train a forest, then networks for the rest of the time, and weigh them on held-out points.

    Args:
        task: Scenes, labelled pixels, legend.
        config: Of both parts.
        workshop: Where to keep state and logs, whom to tell, how long there is.

    Returns:
        An `EnsembleModel` and what was measured on the way.
    """
    holdout = hold_out(task, config.unet.holdout, workshop.begin)
    forest, shares, seen = fit_forest_and_shares(
        task, config.forest, config.class_shares, workshop.say
    )
    witness = None
    if _can_judge(holdout):
        witness = predict_held_out(seen, holdout, config.forest, len(task.legend))
    del seen
    unet = settle_encoder(task, config.unet, workshop)
    n_members = choose_members(unet, workshop, task.n_features)
    fitted = fit_networks(task, unet, workshop, n_members, holdout, shares.factors)
    network = fitted.model
    networks = networks_of(network)
    usual = EQUAL if len(networks) == 1 else OF_SEVERAL
    by_steps, each = usual, fitted.facts["steps"] // len(networks)
    if workshop.begin is None:
        by_steps = guess_weight(each, usual)
    pair = None
    if witness is not None and fitted.held_out is not None:
        pair = Pair(fitted.held_out, witness, usual, by_steps)
    temperature = 1.0
    weight = by_steps if pair is None else pair.weight
    if pair is not None and config.unet.calibrate:
        temperature = pair.temperature
    if workshop.seconds is not None and each < _FEW_STEPS:
        workshop.say(
            f"The time sufficed for {each} step{'s' * (each != 1)} only, so the map is mostly the "
            "forest's. Give it minutes (--budget 2m), or take --recipe forest, which needs seconds."
        )
    who = "The network counts" if len(networks) == 1 else f"{len(networks)} networks count"
    workshop.say(f"{who} {weight:.0%}, the forest {1 - weight:.0%}.")
    measured = {} if pair is None else pair.facts(temperature)
    judged = fitted.judged if pair is None else pair.judge(shares.factors)
    if pair is not None and judged is not None and "calibration_error" in measured:
        weighed = _weighed(judged, pair.network.index, shares.factors)
        workshop.say(
            f"Both together are right at {judged.right.sum()} of {len(judged.right)} held-out "
            f"points{weighed}; their calibration error is {measured['calibration_error']:.3f}."
        )
    facts = {
        "network_weight": round(weight, 4),
        **shares.facts(task.legend.names),
        **measured,
    }
    provenance = {**network.card.provenance, "forest": forest.card.provenance, **facts}
    card = replace(network.card, recipe="stack", provenance=provenance)
    if shares.factors is not None:
        forest = forest.reweigh_classes(shares.factors)
    return replace(
        fitted,
        model=EnsembleModel(
            [*networks, forest],
            [*[weight / len(networks)] * len(networks), 1 - weight],
            card,
            temperature=temperature,
        ),
        facts={**fitted.facts, **facts},
        judged=judged,
    )


@dataclass(frozen=True, eq=False)
class Pair:
    """What network and forest say at held-out points, neither of which has learnt from them.

    Args:
        network: The network's.
        forest: (N, C) the forest's, for the class shares of the points.
        usual: Weight of the network where they do not tell clearly.
        by_steps: Weight that its steps speak for. After few steps some tens of points cannot tell
            what a network is worth, and it counts no more than that.
    """

    network: HeldOut
    forest: NDArray[np.float32]
    usual: float = EQUAL
    by_steps: float = EQUAL

    @cached_property
    def weight(self) -> float:
        """That of the network."""
        said = self.network.probabilities, self.forest, self.network.index
        found = choose_weight(*said, usual=self.usual)
        is_short = self.by_steps < self.usual and self._has_data.sum() < _MIN_TO_OVERRULE
        return min(found, self.by_steps) if is_short else found

    def judge(self, factors: NDArray[np.float64] | None) -> Judged:
        """Whether both together are right, for the scene's class shares."""
        forest = self.forest if factors is None else self.forest * factors
        forest = forest / forest.sum(axis=1, keepdims=True)
        both = self.weight * self.network.for_the_scene + (1 - self.weight) * forest
        return judge(both, self.network.task)

    @cached_property
    def _logs(self) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Logarithms (M, C) of both together at the points with data, and the points' classes."""
        both = self.weight * self.network.probabilities + (1 - self.weight) * self.forest
        logs = np.log(np.maximum(both[self._has_data], _LEAST), dtype=np.float64)
        return logs, self.network.index[self._has_data]

    @cached_property
    def _has_data(self) -> NDArray[np.bool_]:
        """(N,) where both say something."""
        both = self.network.probabilities + self.forest
        return np.asarray(np.isfinite(both).all(axis=1), dtype=bool)

    @cached_property
    def temperature(self) -> float:
        """That of both together: a mean is less sure than it is right."""
        return fit_temperature(*self._logs)

    def facts(self, temperature: float) -> dict[str, Any]:
        """Calibration errors of the forest and of both together, before and after.

        Args:
            temperature: What the model takes; each point is judged by one that the others gave.
        """
        logs, index = self._logs
        raw = calibration_facts(np.exp(logs), index)
        facts = calibration_facts(self.forest, self.network.index, "forest_")
        if temperature == 1.0:
            return {**facts, **raw}
        return {
            **facts,
            "stack_temperature": round(temperature, 3),
            "raw_calibration_error": raw["calibration_error"],
            **calibration_facts(soften_crosswise(logs, index), index),
        }


def _weighed(judged: Judged, index: NDArray[np.int64], factors: NDArray[np.float64] | None) -> str:
    """The share that is right where classes count as they do in the scene, not as by the points."""
    if factors is None:
        return ""
    share = np.average(judged.right, weights=factors[index])
    return f", {share:.0%} of them weighed by the class shares of the scene"


def guess_weight(n_steps: int, usual: float = EQUAL) -> float:
    """Weight of a network that no held-out point judges: the usual, less after very few steps."""
    return max(float(_WEIGHTS[0]), usual * min(1.0, n_steps / _ENOUGH_STEPS))


def choose_weight(
    network: NDArray[np.float32],
    forest: NDArray[np.float32],
    index: NDArray[np.int64],
    usual: float = EQUAL,
) -> float:
    """Weight of the network: the usual, unless held-out labels say clearly that it should differ.

    Some tens of points say little of a weight, fewer nothing. So of all weights that make their
    labels as likely as the best one does, within three standard errors of the difference, the one
    nearest to the usual is taken; the usual itself where fewer than thirty points have data.

    Args:
        network: (N, C) its probabilities at points it has not seen; NaN on nodata.
        forest: (N, C) the forest's, at the same points.
        index: (N,) classes of the points.
        usual: One half for one network, more for several.

    References:
        Breiman et al. (1984), Classification and Regression Trees, section 3.4.3 (where the
        rule takes one standard error).
    """
    has_data = ~(np.isnan(network[:, 0]) | np.isnan(forest[:, 0]))
    rows = np.flatnonzero(has_data)
    if len(rows) < _MIN_TO_WEIGH:
        return usual
    p, q = network[rows, index[rows]], forest[rows, index[rows]]
    costs = np.stack([-np.log(np.maximum(w * p + (1 - w) * q, 1e-4)) for w in _WEIGHTS])
    behind = costs - costs[costs.mean(axis=1).argmin()]
    error = behind.std(axis=1, ddof=1) / np.sqrt(len(rows))
    as_good = _WEIGHTS[behind.mean(axis=1) <= _CLEARLY * error + 1e-9]
    return float(as_good[np.abs(as_good - usual).argmin()])


def _can_judge(holdout: Holdout) -> bool:
    """Enough held-out points, and at least two classes left to train on."""
    if holdout.validation is None or holdout.validation.n_labels < _MIN_HELD_OUT:
        return False
    return int((holdout.train.class_counts() > 0).sum()) > 1
