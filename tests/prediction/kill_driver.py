"""Maps a scene in child processes and kills them; run as a script by `test_kills.py`.

Everything is imported once: a child is forked, maps with a slow model, and is killed at a random
time, or kills itself at a chosen place. Then `resume` finishes its map in another child. For each
kill a line of JSON says how many blocks had been kept and whether the results are right.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import rasterio
from prediction_cases import TRANSFORM, UTM, Thresholder, grey, read_raster

from pointillist.errors import OutputError
from pointillist.prediction import block_store, ledger, predict, work_folder
from pointillist.prediction.leftovers import count_leftovers
from pointillist.prediction.work_folder import WorkFolder
from pointillist.raster.writing import BandWriter, _RasterWriter

N_COMPUTED = 19  # blocks that are not empty
SHORTEST_PAUSE_S = 0.02
pause_s = SHORTEST_PAUSE_S


class SlowThresholder(Thresholder):
    def _class_probabilities(self, data, valid):
        time.sleep(pause_s)
        return super()._class_probabilities(data, valid)


def make_map(folder: Path, scene: Path) -> None:
    predict(
        SlowThresholder(), scene, folder / "map.tif", block=64, halo=0, resume=True,
        uncertainty=folder / "u.tif", probabilities=folder / "p.tif", probabilities_dtype="uint8",
    )  # fmt: skip


def die(*_: object, **__: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_in_half(nth: int) -> Callable[..., None]:
    """A `write_all` that dies in the middle of its nth call."""
    n_calls = 0

    def write_all(file, data) -> None:
        nonlocal n_calls
        n_calls += 1
        if n_calls == nth:
            file.write(data[: len(data) // 2])
            die()
        file.write(data)

    return write_all


def die_after(function):
    def wrapped(*args, **options) -> None:
        function(*args, **options)
        die()

    return wrapped


def at_place(place: str) -> None:
    """Make this process kill itself at a place."""
    if place == "before anything is recorded":
        work_folder._replace_text = die
    elif place == "in the middle of a line":
        ledger.write_all = die_in_half(5)
    elif place == "in the middle of a block":
        block_store.write_all = die_in_half(8)
    elif place == "between a block and its line":
        calls = iter(range(100))
        append = ledger.Ledger._append
        ledger.Ledger._append = lambda *args: die() if next(calls) == 6 else append(*args)
    elif place == "before a file is moved into place":
        _RasterWriter._make_cog = die_after(_RasterWriter._make_cog)
    elif place == "when the first file is in place":
        BandWriter.close = die_after(BandWriter.close)
    elif place == "when all files are in place":
        WorkFolder.remove = die
    elif place == "while work files are removed":
        WorkFolder.remove = die_after(lambda work: (work.path / "job.json").unlink())


PLACES = (
    "before anything is recorded",
    "in the middle of a line",
    "in the middle of a block",
    "between a block and its line",
    "before a file is moved into place",
    "when the first file is in place",
    "when all files are in place",
    "while work files are removed",
)


def in_child(work: Callable[[], None]) -> int:
    """Fork; returns the child's process id."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
        except BaseException as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    return pid


def status_of(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def kill_once(folder: Path, scene: Path, after_s: float | None, place: str) -> dict[str, object]:
    """Start a map, kill it, and finish it."""
    folder.mkdir()

    def doomed() -> None:
        at_place(place)
        make_map(folder, scene)

    pid = in_child(doomed)
    if after_s is not None:
        time.sleep(after_s)
        os.kill(pid, signal.SIGKILL)
    ended = status_of(pid)
    try:
        n_kept = count_leftovers(folder / "map.tif")
    except OutputError as error:
        n_kept = str(error)
    there = (folder / "map.tif").exists()
    status = status_of(in_child(lambda: make_map(folder, scene)))
    return {"place": place, "ended": ended, "n_kept": n_kept, "map_there": there, "resumed": status}


def timed_map(folder: Path, scene: Path) -> float:
    """Seconds that a map takes which nobody kills."""
    folder.mkdir()
    start = time.monotonic()
    assert status_of(in_child(lambda: make_map(folder, scene))) == 0
    return time.monotonic() - start


def main(folder: Path, n_kills: int) -> None:
    rng = random.Random(7)
    scene = folder / "scene.tif"
    data = grey(320, 310)
    profile = {"driver": "GTiff", "crs": UTM, "transform": TRANSFORM, "dtype": "uint8"}
    with rasterio.open(scene, "w", count=1, height=320, width=310, nodata=0, **profile) as file:
        data[:100, :200] = 0  # some blocks are empty
        file.write(data, 1)
    global pause_s
    # however busy the machine is, blocks are to take twice as long as all else
    rest_s = timed_map(folder / "first", scene) - N_COMPUTED * pause_s
    pause_s = max(SHORTEST_PAUSE_S, 2 * rest_s / N_COMPUTED)
    whole = folder / "whole"
    seconds = timed_map(whole, scene)
    names = sorted(path.name for path in whole.iterdir())
    kills = [(rng.uniform(0.02, 1.0) * seconds, "at a random time") for _ in range(n_kills)]
    for number, (after_s, place) in enumerate([*kills, *((None, place) for place in PLACES)]):
        made = folder / f"{number}"
        told = kill_once(made, scene, after_s, place)
        told["files"] = sorted(path.name for path in made.iterdir()) == names
        told["same"] = all(
            np.array_equal(read_raster(made / name), read_raster(whole / name))
            for name in names if name.endswith(".tif")
        )  # fmt: skip
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
