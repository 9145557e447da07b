"""Drawing from a map far larger than what may be held in memory."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin
from rasterio.windows import Window

from pointillist.points import read_features, read_metadata
from pointillist.sampling import sample
from pointillist.sampling.layers import ClassLayer

SIDE, TILE = 16_384, 512


@pytest.fixture(scope="module")
def big_map(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """268 megapixels of which every eleventh tile is written; the others are nodata."""
    path = tmp_path_factory.mktemp("big") / "map.tif"
    profile = {
        "driver": "GTiff", "width": SIDE, "height": SIDE, "count": 1, "dtype": "uint8",
        "nodata": 255, "crs": "EPSG:32632", "transform": from_origin(500_000, 5_600_000, 1, 1),
        "tiled": True, "blockxsize": TILE, "blockysize": TILE, "compress": "deflate",
        "SPARSE_OK": True,
    }  # fmt: skip
    rng = np.random.default_rng(3)
    with rasterio.open(path, "w", **profile) as file:
        file.write_colormap(1, {1: (0, 99, 0), 2: (0, 0, 99), 3: (99, 0, 0)})
        for i in range(0, (SIDE // TILE) ** 2, 11):
            row, col = divmod(i, SIDE // TILE)
            tile = rng.choice([1, 1, 1, 2, 2, 3], size=(TILE, TILE)).astype(np.uint8)
            file.write(tile, 1, window=Window(col * TILE, row * TILE, TILE, TILE))
    return path


@pytest.mark.slow
@pytest.mark.parametrize("design", ["stratified", "systematic"])
def test_memory_stays_small_and_the_map_is_read_twice_at_most(
    design: str, big_map: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_px = 0
    own_read = ClassLayer.read

    def counting(self: ClassLayer, window):  # type: ignore[no-untyped-def]
        nonlocal read_px
        read_px += window.height * window.width
        return own_read(self, window)

    monkeypatch.setattr(ClassLayer, "read", counting)
    tracemalloc.start()
    try:
        out = sample(big_map, 1000, design, out=tmp_path / "r.gpkg", purpose="reference")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < SIDE**2 / 4  # not even a quarter of a byte per pixel
    assert read_px <= 2 * SIDE**2
    frame = read_features(out)
    n_tiles = len(range(0, (SIDE // TILE) ** 2, 11))
    assert read_metadata(out)["population"] == n_tiles * TILE**2
    assert len(frame) == pytest.approx(1000, abs=0 if design == "stratified" else 250)
    rows = ((5_600_000 - frame.geometry.y) // TILE).astype(int)
    cols = ((frame.geometry.x - 500_000) // TILE).astype(int)
    assert ((rows * (SIDE // TILE) + cols) % 11 == 0).all()
