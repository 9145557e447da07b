"""How well does a recipe learn Leipzig's land cover from 97 points? Five spatial folds, repeated.

Run it from the repository: `python examples/leipzig_crossvalidation.py [--recipe forest|unet]`.
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
from pointillist.raster import open_scene
from pointillist.training import ForestConfig, TrainConfig, TrainingTask, Workshop, fit_recipe
from pointillist.training.crossvalidation import cross_validate

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "leipzig"


def main() -> None:
    options = read_options()
    scene = open_scene(options.data / "leipzig_raster.tif")
    labels = read_labels(options.data / "leipzig_points.gpkg", scene.grid)
    task = TrainingTask((scene,), (labels.pixels,), labels.legend, 0, scene.band_names)
    forest = ForestConfig(n_trees=options.trees, sigmas=tuple(options.scales))
    config = TrainConfig(recipe=options.recipe, forest=forest)

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
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="folder of raster and points")
    parser.add_argument("--recipe", choices=("forest", "unet"), default="forest")
    parser.add_argument("--trees", type=int, default=100)
    parser.add_argument(
        "--scales", type=float, nargs="*", default=ForestConfig().sigmas, help="of the features"
    )
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--block", type=int, help="side of the squares held out, in pixels")
    return parser.parse_args()


if __name__ == "__main__":
    main()
