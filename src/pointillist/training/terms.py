"""What happens between the steps of a training: the best weights, an early end, a second term."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import lightning as L
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pointillist.training.segmenter import PointSegmenter

# Held-out scores of few points jump about: plateaus are looked for in means of so many epochs.
_SMOOTHED_EPOCHS = 5
_DECAY = 0.99
_NEVER = 10**9

Judge = Callable[[nn.Module], NDArray[np.float32]]


@dataclass(frozen=True)
class SecondTerm:
    """The end of a training, that learns from the held-out points as well.

    Args:
        share: Of the whole training, above 0.
        judge: What the network says at the held-out points, logits (N, C); asked at the end of
            the first term, while it has not learnt from them.
        begin: Puts the held-out points among the others.
    """

    share: float
    judge: Judge
    begin: Callable[[], None]


class BestWeights(L.Callback):  # type: ignore[misc]
    """Remember the weights with the best held-out score."""

    def __init__(self) -> None:
        self.score = -1.0
        self.state: dict[str, Tensor] | None = None

    def on_validation_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Compare with the best so far."""
        assert isinstance(module, PointSegmenter)
        score = float(trainer.callback_metrics.get("heldout_miou", torch.tensor(-1.0)))
        if not trainer.sanity_checking and score >= self.score:
            self.score = score
            self.state = {k: v.detach().clone() for k, v in module.network.state_dict().items()}

    def restore(self, network: nn.Module) -> None:
        """Give the network its best weights."""
        if self.state is not None:
            network.load_state_dict(self.state)

    def state_dict(self) -> dict[str, Any]:
        """Kept in checkpoints."""
        return {"score": self.score, "state": self.state}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Read from checkpoints."""
        self.score, self.state = state_dict["score"], state_dict["state"]


class AveragedWeights(L.Callback):  # type: ignore[misc]
    """A running mean of the weights, batch norm's statistics included.

    Early on it is the mean of all steps so far, so that the random start is soon forgotten.
    """

    def __init__(self) -> None:
        self.state: dict[str, Tensor] | None = None
        self._floats: tuple[list[Tensor], list[Tensor]] = [], []
        self._others: tuple[list[Tensor], list[Tensor]] = [], []

    def on_train_batch_end(
        self, trainer: L.Trainer, module: L.LightningModule, outputs: Any, *_: Any
    ) -> None:
        """Take the step's weights in."""
        assert isinstance(module, PointSegmenter)
        if self.state is None:
            now = module.network.state_dict()
            self.state = {k: v.detach().clone() for k, v in now.items()}
        if not self._floats[0]:
            self._pair(module.network)
        n = trainer.global_step
        share = 1.0 - min(_DECAY, n / (n + 10))
        torch._foreach_lerp_(*self._floats, share)  # a GPU is told once, not once a tensor
        if self._others[0]:
            torch._foreach_copy_(*self._others)

    def _pair(self, network: nn.Module) -> None:
        """Find each mean's tensor in the network: trainings change them in place."""
        assert self.state is not None
        for name, value in network.state_dict().items():
            kept = self.state[name] = self.state[name].to(value.device)
            means, values = self._floats if value.is_floating_point() else self._others
            means.append(kept)
            values.append(value.detach())

    def restore(self, network: nn.Module) -> None:
        """Give the network the mean."""
        if self.state is not None:
            network.load_state_dict(self.state)

    def state_dict(self) -> dict[str, Any]:
        """Kept in checkpoints."""
        return {"state": self.state}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Read from checkpoints."""
        self.state = state_dict["state"]


class Plateau(L.Callback):  # type: ignore[misc]
    """Have the training end soon when held-out points are mapped no better for some time.

    Args:
        patience: Epochs without a better score.
    """

    def __init__(self, patience: int) -> None:
        self.patience = patience
        self.scores: list[float] = []

    def on_validation_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Look at the scores so far."""
        assert isinstance(module, PointSegmenter)
        score = trainer.callback_metrics.get("heldout_accuracy")
        if trainer.sanity_checking or score is None:
            return
        self.scores.append(float(score))
        if is_plateau(self.scores, self.patience):
            module.progress.hasten(trainer.global_step)

    def state_dict(self) -> dict[str, Any]:
        """Kept in checkpoints."""
        return {"scores": self.scores}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Read from checkpoints."""
        self.scores = list(state_dict["scores"])


def is_plateau(scores: list[float], patience: int) -> bool:
    """Whether the best mean of five scores in a row is at least `patience` scores old."""
    n = _SMOOTHED_EPOCHS
    if len(scores) < n + patience:
        return False
    means = np.round(np.convolve(scores, np.full(n, 1.0 / n), mode="valid"), 6)
    return len(means) - 1 - int(np.argmax(means)) >= patience


class Terms(L.Callback):  # type: ignore[misc]
    """Judge the network at the end of its first term, then begin the second.

    Args:
        second: The second term.
        best: Weights to go on with; None for the last ones.
    """

    def __init__(self, second: SecondTerm, best: BestWeights | None) -> None:
        self.second = second
        self.best = best
        self.judged: Tensor | None = None

    def on_train_epoch_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Pass into the second term when its time has come."""
        assert isinstance(module, PointSegmenter)
        if self.judged is not None or module.progress.fraction < 1.0 - self.second.share:
            return
        if self.best is not None:
            self.best.restore(module.network)
        module.network.eval()
        self.judged = torch.from_numpy(self.second.judge(module.network))
        module.network.train()
        self._begin(trainer, module)

    def on_train_start(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """After an interruption in the second term, stay in it."""
        assert isinstance(module, PointSegmenter)
        if self.judged is not None:
            self._begin(trainer, module)

    def _begin(self, trainer: L.Trainer, module: PointSegmenter) -> None:
        self.second.begin()
        module.is_watched = False
        trainer.check_val_every_n_epoch = _NEVER

    def state_dict(self) -> dict[str, Any]:
        """Kept in checkpoints."""
        return {"judged": self.judged}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Read from checkpoints."""
        self.judged = state_dict["judged"]
        if self.judged is not None:  # the first batch is fetched before the training starts
            self.second.begin()
