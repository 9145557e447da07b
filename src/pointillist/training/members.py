"""Several networks in place of one: each learns alone, in its share of the time; their mean maps.

Two trainings on the same points differ in what they get wrong, and a mean of both gets less of it
wrong than either (docs/decisions/0021).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pointillist.data import estimate_normalisation
from pointillist.errors import OutputError
from pointillist.models import EdgeEffect, NetworkModel, load, save_model
from pointillist.models.ensemble import EnsembleModel
from pointillist.training.config import UnetConfig
from pointillist.training.fitting import choose_precision
from pointillist.training.heldout import HeldOut, shift_of
from pointillist.training.holdout import Holdout, hold_out
from pointillist.training.recipe import Workshop
from pointillist.training.rounds import Start
from pointillist.training.task import TrainingTask
from pointillist.training.unet import (
    SLIM_ENCODER,
    FittedNetwork,
    choose_encoder,
    fit_unet,
    suits_generated,
)
from pointillist.training.warm_start import networks_of

_MOST, _STEPS_EACH, _USUAL_FEATURES = 4, 750, 300
_SECONDS_EACH = {"fp32": 120.0, "bf16": 60.0}
_LEAST = 1e-6
# Seeds of the members, so far apart that nobody's next run has the same ones.
_SEEDS_APART = 100_003


def fit_networks(
    task: TrainingTask,
    config: UnetConfig,
    workshop: Workshop,
    n_members: int,
    holdout: Holdout | None = None,
    factors: NDArray[np.float64] | None = None,
) -> FittedNetwork:
    """Train networks one after another, all on the same points and watched with the same.

    They differ in what their seeds decide: the start of their last layer, which chips they see and
    how these are turned. Steps and time are shared out evenly; what one does not need, because
    nothing improved any more, the next ones get. A finished network is kept beside the checkpoint,
    so that an interrupted training goes on with the next.

    Args:
        task: Scenes, labelled pixels, legend.
        config: How to train; its steps are those of all networks together.
        workshop: Where to keep state and logs, whom to tell, how long there is for all.
        n_members: How many networks, at least 1.
        holdout: See `fit_unet`.
        factors: See `fit_unet`.

    Returns:
        A `NetworkModel`, or an `EnsembleModel` of several, and what was measured on the way.

    References:
        Lakshminarayanan, Pritzel and Blundell (2017), Simple and scalable predictive uncertainty
        estimation using deep ensembles, NeurIPS.
    """
    if n_members == 1:
        return fit_unet(task, config, workshop, holdout, factors)
    if holdout is None:
        holdout = hold_out(task, config.holdout, workshop.begin)
    normalisation = task.normalisation or estimate_normalisation(task.sources, seed=task.seed)
    task = replace(task, normalisation=normalisation)
    fitted: list[FittedNetwork] = []
    for number in range(n_members):
        turn = _Turn(number, n_members, workshop, fitted[-1].facts["seconds"] if fitted else 0.0)
        own = holdout if number == 0 else _reseed_holdout(holdout, number)
        member = turn.read_kept(own, factors)
        if member is None:
            member = fit_unet(
                _reseed(task, number), turn.settings(config), turn.workshop(), own, factors
            )
            turn.keep(member)
        fitted.append(member)
    return _join(fitted, holdout, factors)


def settle_encoder(task: TrainingTask, config: UnetConfig, workshop: Workshop) -> UnetConfig:
    """The configuration with the encoder that `auto` means here."""
    encoder = choose_encoder(config, workshop.begin, suited=suits_generated(task))
    return config.model_copy(update={"encoder": encoder})


def choose_members(config: UnetConfig, workshop: Workshop, n_features: int) -> int:
    """How many networks to train beside a forest: what is asked for, or what was measured best.

    A network needs some 750 steps before another is worth more than a longer training: two minutes
    of a CPU, one where it multiplies bf16, or of a GPU. That is for 300 points; of more there is
    more to learn, and it needs as many times the steps. Only slim networks were measured, and four
    large ones would map slowly. A round goes on with as many as there are; several devices train
    one network between them.

    Args:
        config: Its encoder is no longer `auto`.
        workshop: How long there is, and what is gone on from.
        n_features: Labelled points, lines and polygons.
    """
    if config.members is not None:
        return config.members
    if workshop.begin is not None:
        return max(1, len(networks_of(workshop.begin.model)))
    if config.trainer or not config.encoder.startswith(SLIM_ENCODER):
        return 1
    times = max(1.0, n_features / _USUAL_FEATURES)
    found = config.steps / (times * _STEPS_EACH)
    if workshop.seconds is not None:
        found = min(found, workshop.seconds / (times * _SECONDS_EACH[choose_precision(config)]))
    return int(np.clip(found, 1, _MOST))


@dataclass(frozen=True)
class _Turn:
    """A member's turn.

    Args:
        number: Of the member, from 0.
        of: How many there are.
        whole: The workshop of all.
        spent_s: Seconds that all before it took, earlier parts of an interrupted run included.
    """

    number: int
    of: int
    whole: Workshop
    spent_s: float

    @property
    def checkpoint(self) -> Path | None:
        """Its own: the last member's must not be taken for it."""
        path = self.whole.checkpoint
        if path is None or self.number == 0:
            return path
        return path.with_stem(f"{path.stem}-{self.number + 1}")

    def settings(self, config: UnetConfig) -> UnetConfig:
        """With its share of the steps."""
        share, rest = divmod(config.steps, self.of)
        return config.model_copy(update={"steps": max(1, share + (self.number < rest))})

    def workshop(self) -> Workshop:
        """With its share of the time, counted from the beginning of the whole."""
        whole, path = self.whole, self.checkpoint
        goes_on = whole.resume and path is not None and path.exists()
        start = whole.start
        if self.number > 0:  # a checkpoint knows the seconds before it by itself
            start = time.monotonic() - (0.0 if goes_on else self.spent_s)
        name = f"network-{self.number + 1}"
        return Workshop(
            say=whole.say if self.number == 0 else _silent,
            step=self._report(),
            seconds=None if whole.seconds is None else whole.seconds * (self.number + 1) / self.of,
            start=start,
            checkpoint=path,
            resume=whole.resume,
            log_dir=None if whole.log_dir is None else whole.log_dir / name,
            begin=self._begin(),
        )

    def _begin(self) -> Start | None:
        """Each goes on from a network of its own."""
        begin = self.whole.begin
        if begin is None:
            return None
        networks = networks_of(begin.model)
        return replace(begin, model=networks[self.number]) if self.number < len(networks) else begin

    def _report(self) -> Callable[[float, str], None] | None:
        tell = self.whole.step
        if tell is None:
            return None

        def report(fraction: float, beside: str) -> None:
            done = (self.number + fraction) / self.of
            tell(done, f"network {self.number + 1} of {self.of}, {beside}")

        return report

    def keep(self, member: FittedNetwork) -> None:
        """Keep a finished member until the whole is finished; its checkpoint has served."""
        if self.checkpoint is None:
            return
        assert isinstance(member.model, NetworkModel)
        self._kept.parent.mkdir(parents=True, exist_ok=True)
        held = member.held_out
        about = {
            "history": member.history,
            "facts": member.facts,
            "temperature": None if held is None else held.temperature,
            "logits": None if held is None else held.logits.tolist(),
        }
        save_model(member.model, self._kept, overwrite=True)
        part = self._about.with_suffix(".part")
        try:
            part.write_text(json.dumps(about), encoding="utf-8")
            part.replace(self._about)
        except OSError as error:
            raise OutputError(
                f"What a finished network says cannot be written to '{part}': {error.strerror}. "
                "Free some space and go on with --resume."
            ) from error
        self.checkpoint.unlink(missing_ok=True)

    def read_kept(
        self, holdout: Holdout, factors: NDArray[np.float64] | None
    ) -> FittedNetwork | None:
        """A member that was finished before an interruption; None where there is none."""
        if not self.whole.resume or self.checkpoint is None or not self._about.exists():
            return None
        about = json.loads(self._about.read_text(encoding="utf-8"))
        held = None
        if holdout.validation is not None and about["logits"] is not None:
            logits = np.array(about["logits"], dtype=np.float32)
            held = HeldOut(
                holdout.validation, logits, shift_of(factors, logits.shape[1]), about["temperature"]
            )
        return FittedNetwork(
            load(self._kept),
            history=about["history"],
            facts=about["facts"],
            judged=None if held is None else held.judge(),
            held_out=held,
        )

    @property
    def _kept(self) -> Path:
        assert self.checkpoint is not None
        return self.checkpoint.with_name(f"network-{self.number + 1}.safetensors")

    @property
    def _about(self) -> Path:
        return self._kept.with_suffix(".json")


