"""A network that learns from labelled pixels: the training step, the schedule, the watching."""

from __future__ import annotations

from typing import Any

import lightning as L
import torch
from torch import Tensor, nn

from pointillist.accuracy import ErrorMatrix, mean_iou, overall_accuracy
from pointillist.training.config import UnetConfig
from pointillist.training.schedule import Progress, learning_rate_factor


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
    """

    def __init__(
        self,
        network: nn.Module,
        criterion: nn.Module,
        config: UnetConfig,
        progress: Progress,
        class_names: tuple[str, ...],
    ) -> None:
        super().__init__()
        self.network = network
        self.criterion = criterion
        self.config = config
        self.progress = progress
        self.class_names = class_names
        self.history: list[dict[str, float]] = []
        self._losses: list[Tensor] = []
        self._matrix = self._empty_matrix()

    def _empty_matrix(self) -> Tensor:
        n = len(self.class_names)
        return torch.zeros(n, n, dtype=torch.int64)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (B, C, H, W)."""
        logits: Tensor = self.network(images.contiguous(memory_format=torch.channels_last))
        return logits

    def training_step(self, batch: tuple[Tensor, ...], batch_idx: int) -> Tensor:
        """Loss of one batch."""
        loss: Tensor = self.criterion(self(batch[0]), batch[1])
        self._losses.append(loss.detach())
        return loss

    def on_train_start(self) -> None:
        """Set the clock, also after an interruption."""
        self._tell_time()

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
        self._losses.clear()
        row |= {
            name: float(value)
            for name, value in self.trainer.callback_metrics.items()
            if name.startswith("heldout_")
        }
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
            self.log_dict(
                {
                    "heldout_accuracy": overall_accuracy(matrix),
                    "heldout_miou": mean_iou(matrix),
                }
            )

    def configure_optimizers(self) -> Any:
        """AdamW (or Adam), warm-up and cosine by the further of steps and time."""
        kind = torch.optim.AdamW if self.config.optimizer == "adamw" else torch.optim.Adam
        optimizer = kind(
            self.network.parameters(),
            lr=self.config.learning_rate,
            weight_decay=self.config.weight_decay,
            fused=True,  # one pass over the parameters: on a CPU a third of the time
        )
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer,
            lambda _: learning_rate_factor(self.progress.fraction, self.config.warmup),
        )
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the history and the time spent."""
        checkpoint["pointillist"] = {
            "history": self.history,
            "elapsed_s": self.progress.elapsed_s,
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Go on from the history and the time spent."""
        kept = checkpoint["pointillist"]
        self.history = list(kept["history"])
        self.progress.earlier_s = float(kept["elapsed_s"])
