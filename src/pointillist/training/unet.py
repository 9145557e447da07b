"""A segmentation network trained on chips around the points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from pointillist.data import estimate_normalisation
from pointillist.errors import ConfigError, WeightsError
from pointillist.losses import LogitAdjustedLoss, PartialCrossEntropyLoss, UncertainPointsLoss
from pointillist.models import NetworkModel, NetworkSpec, build_model, check_start
from pointillist.models.generated import GENERATED_NOTE
from pointillist.models.hub import fetch_imagenet
from pointillist.models.weights import RANDOM_NOTE
from pointillist.training.config import UnetConfig
from pointillist.training.edge_effect import measure_on_scenes
from pointillist.training.fitting import (
    Fit,
    Interruption,
    check_trainer,
    choose_device,
    fit_network,
)
from pointillist.training.heldout import HeldOut, look_at, weigh_up
from pointillist.training.holdout import Holdout, hold_out
from pointillist.training.loading import make_chips, make_loader, make_watching_loader
from pointillist.training.recipe import Fitted, Workshop
from pointillist.training.rounds import Start
from pointillist.training.schedule import Progress
from pointillist.training.task import FINE_M, TrainingTask
from pointillist.training.terms import SecondTerm
from pointillist.training.warm_start import check_same_network, network_of, take_over

LARGE_ENCODER, SLIM_ENCODER = "resnet34", "slim"

_UNSUITED = (
    f" (the weights of the package are for three bands and pixels of up to {FINE_M:g} m; "
    "--weights generated takes them all the same)"
)

OWN_RATE = 4e-3
"""Peak learning rate from random weights and from those of the package, unless another is asked for
(docs/decisions/0012, 0018)."""


def fit_unet(
    task: TrainingTask,
    config: UnetConfig,
    workshop: Workshop,
    holdout: Holdout | None = None,
    factors: NDArray[np.float64] | None = None,
) -> FittedNetwork:
    """Train a network on chips around labelled pixels.

    Args:
        task: Scenes, labelled pixels, legend.
        config: How to train.
        workshop: Where to keep state and logs, whom to tell, how long there is.
        holdout: Which points are held out to watch it; drawn from the seed if not given.
        factors: (C,) share of each class in the scene ÷ its share of the points; the network then
            predicts for the scene. None where the points' shares are taken.

    Returns:
        A `NetworkModel` and what was measured on the way.
    """
    if holdout is None:
        holdout = hold_out(task, config.holdout, workshop.begin)
    workshop.say(holdout.reason)
    normalisation = task.normalisation or estimate_normalisation(task.sources, seed=task.seed)
    torch.manual_seed(task.seed)
    network, spec, note = _start_network(task, config, workshop)
    if config.learning_rate is None and note.startswith((RANDOM_NOTE, GENERATED_NOTE)):
        config = config.model_copy(update={"learning_rate": OWN_RATE})
    chips = make_chips(holdout, config, normalisation)
    watched = second = None

    def look(at: torch.nn.Module) -> NDArray[np.float32]:
        assert holdout.validation is not None
        return look_at(at, holdout.validation, config.chip_px, normalisation)

    if holdout.validation is not None:
        watched = make_watching_loader(holdout.validation, config, normalisation)
        if config.refit > 0:
            second = SecondTerm(config.refit, look, chips.begin_second)
    fit = fit_network(
        network,
        _criterion(holdout.train, config, factors),
        make_loader(chips, config),
        config,
        Progress(config.steps, workshop.seconds, workshop.start),
        task.legend.names,
        validation_loader=watched,
        interruption=Interruption(workshop.checkpoint, workshop.resume),
        log_dir=workshop.log_dir,
        report=workshop.step,
        second=second,
    )
    network.to(fit.device).eval()
    if fit.ended_early:
        workshop.say("It ended early: held-out points were mapped no better for some time.")
    held_out = None
    if holdout.validation is not None:
        logits = look(network) if fit.judged is None else fit.judged
        held_out = weigh_up(logits, holdout.validation, factors, calibrate=config.calibrate)
    card = task.card("unet", normalisation, _provenance(config, fit, holdout, note, held_out))
    card.edge_effect = measure_on_scenes(network, task, normalisation)
    model = NetworkModel(network.cpu(), spec, card)
    if held_out is not None and held_out.temperature != 1.0:
        model.soften(held_out.temperature, held_out.shift)
    return FittedNetwork(
        model,
        history=fit.history,
        facts=_facts(fit, holdout, held_out),
        judged=None if held_out is None else held_out.judge(),
        held_out=held_out,
    )


def check_network(task: TrainingTask, config: UnetConfig, begin: Start | None = None) -> None:
    """Refuse a device, a network or starting weights that cannot be had, before any work.

    Raises:
        ConfigError: There is no such device, or several for several networks.
        InputError: There is no such network, or not the one that is gone on from.
        WeightsError: The weights cannot be had or do not fit.
    """
    choose_device(config.device)
    check_trainer(config)
    if (config.members or 1) > 1 and config.trainer:
        raise ConfigError(
            f"Expected one network on the devices that unet.trainer asks for, got unet.members "
            f"{config.members}. Leave out one of both in the file of --config."
        )
    is_open = config.encoder == "auto" and config.weights in ("auto", "none")
    # which of our own encoders it will be makes no difference, and to find out takes a connection
    encoder = LARGE_ENCODER if is_open and begin is None else choose_encoder(config, begin)
    spec = NetworkSpec(config.architecture, encoder, len(task.bands), len(task.legend))
    if begin is not None:
        check_same_network(spec, begin)
    elif not is_open or config.architecture != "unet":
        check_start(spec, config.weights)


@dataclass(frozen=True)
class FittedNetwork(Fitted):
    """A network, with what it says at the points it was watched with.

    Args:
        held_out: None where no points were held out.
    """

    held_out: HeldOut | None = None


def _start_network(
    task: TrainingTask, config: UnetConfig, workshop: Workshop
) -> tuple[torch.nn.Module, NetworkSpec, str]:
    """The network before its first step, and where its weights come from."""
    begin = workshop.begin
    suited = suits_generated(task)
    encoder = choose_encoder(config, begin, suited=suited)
    weights = config.weights if begin is None else "none"
    is_unsuited = weights == "auto" and encoder == SLIM_ENCODER and not suited
    spec = NetworkSpec(config.architecture, encoder, len(task.bands), len(task.legend))
    network = build_model(
        encoder=spec.encoder,
        in_channels=spec.in_channels,
        num_classes=spec.num_classes,
        architecture=spec.architecture,
        weights="none" if is_unsuited else weights,
    )
    if begin is None:
        note = str(network.weights_note) + (_UNSUITED if is_unsuited else "")
        workshop.say(f"Encoder {encoder}: {note}")
    else:
        note = take_over(network, spec, task.legend, begin)
        workshop.say(note)
    return network, spec, note


def suits_generated(task: TrainingTask) -> bool:
    """Whether shapes tell things apart: three bands, pixels of at most `FINE_M` on the ground."""
    return len(task.bands) == 3 and task.is_fine


def choose_encoder(config: UnetConfig, begin: Start | None = None, *, suited: bool = False) -> str:
    """The encoder that is asked for; for `auto` the one that machine and weights suit.

    Where ImageNet weights are at hand, a large encoder. Else a CPU trains a slim network, which
    learns more in the same time, and a GPU does so where the weights of the package suit the scene
    (docs/decisions/0012, 0018, 0019).

    Args:
        config: How to train.
        begin: The run that is gone on from, whose encoder is kept.
        suited: Whether the scene is one for the weights of the package, see `suits_generated`.
    """
    if config.encoder != "auto":
        return config.encoder
    kept = None if begin is None else network_of(begin.model)
    if kept is not None:
        return kept.spec.encoder
    if config.weights == "generated":
        return SLIM_ENCODER
    if config.architecture != "unet" or config.weights not in ("auto", "none"):
        return LARGE_ENCODER
    on_gpu = choose_device(config.device) == "cuda"
    if on_gpu and not (suited and config.weights == "auto"):
        return LARGE_ENCODER
    is_random = config.weights == "none" or not _can_have_weights()
    return SLIM_ENCODER if is_random else LARGE_ENCODER


def _can_have_weights() -> bool:
    """Whether ImageNet weights of the large encoder are in the cache or the hub answers."""
    try:
        fetch_imagenet(LARGE_ENCODER)
    except WeightsError:
        return False
    return True


def _criterion(
    task: TrainingTask, config: UnetConfig, factors: NDArray[np.float64] | None
) -> torch.nn.Module:
    weights = _class_weights(task) if config.balanced_loss else None
    criterion: torch.nn.Module
    if task.label_noise or task.point_radius:
        criterion = UncertainPointsLoss(
            task.label_noise,
            task.point_radius,
            class_weights=weights,
            normalisation=config.normalisation,
        )
    else:
        criterion = PartialCrossEntropyLoss(
            class_weights=weights, normalisation=config.normalisation
        )
    return criterion if factors is None else LogitAdjustedLoss(criterion, factors)


def _class_weights(task: TrainingTask) -> torch.Tensor:
    """Inverse share of each class among the labels, mean 1 over the labelled pixels."""
    counts = np.maximum(task.class_counts(), 1)
    weights = counts.sum() / (len(counts) * counts)
    return torch.tensor(weights, dtype=torch.float32)


def _provenance(
    config: UnetConfig, fit: Fit, holdout: Holdout, weights_note: str, held_out: HeldOut | None
) -> dict[str, object]:
    return {
        "encoder_weights": weights_note,
        "config": config.model_dump(mode="json"),
        "torch": torch.__version__,
        "holdout": holdout.reason,
        **_facts(fit, holdout, held_out),
    }


def _facts(fit: Fit, holdout: Holdout, held_out: HeldOut | None) -> dict[str, object]:
    facts: dict[str, object] = {
        "steps": fit.steps,
        "seconds": round(fit.seconds, 1),
        "precision": fit.precision,
        "device": fit.device,
        "heldout_pixels": holdout.validation.n_labels if holdout.validation else 0,
    }
    if fit.ended_early:
        facts["ended_early"] = True
    if held_out is not None:
        facts |= {**held_out.scores(), **held_out.facts()}
    return facts
