"""Megapixels per second of `predict` against the plain float32 tile loop, in one process.

Both sides load the model, read a GeoTIFF, classify and write a GeoTIFF. Usage:

    python benchmarks/prediction_speed.py [--side 3072] [--encoder resnet34]
"""

from __future__ import annotations

import argparse
import logging
import os
import platform
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np
import rasterio
import torch
from rasterio.windows import Window as RasterioWindow

import pointillist
from pointillist.grid import Grid, Transform
from pointillist.legend import Legend
from pointillist.models import ModelCard, NetworkModel, NetworkSpec, Normalisation, load
from pointillist.models.network import build_network
from pointillist.prediction import EngineRequest, choose_engine
from pointillist.raster import ArraySource, Pixels, write_array

TILE_PX = 512


def make_inputs(folder: Path, side: int, encoder: str) -> tuple[Path, Path]:
    """A scene of noisy blotches and a network with random weights."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(40, 200, (3, side // 16, side // 16)).repeat(16, 1).repeat(16, 2)
    noise = rng.integers(0, 40, coarse.shape)
    grid = Grid(side // 16 * 16, side // 16 * 16, Transform(1, 0, 3e5, 0, -1, 57e5))
    names = ("red", "green", "blue")
    image = (coarse + noise).astype(np.uint8)
    scene = write_array(folder / "scene.tif", image, grid, band_names=names)
    spec = NetworkSpec("unet", encoder, 3, 5)
    card = ModelCard(
        Legend.from_names(list("ABCDE")), names, Normalisation((128.0,) * 3, (50.0,) * 3)
    )
    model = NetworkModel(build_network(spec, seed=0), spec, card)
    return scene, model.save(folder / "model.safetensors")


def plain_loop(model_path: Path, scene: Path, out: Path) -> None:
    """What one writes in ten lines: tiles without halo, float32, eager."""
    model = load(model_path)
    assert isinstance(model, NetworkModel)
    with rasterio.open(scene) as source:
        profile = {**source.profile, "count": 1, "compress": "deflate"}
        with rasterio.open(out, "w", **profile) as made, torch.inference_mode():
            for row in range(0, source.height, TILE_PX):
                for col in range(0, source.width, TILE_PX):
                    window = RasterioWindow(col, row, TILE_PX, TILE_PX)
                    data = source.read(window=window, boundless=True)
                    image = torch.from_numpy(model.normalisation.apply(data))[None]
                    classes = model.network(image).argmax(1)[0].numpy().astype(np.uint8)
                    height = min(TILE_PX, source.height - row)
                    width = min(TILE_PX, source.width - col)
                    inside = RasterioWindow(col, row, width, height)
                    made.write(classes[:height, :width], 1, window=inside)


def forward_rate(model_path: Path, scene: Path, n_px: int) -> tuple[str, float]:
    """Megapixels per second of the engine alone, on one block in memory."""
    model = load(model_path)
    with rasterio.open(scene) as source:
        data = source.read(window=RasterioWindow(0, 0, 1152, 1152))
    pixels = ArraySource(data).read(Grid(*data.shape[1:]).window)
    probe = Pixels(pixels.data[:, :TILE_PX, :TILE_PX], pixels.valid[:TILE_PX, :TILE_PX])
    engine = choose_engine(model, EngineRequest(), n_px, lambda: probe)
    prepared, whole = engine.prepare(pixels), (slice(None), slice(None))
    engine.scores(prepared, whole)
    spent = min(timed(lambda: engine.scores(prepared, whole)) for _ in range(3))
    return engine.name, pixels.valid.size / 1e6 / spent


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=2048, help="scene side in pixels")
    parser.add_argument("--encoder", default="resnet34")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="  %(message)s")
    logging.getLogger("rasterio").setLevel(logging.WARNING)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        scene, model = make_inputs(folder, arguments.side, arguments.encoder)
        with rasterio.open(scene) as dataset:
            n_px = dataset.width * dataset.height
        engine, forward = forward_rate(model, scene, n_px)
        plain = timed(lambda: plain_loop(model, scene, folder / "plain.tif"))
        whole = timed(lambda: pointillist.predict(model, scene, folder / "map.tif"))
    versions = ", ".join(f"{p} {version(p)}" for p in ("torch", "openvino", "rasterio"))
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores; {versions}")
    print(f"U-Net {arguments.encoder}, {n_px / 1e6:.1f} Mpx, engine {engine}")
    print(f"plain float32 tile loop   {n_px / 1e6 / plain:6.2f} Mpx/s  ({plain:.1f} s)")
    print(f"pointillist.predict       {n_px / 1e6 / whole:6.2f} Mpx/s  ({whole:.1f} s)")
    print(f"engine alone, in memory   {forward:6.2f} Mpx/s")
    print(f"predict is {plain / whole:.1f}x the plain loop")


if __name__ == "__main__":
    main()
