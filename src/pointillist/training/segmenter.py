"""A network that learns from labelled pixels: the training step, the schedule, the watching."""

from __future__ import annotations

import math
import statistics
import time
from typing import Any

import lightning as L
import torch
from torch import Tensor, nn

from pointillist.accuracy import ErrorMatrix, mean_iou, overall_accuracy
from pointillist.errors import DivergedError
from pointillist.losses import GatedCrfLoss
from pointillist.training.config import UnetConfig
from pointillist.training.recorded_passes import RecordedPasses
from pointillist.training.schedule import Progress, learning_rate_factor

DIVERGED = (
    "the training has diverged. Lower unet.learning_rate in the file of --config, or look for "
    "values out of all proportion in the scene."
)

USUAL_RATE = 1e-3
"""Peak learning rate where none is asked for."""

# What comes after the last step (edge effect, saving) takes as long as so many steps, and seconds.
_STEPS_AFTER, _SECONDS_AFTER, _MOST_AFTER = 12, 3.0, 0.3
_TIMED_STEPS = 20
# Neighbours have nothing to say before the network has.
_NEIGHBOURS_FROM = 0.1


class PointSegmenter(L.LightningModule):  # type: ignore[misc]
    """Partial cross-entropy on the labelled pixels of each batch.

    Batches are `(image (B, bands, H, W) float32, target (B, H, W) int64)` with −1 where a pixel
    has no label; anything after these two is ignored.

    Args:
        network: Logits (B, C, H, W) from images (B, bands, H, W).
        criterion: Loss of logits and targets.
        config: Optimiser, schedule.
        progress: Clock of the training; kept up to date here.
        class_names: Names by class index, for the held-out scores.
        second: Share of the training that is its second term, see `learning_rate_factor`.
    """

    def __init__(
        self,
        network: nn.Module,
        criterion: nn.Module,
        config: UnetConfig,
        progress: Progress,
        class_names: tuple[str, ...],
        second: float = 0.0,
    ) -> None:
        super().__init__()
        self.network = network
        self.criterion = criterion
        self.config = config
        self.progress = progress
        self.class_names = class_names
        self.second = second
        self.neighbours = GatedCrfLoss() if config.gated_crf else None
        self.is_watched = True
        self._passes: RecordedPasses | None = None
        self._began_step: float | None = None
        self._step_s: list[float] = []
        self.history: list[dict[str, float]] = []
        self._losses: list[Tensor] = []
        self._scores: dict[str, float] = {}
        self._matrix = self._empty_matrix()

    def _empty_matrix(self) -> Tensor:
        n = len(self.class_names)
        return torch.zeros(n, n, dtype=torch.int64)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (B, C, H, W)."""
        images = images.contiguous(memory_format=torch.channels_last)
        run = self.network if self._passes is None or not self.training else self._passes
        logits: Tensor = run(images)
        return logits

    def training_step(self, batch: tuple[Tensor, ...], batch_idx: int) -> Tensor:
        """Loss of one batch."""
        images, targets = batch[:2]
        logits = self(images)
        loss: Tensor = self.criterion(logits, targets)
        if self.neighbours is not None and self.progress.fraction >= _NEIGHBOURS_FROM:
            has_data = (images != 0).any(dim=1)  # where there is none, all bands are 0
            loss = loss + self.config.gated_crf * self.neighbours(logits, images, has_data)
        self._losses.append(loss.detach())
        return loss

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Time the first steps, to know what time the work after the last will take."""
        now = time.monotonic()
        if self._began_step is not None and len(self._step_s) < _TIMED_STEPS:
            self._step_s.append(now - self._began_step)
            self._set_time_aside()
        self._began_step = now

    def _set_time_aside(self) -> None:
        if self.progress.seconds is not None:
            wanted = _STEPS_AFTER * statistics.median(self._step_s) + _SECONDS_AFTER
            self.progress.reserve_s = min(wanted, _MOST_AFTER * self.progress.seconds)

    def on_train_start(self) -> None:
        """Set the clock, also after an interruption; on one GPU, have the passes recorded."""
        self.progress.begin()
        self._tell_time()
        # summed gradients would share the memory that the next replay writes
        is_one_by_one = self.trainer.world_size == 1 and self.trainer.accumulate_grad_batches == 1
        if self.device.type == "cuda" and is_one_by_one:
            self._passes = RecordedPasses(self.network)

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Count the step; stop when steps or time are used up."""
        self._tell_time()
        if self.progress.is_over:
            self.trainer.should_stop = True

    def _tell_time(self) -> None:
        """Every process of a training goes by the first one's clock: same rates, same last step."""
        fraction = self.progress.measure(self.trainer.global_step)
        self.progress.update(float(self.trainer.strategy.broadcast(fraction)))

    def on_train_epoch_end(self) -> None:
        """Write a row of the history: loss, rate, held-out scores."""
        row = {
            "epoch": float(self.current_epoch),
            "step": float(self.trainer.global_step),
            "seconds": self.progress.elapsed_s,
            "loss": float(torch.stack(self._losses).mean()) if self._losses else float("nan"),
            "learning_rate": float(self.trainer.optimizers[0].param_groups[0]["lr"]),
        }
        has_losses = bool(self._losses)
        self._losses.clear()
        if has_losses and not math.isfinite(row["loss"]):
            raise DivergedError(
                f"Expected a finite loss, got {row['loss']:g} by step {row['step']:.0f}: {DIVERGED}"
            )
        row |= self._scores
        self._scores = {}
        self.history.append(row)
        self.log_dict({k: v for k, v in row.items() if k in ("loss", "learning_rate")}, logger=True)

    def validation_step(self, batch: tuple[Tensor, ...], batch_idx: int) -> None:
        """Count held-out pixels by predicted and given class."""
        predicted = self(batch[0]).argmax(dim=1)
        target = batch[1]
        seen = target >= 0
        n = len(self.class_names)
        pairs = predicted[seen] * n + target[seen]
        self._matrix += torch.bincount(pairs, minlength=n * n).reshape(n, n).cpu()

    def on_validation_epoch_end(self) -> None:
        """Log the held-out scores."""
        matrix = ErrorMatrix(self._matrix.numpy().copy(), self.class_names)
        self._matrix = self._empty_matrix()
        if not self.trainer.sanity_checking:
            self._scores = {
                "heldout_accuracy": overall_accuracy(matrix),
                "heldout_miou": mean_iou(matrix),
            }
            self.log_dict(self._scores)

    def configure_optimizers(self) -> Any:
        """AdamW (or Adam), warm-up and cosine by the further of steps and time."""
        kind = torch.optim.AdamW if self.config.optimizer == "adamw" else torch.optim.Adam
        optimizer = kind(
            self.network.parameters(),
            lr=self.config.learning_rate or USUAL_RATE,
            weight_decay=self.config.weight_decay,
            fused=True,  # one pass over the parameters: on a CPU a third of the time
        )
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer,
            lambda _: learning_rate_factor(self.progress.fraction, self.config.warmup, self.second),
        )
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the history and the time spent."""
        checkpoint["pointillist"] = {
            "history": self.history,
            **self.progress.state(),
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Go on from the history and the time spent."""
        kept = checkpoint["pointillist"]
        self.history = list(kept["history"])
        self.progress.go_on(kept)
