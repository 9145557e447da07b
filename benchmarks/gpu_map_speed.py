"""From an array to classes on a GPU, against the network's own forward rate on resident data.

    python benchmarks/gpu_map_speed.py [--scene NAME.npz] [--encoder resnet34] [--record FILE]

The scene lies in memory, as `study prepare` saves one; generated unless given. Each block size
is run once to warm up and then `--rounds` times, in turn with the network alone: the recorded graph
replayed on a block that stays on the GPU. Both rates are in pixels that the network computes; the
map's own rate, without halos, is told apart. Reading alone and preparing alone say what limits.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from recording import record

from pointillist.legend import Legend
from pointillist.models import ModelCard, NetworkModel, NetworkSpec, Normalisation, build_model
from pointillist.prediction import Tiling, TorchEngine, Wanted
from pointillist.prediction.mapping import predict_scene
from pointillist.prediction.tracing import recorded
from pointillist.raster import ArraySource


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scene", type=Path)
    parser.add_argument("--encoder", default="resnet34")
    parser.add_argument("--precision", default="bf16")
    parser.add_argument("--block", type=int, nargs="+", default=[1024, 2048, 4096])
    parser.add_argument("--times", type=int, default=1, help="scenes side by side and below")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--trace", type=Path, help="folder for a timeline of each block size")
    parser.add_argument("--record", type=Path)
    options = parser.parse_args()
    source = scene_of(options.scene, options.times)
    engine = TorchEngine(model_of(options.encoder), options.precision, "cuda")
    figures: dict[str, Any] = {
        "gpu": torch.cuda.get_device_name(), "engine": engine.name, "encoder": options.encoder,
        "mpx": source.grid.height * source.grid.width / 1e6,
    }  # fmt: skip
    for block_px in options.block:
        figures[f"blocks of {block_px} px"] = measure(source, engine, block_px, options.rounds)
        if options.trace is not None:
            with recorded(options.trace / f"{block_px}.json"):
                map_blocks(source, engine, Tiling.of_model(model_of(options.encoder), block_px))
    record("GPU map speed", figures, options.record, "torch")


def measure(
    source: ArraySource, engine: TorchEngine, block_px: int, rounds: int
) -> dict[str, float]:
    """Rates in megapixels per second."""
    tiling = Tiling.of_model(model_of("resnet34"), block_px)  # whose halo both networks have
    blocks = tiling.plan(source.grid.shape)
    read_mpx = sum(block.read.height * block.read.width for block in blocks) / 1e6
    mpx = source.grid.height * source.grid.width / 1e6
    torch.cuda.reset_peak_memory_stats()

    def map_it() -> None:
        map_blocks(source, engine, tiling)

    def read_it() -> None:
        for block in blocks:
            source.read(block.read)

    largest = max(blocks, key=lambda b: b.read.height * b.read.width)
    pixels = source.read(largest.read)
    image = engine._normalised(*engine.prepare(pixels))
    block_mpx, n_passes = pixels.valid.size / 1e6, max(4, int(read_mpx / (pixels.valid.size / 1e6)))

    def forward() -> None:
        for _ in range(n_passes):
            engine._run(image)

    with torch.inference_mode():
        seconds: dict[str, list[float]] = {"map": [], "forward": [], "read": []}
        for turn in range(rounds + 1):
            for name, work in (("map", map_it), ("forward", forward), ("read", read_it)):
                start = now()
                work()
                if turn:
                    seconds[name].append(now() - start)
    spent = {name: statistics.median(times) for name, times in seconds.items()}
    network = read_mpx / spent["map"]
    alone = n_passes * block_mpx / spent["forward"]
    return {
        "halo_px": tiling.halo_px,
        "n_blocks": len(blocks),
        "map_mpx_per_s": round(mpx / spent["map"], 1),
        "network_mpx_per_s": round(network, 1),
        "forward_alone_mpx_per_s": round(alone, 1),
        "share_of_forward": round(network / alone, 3),
        "reading_alone_one_thread_mpx_per_s": round(read_mpx / spent["read"], 1),
        "peak_gpu_gib": round(torch.cuda.max_memory_allocated() / 2**30, 2),
    }


def map_blocks(source: ArraySource, engine: TorchEngine, tiling: Tiling) -> None:
    for _ in predict_scene(source, tiling.plan(source.grid.shape), engine, Wanted()):
        pass


def now() -> float:
    torch.cuda.synchronize()
    return time.perf_counter()


def scene_of(path: Path | None, times: int) -> ArraySource:
    if path is not None:
        pixels = ArraySource.load_npz(path).data
    else:
        pixels = np.random.default_rng(0).integers(0, 255, (3, 4437, 6447), dtype=np.uint8)
    return ArraySource(np.tile(pixels, (1, times, times)))


def model_of(encoder: str) -> NetworkModel:
    names = ("red", "green", "blue")
    card = ModelCard(Legend.from_names(list("ABCDE")), names, Normalisation((128,) * 3, (50,) * 3))
    spec = NetworkSpec("unet", encoder, 3, 5)
    return NetworkModel(build_model(encoder, weights="none", seed=0), spec, card)


if __name__ == "__main__":
    main()
