"""P-scene: points on one real scene, train on those only, map the scene, score the whole scene."""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pointillist.studies.records import append_record

RECORDS = Path("studies/records/scene.jsonl")


@dataclass(frozen=True)
class SceneCell:
    """One run of the protocol.

    Args:
        scene: Name of the scene.
        n_points: Points in total.
        design: `simple` or `balanced`.
        recipe: `unet` or `forest`.
        seed: Seed of points and training; each is a new draw of points.
        budget: Time for the whole training, e.g. `10m`; None for the recipe's own length.
        steps: Optimiser steps; None for the recipe's own length.
    """

    scene: str
    n_points: int = 300
    design: str = "simple"
    recipe: str = "unet"
    seed: int = 0
    budget: str | None = None
    steps: int | None = None


def run_scene(cell: SceneCell, image: Path, mask: Path) -> dict[str, Any]:
    """Draw points from the mask, train, map the scene, score every labelled pixel of the mask.

    The mask is used for nothing but drawing the points and scoring.

    Args:
        cell: What to run.
        image: The scene.
        mask: Its classes.

    Returns:
        Record: protocol, cell, `miou` over the classes present, `overall_accuracy`, per-class IoU,
        seconds of `train` and `predict`.
    """
    from pointillist.accuracy import assess
    from pointillist.prediction import predict
    from pointillist.sampling import sample
    from pointillist.training import train

    with tempfile.TemporaryDirectory(prefix="pointillist-") as folder:
        place = Path(folder)
        points, made = place / "points.gpkg", place / "map.tif"
        sample(mask, cell.n_points, cell.design, out=points, seed=cell.seed)
        start = time.monotonic()
        run = train(
            image,
            points,
            place / "run",
            recipe=cell.recipe,
            weights="none",
            budget=cell.budget,
            steps=cell.steps,
            seed=cell.seed,
        )
        train_s = time.monotonic() - start
        start = time.monotonic()
        predict(run, image, made)
        predict_s = time.monotonic() - start
        figures = assess(made, mask).to_dict()
        wanted = ("steps", "precision", "device")
        facts: dict[str, Any] = {k: v for k, v in run.metrics.items() if k in wanted}
    return {
        "protocol": "P-scene",
        "cell": asdict(cell),
        "miou": figures["mean_iou"],
        "overall_accuracy": figures["overall_accuracy"],
        "iou": figures["iou"],
        "train_seconds": round(train_s, 1),
        "predict_seconds": round(predict_s, 1),
        **facts,
    }


def main(argv: Sequence[str] | None = None) -> None:
    """Run one scene for several seeds and append the records."""
    parser = argparse.ArgumentParser(
        prog="python -m pointillist.studies.scene", description=__doc__
    )
    parser.add_argument("image", type=Path)
    parser.add_argument("mask", type=Path)
    parser.add_argument("--points", type=int, default=300)
    parser.add_argument("--design", default="simple")
    parser.add_argument("--recipe", default="unet")
    parser.add_argument("--budget")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--records", type=Path, default=RECORDS)
    args = parser.parse_args(argv)
    name = args.image.stem.removesuffix("_image")
    for seed in args.seeds:
        cell = SceneCell(name, args.points, args.design, args.recipe, seed, args.budget, args.steps)
        record = append_record(args.records, run_scene(cell, args.image, args.mask))
        print(
            f"{name} {args.points} {args.design} {args.recipe} seed {seed}: "
            f"mIoU {record['miou']:.3f}, OA {record['overall_accuracy']:.3f}, "
            f"{record['train_seconds']} s + {record['predict_seconds']} s",
            flush=True,
        )


if __name__ == "__main__":
    main()
