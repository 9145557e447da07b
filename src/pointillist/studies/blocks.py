"""P-blocks: labels from the even squares of a checkerboard, the score from the odd ones."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pointillist.errors import InputError
from pointillist.studies.places import NOWHERE, Folders, Place, read_place
from pointillist.studies.scene import SceneCell

if TYPE_CHECKING:
    from pointillist.points import LabelledPixels

BLOCK_PX = 384
FULL = "full"
# Pixels of a full mask are drawn like polygons: squares of so many pixels are features.
_FEATURE_PX = 64


@dataclass(frozen=True)
class BlocksCell(SceneCell):
    """One run of the protocol, told like one of P-scene.

    Args:
        supervision: `full` takes every labelled pixel of the even squares; None takes points.
    """

    supervision: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.supervision not in (None, FULL):
            raise InputError(f"Expected supervision of '{FULL}' or none, got {self.supervision!r}.")
        self.refuse_damage("P-blocks")


def run_blocks(cell: BlocksCell, folders: Folders = NOWHERE) -> dict[str, Any]:
    """Train on labels of the even squares, map the scene, score the odd squares.

    A training is watched, and the best weights chosen, by labels of the even squares alone.

    Args:
        cell: What to run.
        folders: Where the scenes are.

    Returns:
        Record like that of P-scene.
    """
    from pointillist.studies.mapping import draw_labels, learn_and_score

    place = read_place(cell.scene, folders.find_scenes())
    even, odd = split_place(place)
    if cell.supervision == FULL:
        labels = label_everything(even)
    else:
        labels = draw_labels(even, cell.n_points, cell.design, cell.seed)
    figures = learn_and_score([even], [labels], cell.lesson(), odd)
    return {"protocol": "P-blocks", "cell": asdict(cell), **figures}


def split_place(place: Place) -> tuple[Place, Place]:
    """The scene with the labels of its even squares, and with those of its odd squares."""
    is_even = even_squares(place.mask.shape)
    return (
        replace(place, mask=np.where(is_even, place.mask, np.int16(-1))),
        replace(place, mask=np.where(is_even, np.int16(-1), place.mask)),
    )


def even_squares(shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Where (H, W) the row and the column of the 384-px square add up to an even number."""
    rows, cols = (np.arange(side) // BLOCK_PX for side in shape)
    even: NDArray[np.bool_] = np.add.outer(rows, cols) % 2 == 0
    return even


def label_everything(place: Place) -> LabelledPixels:
    """Every labelled pixel, in features that are squares of 64 px."""
    from pointillist.points import LabelledPixels

    rowcol = np.argwhere(place.mask >= 0)
    squares = rowcol // _FEATURE_PX
    feature = squares[:, 0] * (place.mask.shape[1] // _FEATURE_PX + 1) + squares[:, 1]
    index = place.mask[rowcol[:, 0], rowcol[:, 1]]
    return LabelledPixels.from_arrays(rowcol, index, feature)
