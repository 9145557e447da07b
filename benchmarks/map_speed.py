"""P-speed: the whole `predict` command against a plain float32 loop and the engine's own rate.

    python benchmarks/map_speed.py [--model RUN --scene SCENE.tif] [--halo 64] [--record FILE]

Every side is a process of its own, with the same number of threads (OMP_NUM_THREADS):

- `predict` with the network compiled before (warm), with `--cold` also with an empty cache.
  Model load and writing of the finished map are included; its trace gives the share of the time in
  which the engine computes, and a map of 64 px the start-up.
- the plain loop of P-speed: PyTorch eager in float32, one 512-px tile at a time, 384 px of use,
  written as a GeoTIFF. Before and after the other sides, each time over half of `--tiles` tiles
  spread over the scene, and extrapolated to all of them; its start-up is counted once.
- the engine alone on a block in memory: what P-speed calls the ceiling.

Without a model a network with random weights is used, on a generated scene: short enough for
`make bench`. Peak memory is `VmHWM` of the process; what the model itself takes is measured by
a process that loads it, compiles it and maps 64 px.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from recording import record

TILE_PX, HALO_PX = 512, 64
USEFUL_PX = TILE_PX - 2 * HALO_PX


def plain_loop(model_path: Path, scene: Path, out: Path, n_tiles: int, part: int) -> dict[str, Any]:
    """The plain loop over every so-manieth tile: seconds to load, seconds per tile."""
    start = Clock()
    import rasterio
    import torch
    from rasterio.windows import Window

    from pointillist.models import EnsembleModel, load

    model = load(model_path)
    if isinstance(model, EnsembleModel):
        model = model.parts[0]
    network, normalise = model.network, model.normalisation.apply
    with rasterio.open(scene) as source:
        corners = [(row, col) for row in range(0, source.height, USEFUL_PX)
                   for col in range(0, source.width, USEFUL_PX)]  # fmt: skip
        chosen = corners[
            part * max(1, len(corners) // n_tiles // 2) :: max(1, len(corners) // n_tiles)
        ]
        profile = {"driver": "GTiff", "height": source.height, "width": source.width, "count": 1,
                   "dtype": "uint8", "compress": "deflate", "tiled": True,
                   "blockxsize": 512, "blockysize": 512}  # fmt: skip
        loaded, work = start.lap(), Clock()
        with rasterio.open(out, "w", **profile) as made, torch.inference_mode():
            for row, col in chosen:
                window = Window(col - HALO_PX, row - HALO_PX, TILE_PX, TILE_PX)
                data = source.read(window=window, boundless=True, fill_value=0)
                image = torch.from_numpy(normalise(data.astype(np.float32)))[None]
                classes = network(image)[0].argmax(0).numpy().astype(np.uint8)
                height, width = (
                    min(USEFUL_PX, source.height - row),
                    min(USEFUL_PX, source.width - col),
                )
                inner = classes[HALO_PX : HALO_PX + height, HALO_PX : HALO_PX + width]
                made.write(inner, 1, window=Window(col, row, width, height))
        spent = work.lap()
    return {
        "n_tiles": len(chosen), "n_tiles_of_scene": len(corners),
        "load": loaded, "per_tile": {k: v / len(chosen) for k, v in spent.items()},
    }  # fmt: skip


def forward_rate(model_path: Path, scene: Path, block_px: int, halo_px: int) -> dict[str, Any]:
    """The engine alone on the first block of the scene, in memory: pixels per second."""
    import rasterio

    from pointillist.models import load
    from pointillist.models.threads import usual_threads
    from pointillist.prediction import EngineRequest, Tiling, choose_engine
    from pointillist.raster import open_scene

    model = load(model_path, ready=False)
    source = open_scene(scene)
    with rasterio.open(scene) as opened:
        n_px = opened.width * opened.height
    blocks = Tiling.of_model(model, block_px, halo_px).plan(source.grid.shape)
    block = max(blocks, key=lambda b: b.read.height * b.read.width)
    pixels = source.read(block.read)
    engine = choose_engine(model, EngineRequest(), n_px, lambda: pixels, usual_threads())
    prepared, crop = engine.prepare(pixels), block.core.slices_in(block.read)
    engine.scores(prepared, crop)
    clock = Clock()
    engine.scores(prepared, crop)
    spent = clock.lap()
    return {"engine": engine.name, "px": pixels.valid.size, "spent": spent}


class Clock:
    """Seconds on the wall and of the processor since it was made."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def lap(self) -> dict[str, float]:
        return {
            "wall_s": time.perf_counter() - self._wall,
            "cpu_s": time.process_time() - self._cpu,
        }


