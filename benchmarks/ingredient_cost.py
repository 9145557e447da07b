"""What the ingredients of the default recipe cost a training step, against a plain step.

    python benchmarks/ingredient_cost.py [--rounds 3] [--steps 30] [--record FILE.jsonl]

Plain: the same slim network with partial cross-entropy on chips as the points come, the last
weights, nothing held out. Each row changes what it says. A step is the difference between trainings
of two lengths, so that what comes before and after does not count; CPU time on one thread, all rows
in turn within one process; the median of the rounds is the figure.
"""

from __future__ import annotations

import argparse
import statistics
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from recording import record

from pointillist.raster import ArraySource
from pointillist.scenes import TERRAIN_LEGEND, generate_terrain
from pointillist.studies.mapping import draw_labels
from pointillist.studies.places import Place
from pointillist.training import TrainingTask, UnetConfig, Workshop
from pointillist.training.unet import fit_unet

SIDE_PX, N_POINTS, FIRST_STEPS = 1024, 300, 5
PLAIN: dict[str, Any] = {
    "encoder": "slim", "weights": "none", "draw": "natural", "select": "last", "holdout": 0.0,
    "jitter": 0.0, "augment": False, "patience": 0, "calibrate": False, "steps_per_epoch": 1000,
}  # fmt: skip
DEFAULT: dict[str, Any] = {"encoder": "slim", "weights": "generated", "steps_per_epoch": 1000}
ROWS: dict[str, tuple[dict[str, Any], dict[str, float]]] = {
    "plain": (PLAIN, {}),
    "default": (DEFAULT, {}),
    "default, points grown": ({**DEFAULT, "grow_px": 6}, {}),
    "default, gated CRF": ({**DEFAULT, "gated_crf": 0.3}, {}),
    "default, label noise": (DEFAULT, {"label_noise": 0.1}),
    "default, point radius 2": (DEFAULT, {"point_radius": 2.0}),
}


def make_task() -> TrainingTask:
    """Simple random points on a generated scene."""
    scene = generate_terrain(3, SIDE_PX, SIDE_PX)
    source = ArraySource(scene.image)
    place = Place("terrain", source, scene.mask.astype(np.int16), TERRAIN_LEGEND)
    labels = draw_labels(place, N_POINTS, "simple", seed=0)
    return TrainingTask((source,), (labels,), TERRAIN_LEGEND, 0, tuple(source.band_names))


def step_s(task: TrainingTask, config: UnetConfig, steps: int) -> float:
    """CPU seconds of a step."""
    spent = []
    for n in (FIRST_STEPS, FIRST_STEPS + steps):
        start = time.process_time()
        fit_unet(task, config.model_copy(update={"steps": n}), Workshop())
        spent.append(time.process_time() - start)
    return (spent[1] - spent[0]) / steps


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--record", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(1)
    task = make_task()
    found: dict[str, list[float]] = {name: [] for name in ROWS}
    for _ in range(args.rounds):
        for name, (unet, told) in ROWS.items():
            config = UnetConfig(device="cpu", **unet)
            found[name].append(step_s(replace(task, **told), config, args.steps))
    plain = statistics.median(found["plain"])
    figures = {}
    for name, seconds in found.items():
        middle = statistics.median(seconds)
        figures[name] = {"step_ms": round(1000 * middle, 1), "ratio": round(middle / plain, 2)}
        print(f"{name:25} {1000 * middle:6.0f} ms   {middle / plain:.2f}×")
    record("ingredient_cost", {"rounds": args.rounds, "rows": figures}, args.record, "torch")


if __name__ == "__main__":
    main()
