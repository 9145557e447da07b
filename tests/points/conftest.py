from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest
from pyproj import CRS

from pointillist.grid import Grid, Transform

# 100 × 100 pixels of 10 m near Leipzig.
UTM = "EPSG:32632"


@pytest.fixture
def grid() -> Grid:
    return Grid(100, 100, Transform(10, 0, 732000, 0, -10, 5693000), CRS(UTM).to_wkt())


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., Path]:
    """Write geometries with a field `class` as GeoPackage."""

    def write(
        geometries: Any, classes: Any, name: str = "sites.gpkg", crs: Any = UTM, **fields: Any
    ) -> Path:
        frame = gpd.GeoDataFrame({"class": classes, **fields}, geometry=list(geometries), crs=crs)
        path = tmp_path / name
        if path.suffix == ".parquet":
            frame.to_parquet(path)
        else:
            frame.to_file(path, engine="pyogrio")
        return path

    return write
