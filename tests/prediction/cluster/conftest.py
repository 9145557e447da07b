"""A cluster of two workers, and a scene that one process has mapped."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
import rasterio
from prediction_cases import TRANSFORM, UTM, colour_scene

from pointillist.prediction import predict

BLOCK, SIDE = 64, 640  # 100 blocks
HALO = 32  # the model's own would be six times as many pixels to compute


@pytest.fixture(scope="module")
def cluster():
    """Two workers that are started again when they die."""
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0",
        memory_limit=0, silence_logs=logging.CRITICAL,
    ) as started:  # fmt: skip
        yield started


@pytest.fixture(scope="module")
def made(tiny_network, tmp_path_factory) -> Path:
    """A folder with a model, a scene and its map by one process."""
    folder = tmp_path_factory.mktemp("cluster")
    image, _ = colour_scene(SIDE, SIDE, np.random.default_rng(5))
    image = image.astype(np.uint8)
    image[:, :100, :200] = 0  # some blocks are empty
    for name, data in (("scene", image), ("second", image[:, ::-1, :300])):
        with rasterio.open(
            folder / f"{name}.tif", "w", driver="GTiff", count=3, height=data.shape[1],
            width=data.shape[2], dtype="uint8", crs=UTM, transform=TRANSFORM, nodata=0,
            tiled=True, blockxsize=128, blockysize=128,
        ) as file:  # fmt: skip
            file.write(data)
    tiny_network.save(folder / "model.safetensors")
    predict(folder / "model.safetensors", folder / "scene.tif", folder / "alone.tif",
            probabilities=folder / "alone_p.tif", block=BLOCK, halo=HALO)  # fmt: skip
    return folder
