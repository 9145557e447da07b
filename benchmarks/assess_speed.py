"""A map of a gigapixel judged by 1000 points: seconds, memory, and how much of it is read.

    python benchmarks/assess_speed.py [--side 32768] [--record FILE.jsonl]

The map is tiled, compressed and without class names, so that its codes have to be found as well.
`plain` is one pass with rasterio that counts codes by `numpy.bincount`: what cannot be avoided.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.transform import from_origin
from rasterio.windows import Window as RasterioWindow
from recording import record

from pointillist.accuracy import assess
from pointillist.grid import Window, iter_windows
from pointillist.points import read_features, read_metadata, write_points
from pointillist.raster import ClassRaster
from pointillist.sampling import sample

PART_PX, N_POINTS = 2048, 1000


def make_map(path: Path, side: int) -> None:
    """Fields of 32 px in five classes."""
    rng = np.random.default_rng(0)
    fields = np.kron(rng.integers(1, 6, (64, 64)), np.ones((32, 32), dtype=np.int64))
    profile: dict[str, Any] = {
        "driver": "GTiff", "width": side, "height": side, "count": 1, "dtype": "uint8",
        "nodata": 255, "tiled": True, "blockxsize": 512, "blockysize": 512, "compress": "deflate",
        "crs": "EPSG:32632", "transform": from_origin(300_000, 5_600_000, 10, 10),
    }  # fmt: skip
    with rasterio.open(path, "w", **profile) as dataset:
        for part in iter_windows((side, side), PART_PX):
            codes = np.roll(fields, (part.row // 7, part.col // 5), (0, 1)).astype(np.uint8)
            dataset.write(
                codes[: part.height, : part.width], 1,
                window=RasterioWindow(part.col, part.row, part.width, part.height),
            )  # fmt: skip


def draw(map_path: Path, out: Path) -> None:
    """A reference sample answered by the map itself, one in seven wrongly."""
    sample(map_path, N_POINTS, "stratified", out=out, purpose="reference")
    frame, metadata = read_features(out), read_metadata(out)
    wrong = np.random.default_rng(1).random(len(frame)) < 1 / 7
    frame["class"] = np.where(wrong, "1", frame["map_class"].astype(str))
    xy = np.stack([frame.geometry.x, frame.geometry.y], axis=1)
    columns = {c: frame[c].to_numpy() for c in frame.columns if c != "geometry"}
    write_points(out, xy, str(frame.crs), columns, metadata=metadata, overwrite=True)


def count_plainly(path: Path) -> None:
    total = np.zeros(256, dtype=np.int64)
    with rasterio.open(path) as dataset:
        for part in iter_windows(dataset.shape, PART_PX):
            window = RasterioWindow(part.col, part.row, part.width, part.height)
            total += np.bincount(dataset.read(1, window=window).ravel(), minlength=256)


def measure(side: int) -> dict[str, Any]:
    """Time the assessment, and the plain count before and after it."""
    read_px: list[int] = []
    original = ClassRaster.read

    def spying(self: ClassRaster, window: Window) -> Any:
        read_px.append(window.height * window.width)
        return original(self, window)

    with tempfile.TemporaryDirectory() as folder:
        map_path, points = Path(folder) / "map.tif", Path(folder) / "reference.gpkg"
        make_map(map_path, side)
        draw(map_path, points)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        plain = []
        start = time.process_time()
        count_plainly(map_path)
        plain.append(time.process_time() - start)
        ClassRaster.read = spying  # type: ignore[method-assign]
        begun, start = time.perf_counter(), time.process_time()
        result = assess(map_path, points)
        cpu, wall = time.process_time() - start, time.perf_counter() - begun
        ClassRaster.read = original  # type: ignore[method-assign]
        start = time.process_time()
        count_plainly(map_path)
        plain.append(time.process_time() - start)
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "gigapixels": round(side**2 / 1e9, 3),
        "points": result.matrix.n,
        "cpu_s": round(cpu, 2),
        "wall_s": round(wall, 2),
        "plain_count_cpu_s": [round(value, 2) for value in plain],
        "ratio_to_plain_count": round(cpu / float(np.mean(plain)), 2),
        "read_at_points_px": sum(read_px),
        "reads_at_points": len(read_px),
        "peak_mib": round(after / 1024),
        "peak_grown_mib": round((after - before) / 1024),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=32_768)
    parser.add_argument("--record", type=Path)
    options = parser.parse_args()
    record("assess", measure(options.side), options.record, "rasterio", "numpy")


if __name__ == "__main__":
    main()
