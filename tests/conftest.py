"""What every test may ask for: development scenes, seeded randomness, a small labelled scene."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
from hypothesis import settings
from rasterio.transform import from_origin
from shapely.geometry import Point

# how long an example takes says how busy the machine is
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

# what other runs compiled must not decide which engine a test gets, nor one of its subprocesses
os.environ["POINTILLIST_CACHE"] = "off"

REAL_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of the development scenes; skips where they are absent."""
    if not REAL_DATA.is_dir():
        pytest.skip(f"development scenes are not at {REAL_DATA.name}/ beside the repository")
    return REAL_DATA


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20260101)


@dataclass(frozen=True)
class SmallWorld:
    """A scene of 96×128 px in EPSG:32632 at 2 m, three classes told apart by colour, 60 points."""

    folder: Path
    scene: Path
    points: Path
    truth: Path
    mask: np.ndarray


@pytest.fixture
def small_world(tmp_path: Path) -> SmallWorld:
    rng = np.random.default_rng(5)
    height, width = 96, 128
    mask = np.zeros((height, width), dtype=np.uint8)
    mask[:, 50:] = 1
    mask[60:, 20:90] = 2
    means = np.array([[60, 120, 60], [150, 140, 120], [40, 60, 150]], dtype=np.float64)
    image = means[mask].transpose(2, 0, 1) + rng.normal(0, 8, (3, height, width))
    transform = from_origin(500_000, 5_600_000, 2, 2)
    common = {"height": height, "width": width, "crs": "EPSG:32632", "transform": transform}
    scene, truth = tmp_path / "scene.tif", tmp_path / "truth.tif"
    with rasterio.open(scene, "w", driver="GTiff", count=3, dtype="uint8", **common) as file:
        file.write(np.clip(image, 0, 255).astype(np.uint8))
    with rasterio.open(
        truth, "w", driver="GTiff", count=1, dtype="uint8", nodata=255, **common
    ) as file:
        file.write(mask + 1, 1)
        file.write_colormap(1, {1: (30, 120, 40), 2: (150, 140, 120), 3: (40, 60, 150)})
    rows, cols = rng.integers(0, height, 60), rng.integers(0, width, 60)
    names = np.array(["Forest", "Urban", "Water"])[mask[rows, cols]]
    xs, ys = 500_000 + 2 * (cols + 0.5), 5_600_000 - 2 * (rows + 0.5)
    frame = gpd.GeoDataFrame(
        {"class": names}, geometry=[Point(x, y) for x, y in zip(xs, ys, strict=True)], crs=32632
    )
    points = tmp_path / "points.gpkg"
    frame.to_file(points, driver="GPKG")
    return SmallWorld(tmp_path, scene, points, truth, mask)
