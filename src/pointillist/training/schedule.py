"""How far a training is, by steps or by the clock, and the learning rate that goes with it."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field


@dataclass
class Progress:
    """How far a training is: the further of its share of steps and its share of time.

    `fraction` moves only in `update`, so that all processes of a training can agree on it.

    Args:
        n_steps: Steps of the whole training.
        seconds: Time for the whole training, None for no limit.
        start: When the clock began (`time.monotonic`).
        earlier_s: Seconds spent before an interruption.
        fraction: 0 at the start, 1 when it is time to stop.
    """

    n_steps: int
    seconds: float | None = None
    start: float = field(default_factory=time.monotonic)
    earlier_s: float = 0.0
    fraction: float = 0.0

    @property
    def elapsed_s(self) -> float:
        """Seconds spent, those before an interruption included."""
        return self.earlier_s + time.monotonic() - self.start

    def measure(self, step: int) -> float:
        """How far the training is after this many steps, by this process's clock."""
        by_time = 0.0 if self.seconds is None else self.elapsed_s / self.seconds
        return min(1.0, max(step / self.n_steps, by_time))

    def update(self, fraction: float) -> None:
        """Take a measured fraction as the state of the training."""
        self.fraction = fraction

    @property
    def is_over(self) -> bool:
        """Whether to stop."""
        return self.fraction >= 1.0


def learning_rate_factor(fraction: float, warmup: float) -> float:
    """Linear warm-up, then a cosine to zero.

    Args:
        fraction: How far the training is, 0…1.
        warmup: Share of the training in which the rate rises.

    Returns:
        Factor 0…1 on the peak learning rate; never quite 0, so that every step counts.
    """
    if fraction < warmup:
        return max(fraction / warmup, 0.01)
    rest = (fraction - warmup) / (1.0 - warmup)
    return max(0.5 * (1.0 + math.cos(math.pi * rest)), 1e-4)
