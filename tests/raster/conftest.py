"""Small rasters made by code: any type, mask, grid."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.transform import Affine

NORTH_UP = Affine(10, 0, 300_000, 0, -10, 5_700_000)

MakeRaster = Callable[..., Path]


@pytest.fixture
def make_raster(tmp_path: Path) -> MakeRaster:
    """`make_raster(array (B, H, W) or (H, W), name="scene.tif", **rasterio options)`."""

    def make(
        array: np.ndarray,
        name: str = "scene.tif",
        *,
        band_names: tuple[str, ...] | None = None,
        mask: np.ndarray | None = None,
        **options: Any,
    ) -> Path:
        bands = array if array.ndim == 3 else array[None]
        profile = {
            "driver": "GTiff", "count": len(bands), "dtype": bands.dtype.name,
            "height": bands.shape[1], "width": bands.shape[2], "crs": "EPSG:32632",
            "transform": NORTH_UP,
        }  # fmt: skip
        path = tmp_path / name
        with (
            rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
            rasterio.open(path, "w", **profile | options) as file,
        ):
            file.write(bands)
            if band_names:
                file.descriptions = band_names
            if mask is not None:
                file.write_mask(mask)
        return path

    return make
