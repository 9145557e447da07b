"""P-scene: points on one real scene, train on those only, map the scene, score the whole scene."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from pointillist.errors import InputError
from pointillist.studies.given import list_given
from pointillist.studies.places import NOWHERE, Folders, read_place

if TYPE_CHECKING:
    from pointillist.studies.mapping import Lesson


@dataclass(frozen=True)
class SceneCell:
    """One run of the protocol.

    Args:
        scene: Name of the scene.
        n_points: Points in total.
        design: `simple` or `balanced`.
        recipe: `unet` or `forest`.
        seed: Seed of points and training; each is a new draw of points.
        budget: Time for the whole training, e.g. `10m`; None for the recipe's own length.
        steps: Optimiser steps; None for the recipe's own length.
        learning_rate: Peak of the schedule of `unet`; None for the recipe's own.
        class_shares: `auto` as in the command: estimated for balanced points; None for the
            points' own.
        setting: Name of what differs from the default recipe, see `studies.settings`; None for
            the plain network.
        wrong_share: Share of the points that get another class at random; None for none.
        off_px: Farthest that points lie from where their class was seen; None for not at all.
    """

    scene: str
    n_points: int = 300
    design: str = "simple"
    recipe: str = "unet"
    seed: int = 0
    budget: str | None = None
    steps: int | None = None
    learning_rate: float | None = None
    class_shares: str | None = None
    setting: str | None = None
    wrong_share: float | None = None
    off_px: float | None = None

    def __post_init__(self) -> None:
        given = list_given(self, ("steps", "learning_rate", "setting"))
        if self.recipe == "forest" and given:
            raise InputError(
                f"Expected nothing of a network with the recipe forest, got {given}. "
                "Leave it out, or take another recipe."
            )
        if self.budget is not None and self.steps is not None:
            raise InputError(
                f"Expected a budget or steps, got both ({self.budget}, {self.steps} steps). Leave "
                "one out."
            )

    def refuse_damage(self, protocol: str) -> None:
        """Refuse damaged points where a protocol draws its points as they are.

        Raises:
            InputError: `wrong_share` or `off_px` is given.
        """
        given = list_given(self, ("wrong_share", "off_px"))
        if given:
            raise InputError(
                f"Expected points as they are in {protocol}, got {given}. Leave it out, "
                "or take P-scene."
            )

    def lesson(self) -> Lesson:
        """How it is learnt."""
        from pointillist.studies.mapping import Lesson

        return Lesson(
            self.recipe, self.seed, self.budget, self.steps, self.learning_rate,
            self.design, self.class_shares or "points", self.setting,
        )  # fmt: skip


def run_scene(cell: SceneCell, folders: Folders = NOWHERE) -> dict[str, Any]:
    """Draw points from the mask, train, map the scene, score every labelled pixel of the mask.

    The mask is used for nothing but drawing the points and scoring.

    Args:
        cell: What to run.
        folders: Where the scenes are.

    Returns:
        Record: protocol, cell, `miou` over the classes present, `overall_accuracy`, per-class IoU,
        seconds of training and mapping.
    """
    from pointillist.studies.mapping import disturb_labels, draw_labels, learn_and_score

    place = read_place(cell.scene, folders.find_scenes())
    labels = draw_labels(place, cell.n_points, cell.design, cell.seed)
    labels = disturb_labels(
        labels, place, cell.wrong_share or 0.0, cell.off_px or 0.0, seed=cell.seed
    )
    figures = learn_and_score([place], [labels], cell.lesson(), place)
    return {"protocol": "P-scene", "cell": asdict(cell), **figures}