def run_predict(
    model: Path, scene: Path, folder: Path, name: str, halo_px: int | None = None
) -> dict[str, Any]:
    """The whole command as a process: seconds, peak memory, and what its trace says."""
    trace = folder / f"{name}.json"
    command: list[str | Path] = [sys.executable, "-m", "pointillist", "predict", model, scene]
    command += ["--out", folder / f"{name}.tif", "--trace", trace]
    command += [] if halo_px is None else ["--halo", str(halo_px)]
    start = time.perf_counter()
    with (folder / f"{name}.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit((folder / f"{name}.log").read_text())
    return {
        "wall_s": time.perf_counter() - start,
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "peak_mib": usage.ru_maxrss / 1024,
        **read_trace(trace),
    }


def read_trace(trace: Path) -> dict[str, Any]:
    """Seconds that blocks took, and the share of them in which the engine computed."""
    events = [e for e in json.loads(trace.read_text())["traceEvents"] if e["ph"] == "X"]
    infer = [e for e in events if e["name"] == "infer"]
    finish = sum(e["dur"] for e in events if e["name"] == "finish")
    begin, end = infer[0]["ts"], infer[-1]["ts"] + infer[-1]["dur"]
    busy = sum(e["dur"] for e in infer)
    return {
        "n_blocks": len(infer),
        "mapping_s": (end - begin) / 1e6,
        "engine_busy_share": busy / (end - begin),
        "finish_s": finish / 1e6,
    }


def side(name: str, *arguments: object) -> dict[str, Any]:
    """Run one side of the comparison in a process of its own."""
    command = [sys.executable, __file__, "--side", name, *map(str, arguments)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def measure(model: Path, scene: Path, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """All sides, alternating, and their ratios."""
    from pointillist.models import load
    from pointillist.prediction.sizing import choose_tiling
    from pointillist.raster import open_scene

    tiling = choose_tiling(load(model, ready=False), None, options.halo, None)
    grid = open_scene(scene).grid
    n_px, blocks = grid.height * grid.width, tiling.plan(grid.shape)
    n_read = sum(block.read.height * block.read.width for block in blocks)
    tiny = crop_scene(scene, folder / "tiny.tif", 64)

    plain = [side("plain", model, scene, folder / "plain.tif", options.tiles, 0)]
    os.environ["POINTILLIST_CACHE"] = str(folder / "cache")
    cold = run_predict(model, scene, folder, "cold", options.halo) if options.cold else None
    if cold is None:
        side("forward", model, scene, 256, 0)  # compiles it and keeps it
    model_only = run_predict(model, tiny, folder, "tiny_warm")
    forward = [side("forward", model, scene, tiling.block_px, tiling.halo_px)]
    warm = run_predict(model, scene, folder, "warm", options.halo)
    forward.append(side("forward", model, scene, tiling.block_px, tiling.halo_px))
    plain.append(side("plain", model, scene, folder / "plain.tif", options.tiles, 1))

    figures: dict[str, Any] = {
        "scene": scene.name, "mpx": n_px / 1e6, "threads": os.environ.get("OMP_NUM_THREADS", "all"),
        "engine": forward[0]["engine"], "block_px": tiling.block_px, "halo_px": tiling.halo_px,
        "read_per_mapped_px": n_read / n_px,
        "warm": warm, "cold": cold, "tiny_map": model_only,
        "peak_over_model_mib": warm["peak_mib"] - model_only["peak_mib"],
    }  # fmt: skip
    for clock in ("cpu_s", "wall_s"):
        loop = np.mean(
            [p["load"][clock] + p["per_tile"][clock] * p["n_tiles_of_scene"] for p in plain]
        )
        rate = np.mean([f["px"] / f["spent"][clock] for f in forward]) / 1e6
        figures[f"by_{clock[:-2]}"] = {
            "plain_loop_s": loop,
            "plain_loop_mpx_per_s": n_px / 1e6 / loop,
            "predict_mpx_per_s": n_px / 1e6 / warm[clock],
            "forward_mpx_per_s": rate,
            "times_the_plain_loop": loop / warm[clock],
            "times_the_plain_loop_cold": None if cold is None else loop / cold[clock],
        }
    figures["plain_tiles"] = [p["n_tiles"] for p in plain]
    return rounded(figures)


def rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()}
    return float(f"{value:.4g}") if isinstance(value, float) else value


def crop_scene(scene: Path, out: Path, side_px: int) -> Path:
    import rasterio
    from rasterio.windows import Window

    with rasterio.open(scene) as source:
        data = source.read(window=Window(0, 0, side_px, side_px))
        profile = {"driver": "GTiff", "count": len(data), "height": side_px, "width": side_px}
        profile |= {"dtype": data.dtype, "crs": source.crs, "transform": source.transform}
    with rasterio.open(out, "w", **profile) as made:
        made.write(data)
    return out


def make_inputs(folder: Path, side_px: int, encoder: str) -> tuple[Path, Path]:
    """A network with random weights and a scene of noisy blotches."""
    from pointillist.grid import Grid, Transform
    from pointillist.legend import Legend
    from pointillist.models import ModelCard, NetworkModel, NetworkSpec, Normalisation
    from pointillist.models.network import build_network
    from pointillist.raster import write_array

    rng = np.random.default_rng(0)
    coarse = rng.integers(40, 200, (3, side_px // 16, side_px // 16)).repeat(16, 1).repeat(16, 2)
    image = (coarse + rng.integers(0, 40, coarse.shape)).astype(np.uint8)
    grid = Grid(*image.shape[1:], Transform(1, 0, 3e5, 0, -1, 57e5))
    names = ("red", "green", "blue")
    scene = write_array(folder / "scene.tif", image, grid, band_names=names)
    spec = NetworkSpec("unet", encoder, 3, 5)
    card = ModelCard(Legend.from_names(list("ABCDE")), names, Normalisation((128,) * 3, (50,) * 3))
    model = NetworkModel(build_network(spec, seed=0), spec, card)
    return model.save(folder / "model.safetensors"), scene


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path)
    parser.add_argument("--scene", type=Path)
    parser.add_argument("--tiles", type=int, default=8, help="tiles of the plain loop, twice")
    parser.add_argument("--halo", type=int, help="of the map; the model's own unless given")
    parser.add_argument("--cold", action="store_true", help="map the scene with an empty cache too")
    parser.add_argument("--side-px", type=int, default=2048, help="of the generated scene")
    parser.add_argument("--encoder", default="resnet34")
    parser.add_argument("--record", type=Path)
    parser.add_argument("--keep", type=Path, help="folder for traces and logs")
    parser.add_argument("--side", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        name, *rest = options.side
        if name == "plain":
            model, scene, out, n_tiles, part = rest
            found = plain_loop(Path(model), Path(scene), Path(out), int(n_tiles), int(part))
        else:
            model, scene, block, halo = rest
            found = forward_rate(Path(model), Path(scene), int(block), int(halo))
        print(json.dumps(found))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if options.keep is not None:
            folder = options.keep
            folder.mkdir(parents=True)
        model, scene = options.model, options.scene
        if model is None or scene is None:
            model, scene = make_inputs(folder, options.side_px, options.encoder)
        figures = measure(model, scene, folder, options)
        record("map speed", figures, options.record, "torch", "openvino", "rasterio")


if __name__ == "__main__":
    main()
