"""P-transfer: points on some scenes, scored on another that gave none."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from pointillist.errors import InputError
from pointillist.studies.places import DUBAI, NOWHERE, Folders, read_place


@dataclass(frozen=True)
class TransferCell:
    """One run of the protocol.

    Args:
        scene: The Dubai scene that is scored; the other three are trained on.
        n_points: Points on each of them.
        design: `simple` or `balanced`.
        recipe: `unet` or `forest`.
        seed: Seed of points and training.
        budget: Time for the whole training; None for the recipe's own length.
        steps: Optimiser steps; None for the recipe's own length.
        learning_rate: Peak of the schedule of `unet`; None for the recipe's own.
    """

    scene: str
    n_points: int = 300
    design: str = "simple"
    recipe: str = "unet"
    seed: int = 0
    budget: str | None = None
    steps: int | None = None
    learning_rate: float | None = None

    def __post_init__(self) -> None:
        if self.scene not in DUBAI:
            raise InputError(f"Expected a scene of {', '.join(DUBAI)}, got {self.scene!r}.")


def run_transfer(cell: TransferCell, folders: Folders = NOWHERE) -> dict[str, Any]:
    """Train on points of three scenes, map the fourth, score every labelled pixel of its mask.

    Returns:
        Record like that of P-scene.
    """
    from pointillist.studies.mapping import Lesson, draw_labels, learn_and_score

    folder = folders.find_scenes()
    places = [read_place(name, folder) for name in DUBAI if name != cell.scene]
    labels = [draw_labels(place, cell.n_points, cell.design, cell.seed) for place in places]
    lesson = Lesson(cell.recipe, cell.seed, cell.budget, cell.steps, cell.learning_rate)
    figures = learn_and_score(places, labels, lesson, read_place(cell.scene, folder))
    return {"protocol": "P-transfer", "cell": asdict(cell), **figures}
