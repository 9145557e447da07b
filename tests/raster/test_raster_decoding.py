"""Strips and tiles are decoded once, though the blocks that look at them overlap."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import rasterio

from pointillist.grid import Block, plan_blocks
from pointillist.raster import decoded_once, decoding, open_scene
from pointillist.raster.opening import USUAL_CACHE_MIB

IO = Path("/proc/self/io")
SHAPE = (700, 4000)


@pytest.fixture(params=["strips", "tiles"])
def scene_file(request, tmp_path) -> Path:
    layout = {
        "strips": {"blockysize": 16},
        "tiles": {"tiled": True, "blockxsize": 128, "blockysize": 128},
    }[request.param]
    data = np.random.default_rng(0).integers(0, 256, (3, *SHAPE), dtype=np.uint8)
    path = tmp_path / f"{request.param}.tif"
    with rasterio.open(
        path, "w", driver="GTiff", count=3, height=SHAPE[0], width=SHAPE[1], dtype="uint8",
        compress="deflate", zlevel=1, interleave="pixel",
        transform=rasterio.Affine(2, 0, 0, 0, -2, 0), **layout,
    ) as made:  # fmt: skip
        made.write(data)
    return path


def _bytes_read() -> int:
    return int(IO.read_text().split("rchar: ")[1].split()[0])


def _read_all(path: Path, blocks: list[Block]) -> float:
    """Bytes read of a file per byte that it has, by another thread as when a map is made."""
    scene, before = open_scene(path), _bytes_read()

    def read(block: Block) -> None:
        scene.read(block.read)

    with ThreadPoolExecutor(1) as thread:
        for block in blocks:
            thread.submit(read, block).result()
    return (_bytes_read() - before) / path.stat().st_size


@pytest.mark.skipif(not IO.exists(), reason="only Linux counts what a process reads")
def test_every_part_is_decoded_once(scene_file, monkeypatch) -> None:
    monkeypatch.setenv("GDAL_CACHEMAX", USUAL_CACHE_MIB)
    monkeypatch.setattr(decoding, "_PANEL_BYTES", 2_500_000)
    blocks = plan_blocks(SHAPE, 256, 64)
    with rasterio.Env(GDAL_CACHEMAX=1_000_000):  # less than a row of blocks
        without = _read_all(scene_file, blocks)
        with decoded_once(open_scene(scene_file), blocks) as ordered:
            once = _read_all(scene_file, ordered)
    assert without > 1.7
    assert once < (1.15 if "strips" in scene_file.name else 1.35)  # tiles at the sides of panels


def test_panels_hold_every_block_once() -> None:
    blocks = plan_blocks((500, 1050), 100, 10)
    ordered = decoding.in_panels(blocks, 4)
    assert sorted(block.index for block in ordered) == list(range(len(blocks)))
    places = [(block.core.row // 100, block.core.col // 100) for block in ordered]
    assert places[:5] == [(0, 0), (0, 1), (0, 2), (0, 3), (1, 0)]
    assert places[-3:] == [(4, 8), (4, 9), (4, 10)]


def test_what_is_kept_of_tiles_does_not_grow_with_the_scene(scene_file) -> None:
    if "strips" in scene_file.name:
        pytest.skip("strips run through the whole scene")
    scene = open_scene(scene_file)
    for width in (4000, 400_000):
        size, n_columns = decoding._plan(scene, plan_blocks((3000, width), 1024, 128))
        assert size == decoding._PANEL_BYTES
        assert 1 <= n_columns <= 16


def test_a_users_own_cache_is_left_alone(scene_file, monkeypatch) -> None:
    monkeypatch.setenv("GDAL_CACHEMAX", "64")
    monkeypatch.setattr(rasterio, "Env", lambda **options: pytest.fail("the cache was changed"))
    blocks = plan_blocks(SHAPE, 256, 64)
    with decoded_once(open_scene(scene_file), blocks) as ordered:
        assert len(ordered) == len(blocks)


def test_very_wide_strips_are_told(scene_file, monkeypatch, caplog) -> None:
    monkeypatch.setattr(decoding, "_PANEL_BYTES", 100_000)
    monkeypatch.setattr(decoding, "_MOST_BYTES", 1_000_000)
    with (
        caplog.at_level(logging.WARNING),
        decoded_once(open_scene(scene_file), plan_blocks(SHAPE, 256, 64)),
    ):
        pass
    assert ("in strips 4000 px wide" in caplog.text) == ("strips" in scene_file.name)


def test_nothing_to_read(scene_file) -> None:
    with decoded_once(open_scene(scene_file), []) as ordered:
        assert ordered == []
