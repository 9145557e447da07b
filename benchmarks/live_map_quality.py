"""The live map's quality on P-scene, beside the forest's on the same points.

    python benchmarks/live_map_quality.py [--scenes dubai1 dubai2] [--seeds 3] [--points 300]
        [--record FILE.jsonl]

Points are drawn as the protocol draws them; the light model of full resolution learns from them and
maps the whole scene, which is scored against the dense mask. The forest's score is that of the
committed record of the same cell, so both have seen the same points. Prints a line of JSON a cell.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from recording import record

from pointillist.data import estimate_normalisation
from pointillist.grid import iter_windows
from pointillist.labelling.pyramid import Pyramid
from pointillist.labelling.quick import QuickMap, Taught
from pointillist.points import LabelledPixels
from pointillist.raster import open_scene
from pointillist.studies.mapping import DESIGNS, draw_labels, score_map
from pointillist.studies.places import DUBAI, NOWHERE, read_place

FOREST = Path(__file__).parents[1] / "studies" / "records" / "scene.jsonl"
_BLOCK_PX = 512


def teach(quick: QuickMap, labels: LabelledPixels) -> None:
    """Give the live map the points, as if they had been clicked."""
    n = len(labels.index)
    quick.teach(Taught(labels.rowcol, labels.index, np.arange(n), np.ones(n, dtype=bool), 1))


def map_whole(quick: QuickMap) -> NDArray[np.int16]:
    """(H, W) class indices of the whole scene at full resolution."""
    shape = quick.pyramid.scene.grid.shape
    found = np.full(shape, -1, dtype=np.int16)
    for window in iter_windows(shape, _BLOCK_PX):
        mapped = quick.map_window(window)
        assert mapped is not None
        found[window.slices] = mapped[2].index
    return found


def forest_miou(scene: str, n_points: int, design: str, seed: int) -> float | None:
    """Of the committed record of the cell; None where there is none."""
    for line in FOREST.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        cell = row["cell"]
        same = (cell["scene"], cell["n_points"], cell["design"], cell["seed"], cell["recipe"])
        if same == (scene, n_points, design, seed, "forest") and not cell.get("class_shares"):
            return float(row["miou"])
    return None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenes", nargs="+", default=DUBAI)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--points", type=int, default=300)
    parser.add_argument("--record", type=Path)
    options = parser.parse_args()
    for name in options.scenes:
        place = read_place(name, NOWHERE.find_scenes())
        path = NOWHERE.find_scenes() / f"{name}_image.tif"
        for design in DESIGNS:
            for seed in range(options.seeds):
                scene = open_scene(path)
                pyramid = Pyramid(scene)
                quick = QuickMap(pyramid, estimate_normalisation([scene]))
                teach(quick, draw_labels(place, options.points, design, seed))
                start = time.process_time()
                score = score_map(map_whole(quick), place)
                seconds = time.process_time() - start
                quick.close()
                pyramid.close()
                scene.close()
                forest = forest_miou(name, options.points, design, seed)
                figures = {
                    "scene": name,
                    "n_points": options.points,
                    "design": design,
                    "seed": seed,
                    "live_miou": round(score["miou"], 4),
                    "live_overall_accuracy": round(score["overall_accuracy"], 4),
                    "forest_miou": None if forest is None else round(forest, 4),
                    "map_cpu_seconds": round(seconds, 1),
                }
                record("live map quality", figures, options.record, "numpy")


if __name__ == "__main__":
    main()
