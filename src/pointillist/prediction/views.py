"""An engine that looks at each block several times: mirrored, turned, and averaged."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pointillist.prediction.engine import Crop, Engine, FloatArray

if TYPE_CHECKING:
    from pointillist.raster import Pixels

# Number of views → (mirrored left–right, quarter turns) of each.
N_VIEWS: dict[int, tuple[tuple[bool, int], ...]] = {
    1: ((False, 0),),
    2: ((False, 0), (True, 0)),
    4: tuple((False, turns) for turns in range(4)),
    8: tuple((mirrored, turns) for mirrored in (False, True) for turns in range(4)),
}


class ViewsEngine:
    """Averages the class probabilities of another engine over symmetries of the square.

    Args:
        engine: Computes each view.
        n_views: 2, 4 or 8; the time grows with it, the memory does not.

    References:
        Simonyan and Zisserman (2015), Very deep convolutional networks, ICLR, section 3.2.
    """

    def __init__(self, engine: Engine, n_views: int) -> None:
        self._engine = engine
        self._n_views = n_views
        self.name = f"{engine.name}, {n_views} views"

    def prepare(self, pixels: Pixels) -> Pixels:
        """The pixels as they are: each view is prepared when its turn comes."""
        return pixels

    def scores(self, prepared: Pixels, crop: Crop) -> FloatArray:
        """Mean probabilities (C, h, w)."""
        total: FloatArray | None = None
        for found in look_from_sides(self._engine, prepared, self._n_views):
            part = found[:, crop[0], crop[1]]
            total = part.copy() if total is None else np.add(total, part, out=total)
        assert total is not None, "there is at least one view"
        total /= np.float32(self._n_views)
        return total

    def to_probabilities(self, scores: FloatArray) -> FloatArray:
        """The scores are probabilities already."""
        return scores


def look_from_sides(engine: Engine, pixels: Pixels, n_views: int) -> Iterator[FloatArray]:
    """Class probabilities (C, h, w) of each view of some pixels, turned back.

    Args:
        engine: Computes each view; what it makes of pixels is its own affair, so each view is
            prepared when its turn comes.
        pixels: (B, h, w) and which are valid.
        n_views: 1, 2, 4 or 8.
    """
    for mirrored, turns in N_VIEWS[n_views]:
        moved = type(pixels)(
            _move(pixels.data, mirrored, turns), _move(pixels.valid, mirrored, turns)
        )
        everywhere = (slice(0, moved.valid.shape[0]), slice(0, moved.valid.shape[1]))
        scores = engine.scores(engine.prepare(moved), everywhere)
        yield _move_back(engine.to_probabilities(scores), mirrored, turns)


def with_views(engine: Engine, n_views: int) -> Engine:
    """The engine itself for one view, else one that averages several."""
    return engine if n_views == 1 else ViewsEngine(engine, n_views)


def _move(x: NDArray[Any], mirrored: bool, turns: int) -> NDArray[Any]:
    """Mirror (…, h, w), then turn it counter-clockwise."""
    x = np.flip(x, -1) if mirrored else x
    return np.ascontiguousarray(np.rot90(x, turns, (-2, -1)))


def _move_back(x: NDArray[Any], mirrored: bool, turns: int) -> NDArray[Any]:
    x = np.rot90(x, -turns, (-2, -1))
    return np.flip(x, -1) if mirrored else x
