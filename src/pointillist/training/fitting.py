"""Run Lightning quietly: devices, precision, checkpoints after every epoch, progress, Ctrl-C."""

from __future__ import annotations

import logging
import signal
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import lightning as L
import numpy as np
import torch
from lightning.pytorch.callbacks import Checkpoint
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from lightning.pytorch.utilities.exceptions import MisconfigurationException
from numpy.typing import NDArray
from torch import nn
from torch.utils.data import DataLoader, Sampler

from pointillist.errors import ConfigError, DivergedError, OutputError
from pointillist.interruption import interrupt_between_steps
from pointillist.training.config import UnetConfig
from pointillist.training.schedule import Progress
from pointillist.training.segmenter import DIVERGED, PointSegmenter
from pointillist.training.terms import (
    AveragedWeights,
    BestWeights,
    Plateau,
    SecondTerm,
    Terms,
)


class EpochDataset(Protocol):
    """A data set that is told which epoch begins."""

    def set_epoch(self, epoch: int) -> None:
        """Begin an epoch."""

    def __len__(self) -> int: ...


StepReport = Callable[[float, str], None]
"""Called with the fraction done (0…1) and what to show beside it."""


@dataclass(frozen=True)
class Interruption:
    """Where an interrupted training may go on.

    Args:
        checkpoint: File renewed after every epoch; None keeps nothing.
        resume: Start from that file where it exists.
    """

    checkpoint: Path | None = None
    resume: bool = False


@dataclass(frozen=True)
class Fit:
    """What a training did.

    Args:
        history: One row per epoch: step, seconds, loss, learning_rate, held-out scores.
        seconds: Time spent, earlier parts included.
        steps: Optimiser steps.
        precision: `bf16` or `fp32`.
        device: `cpu` or `cuda`.
        ended_early: Whether it was told to end soon because nothing improved.
        judged: What the network said at the held-out points before its second term, logits
            (N, C); None where there was no second term.
    """

    history: list[dict[str, float]]
    seconds: float
    steps: int
    precision: str
    device: str
    ended_early: bool = False
    judged: NDArray[np.float32] | None = None


class EpochSampler(Sampler[int]):
    """Tells its data set which epoch begins, so that an epoch's items depend on its number alone.

    A training that was interrupted then sees the same chips as one that was not. Every process of
    a training on several devices gets items of its own.

    Args:
        dataset: Has `set_epoch`.
        shuffle: Give the items in another order in every epoch.
    """

    def __init__(self, dataset: EpochDataset, *, shuffle: bool = False) -> None:
        self.dataset = dataset
        self.shuffle = shuffle
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Called by Lightning before each epoch."""
        rank, world = 0, 1
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            rank, world = torch.distributed.get_rank(), torch.distributed.get_world_size()
        self.epoch = epoch * world + rank
        self.dataset.set_epoch(self.epoch)

    def __iter__(self) -> Iterator[int]:
        if not self.shuffle:
            return iter(range(len(self)))
        order = torch.randperm(len(self), generator=torch.Generator().manual_seed(self.epoch))
        return iter(order.tolist())

    def __len__(self) -> int:
        return len(self.dataset)


# To tell a step's loss a GPU must be waited for, which takes longer than a step.
_TOLD_EVERY_S = 0.2


class _Watcher(L.Callback):  # type: ignore[misc]
    """Report progress after every step; of steps on a GPU after some."""

    def __init__(self, report: StepReport) -> None:
        self.report = report
        self.last_loss = float("nan")
        self.told_at = -_TOLD_EVERY_S

    def on_train_batch_end(
        self, trainer: L.Trainer, module: L.LightningModule, outputs: Any, *_: Any
    ) -> None:
        """Say how far it is."""
        assert isinstance(module, PointSegmenter)
        now = time.monotonic()
        is_soon = module.device.type == "cuda" and now < self.told_at + _TOLD_EVERY_S
        if not trainer.is_global_zero or (is_soon and module.progress.fraction < 1.0):
            return
        self.told_at = now
        loss = float(outputs["loss"].detach())
        first = self.last_loss != self.last_loss
        self.last_loss = loss if first else 0.95 * self.last_loss + 0.05 * loss
        score = trainer.callback_metrics.get("heldout_accuracy")
        heldout = "" if score is None else f", held-out accuracy {float(score):.3f}"
        if not module.is_watched:
            heldout += ", now with all points"
        self.report(module.progress.fraction, f"loss {self.last_loss:.3f}{heldout}")


class _Interrupter(L.Callback):  # type: ignore[misc]
    """Let Ctrl-C through between two batches, where it cannot get lost."""

    def __init__(self, check: Callable[[], None]) -> None:
        self.check = check

    def on_train_batch_end(self, *_: Any) -> None:
        """Raise what was held back."""
        self.check()

    def on_validation_batch_end(self, *_: Any) -> None:
        """Raise what was held back."""
        self.check()


class _Keeper(Checkpoint):  # type: ignore[misc]
    """Keep a checkpoint after every epoch, when all other hooks of the epoch have run."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def on_train_epoch_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Keep what is learnt so far."""
        try:
            trainer.save_checkpoint(self.path)
        except (OSError, RuntimeError) as error:
            # torch's own writer reports a full disk as RuntimeError
            reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
            raise OutputError(
                f"Checkpoint '{self.path}' cannot be written: {reason}. "
                "Free some space and go on with --resume."
            ) from error


