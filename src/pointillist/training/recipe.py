"""What every recipe takes and gives back, so that one command trains them all."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pointillist.models import TrainedModel

if TYPE_CHECKING:
    from pointillist.training.rounds import Judged, Start


def _silent(_: str) -> None:
    """Say nothing."""


@dataclass(frozen=True)
class Workshop:
    """Where a recipe works: its files, its clock, whom it tells.

    Args:
        say: Takes a line for the person and the log.
        step: Takes the fraction done (0…1) and what to show beside it.
        seconds: Time for the whole command, None for no limit.
        start: When the command began (`time.monotonic`).
        checkpoint: Where to keep the state of an unfinished training.
        resume: Whether to start from that state.
        log_dir: Folder for logs of numbers.
        begin: The run to go on from; None to learn from the start.
    """

    say: Callable[[str], None] = _silent
    step: Callable[[float, str], None] | None = None
    seconds: float | None = None
    start: float = field(default_factory=time.monotonic)
    checkpoint: Path | None = None
    resume: bool = False
    log_dir: Path | None = None
    begin: Start | None = None


@dataclass(frozen=True)
class Fitted:
    """What a recipe gives back.

    Args:
        model: The trained model.
        history: Rows of numbers over the training; empty where there is none.
        facts: What was measured, for `metrics.json`.
        judged: How the points that rounds are compared by were classified.
    """

    model: TrainedModel
    history: list[dict[str, float]] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    judged: Judged | None = None
