"""What is to be done with scenes: where each goes, what is made of all, and how far it has come."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pointillist.grid import Block, Grid
from pointillist.legend import Legend
from pointillist.points import AreaOfInterest
from pointillist.prediction.block import Wanted
from pointillist.prediction.block_layers import BandType
from pointillist.prediction.outputs import Outputs

if TYPE_CHECKING:
    from pointillist.raster import Scene

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class SceneJob:
    """One scene to map.

    Args:
        scene: The scene, in the model's bands.
        outputs: Where its results go.
        blocks: How it is cut.
        aoi: Where it is mapped; None for everywhere.
    """

    scene: Scene
    outputs: Outputs
    blocks: list[Block]
    aoi: AreaOfInterest | None = None

    @property
    def grid(self) -> Grid:
        """The scene's grid, and that of its map."""
        return self.scene.grid


@dataclass(frozen=True)
class MapOptions:
    """What is made of the predictions of every scene.

    Args:
        legend: The model's classes.
        wanted: What to compute besides classes.
        min_area_px: Smallest patch of the map.
        probabilities_dtype: `float32`, `float16`, or `uint8` scaled.
        skip_unreadable: Leave nodata where the scene cannot be read.
        points: Files of points that the model learnt from, for the map to name.
    """

    legend: Legend
    wanted: Wanted
    min_area_px: int = 1
    probabilities_dtype: BandType = "float32"
    skip_unreadable: bool = False
    points: tuple[str, ...] = ()


class BlockCounter:
    """Counts finished blocks of all scenes; between two of them Ctrl-C is let through.

    Args:
        progress: Told (blocks done, blocks in all).
        total: Blocks in all.
        check: Lets Ctrl-C through.
    """

    def __init__(self, progress: Progress | None, total: int, check: Callable[[], None]) -> None:
        self._progress, self._total, self._n_done = progress, total, 0
        self.check = check

    def add(self, n: int = 1) -> None:
        """Count finished blocks."""
        self._n_done += n
        if self._progress is not None and n:
            self._progress(self._n_done, self._total)
        self.check()
