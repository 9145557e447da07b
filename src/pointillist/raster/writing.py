"""Write maps and bands: block by block beside the final name, moved into place when complete."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from pointillist.errors import GridError, OutputError, OutputExistsError
from pointillist.grid import Grid, Window, iter_windows
from pointillist.legend import Legend
from pointillist.raster.full_disk import check_array, check_copy, write_errors, writing
from pointillist.raster.opening import rasterio_window
from pointillist.raster.style import pam_path, pam_text, qml_path, qml_text

PathLike = str | os.PathLike[str]
_STORED_AS = {"bool": "uint8", "float16": "float32"}
UINT8_STEPS = 250  # probabilities as uint8: 0…250 for 0…1, 255 is nodata
_TILE_PX = 512


def check_output(path: PathLike, overwrite: bool = False) -> Path:
    """Check that a file can be written, before any work is done.

    Raises:
        OutputExistsError: It is there and `overwrite` is not set.
        OutputError: Its folder is missing or cannot be written to.
    """
    target = Path(path)
    if target.is_dir():
        raise OutputError(f"Expected a file to write, but '{path}' is a folder. Name a file in it.")
    if target.exists() and not overwrite:
        raise OutputExistsError(
            f"'{path}' exists already. Choose another name, or replace it with --overwrite."
        )
    folder = target.parent
    if not folder.is_dir():
        raise OutputError(f"Folder '{folder}' for '{target.name}' does not exist. Make it first.")
    if not os.access(folder, os.W_OK):
        raise OutputError(f"Folder '{folder}' cannot be written to. Choose another place.")
    return target


def check_style(path: PathLike, overwrite: bool = False) -> None:
    """Check that no style (`.qml`) is there that a new map would replace unasked.

    Raises:
        OutputExistsError: It is there, its map is not, and `overwrite` is not set.
    """
    style = qml_path(Path(path))
    if style.exists() and not Path(path).exists() and not overwrite:
        raise OutputExistsError(
            f"'{style}' exists already, and a map '{Path(path).name}' would replace it. Choose "
            "another name, or replace it with --overwrite."
        )


class _RasterWriter:
    """A raster written block by block into a hidden partial file, finished as COG."""

    def __init__(
        self,
        path: PathLike,
        grid: Grid,
        *,
        count: int,
        dtype: str,
        nodata: float,
        resampling: str,
        predictor: int,
        overwrite: bool,
        n_bits: int | None = None,
    ) -> None:
        self.path = check_output(path, overwrite)
        self.grid = grid
        self._resampling = resampling
        self._predictor = predictor
        self._n_bits = {} if n_bits is None else {"nbits": n_bits}
        self._blocks = self._hidden("blocks.tif")
        self._cog = self._hidden("cog.tif")
        profile = {
            "driver": "GTiff",
            "height": grid.height,
            "width": grid.width,
            "count": count,
            "dtype": dtype,
            "nodata": nodata,
            "crs": grid.crs,
            "tiled": True,
            "blockxsize": _TILE_PX,
            "blockysize": _TILE_PX,
            "interleave": "pixel",
            "compress": "deflate",
            "zlevel": 1,
            "bigtiff": "if_safer",
            **self._n_bits,
        }
        if grid.is_georeferenced:
            profile["transform"] = _affine(grid)
        if count > 1:
            profile |= {"photometric": "minisblack", "alpha": "no"}  # else a fourth band is alpha
        with writing(self.path):
            self._dataset = _create(self._blocks, profile)

    def _hidden(self, ending: str) -> Path:
        return self.path.with_name(f".{self.path.name}.{os.getpid()}.part.{ending}")

    def _write(self, window: Window, values: NDArray[Any]) -> None:
        if values.shape[-2:] != window.shape or window.intersection(self.grid.window) != window:
            raise GridError(
                f"Expected values of {window.shape} inside the raster of {self.grid.shape}, "
                f"got {values.shape[-2:]} at row {window.row}, column {window.col}."
            )
        with writing(self.path):
            self._dataset.write(values, window=rasterio_window(window))

    def close(self) -> Path:
        """Finish the file and move it into place.

        Raises:
            OutputError: It cannot be written.
        """
        if self._dataset is None:
            return self.path
        try:
            with writing(self.path):
                dataset, self._dataset = self._dataset, None
                dataset.close()
                self._make_cog()
                check_copy(self._blocks, self._cog, self.path)
                _sync(self._cog)
                for final, text in self._side_texts():
                    self._side_part(final).write_text(text, encoding="utf-8")
                _remove_stale(self.path)
                for final, _ in self._side_texts():
                    self._side_part(final).replace(final)
                self._cog.replace(self.path)
        finally:
            self.discard()
        return self.path

    def _make_cog(self) -> None:
        from rasterio import shutil

        shutil.copy(
            self._blocks,
            self._cog,
            driver="COG",
            compress="DEFLATE",
            predictor={1: "NO", 2: "STANDARD", 3: "FLOATING_POINT"}[self._predictor],
            blocksize=_TILE_PX,
            overview_resampling=self._resampling,
            bigtiff="IF_SAFER",
            num_threads="ALL_CPUS",
            **self._n_bits,
            # the factor of an overview is told by its width, which one pixel cannot shrink
            overviews="NONE" if self.grid.width == 1 else "AUTO",
        )

    def _side_texts(self) -> list[tuple[Path, str]]:
        """Files that belong to the raster, with their texts."""
        return []

    def _side_part(self, final: Path) -> Path:
        return final.with_name(f".{final.name}.{os.getpid()}.part")

    def discard(self) -> None:
        """Remove what is unfinished."""
        if self._dataset is not None:
            with suppress(*write_errors()):  # what does not get written is thrown away anyway
                self._dataset.close()
            self._dataset = None
        for part in (self._blocks, self._cog):
            part.unlink(missing_ok=True)
            pam_path(part).unlink(missing_ok=True)
        for final, _ in self._side_texts():
            self._side_part(final).unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.discard()


class MapWriter(_RasterWriter):
    """A class raster: Cloud-Optimised GeoTIFF with colours, class names and a QGIS style.

    Pixels never written are nodata. Memory does not grow with the raster.

    Args:
        path: File to write.
        grid: The scene's grid.
        legend: Classes; decides type (uint8 or uint16) and nodata.
        overwrite: Replace a file that is there.
        tags: Further metadata of the file, by name.

    Raises:
        OutputExistsError: The file is there.
        OutputError: It cannot be written.
    """

    def __init__(
        self,
        path: PathLike,
        grid: Grid,
        legend: Legend,
        *,
        overwrite: bool = False,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        self.legend = legend
        check_style(path, overwrite)
        super().__init__(
            path,
            grid,
            count=1,
            dtype=legend.dtype.name,
            nodata=legend.nodata,
            resampling="MODE",
            predictor=1,
            overwrite=overwrite,
        )
        colors = {entry.code: (*entry.color, 255) for entry in legend.classes}
        self._dataset.write_colormap(1, {**colors, legend.nodata: (0, 0, 0, 0)})
        if tags:
            self._dataset.update_tags(**tags)

    def write(self, window: Window, codes: NDArray[Any]) -> None:
        """Write the codes (h, w) of a window inside the raster.

        Raises:
            GridError: A shape or place that does not fit.
            OutputError: The disk is full, or the like.
        """
        self._write(window, np.asarray(codes, dtype=self.legend.dtype)[None])

    def _side_texts(self) -> list[tuple[Path, str]]:
        return [
            (pam_path(self.path), pam_text(self.legend)),
            (qml_path(self.path), qml_text(self.legend)),
        ]


class BandWriter(_RasterWriter):
    """Named bands of numbers 0…1 (probabilities, uncertainty) as Cloud-Optimised GeoTIFF.

    Args:
        path: File to write.
        grid: The scene's grid.
        band_names: One per band.
        dtype: `float32` (nodata NaN), `float16` (the same in half the space, to 0.0005), or `uint8`
            (0…250 for 0…1 with the scale tagged, nodata 255).
        overwrite: Replace a file that is there.
        tags: Metadata of the file.
    """

    def __init__(
        self,
        path: PathLike,
        grid: Grid,
        band_names: Sequence[str],
        *,
        dtype: Literal["float32", "float16", "uint8"] = "float32",
        overwrite: bool = False,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        scaled = dtype == "uint8"
        super().__init__(
            path,
            grid,
            count=len(band_names),
            dtype="uint8" if scaled else "float32",
            nodata=255 if scaled else float("nan"),
            resampling="AVERAGE",
            predictor=2 if scaled else 3,
            overwrite=overwrite,
            n_bits=16 if dtype == "float16" else None,  # GDAL reads halves as float32
        )
        self._scaled = scaled
        self._dataset.descriptions = tuple(band_names)
        if scaled:
            self._dataset.scales = (1 / UINT8_STEPS,) * len(band_names)
        if tags:
            self._dataset.update_tags(**tags)

    def write(self, window: Window, values: NDArray[Any]) -> None:
        """Write values (K, h, w) 0…1 of a window inside the raster, NaN for nodata.

        Into a file of uint8 also what `scale_to_uint8` made of them.
        """
        if self._scaled and values.dtype != np.uint8:
            values = scale_to_uint8(values)
        self._write(window, np.asarray(values, dtype=self._dataset.dtypes[0]))


def scale_to_uint8(values: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
    """Numbers 0…1 as they are kept in files of uint8: 0…250, and 255 for NaN. Any shape."""
    missing = np.isnan(values)
    steps = np.rint(np.where(missing, 0, values) * UINT8_STEPS)
    return np.where(missing, 255, np.clip(steps, 0, UINT8_STEPS)).astype(np.uint8)


def remove_partial_files(path: PathLike) -> None:
    """Remove what a killed process left beside a raster it was writing.

    To be called only where no other process can be writing it.

    Raises:
        OutputError: The folder has gone, or may not be written.
    """
    target = Path(path)
    owners = "|".join(re.escape(p.name) for p in (target, pam_path(target), qml_path(target)))
    partial = re.compile(rf"\.({owners})\.\d+\.part(\..+)?")
    with writing(target):
        for found in target.parent.iterdir():
            if partial.fullmatch(found.name):
                found.unlink(missing_ok=True)


def write_array(
    path: PathLike,
    array: NDArray[Any],
    grid: Grid,
    *,
    nodata: float | None = None,
    band_names: Sequence[str] | None = None,
    legend: Legend | None = None,
    overwrite: bool = False,
) -> Path:
    """Write a whole raster that is in memory: a generated scene, or a mask with its legend.

    Args:
        path: File to write.
        array: (H, W) or (B, H, W); codes where a legend is given. Booleans are kept as uint8 and
            float16 as float32, which files have no types for.
        grid: Place.
        nodata: Value that means no data; the legend's where there is one.
        band_names: One per band.
        legend: Makes it a class raster with colours and names.
        overwrite: Replace a file that is there.

    Raises:
        GridError: The array does not fit the grid.
        OutputError: It cannot be written.
    """
    bands = array[None] if array.ndim == 2 else array
    bands = bands.astype(_STORED_AS.get(bands.dtype.name, bands.dtype), copy=False)
    if bands.ndim != 3 or bands.shape[1:] != grid.shape:
        raise GridError(f"Expected an array of {grid.shape} for '{path}', got {array.shape}.")
    if legend is not None:
        with MapWriter(path, grid, legend, overwrite=overwrite) as writer:
            for window in iter_windows(grid.shape, 2048):
                writer.write(window, bands[0][window.slices])
        return Path(path)
    target = check_output(path, overwrite)
    part = target.with_name(f".{target.name}.{os.getpid()}.part.tif")
    profile = {
        "driver": "GTiff",
        "height": grid.height,
        "width": grid.width,
        "count": len(bands),
        "dtype": bands.dtype.name,
        "nodata": nodata,
        "crs": grid.crs,
        "compress": "deflate",
        "predictor": 3 if bands.dtype.kind == "f" else 2,
        "bigtiff": "if_safer",
    }
    if min(grid.shape) >= _TILE_PX:
        profile |= {"tiled": True, "blockxsize": _TILE_PX, "blockysize": _TILE_PX}
    if len(bands) > 3:
        profile |= {"photometric": "rgb", "alpha": "no"}  # else a fourth band of bytes is alpha
    if grid.is_georeferenced:
        profile["transform"] = _affine(grid)
    try:
        with writing(target):
            with _create(part, profile) as dataset:
                dataset.write(bands)
                if band_names is not None:
                    dataset.descriptions = tuple(band_names)
            check_array(part, bands, target)
            _remove_stale(target)
            part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return target


def _remove_stale(target: Path) -> None:
    """Remove what GDAL would take for statistics, overviews or a mask of the new raster."""
    for ending in (".aux.xml", ".ovr", ".msk"):
        target.with_name(target.name + ending).unlink(missing_ok=True)


def _sync(path: Path) -> None:
    """Wait until a file is on the disk, so that a power cut after its renaming finds it whole."""
    with path.open("r+b") as file:
        os.fsync(file.fileno())


def _create(path: Path, profile: dict[str, Any]) -> Any:
    import warnings

    import rasterio
    from rasterio.errors import NotGeoreferencedWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        return rasterio.open(path, "w", **profile)


def _affine(grid: Grid) -> Any:
    from affine import Affine

    return Affine(*grid.transform.coefficients)