def fit_network(
    network: nn.Module,
    criterion: nn.Module,
    train_loader: DataLoader[Any],
    config: UnetConfig,
    progress: Progress,
    class_names: tuple[str, ...],
    *,
    validation_loader: DataLoader[Any] | None = None,
    interruption: Interruption = Interruption(),
    log_dir: Path | None = None,
    report: StepReport | None = None,
    second: SecondTerm | None = None,
) -> Fit:
    """Train a network in place until its steps or its time are used up.

    Args:
        network: Logits (B, C, H, W) from images (B, bands, H, W); trained in place.
        criterion: Loss of logits and targets (B, H, W).
        train_loader: Batches of image and target; one pass is one epoch.
        config: Optimiser, precision, device.
        progress: The clock.
        class_names: Names by class index.
        validation_loader: Held-out batches, looked at after every epoch.
        interruption: Where to keep the state and whether to start from it.
        log_dir: Folder for CSV and TensorBoard logs, None for no logs.
        report: Called after every step.
        second: A second term that learns from the held-out points as well.

    Raises:
        KeyboardInterrupt: Ctrl-C; the state of the last epoch is kept.
        OutputError: The state cannot be written.
    """
    device, precision = choose_device(config.device), choose_precision(config)
    share = 0.0 if second is None else second.share
    module = PointSegmenter(network, criterion, config, progress, class_names, share)
    network.to(memory_format=torch.channels_last)
    watched = validation_loader is not None
    best = BestWeights() if watched and config.select == "best" else None
    average = AveragedWeights() if config.select == "average" else None
    terms = None if second is None else Terms(second, best)
    plateau = Plateau(config.patience) if watched and config.patience else None
    optional = (None if report is None else _Watcher(report), best, average, plateau, terms)
    callbacks: list[L.Callback] = [callback for callback in optional if callback is not None]
    if interruption.checkpoint is not None:
        callbacks.append(_Keeper(interruption.checkpoint))
    with _quiet(), interrupt_between_steps() as check:
        callbacks.append(_Interrupter(check))
        trainer = _make_trainer(
            config,
            accelerator="gpu" if device == "cuda" else "cpu",
            precision="bf16-mixed" if precision == "bf16" else "32-true",
            max_epochs=-1,  # the segmenter stops it; with `max_steps` a resumed epoch is run twice
            callbacks=callbacks,
            logger=_loggers(log_dir, interruption.resume),
            enable_checkpointing=interruption.checkpoint is not None,
        )
        _run(trainer, module, train_loader, validation_loader, interruption)
    judged = None if terms is None else terms.judged
    if average is not None:
        average.restore(network)
    elif best is not None and judged is None:
        best.restore(network)
    _check_finite(network)
    return Fit(
        module.history,
        progress.elapsed_s,
        trainer.global_step,
        precision,
        device,
        progress.hastened is not None,
        None if judged is None else judged.numpy(),
    )


def _check_finite(network: nn.Module) -> None:
    """The last step may have been the one too far."""
    for name, values in network.state_dict().items():
        if not values.isfinite().all():
            raise DivergedError(f"Expected finite weights, got others in '{name}': {DIVERGED}")


