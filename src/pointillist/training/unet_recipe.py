"""Recipe `unet`: a network alone, corrected to the class shares of the scene."""

from __future__ import annotations

from dataclasses import replace

from pointillist.training.class_shares import decide_shares, wants_estimate
from pointillist.training.config import TrainConfig
from pointillist.training.forest import fit_forest_and_shares
from pointillist.training.members import fit_networks
from pointillist.training.recipe import Fitted, Workshop
from pointillist.training.task import TrainingTask


def fit_corrected_unet(task: TrainingTask, config: TrainConfig, workshop: Workshop) -> Fitted:
    """The recipe `unet`: a network, corrected to the class shares of the scene.

    Shares are estimated, where they are, by a forest on the same points.
    """
    if wants_estimate(task, config.class_shares):
        _, shares, _ = fit_forest_and_shares(task, config.forest, config.class_shares)
    else:
        shares = decide_shares(task, config.class_shares)
    workshop.say(shares.sentence)
    n_members = config.unet.members or 1
    fitted = fit_networks(task, config.unet, workshop, n_members, factors=shares.factors)
    facts = shares.facts(task.legend.names)
    fitted.model.card.provenance.update(facts)
    return replace(fitted, facts={**fitted.facts, **facts})
