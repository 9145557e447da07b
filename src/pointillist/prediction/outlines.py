"""Outlines of a map's patches, strip by strip: a patch is kept only until its last row is read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from shapely import Polygon

_STRIP_PX = 4_000_000  # pixels of a strip: some tens of MB with everything made of them
_MIN_ROWS = 64

Patch = tuple["Polygon", int]


def iter_outlines(dataset: Any, strip_rows: int | None = None) -> Iterator[Patch]:
    """Outline and code of each patch of the first band of an open raster.

    A patch is a set of pixels of one code joined by their sides; nodata makes none. Strips are
    outlined one after the other; the pieces of a patch that goes on in the next strip wait and are
    joined when it has ended. Memory is that of a strip and of the outlines of open patches, not
    that of the scene. Which patches come out does not depend on the strips, their order does.

    Args:
        dataset: An open rasterio dataset.
        strip_rows: Rows of a strip; chosen by the raster's width if not given.

    Yields:
        Outline in map coordinates, valid, and code.
    """
    import shapely

    transform = dataset.transform

    def placed(outline: Polygon) -> Polygon:
        def to_map(colrow: NDArray[np.float64]) -> NDArray[np.float64]:
            return np.stack(transform @ (colrow[:, 0], colrow[:, 1]), axis=1)

        moved: Polygon = shapely.transform(outline, to_map)
        return moved

    for outline, code in _in_pixels(dataset, strip_rows or _rows_of_strip(dataset)):
        yield placed(outline), code


def _rows_of_strip(dataset: Any) -> int:
    """So many rows that a strip has about `_STRIP_PX` pixels, in whole tiles of the file."""
    tile = max(_MIN_ROWS, int(dataset.block_shapes[0][0]))
    rows = max(tile, _STRIP_PX // dataset.width // tile * tile)
    return int(min(rows, dataset.height))


def _in_pixels(dataset: Any, strip_rows: int) -> Iterator[Patch]:
    from rasterio.windows import Window

    open_patches = _OpenPatches(dataset.width)
    for row in range(0, dataset.height, strip_rows):
        n_rows = min(strip_rows, dataset.height - row)
        codes = dataset.read(1, window=Window(0, row, dataset.width, n_rows))
        yield from open_patches.add(row, codes, dataset.nodata)
    yield from open_patches.end()


class _OpenPatches:
    """Patches that reach the last row read, and the pieces of them there are so far.

    Args:
        width: Of the raster.
    """

    def __init__(self, width: int) -> None:
        self._seam = np.full(width, -1, dtype=np.int64)  # patch of each pixel of the last row
        self._parent: dict[int, int] = {}
        self._pieces: dict[int, list[Any]] = {}
        self._code: dict[int, int] = {}
        self._next = 0

    def add(self, row: int, codes: NDArray[Any], nodata: float | None) -> Iterator[Patch]:
        """Take a strip; yields the patches that end in it."""
        labels, code_of = _label(codes, nodata)
        first = self._next
        self._next += len(code_of)
        goes_on = self._join(labels[0], code_of, first)
        goes_on[np.unique(labels[-1])] = True
        for outline, label in _outline(labels, row):
            if not goes_on[label]:
                yield outline, int(code_of[label])
                continue
            root = self._root(first + label)
            self._pieces.setdefault(root, []).append(outline)
            self._code[root] = int(code_of[label])
        bottom = labels[-1].astype(np.int64)
        self._seam = np.where(bottom >= 0, bottom + first, -1)
        yield from self._close(
            {self._root(int(patch)) for patch in np.unique(self._seam) if patch >= 0}
        )

    def end(self) -> Iterator[Patch]:
        """The patches that reach the last row of the raster."""
        yield from self._close(set())

    def _join(
        self, top: NDArray[np.int32], code_of: NDArray[np.int64], first: int
    ) -> NDArray[np.bool_]:
        """Join patches across the seam; returns which of the strip's labels go on one above."""
        goes_on = np.zeros(len(code_of) + 1, dtype=bool)  # the last one is for label −1
        both = (self._seam >= 0) & (top >= 0)
        pairs = np.unique(np.stack([self._seam[both], top[both]]), axis=1)
        for above, label in pairs.T.tolist():
            root = self._root(above)
            if self._code[root] == code_of[label]:
                goes_on[label] = True
                self._unite(root, self._root(first + label))
        return goes_on

    def _unite(self, one: int, other: int) -> None:
        if one == other:
            return
        self._parent[other] = one
        self._pieces[one] = self._pieces.pop(one, []) + self._pieces.pop(other, [])
        self._code.pop(other, None)

    def _root(self, patch: int) -> int:
        root = patch
        while root in self._parent:
            root = self._parent[root]
        while patch != root:  # so that the way is short next time
            above = self._parent[patch]
            self._parent[patch] = root
            patch = above
        return root

    def _close(self, still_open: set[int]) -> Iterator[Patch]:
        import shapely

        for root in [root for root in self._pieces if root not in still_open]:
            pieces = self._pieces.pop(root)
            joined = pieces[0] if len(pieces) == 1 else shapely.union_all(pieces)
            # the seam has left points on straight edges: of no effect, and not wanted
            yield shapely.simplify(joined, 0, preserve_topology=False), self._code.pop(root)
        self._forget(still_open)

    def _forget(self, still_open: set[int]) -> None:
        """Keep of the way to the roots only what the seam needs."""
        seam = {int(patch) for patch in np.unique(self._seam) if patch >= 0}
        self._parent = {p: root for p in seam if (root := self._root(p)) != p}


def _label(
    codes: NDArray[Any], nodata: float | None
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Patch of each pixel, from 0, −1 for nodata; and the code of each patch."""
    from scipy import ndimage

    labels = np.full(codes.shape, -1, dtype=np.int32)
    code_of: list[NDArray[np.int64]] = []
    n = 0
    for code in np.unique(codes):
        if code == nodata:
            continue
        found, n_found = ndimage.label(codes == code)
        inside = found > 0
        labels[inside] = found[inside] + (n - 1)
        code_of.append(np.full(n_found, code, dtype=np.int64))
        n += n_found
    return labels, np.concatenate(code_of) if code_of else np.zeros(0, dtype=np.int64)


def _outline(labels: NDArray[np.int32], row: int) -> Iterator[tuple[Any, int]]:
    """Outline of each label in pixels (col, row) of the raster."""
    from affine import Affine
    from rasterio.features import shapes
    from shapely.geometry import shape

    found = shapes(labels, mask=labels >= 0, connectivity=4, transform=Affine.translation(0, row))
    for outline, label in found:
        yield shape(outline), int(label)
