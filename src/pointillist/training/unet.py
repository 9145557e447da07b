"""Recipe `unet`: a segmentation network trained on chips around the points."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader

from pointillist.data import Augmentation, PointChips, estimate_normalisation
from pointillist.grid import Window
from pointillist.losses import LogitAdjustedLoss, PartialCrossEntropyLoss
from pointillist.models import NetworkModel, NetworkSpec, Normalisation, build_model
from pointillist.training.class_shares import decide_shares, wants_estimate
from pointillist.training.config import TrainConfig, UnetConfig
from pointillist.training.edge_effect import measure_on_scenes
from pointillist.training.fitting import (
    EpochSampler,
    Fit,
    Interruption,
    fit_network,
)
from pointillist.training.forest import fit_forest_and_shares
from pointillist.training.holdout import Holdout, hold_out
from pointillist.training.recipe import Fitted, Workshop
from pointillist.training.rounds import Judged, places_of
from pointillist.training.schedule import Progress
from pointillist.training.task import TrainingTask
from pointillist.training.warm_start import take_over


def fit_unet(
    task: TrainingTask,
    config: UnetConfig,
    workshop: Workshop,
    holdout: Holdout | None = None,
    factors: NDArray[np.float64] | None = None,
) -> Fitted:
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
    begin = workshop.begin
    torch.manual_seed(task.seed)
    spec = NetworkSpec(config.architecture, config.encoder, len(task.bands), len(task.legend))
    network = build_model(
        encoder=spec.encoder,
        in_channels=spec.in_channels,
        num_classes=spec.num_classes,
        architecture=spec.architecture,
        weights=config.weights if begin is None else "none",
    )
    if begin is None:
        note = str(network.weights_note)
        workshop.say(f"Encoder {config.encoder}: {note}")
    else:
        note = take_over(network, spec, task.legend, begin)
        workshop.say(note)
    chips = _chips(holdout.train, config, normalisation)
    watched = None
    if holdout.validation is not None:
        watched = _watching_loader(holdout.validation, config, normalisation)
    progress = Progress(config.steps, workshop.seconds, workshop.start)
    fit = fit_network(
        network,
        _criterion(holdout.train, config, factors),
        _loader(chips, config),
        config,
        progress,
        task.legend.names,
        validation_loader=watched,
        interruption=Interruption(workshop.checkpoint, workshop.resume),
        log_dir=workshop.log_dir,
        report=workshop.step,
    )
    network.cpu().eval()
    card = task.card("unet", normalisation, _provenance(config, fit, holdout, note))
    card.edge_effect = measure_on_scenes(network, task, normalisation)
    return Fitted(
        NetworkModel(network, spec, card),
        history=fit.history,
        facts=_facts(fit, holdout),
        judged=_judge(network, holdout, config, normalisation),
    )


def fit_corrected_unet(task: TrainingTask, config: TrainConfig, workshop: Workshop) -> Fitted:
    """The recipe `unet`: a network, corrected to the class shares of the scene.

    Shares are estimated, where they are, by a forest on the same points.
    """
    if wants_estimate(task, config.class_shares):
        _, shares = fit_forest_and_shares(task, config.forest, config.class_shares)
    else:
        shares = decide_shares(task, config.class_shares)
    workshop.say(shares.sentence)
    fitted = fit_unet(task, config.unet, workshop, factors=shares.factors)
    model = fitted.model
    facts = shares.facts(task.legend.names)
    model.card.provenance.update(facts)
    return replace(fitted, facts={**fitted.facts, **facts})


def _criterion(
    task: TrainingTask, config: UnetConfig, factors: NDArray[np.float64] | None
) -> torch.nn.Module:
    criterion = PartialCrossEntropyLoss(
        class_weights=_class_weights(task) if config.balanced_loss else None,
        normalisation=config.normalisation,
    )
    return criterion if factors is None else LogitAdjustedLoss(criterion, factors)


def _chips(task: TrainingTask, config: UnetConfig, normalisation: Normalisation) -> PointChips:
    length = config.steps_per_epoch * config.batch_size
    return PointChips(
        list(task.sources),
        list(task.labels),
        normalisation,
        num_classes=len(task.legend),
        chip_px=config.chip_px,
        draw=config.draw,
        augment=_augmentation(config),
        length=length,
        seed=task.seed,
    )


def _augmentation(config: UnetConfig) -> Augmentation | bool:
    if not config.augment:
        return False
    return Augmentation(flips=config.augment, gain=config.jitter, offset=config.jitter)


def _loader(chips: PointChips, config: UnetConfig) -> DataLoader[tuple[torch.Tensor, ...]]:
    return DataLoader(
        chips,
        batch_size=config.batch_size,
        sampler=EpochSampler(chips),
        num_workers=config.workers,
        drop_last=True,
        pin_memory=torch.cuda.is_available(),
    )


def _watching_loader(
    task: TrainingTask, config: UnetConfig, normalisation: Normalisation
) -> DataLoader[tuple[torch.Tensor, ...]]:
    """Chips with the held-out points, at most 256 of them, the same in every epoch."""
    chips = PointChips(
        list(task.sources),
        list(task.labels),
        normalisation,
        num_classes=len(task.legend),
        chip_px=config.chip_px,
        draw="natural",
        augment=False,
        length=min(task.n_labels, 256),
        seed=task.seed + 1,
    )
    return DataLoader(chips, batch_size=config.batch_size, shuffle=False)


def _judge(
    network: torch.nn.Module, holdout: Holdout, config: UnetConfig, normalisation: Normalisation
) -> Judged | None:
    """Classes of all held-out pixels, each in a window of a chip's size around it."""
    task = holdout.validation
    if task is None:
        return None
    half, right = config.chip_px // 2, []
    with torch.inference_mode():
        for source, pixels in zip(task.sources, task.labels, strict=True):
            for (row, col), index in zip(pixels.rowcol.tolist(), pixels.index, strict=True):
                read = source.read(Window(row - half, col - half, 2 * half, 2 * half))
                image = torch.from_numpy(normalisation.apply(read.data, read.valid))[None]
                right.append(int(network(image)[0, :, half, half].argmax()) == int(index))
    return Judged(places_of(task), np.array(right, dtype=bool))


def _class_weights(task: TrainingTask) -> torch.Tensor:
    """Inverse share of each class among the labels, mean 1 over the labelled pixels."""
    counts = np.maximum(task.class_counts(), 1)
    weights = counts.sum() / (len(counts) * counts)
    return torch.tensor(weights, dtype=torch.float32)


def _provenance(
    config: UnetConfig, fit: Fit, holdout: Holdout, weights_note: str
) -> dict[str, object]:
    return {
        "encoder_weights": weights_note,
        "config": config.model_dump(mode="json"),
        "torch": torch.__version__,
        "holdout": holdout.reason,
        **_facts(fit, holdout),
    }


def _facts(fit: Fit, holdout: Holdout) -> dict[str, object]:
    scored = [row for row in fit.history if "heldout_accuracy" in row]
    facts: dict[str, object] = {
        "steps": fit.steps,
        "seconds": round(fit.seconds, 1),
        "precision": fit.precision,
        "device": fit.device,
        "heldout_pixels": holdout.validation.n_labels if holdout.validation else 0,
    }
    if scored:
        facts["heldout_accuracy"] = round(scored[-1]["heldout_accuracy"], 4)
        facts["heldout_miou"] = round(scored[-1]["heldout_miou"], 4)
    return facts
