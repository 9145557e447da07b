"""Draw from a counted population, reading only the blocks that hold a drawn pixel."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pointillist.grid import Window
from pointillist.sampling.layers import Reading
from pointillist.sampling.population import BLOCK_PX, Population, Tally

_ANY = -1  # instead of a stratum: whichever


@dataclass(frozen=True, eq=False)
class DrawnPoints:
    """Pixels of a sample, in the order of the file.

    Args:
        rowcol: (N, 2) distinct pixels.
        stratum: (N,) index of the stratum.
        map_class: (N,) index of the raster's class there.
    """

    rowcol: NDArray[np.int64]
    stratum: NDArray[np.int64]
    map_class: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.rowcol)

    def shuffled(self, rng: np.random.Generator) -> DrawnPoints:
        """In an order that says nothing of the strata or the place."""
        order = rng.permutation(len(self))
        return DrawnPoints(self.rowcol[order], self.stratum[order], self.map_class[order])


def draw_simple(
    population: Population, tally: Tally, n: int, rng: np.random.Generator
) -> DrawnPoints:
    """Simple random sample of n pixels, without replacement."""
    blocks, ranks = _draw_ranks(tally.counts.sum(axis=1), n, rng)
    return _look_up(population, tally, blocks, ranks, np.full(n, _ANY))


def draw_stratified(
    population: Population, tally: Tally, wanted: NDArray[np.int64], rng: np.random.Generator
) -> DrawnPoints:
    """Simple random sample of `wanted` pixels (H,) in every stratum, without replacement."""
    parts = [_draw_ranks(tally.counts[:, h], int(n), rng) for h, n in enumerate(wanted)]
    blocks, ranks = (np.concatenate(part) for part in zip(*parts, strict=True))
    return _look_up(population, tally, blocks, ranks, np.repeat(np.arange(len(wanted)), wanted))


def read_nodes(population: Population, tally: Tally, nodes: NDArray[np.int64]) -> DrawnPoints:
    """Those of the pixels (N, 2) where a point may lie."""
    number = {(block.row, block.col): i for i, block in enumerate(tally.blocks)}
    corners = nodes // BLOCK_PX * BLOCK_PX
    block = np.array([number.get((r, c), -1) for r, c in corners.tolist()], dtype=np.int64)
    found = _Finds(np.flatnonzero(block >= 0).size)
    nodes, block = nodes[block >= 0], block[block >= 0]
    for at, members in _by_block(block):
        window = tally.blocks[at]
        found.put(members, nodes[members], population.read(window), window)
    return found.points(found.stratum >= 0)


def _draw_ranks(
    per_block: NDArray[np.int64], n: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Block and place in the block of n distinct pixels, counted through all blocks (B,)."""
    ends = np.cumsum(per_block)
    ranks = rng.choice(int(ends[-1]), n, replace=False)
    block = np.searchsorted(ends, ranks, side="right")
    return block, ranks - (ends - per_block)[block]


def _look_up(
    population: Population,
    tally: Tally,
    block: NDArray[np.int64],
    rank: NDArray[np.int64],
    stratum: NDArray[np.int64],
) -> DrawnPoints:
    """Find pixels by their place (N,) among those of a stratum, or of all, in their block."""
    found = _Finds(len(block))
    for at, members in _by_block(block):
        window = tally.blocks[at]
        reading = population.read(window)
        index = reading[0].index.reshape(-1)
        flat = np.empty(len(members), dtype=np.int64)
        for h in np.unique(stratum[members]):
            ours = stratum[members] == h
            there = np.flatnonzero(index >= 0 if h == _ANY else index == h)
            flat[ours] = there[rank[members[ours]]]
        corner = np.array([window.row, window.col])
        rowcol = corner + np.stack(np.divmod(flat, window.width), axis=1)
        found.put(members, rowcol, reading, window)
    return found.points(np.ones(len(block), dtype=bool))


def _by_block(block: NDArray[np.int64]) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Members of each block, in the order of blocks."""
    order = np.argsort(block, kind="stable")
    starts = np.flatnonzero(np.diff(block[order], prepend=-1))
    for members in np.split(order, starts[1:]):
        if len(members):
            yield int(block[members[0]]), members


class _Finds:
    """Points as they are found, block by block."""

    def __init__(self, n: int) -> None:
        self.rowcol = np.zeros((n, 2), dtype=np.int64)
        self.stratum = np.full(n, -1, dtype=np.int64)
        self.map_class = np.full(n, -1, dtype=np.int64)

    def put(
        self,
        rows: NDArray[np.int64],
        rowcol: NDArray[np.int64],
        read: tuple[Reading, NDArray[np.int16]],
        window: Window,
    ) -> None:
        """Note what is at pixels (n, 2) of a window that was read."""
        reading, classes = read
        inner = rowcol[:, 0] - window.row, rowcol[:, 1] - window.col
        self.rowcol[rows] = rowcol
        self.stratum[rows] = reading.index[inner]
        self.map_class[rows] = classes[inner]

    def points(self, keep: NDArray[np.bool_]) -> DrawnPoints:
        """Those to keep."""
        return DrawnPoints(self.rowcol[keep], self.stratum[keep], self.map_class[keep])
