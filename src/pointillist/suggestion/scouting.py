"""Scout a scene block by block: candidates of every part and every class, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pointillist.grid import Block
from pointillist.models import TrainedModel
from pointillist.points import AreaOfInterest
from pointillist.prediction import EngineRequest, Tiling, choose_engine
from pointillist.prediction.choice import fullest_part
from pointillist.prediction.engine import best_class
from pointillist.prediction.read_ahead import read_ahead
from pointillist.raster import Pixels, PixelSource
from pointillist.suggestion.candidates import Candidates, count_alike, join_candidates
from pointillist.suggestion.ensembles import Ensemble

N_EVEN = 20_000
"""Candidates of a whole scene, one at random of each cell of a regular grid."""

_ANY_ENGINE = EngineRequest()

N_OF_A_CLASS = 500
"""Candidates of each class of the map at least, where it has so many pixels."""


@dataclass(frozen=True, eq=False)
class Scouted:
    """What there is to choose from.

    Args:
        candidates: Places.
        class_pixels: (C,) pixels of each class of the map, in the area of interest.
    """

    candidates: Candidates
    class_pixels: NDArray[np.int64]


def scout(
    model: TrainedModel,
    source: PixelSource,
    rng: np.random.Generator,
    *,
    aoi: AreaOfInterest | None = None,
    ask_ensemble: bool = False,
    n_even: int = N_EVEN,
    request: EngineRequest = _ANY_ENGINE,
    progress: Callable[[int, int], None] | None = None,
) -> Scouted:
    """Map a scene once, block by block, and keep candidates of every part and every class.

    Memory is that of a block and of the candidates, whatever the scene's size. A pixel without
    data, or outside the area of interest, is never one.

    Args:
        model: The model.
        source: The scene, in the model's bands.
        rng: Source of the draw.
        aoi: Where to look; None for everywhere.
        ask_ensemble: Whether candidates say how much an ensemble disagrees.
        n_even: Candidates of the whole scene.
        request: Engine, precision, device.
        progress: Told (blocks done, blocks in all).
    """
    tiling = Tiling.of_model(model)
    blocks = [b for b in tiling.plan(source.grid.shape) if aoi is None or aoi.touches(b.core)]
    n_px = sum(b.core.height * b.core.width for b in blocks)
    middle = blocks[len(blocks) // 2].read
    engine = choose_engine(model, request, n_px, lambda: fullest_part(source.read(middle)))
    ensemble = Ensemble.of(model, engine) if ask_ensemble else None
    keeper = _Keeper(len(model.legend), max(1, int(np.sqrt(n_px / n_even))))

    def read(block: Block) -> tuple[Pixels, Any, NDArray[np.bool_]] | None:
        pixels = source.read(block.read)
        mapped = pixels.valid[block.core.slices_in(block.read)]
        if aoi is not None:
            mapped = mapped & aoi.mask(block.core)
        return (pixels, engine.prepare(pixels), mapped) if mapped.any() else None

    with closing(read_ahead(blocks, read)) as read_blocks:
        for done, (block, ready) in enumerate(read_blocks, start=1):
            if ready is not None:
                pixels, prepared, mapped = ready
                scores = engine.scores(prepared, block.core.slices_in(block.read))
                index = best_class(scores)
                index[~mapped] = -1
                keys = rng.random(mapped.shape, dtype=np.float32)
                chosen = keeper.draw(index, keys)
                probabilities = engine.to_probabilities(scores)
                asked = None if ensemble is None else ensemble.ask(pixels, prepared, block, chosen)
                keeper.keep(block, index, probabilities, asked, keys, chosen)
            if progress is not None:
                progress(done, len(blocks))
    return keeper.finish()


@dataclass(eq=False)
class _Keeper:
    """Keeps one pixel of each cell, and of each class those with the largest random keys."""

    n_classes: int
    cell_px: int
    _parts: list[Candidates] = field(init=False, default_factory=list)
    _rare: list[Candidates] = field(init=False, default_factory=list)
    _rare_keys: list[NDArray[np.float32]] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self._pixels = np.zeros(self.n_classes, dtype=np.int64)

    def draw(
        self, index: NDArray[np.integer], keys: NDArray[np.float32]
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Pixels (N, 2) of a block that may be kept, and whether each stands for its cell."""
        cells = largest_of_each_cell(np.where(index >= 0, keys, -1.0), self.cell_px)
        rare = np.concatenate([np.empty((0, 2), np.int64), *self._of_each_class(index, keys)])
        even = np.arange(len(cells) + len(rare)) < len(cells)
        return np.concatenate([cells, rare]), even

    def _of_each_class(
        self, index: NDArray[np.integer], keys: NDArray[np.float32]
    ) -> Iterator[NDArray[np.int64]]:
        for c in range(self.n_classes):
            of_class = np.flatnonzero(index == c)
            self._pixels[c] += len(of_class)
            if len(of_class) > N_OF_A_CLASS:
                largest = np.argpartition(keys.reshape(-1)[of_class], -N_OF_A_CLASS)
                of_class = of_class[largest[-N_OF_A_CLASS:]]
            yield np.stack(np.unravel_index(of_class, index.shape), axis=1)

    def keep(
        self,
        block: Block,
        index: NDArray[np.integer],
        probabilities: NDArray[np.float32],
        disagreement: NDArray[np.float32] | None,
        keys: NDArray[np.float32],
        chosen: tuple[NDArray[np.int64], NDArray[np.bool_]],
    ) -> None:
        """Add a block's candidates; of the rare ones only those with the largest keys stay."""
        rowcol, even = chosen
        rows, cols = rowcol.T
        found = Candidates(
            rowcol + np.array([block.core.row, block.core.col]),
            np.ascontiguousarray(probabilities[:, rows, cols].T),
            count_alike(index, rowcol),
            disagreement,
            even,
        )
        self._parts.append(found.subset(even))
        self._rare.append(found.subset(~even))
        self._rare_keys.append(keys[rows, cols][~even])
        self._thin()

    def _thin(self) -> None:
        """Of each class the candidates with the largest keys: a fair draw of all its pixels."""
        rare = join_candidates(self._rare, self.n_classes)
        keys = np.concatenate(self._rare_keys)
        order = np.argsort(-keys, kind="stable")
        index = rare.index[order]
        kept = [order[index == c][:N_OF_A_CLASS] for c in range(self.n_classes)]
        stay = np.sort(np.concatenate(kept))
        self._rare, self._rare_keys = [rare.subset(stay)], [keys[stay]]

    def finish(self) -> Scouted:
        """Cells first, then pixels of classes that are not there yet."""
        candidates = join_candidates([*self._parts, *self._rare], self.n_classes)
        _, first = np.unique(candidates.rowcol, axis=0, return_index=True)
        return Scouted(candidates.subset(np.sort(first)), self._pixels)


def largest_of_each_cell(keys: NDArray[np.floating[Any]], cell_px: int) -> NDArray[np.int64]:
    """The pixel (N, 2) with the largest key of each cell of `cell_px`²; cells below 0 give none."""
    height, width = keys.shape
    rows, cols = -(-height // cell_px), -(-width // cell_px)
    padded = np.full((rows * cell_px, cols * cell_px), -1.0, dtype=np.float32)
    padded[:height, :width] = keys
    cells = padded.reshape(rows, cell_px, cols, cell_px).swapaxes(1, 2).reshape(rows * cols, -1)
    best = cells.argmax(axis=1)
    occupied = np.flatnonzero(cells[np.arange(len(cells)), best] >= 0)
    inner = best[occupied]
    row = occupied // cols * cell_px + inner // cell_px
    col = occupied % cols * cell_px + inner % cell_px
    return np.stack([row, col], axis=1).astype(np.int64)
