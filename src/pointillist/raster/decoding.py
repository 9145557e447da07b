"""How a file's tiles or strips are decoded once, though windows that overlap are read from it."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from pointillist.grid import Block
from pointillist.raster.opening import USUAL_CACHE_MIB

if TYPE_CHECKING:
    from pointillist.raster.scene import Scene

logger = logging.getLogger(__name__)

# Decoded tiles that are kept of a tiled scene, whatever its width: it is read in panels for it.
_PANEL_BYTES = 64 * 2**20
# Strips run through the whole scene; so much of them is kept, at most.
_MOST_BYTES = 2**30


@contextmanager
def decoded_once(scene: Scene, blocks: Sequence[Block]) -> Iterator[list[Block]]:
    """Let GDAL keep as much as is needed to decode every part of a scene once.

    Neighbouring blocks look at the same pixels. A tiled scene is read in panels of a few columns of
    blocks, from top to bottom, so that what is kept does not grow with its width (at the sides of
    a panel tiles are decoded twice); a scene in strips is read row by row, and a row of blocks is
    kept. A cache that a user sets by GDAL_CACHEMAX is left alone.

    Args:
        scene: What is read.
        blocks: What is to be read of it.

    Yields:
        The blocks in the order in which they should be read.
    """
    import rasterio

    if not blocks:
        yield []
        return
    size, n_columns = _plan(scene, blocks)
    if os.environ.get("GDAL_CACHEMAX") != USUAL_CACHE_MIB:
        yield in_panels(blocks, n_columns)
        return
    with rasterio.Env(GDAL_CACHEMAX=size):
        yield in_panels(blocks, n_columns)


@contextmanager
def little_kept() -> Iterator[None]:
    """Let GDAL keep no more while files are written than while scenes are read."""
    import rasterio

    if os.environ.get("GDAL_CACHEMAX") != USUAL_CACHE_MIB:
        yield
        return
    with rasterio.Env(GDAL_CACHEMAX=_PANEL_BYTES):
        yield


def in_panels(blocks: Sequence[Block], n_columns: int) -> list[Block]:
    """Blocks panel by panel, each from top to bottom; panels are so many blocks wide."""
    starts = {col: i for i, col in enumerate(sorted({block.core.col for block in blocks}))}

    def place(block: Block) -> tuple[int, int, int]:
        return starts[block.core.col] // n_columns, block.core.row, block.core.col

    return sorted(blocks, key=place)


def _plan(scene: Scene, blocks: Sequence[Block]) -> tuple[int, int]:
    """Bytes to keep, and columns of blocks in a panel."""
    (tile_height, tile_width), px_bytes = scene.layout
    rows = max(block.read.height for block in blocks) + tile_height
    n_columns = len({block.core.col for block in blocks})
    if tile_width >= scene.grid.width:
        needed = rows * scene.grid.width * px_bytes
        if needed > _MOST_BYTES:
            logger.warning(
                "%s is organised in strips %d px wide: they are decoded several times. A tiled "
                "copy is read faster: rio cogeo create.", scene.name, scene.grid.width,
            )  # fmt: skip
        return int(np.clip(needed, _PANEL_BYTES, _MOST_BYTES)), n_columns
    core = max(block.core.width for block in blocks)
    margin = max(block.read.width for block in blocks) - core + 2 * tile_width
    fitting = (_PANEL_BYTES / (rows * px_bytes) - margin) // core
    return _PANEL_BYTES, int(np.clip(fitting, 1, n_columns))
