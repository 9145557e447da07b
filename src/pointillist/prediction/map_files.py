"""The rasters one scene's results are written to, opened, finished or removed together."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from numpy.typing import NDArray

from pointillist.grid import Grid, Window, iter_windows
from pointillist.legend import Legend
from pointillist.prediction.block_layers import BandType, BlockLayers
from pointillist.prediction.disk_planes import DiskPlanes
from pointillist.prediction.outputs import Outputs
from pointillist.prediction.patches import merge_small_patches

if TYPE_CHECKING:
    from pointillist.raster import BandWriter, MapWriter

_STRIP_PX = 1024


class MapFiles:
    """Where finished blocks go. A context manager: complete files, or none.

    Args:
        outputs: The files.
        grid: The scene's grid.
        legend: The model's classes.
        min_area_px: Smallest patch of the map; above 1 it waits on the disk for the last block.
        probabilities_dtype: `float32`, `float16`, or `uint8` scaled.
        overwrite: Whether files that exist are replaced.
        tags: Metadata of the map, and of the rasters beside it.
    """

    def __init__(
        self,
        outputs: Outputs,
        grid: Grid,
        legend: Legend,
        *,
        min_area_px: int = 1,
        probabilities_dtype: BandType = "float32",
        overwrite: bool = False,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        self._outputs = outputs
        self._grid = grid
        self._legend = legend
        self._min_area_px = min_area_px
        self._dtype = probabilities_dtype
        self._overwrite = overwrite
        self._tags = tags
        self._stack = ExitStack()
        self._map: MapWriter | None = None
        self._probabilities: BandWriter | None = None
        self._uncertainty: BandWriter | None = None
        self._planes: DiskPlanes | None = None
        self._waiting: NDArray[Any] | None = None

    def __enter__(self) -> Self:
        from pointillist.raster import BandWriter, MapWriter

        with ExitStack() as stack:
            self._map = stack.enter_context(
                MapWriter(
                    self._outputs.map, self._grid, self._legend,
                    overwrite=self._overwrite, tags=self._tags,
                )
            )  # fmt: skip
            if self._outputs.probabilities is not None:
                self._probabilities = stack.enter_context(
                    BandWriter(
                        self._outputs.probabilities, self._grid, self._legend.names,
                        dtype=self._dtype, overwrite=self._overwrite, tags=self._tags,
                    )
                )  # fmt: skip
            if self._outputs.uncertainty is not None:
                self._uncertainty = stack.enter_context(
                    BandWriter(
                        self._outputs.uncertainty, self._grid, ["uncertainty"],
                        dtype=self._dtype, overwrite=self._overwrite, tags=self._tags,
                    )
                )  # fmt: skip
            if self._min_area_px > 1:
                self._planes = stack.enter_context(DiskPlanes(self._outputs.map))
                self._waiting = self._planes.new(self._grid.shape, self._legend.dtype)
                self._waiting[...] = self._legend.nodata
            self._stack = stack.pop_all()
        return self

    def write(self, core: Window, layers: BlockLayers) -> None:
        """Write what a block's core holds."""
        assert self._map is not None, "used as a context manager"
        if self._waiting is None:
            self._map.write(core, layers.codes)
        else:
            self._waiting[core.slices] = layers.codes
        if self._probabilities is not None and layers.probabilities is not None:
            self._probabilities.write(core, layers.probabilities)
        if self._uncertainty is not None and layers.uncertainty is not None:
            self._uncertainty.write(core, layers.uncertainty)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            self._stack.__exit__(kind, error, trace)
            return
        with self._stack:
            self._write_waiting()

    def _write_waiting(self) -> None:
        if self._waiting is None or self._map is None:
            return
        assert self._planes is not None, "made with it"
        merged = merge_small_patches(
            self._waiting, self._min_area_px, self._legend.nodata, self._planes.new
        )
        self._waiting = None
        for window in iter_windows(self._grid.shape, _STRIP_PX):
            self._map.write(window, merged[window.slices])
