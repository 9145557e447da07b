"""The same network, the same part of a scene: torchgeo's grid sampler loop beside our blocks.

torchgeo is no dependency of Pointillist. Make an environment for this script, for instance on top
of the one that Pointillist is installed in:

    python -m venv /tmp/tg --system-site-packages
    /tmp/tg/bin/pip install --no-deps torchgeo kornia kornia_rs rtree lightly einops
    /tmp/tg/bin/python benchmarks/against_torchgeo.py --model RUN --scene SCENE.tif --side-px 1024

The loop is the one of torchgeo's documentation: `GridGeoSampler` with overlapping patches, a
`DataLoader` with `stack_samples`, argmax of each batch. Patches of 512 px with a stride of 384 px,
so that each has the 64 px of surroundings that our halo has; where patches overlap, the later one
wins, as torchgeo has no function that writes a map. Both sides start with the network in
memory, on the same threads, and end with the classes of the part in an array.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from recording import record

PATCH_PX, HALO_PX = 512, 64


def by_torchgeo(network: object, normalise: Callable, scene: Path) -> np.ndarray:
    import torch
    from torch.utils.data import DataLoader
    from torchgeo.datasets import RasterDataset, stack_samples
    from torchgeo.samplers import GridGeoSampler, Units

    class Scene(RasterDataset):
        filename_glob = scene.name
        is_image = True

    dataset = Scene(str(scene.parent))
    stride = PATCH_PX - 2 * HALO_PX
    sampler = GridGeoSampler(dataset, size=PATCH_PX, stride=stride, units=Units.PIXELS)
    loader = DataLoader(dataset, batch_size=4, sampler=sampler, collate_fn=stack_samples)
    parts = []
    with torch.inference_mode():
        for batch in loader:
            images = np.stack([normalise(image) for image in batch["image"].numpy()])
            parts.append(network(torch.from_numpy(images)).argmax(1).numpy().astype(np.uint8))
    return np.concatenate(parts)


def by_pointillist(model: object, scene: Path) -> tuple[str, np.ndarray]:
    from pointillist.models.threads import usual_threads
    from pointillist.prediction import (
        EngineRequest,
        Tiling,
        Wanted,
        choose_engine,
        predict_scene,
    )
    from pointillist.raster import open_scene

    source = open_scene(scene)
    engine = choose_engine(
        model, EngineRequest(engine="openvino", precision="fp32"), 10**9,
        lambda: source.read(source.grid.window), usual_threads(),
    )  # fmt: skip
    start = time.perf_counter(), time.process_time()
    blocks = Tiling.of_model(model, 1024, HALO_PX).plan(source.grid.shape)
    classes = np.zeros(source.grid.shape, dtype=np.int16)
    for block, result in predict_scene(source, blocks, engine, Wanted()):
        if result is not None:
            classes[block.core.slices] = result.index
    by_pointillist.spent = time.perf_counter() - start[0], time.process_time() - start[1]
    return engine.name, classes


def crop(scene: Path, out: Path, side_px: int) -> Path:
    import rasterio
    from rasterio.windows import Window

    with rasterio.open(scene) as source:
        profile = {"driver": "GTiff", "count": 3, "height": side_px, "width": side_px,
                   "dtype": "uint8", "crs": source.crs, "transform": source.transform,
                   "tiled": True, "compress": "deflate"}  # fmt: skip
        data = source.read([1, 2, 3], window=Window(0, 0, side_px, side_px))
    with rasterio.open(out, "w", **profile) as made:
        made.write(data)
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path)
    parser.add_argument("--scene", type=Path)
    parser.add_argument("--side-px", type=int, default=1024)
    parser.add_argument("--folder", type=Path, default=Path("against_torchgeo"))
    parser.add_argument("--record", type=Path)
    options = parser.parse_args()
    if find_spec("torchgeo") is None or options.model is None or options.scene is None:
        print("Not run: needs torchgeo, --model and --scene; see the head of this script.")
        return
    from pointillist.models import load

    options.folder.mkdir(parents=True, exist_ok=True)
    scene = crop(options.scene, options.folder / "part.tif", options.side_px)
    model = load(options.model)
    figures: dict[str, object] = {"scene": options.scene.name, "mpx": options.side_px**2 / 1e6}
    for turn in range(2):  # alternating, because other programs may be at work
        start = time.perf_counter(), time.process_time()
        patches = by_torchgeo(model.network, model.normalisation.apply, scene)
        wall, cpu = time.perf_counter() - start[0], time.process_time() - start[1]
        figures[f"torchgeo_{turn}"] = {"wall_s": round(wall, 2), "cpu_s": round(cpu, 2),
                                       "patches": len(patches)}  # fmt: skip
        engine, _ = by_pointillist(model, scene)
        wall, cpu = by_pointillist.spent
        figures[f"pointillist_{turn}"] = {"wall_s": round(wall, 2), "cpu_s": round(cpu, 2)}
        figures["engine"] = engine
    record("against torchgeo", figures, options.record, "torchgeo", "torch", "openvino")


if __name__ == "__main__":
    main()
