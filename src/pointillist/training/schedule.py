"""How far a training is, by steps or by the clock, and the learning rate that goes with it."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import Any

# When nothing improves any more, the rest of the schedule is run in this share of the steps so far.
_HASTE = 0.2
# A second term begins at half the rate: the weights are good already.
_SECOND_PEAK, _SECOND_WARMUP = 0.5, 0.05


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
        reserve_s: Seconds of the time that are wanted for what comes after the last step.
        hastened: Step and fraction at which it was told to end soon; None where it was not.
        begun_s: Seconds spent before the first step; None before it.
    """

    n_steps: int
    seconds: float | None = None
    start: float = field(default_factory=time.monotonic)
    earlier_s: float = 0.0
    fraction: float = 0.0
    reserve_s: float = 0.0
    hastened: tuple[int, float] | None = None
    begun_s: float | None = None

    def begin(self) -> None:
        """Count from here: what came before the first step is no part of the schedule."""
        if self.begun_s is None:
            self.begun_s = self.elapsed_s

    @property
    def elapsed_s(self) -> float:
        """Seconds spent, those before an interruption included."""
        return self.earlier_s + time.monotonic() - self.start

    def measure(self, step: int) -> float:
        """How far the training is after this many steps, by this process's clock."""
        found = max(step / self.n_steps, self._by_time())
        if self.hastened is not None:
            at, fraction = self.hastened
            rest = max(1.0, _HASTE * at)
            found = max(found, fraction + (1.0 - fraction) * (step - at) / rest)
        return min(1.0, found)

    def _by_time(self) -> float:
        if self.seconds is None:
            return 0.0
        elapsed, begun = self.elapsed_s, self.begun_s or 0.0
        end = max(self.seconds - self.reserve_s, 0.1 * self.seconds)
        return 1.0 if elapsed >= end else max(0.0, elapsed - begun) / (end - begun)

    def update(self, fraction: float) -> None:
        """Take a measured fraction as the state of the training."""
        self.fraction = fraction

    def hasten(self, step: int) -> None:
        """End soon: run what is left of the schedule in a fifth of the steps so far."""
        if self.hastened is None:
            self.hastened = (step, self.fraction)

    @property
    def is_over(self) -> bool:
        """Whether to stop."""
        return self.fraction >= 1.0

    def state(self) -> dict[str, Any]:
        """What an interrupted training goes on from."""
        return {
            "elapsed_s": self.elapsed_s,
            "hastened": self.hastened,
            "begun_s": self.begun_s,
        }

    def go_on(self, state: dict[str, Any]) -> None:
        """Go on from `state`."""
        self.earlier_s = float(state["elapsed_s"])
        self.begun_s = state.get("begun_s")
        hastened = state.get("hastened")
        self.hastened = None if hastened is None else (int(hastened[0]), float(hastened[1]))


def learning_rate_factor(fraction: float, warmup: float, second: float = 0.0) -> float:
    """Linear warm-up, then a cosine to zero; where there is a second term, once more at half.

    Args:
        fraction: How far the training is, 0…1.
        warmup: Share of the first term in which the rate rises.
        second: Share of the training that is its second term, 0…below 1.

    Returns:
        Factor 0…1 on the peak learning rate; never quite 0, so that every step counts.
    """
    first = 1.0 - second
    if fraction < first or second == 0:
        return _one_term(fraction / first, warmup)
    return _SECOND_PEAK * _one_term((fraction - first) / second, _SECOND_WARMUP)


def _one_term(fraction: float, warmup: float) -> float:
    if fraction < warmup:
        return max(fraction / warmup, 0.01)
    rest = (fraction - warmup) / (1.0 - warmup)
    return max(0.5 * (1.0 + math.cos(math.pi * rest)), 1e-4)