def _silent(_: str) -> None:
    """What the first member says holds for all."""


def _reseed(task: TrainingTask, number: int) -> TrainingTask:
    return replace(task, seed=task.seed + number * _SEEDS_APART)


def _reseed_holdout(holdout: Holdout, number: int) -> Holdout:
    """The same points to learn from, drawn upon in another order."""
    return replace(
        holdout,
        train=_reseed(holdout.train, number),
        everything=_reseed(holdout.everything, number),
    )


def _join(
    fitted: Sequence[FittedNetwork], holdout: Holdout, factors: NDArray[np.float64] | None
) -> FittedNetwork:
    """The mean of the members, and what is known of it."""
    first = fitted[0]
    held = _join_held_out([member.held_out for member in fitted], holdout, factors)
    facts = {
        **_of_all(first.facts),
        "networks": len(fitted),
        "steps": sum(member.facts["steps"] for member in fitted),
        "seconds": fitted[-1].facts["seconds"],
    }
    if any("ended_early" in member.facts for member in fitted):
        facts["ended_early"] = True
    if held is not None:
        facts |= {**held.scores(), **held.facts()}
    parts = [member.model for member in fitted]
    # a file keeps one card for all: it must ask for the halo that the worst of them needs
    worst = EdgeEffect.worst([part.card.edge_effect for part in parts])
    for part in parts:
        part.card.edge_effect = worst
    card = replace(first.model.card, provenance={**_of_all(first.model.card.provenance), **facts})
    return FittedNetwork(
        EnsembleModel(parts, [1.0] * len(parts), card),
        history=_join_histories([member.history for member in fitted]),
        facts=facts,
        judged=None if held is None else held.judge(),
        held_out=held,
    )


def _of_all(facts: dict[str, Any]) -> dict[str, Any]:
    """Without what is true of one network alone: its temperature, and how sure it was before."""
    own = [name for name in facts if name == "temperature" or name.startswith("raw_network_")]
    return {name: value for name, value in facts.items() if name not in own}


def _join_held_out(
    held: Sequence[HeldOut | None], holdout: Holdout, factors: NDArray[np.float64] | None
) -> HeldOut | None:
    """What their mean says at the held-out points."""
    known = [each for each in held if each is not None]
    if holdout.validation is None or len(known) < len(held):
        return None
    mean = np.mean([each.probabilities for each in known], axis=0)
    logits = np.log(np.maximum(mean, _LEAST)).astype(np.float32)
    return HeldOut(holdout.validation, logits, shift_of(factors, logits.shape[1]), 1.0)


def _join_histories(histories: Sequence[list[dict[str, float]]]) -> list[dict[str, float]]:
    """One after the other, steps counted on."""
    rows: list[dict[str, float]] = []
    for number, history in enumerate(histories, start=1):
        before = rows[-1]["step"] if rows else 0.0
        rows += [{**row, "network": float(number), "step": before + row["step"]} for row in history]
    return rows
