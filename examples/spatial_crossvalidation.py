"""How well does a recipe learn from these points? Five spatial folds, pooled, repeated.

Run it from the repository; without arguments it takes the Leipzig scene and its 97 points:

    python examples/spatial_crossvalidation.py [SCENE POINTS] [--bands 1-7] [--recipe forest|unet]

Every repetition deals the squares out to the folds anew and trains with another seed, so that the
spread shows how much one figure may be trusted.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from pointillist.models import TrainedModel
from pointillist.points import read_labels
from pointillist.raster import open_scene, parse_bands
from pointillist.training import (
    ForestConfig,
    TrainConfig,
    TrainingTask,
    UnetConfig,
    Workshop,
    fit_recipe,
)
from pointillist.training.crossvalidation import cross_validate

LEIPZIG = Path(__file__).resolve().parents[2] / "shared" / "data" / "leipzig"


def main() -> None:
    options = read_options()
    scene = open_scene(options.scene, parse_bands(options.bands) if options.bands else None)
    labels = read_labels(options.points, scene.grid)
    task = TrainingTask((scene,), (labels.pixels,), labels.legend, 0, scene.band_names)
    config = TrainConfig(
        recipe=options.recipe,
        forest=ForestConfig(n_trees=options.trees, sigmas=tuple(options.scales)),
        unet=UnetConfig(steps=options.steps, weights="none", holdout=0.0),
    )

    def fit(part: TrainingTask) -> TrainedModel:
        return fit_recipe(part, config, Workshop()).model

    accuracies = []
    for seed in range(options.seeds):
        result = cross_validate(replace(task, seed=seed), fit, block_px=options.block, seed=seed)
        accuracies.append(result.overall_accuracy)
        print(f"Seed {seed}", *result.lines(), sep="\n  ", flush=True)
    print(
        f"\n{options.recipe}: overall accuracy {np.mean(accuracies):.3f}, from "
        f"{min(accuracies):.3f} to {max(accuracies):.3f} over {len(accuracies)} seeds."
    )


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scene", type=Path, nargs="?", default=LEIPZIG / "leipzig_raster.tif")
    parser.add_argument("points", type=Path, nargs="?", default=LEIPZIG / "leipzig_points.gpkg")
    parser.add_argument("--bands", help="by number, range or name; all without it")
    parser.add_argument("--recipe", choices=("forest", "unet"), default="forest")
    parser.add_argument("--trees", type=int, default=100)
    parser.add_argument(
        "--scales", type=float, nargs="*", default=ForestConfig().sigmas, help="of the features"
    )
    parser.add_argument("--steps", type=int, default=300, help="of each network")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--block", type=int, help="side of the squares held out, in pixels")
    return parser.parse_args()


if __name__ == "__main__":
    main()