def check_trainer(config: UnetConfig) -> None:
    """Refuse flags that Lightning refuses, before any work.

    Raises:
        ConfigError: It does.
    """
    if config.trainer:
        with _quiet():
            accelerator = "gpu" if choose_device(config.device) == "cuda" else "cpu"
            _make_trainer(config, accelerator=accelerator, logger=False, max_epochs=-1)


def _make_trainer(config: UnetConfig, **sets: Any) -> L.Trainer:
    """Lightning's trainer, silent, with the flags that the configuration asks for.

    Raises:
        ConfigError: Lightning refuses them.
    """
    try:
        return L.Trainer(
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            use_distributed_sampler=False,
            log_every_n_steps=10,
            **sets,
            **{"devices": 1, **config.trainer},
        )
    except (TypeError, ValueError, MisconfigurationException) as error:
        reason = str(error).split(". ")[0].rstrip(".")
        raise ConfigError(
            f"Expected flags of Lightning's Trainer in unet.trainer, got {config.trainer}: "
            f"{reason}. Correct them in the file of --config."
        ) from error


def choose_device(wanted: str) -> str:
    """`cpu` or `cuda`; `auto` takes the GPU where there is one.

    Raises:
        ConfigError: A GPU is asked for and there is none.
    """
    if wanted == "cuda" and not torch.cuda.is_available():
        raise ConfigError(
            "Expected a CUDA GPU because of --device cuda, found none. Use --device cpu or auto."
        )
    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return wanted


def choose_precision(config: UnetConfig) -> str:
    """`bf16` or `fp32`; `auto` takes bf16 where the hardware computes in it."""
    if config.precision != "auto":
        return config.precision
    if choose_device(config.device) == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported() else "fp32"
    return "bf16" if _cpu_has_bf16() else "fp32"


def _cpu_has_bf16() -> bool:
    """Whether the CPU multiplies bf16 in hardware (AMX or AVX-512 BF16)."""
    tests = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
    return any(bool(getattr(torch.cpu, test, lambda: False)()) for test in tests)


def _loggers(log_dir: Path | None, goes_on: bool) -> Any:
    if log_dir is None:
        return False
    # A CSV logger deletes what its folder holds: a training that goes on gets `csv-2`, `csv-3`, …
    parts = [p for p in log_dir.glob("csv*") if p.is_dir()] if goes_on else []
    version = f"csv-{len(parts) + 1}" if parts else "csv"
    return [
        CSVLogger(log_dir.parent, name=log_dir.name, version=version),
        TensorBoardLogger(log_dir.parent, name=log_dir.name, version="tensorboard"),
    ]


def _run(
    trainer: L.Trainer,
    module: PointSegmenter,
    train_loader: DataLoader[Any],
    validation_loader: DataLoader[Any] | None,
    interruption: Interruption,
) -> None:
    """Fit; a Ctrl-C comes out as KeyboardInterrupt, not as Lightning's exit."""
    checkpoint = interruption.checkpoint
    start = str(checkpoint) if interruption.resume and checkpoint and checkpoint.exists() else None
    handler = signal.getsignal(signal.SIGINT)
    if start is not None and isinstance(train_loader.sampler, EpochSampler):
        # Lightning fetches the first batch before it tells the sampler which epoch it is
        state = torch.load(start, weights_only=True, mmap=True)
        train_loader.sampler.set_epoch(int(state["epoch"]) + 1)
    try:
        trainer.fit(module, train_loader, validation_loader, ckpt_path=start, weights_only=True)
    except SystemExit as error:
        if getattr(trainer, "interrupted", False):
            signal.signal(signal.SIGINT, handler)
            raise KeyboardInterrupt from error
        raise


@contextmanager
def _quiet() -> Iterator[None]:
    """Lightning's hints are for its developers; errors still come through."""
    names = ("lightning.pytorch", "lightning.fabric")
    levels = [logging.getLogger(name).level for name in names]
    for name in names:
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="lightning")
            warnings.filterwarnings("ignore", message=".*num_workers.*")
            yield
    finally:
        for name, level in zip(names, levels, strict=True):
            logging.getLogger(name).setLevel(level)
