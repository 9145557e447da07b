"""The labelling app's figures: tiles, clicks, live map, several people at once, memory.

    python benchmarks/labelling_app.py SCENE [--seconds 20] [--record FILE.jsonl]

The server runs as a person starts it; everything is measured from outside, over HTTP. A view of one
megapixel is 16 tiles in the middle of the scene at full resolution. Prints one JSON line.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import httpx
import numpy as np
import psutil

from pointillist.grid import Grid
from pointillist.raster import write_array
from pointillist.scenes import generate_terrain

N_POINTS, N_CLASSES, N_TIMED = 300, 5, 20


class App:
    """The server, started."""

    def __init__(self, scene: Path, folder: Path) -> None:
        start = time.monotonic()
        command = [sys.executable, "-m", "pointillist", "label", str(scene), "--no-browser"]
        command += ["--points", str(folder / "points.gpkg"), "--port", "0"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        link = self.process.stdout.readline().split()[1]
        address, token = link.split("/?token=")
        headers = {"Authorization": f"Bearer {token}"}
        self.client = httpx.Client(base_url=f"{address}/api/", headers=headers, timeout=120)
        self.scene = self.get("scenes/0").json()
        level = self.scene["n_levels"] - 1
        self.get(f"scenes/0/image/{level}/0/0")
        self.first_view_s = time.monotonic() - start

    def get(self, path: str) -> httpx.Response:
        answer = self.client.get(path)
        answer.raise_for_status()
        return answer

    def click(self, uid: str, rng: np.random.Generator) -> float:
        """Store a point; seconds until it is said to be stored."""
        row, col = rng.uniform(0, [self.scene["height"], self.scene["width"]])
        action = {"uid": uid, "positions": [[col, row]], "name": f"class {rng.integers(N_CLASSES)}"}
        start = time.monotonic()
        body = {"request": uid, "author": "bench", "actions": [action]}
        answer = self.client.post("scenes/0/actions", json=body)
        answer.raise_for_status()
        return time.monotonic() - start

    def memory_mib(self) -> float:
        return psutil.Process(self.process.pid).memory_info().rss / 2**20

    def close(self) -> None:
        self.process.terminate()
        self.process.wait()


def p95_ms(seconds: list[float]) -> float:
    return round(float(np.percentile(seconds, 95)) * 1000, 1)


def time_tiles(app: App, rng: np.random.Generator) -> dict[str, float]:
    """Cold: each tile for the first time; warm: again."""
    paths = []
    for level in range(app.scene["n_levels"]):
        size = app.scene["tile_px"] << level
        rows, cols = -(-app.scene["height"] // size), -(-app.scene["width"] // size)
        for _ in range(min(12, rows * cols)):
            paths.append(f"scenes/0/image/{level}/{rng.integers(rows)}/{rng.integers(cols)}")
    cold, warm = [], []
    for path in dict.fromkeys(paths):
        for times in (cold, warm):
            start = time.monotonic()
            app.get(path)
            times.append(time.monotonic() - start)
    return {"tile_cold_p95_ms": p95_ms(cold), "tile_warm_p95_ms": p95_ms(warm)}


def time_overlay(app: App, rng: np.random.Generator) -> dict[str, float]:
    """From a click to all 16 tiles of the new map, six at a time as a browser asks."""
    row, col = (
        side // app.scene["tile_px"] // 2 for side in (app.scene["height"], app.scene["width"])
    )
    tiles = [[max(row - 2, 0) + i, max(col - 2, 0) + j] for i in range(4) for j in range(4)]
    app.client.post("scenes/0/view", json={"level": 0, "tiles": tiles}).raise_for_status()

    def whole_view() -> None:
        paths = [f"scenes/0/map/0/{r}/{c}" for r, c in tiles]
        with ThreadPoolExecutor(6) as pool:
            list(pool.map(app.get, paths))

    start = time.monotonic()
    whole_view()
    first = time.monotonic() - start
    times, stored = [], []
    for i in range(N_TIMED):
        start = time.monotonic()
        stored.append(app.click(f"timed{i}", rng))
        whole_view()
        times.append(time.monotonic() - start)
        time.sleep(0.2)
    return {
        "overlay_first_s": round(first, 2),
        "overlay_p50_ms": round(float(np.median(times)) * 1000, 1),
        "overlay_p95_ms": p95_ms(times),
        "stored_p95_ms": p95_ms(stored),
    }


def many_people(app: App, seconds: float, n_people: int = 8) -> dict[str, float]:
    """People who click twice a second, while one more looks at the page."""
    end = time.monotonic() + seconds
    stored: list[float] = []
    looks: list[float] = []
    made: list[str] = []

    def annotate(person: int) -> None:
        rng = np.random.default_rng(person)
        for i in range(10**6):
            if time.monotonic() > end:
                return
            uid = f"p{person}-{i}"
            stored.append(app.click(uid, rng))
            made.append(uid)
            time.sleep(max(0.0, 0.5 - stored[-1]))

    threads = [threading.Thread(target=annotate, args=(i,)) for i in range(n_people)]
    for thread in threads:
        thread.start()
    while time.monotonic() < end:
        start = time.monotonic()
        app.get("scenes/0/legend")
        looks.append(time.monotonic() - start)
        time.sleep(0.2)
    for thread in threads:
        thread.join()
    labels = [label["uid"] for label in app.get("scenes/0/labels").json()["labels"]]
    return {
        "people": n_people,
        "people_seconds": seconds,
        "people_clicks": len(made),
        "people_lost": len(set(made) - set(labels)),
        "people_doubled": len(labels) - len(set(labels)),
        "people_stored_p95_ms": p95_ms(stored),
        "people_answer_p95_ms": p95_ms(looks),
    }


def make_scene(folder: Path) -> Path:
    scene = generate_terrain(0, 1536, 1536)
    return write_array(folder / "terrain.tif", scene.image, Grid(1536, 1536))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scene", type=Path, nargs="?", help="generated where not given")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--record", type=Path)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        scene = options.scene or make_scene(Path(folder))
        app = App(scene, Path(folder))
        try:
            classes = [
                {"name": f"class {i}", "color": f"#{i + 1}0{i}0{i}0"} for i in range(N_CLASSES)
            ]
            app.client.put("scenes/0/legend", json={"request": "l", "classes": classes})
            figures: dict[str, object] = {"first_view_s": round(app.first_view_s, 2)}
            figures |= time_tiles(app, rng)
            for i in range(N_POINTS):
                app.click(f"point{i}", rng)
            figures |= time_overlay(app, rng)
            figures |= many_people(app, options.seconds)
            figures["memory_mib"] = round(app.memory_mib())
        finally:
            app.close()
    facts = {
        "what": "labelling app",
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "scene": scene.name,
        "megapixels": round(app.scene["width"] * app.scene["height"] / 1e6, 1),
        "cores": len(os.sched_getaffinity(0)),
        "load": [round(v, 1) for v in os.getloadavg()],
        "python": platform.python_version(),
    }
    line = json.dumps({**facts, **figures})
    print(line)
    if options.record is not None:
        with options.record.open("a", encoding="utf-8") as file:
            file.write(line + "\n")


if __name__ == "__main__":
    main()
