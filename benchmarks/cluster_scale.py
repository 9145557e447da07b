"""What a map by many workers is limited by: tasks, blocks, assembling, bytes, and a worker's rate.

`examples/country_schedule.py` and `docs/scaling.md` take their figures from the record.

    python benchmarks/cluster_scale.py [--scene scene.tif] [--out FILE.jsonl]

Processor time is measured, not wall time, so that figures hold on a busy machine too.
"""

from __future__ import annotations

import argparse
import logging
import resource
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import rasterio
from recording import record

from pointillist.grid import Grid, Transform, iter_windows
from pointillist.legend import Legend
from pointillist.models import (
    ModelCard,
    NetworkModel,
    NetworkSpec,
    Normalisation,
    TrainedModel,
)
from pointillist.models.network import build_network
from pointillist.prediction import predict
from pointillist.prediction.cluster.crew import Crew, CrewRequest, open_crew
from pointillist.raster import MapWriter, write_array

NAMES = ("red", "green", "blue")
LEGEND = Legend.from_names(list("ABCDE"))
PLACE = Transform(0.5, 0, 3e5, 0, -0.5, 57e5)


def tasks_per_cpu_s(n_tasks: int, n_workers: int) -> float:
    """Groups of blocks handed out and taken back when there is no work, by a process that directs
    and schedules, per second of its processor time.
    """
    with open_crew(CrewRequest(workers=n_workers)) as crew:
        workers = _wait_for(crew, n_workers)
        out: dict[object, str] = {}
        sent = 0
        with clock() as used:
            while sent < n_tasks or out:
                for worker in workers:
                    while sent < n_tasks and sum(w == worker for w in out.values()) < 2:
                        out[crew.send(worker, int, sent)] = worker
                        sent += 1
                for future in crew.first_ended(out):
                    out.pop(future)
    return n_tasks / used["cpu"]


def _wait_for(crew: Crew, n_workers: int) -> list[str]:
    while len(crew.present()) < n_workers:
        time.sleep(0.1)
    return sorted(crew.present())


def directing_s(folder: Path, model: Path, side: int, block: int) -> float:
    """Processor time that directing and scheduling takes per group, ledgers and shares included.

    The scene has no data, so that workers have little to do.
    """
    scene = folder / "empty.tif"
    with rasterio.open(
        scene, "w", driver="GTiff", count=3, height=side, width=side, dtype="uint8", nodata=0,
        crs="EPSG:32633", transform=rasterio.Affine(*PLACE.coefficients), tiled=True,
        sparse_ok=True,
    ):  # fmt: skip
        pass
    used: list[float] = []
    predict(model, scene, folder / "empty_map.tif", block=block, halo=0, workers=2,
            progress=lambda done, total: used.append(processor_s()))  # fmt: skip
    first = len(used) // 4  # workers load the model meanwhile
    return (used[-1] - used[first]) / (len(used) - 1 - first)


def processor_s() -> float:
    """Processor time of this process so far, all threads together."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


@contextmanager
def clock() -> Iterator[dict[str, float]]:
    """Processor time of a `with` block."""
    used, before = {"cpu": 0.0}, processor_s()
    yield used
    used["cpu"] = processor_s() - before


def assemble(folder: Path, side: int) -> tuple[float, float]:
    """Megapixels per CPU second of writing a map as COG, and its bytes per pixel."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(1, 6, (side // 32, side // 32)).astype(np.uint8)
    classes = coarse.repeat(32, 0).repeat(32, 1)
    edges = rng.random(classes.shape) < 0.02
    classes[edges] = rng.integers(1, 6, int(edges.sum()))
    grid = Grid(side, side, PLACE, "EPSG:32633")
    path = folder / "assembled.tif"
    with clock() as used, MapWriter(path, grid, LEGEND) as writer:
        for window in iter_windows(grid.shape, 1024):
            writer.write(window, classes[window.slices])
    return side**2 / 1e6 / used["cpu"], path.stat().st_size / side**2


def worker_rate(model: TrainedModel, scene: Path, folder: Path) -> float:
    """Megapixels that one core maps per second of its time: blocks read, computed and kept.

    The first blocks are left out: libraries are loaded and an engine is chosen there.
    """
    with rasterio.open(scene) as dataset:
        n_px = dataset.width * dataset.height
    used: list[float] = []
    predict(model, scene, folder / "unet.tif", progress=lambda *_: used.append(processor_s()))
    n_blocks = len(used) - 1  # the scene's last block is as large as the others, on average
    return n_px / 1e6 * n_blocks / len(used) / (used[-1] - used[0])


def make_scene(folder: Path, side: int) -> Path:
    """Noisy blotches."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(40, 200, (3, side // 16, side // 16)).repeat(16, 1).repeat(16, 2)
    image = (coarse + rng.integers(0, 40, coarse.shape)).astype(np.uint8)
    return write_array(
        folder / "scene.tif", image, Grid(side, side, PLACE, "EPSG:32633"), band_names=NAMES
    )


def make_network(encoder: str) -> NetworkModel:
    """A network with random weights."""
    card = ModelCard(LEGEND, NAMES, Normalisation((128.0,) * 3, (50.0,) * 3), 0.5)
    spec = NetworkSpec("unet", encoder, 3, 5)
    return NetworkModel(build_network(spec, seed=0), spec, card)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scene", type=Path, help="a real scene of three bands")
    parser.add_argument("--side", type=int, default=2048, help="of a generated scene")
    parser.add_argument("--encoder", default="resnet34")
    parser.add_argument("--tasks", type=int, default=1000)
    parser.add_argument("--out", type=Path, help="append the record to this file")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = make_network(arguments.encoder)
        file = model.save(folder / "model.safetensors")
        scene = arguments.scene or make_scene(folder, arguments.side)
        with rasterio.open(scene) as dataset:
            bytes_in = Path(scene).stat().st_size / (dataset.width * dataset.height)
        rate = worker_rate(model, scene, folder)
        assembled, bytes_out = assemble(folder, 8192)
        figures = {
            "tasks_per_cpu_s": tasks_per_cpu_s(arguments.tasks, 2),
            "directing_s_per_group": directing_s(folder, file, 4096, 64),
            "assembled_mpx_per_cpu_s": assembled,
            "bytes_out_per_px": bytes_out,
            "bytes_in_per_px": bytes_in,
            "mpx_per_cpu_s": rate,
        }
    rounded = {key: float(f"{value:.3g}") for key, value in figures.items()}
    about = {"encoder": arguments.encoder, "scene": Path(scene).name}
    record("cluster scale", {**about, **rounded}, arguments.out, "distributed", "torch", "openvino")


if __name__ == "__main__":
    main()
