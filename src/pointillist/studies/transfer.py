"""P-transfer: points on some scenes, scored on another that gave none."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from pointillist.errors import InputError
from pointillist.studies.places import DUBAI, NOWHERE, Folders, read_place
from pointillist.studies.scene import SceneCell


@dataclass(frozen=True)
class TransferCell(SceneCell):
    """One run of the protocol, told like one of P-scene.

    `scene` is the Dubai scene that is scored; the other three are trained on, with `n_points` on
    each of them.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.scene not in DUBAI:
            raise InputError(f"Expected a scene of {', '.join(DUBAI)}, got {self.scene!r}.")
        self.refuse_damage("P-transfer")


def run_transfer(cell: TransferCell, folders: Folders = NOWHERE) -> dict[str, Any]:
    """Train on points of three scenes, map the fourth, score every labelled pixel of its mask.

    Returns:
        Record like that of P-scene.
    """
    from pointillist.studies.mapping import draw_labels, learn_and_score

    folder = folders.find_scenes()
    places = [read_place(name, folder) for name in DUBAI if name != cell.scene]
    labels = [draw_labels(place, cell.n_points, cell.design, cell.seed) for place in places]
    target = read_place(cell.scene, folder)
    figures = learn_and_score(places, labels, cell.lesson(), target)
    return {"protocol": "P-transfer", "cell": asdict(cell), **figures}
