"""Maps of one scene beside each other: the truth, a forest, a plain network, the default recipe.

    python benchmarks/map_quality.py --scenes DIR --scene dubai2 --out docs/images/map_quality.png

All learn from the same points, in so many steps as asked for; classes only are drawn, never
imagery. A plain network takes about eight times as long per step as the default one.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np

from pointillist.studies.mapping import Lesson, draw_labels, learn, map_place, score_map
from pointillist.studies.panels import colour
from pointillist.studies.places import Place, read_place


def main() -> None:
    """Train, map, score, draw."""
    options = _read_options()
    place = read_place(options.scene, options.scenes)
    labels = draw_labels(place, options.points, options.design, options.seed)
    common = {"seed": options.seed, "design": options.design}
    lessons = {
        "forest": Lesson("forest", class_shares="auto", **common),
        "plain network": Lesson("unet", steps=options.plain_steps, class_shares="points", **common),
        "default recipe": Lesson(
            "stack", steps=options.steps, class_shares="auto", setting="default", **common
        ),
    }
    if not options.plain_steps:
        del lessons["plain network"]
    maps = {"truth": place.mask}
    for name, lesson in lessons.items():
        start = time.process_time()
        model, facts = learn([place], [labels], lesson)
        seconds = round(time.process_time() - start)
        found = map_place(model, place)
        scores = score_map(found, place)
        print(json.dumps({"map": name, "cpu_seconds": seconds, **scores, **facts}), flush=True)
        title = f"{name}\nmean IoU {scores['miou']:.3f}, accuracy {scores['overall_accuracy']:.3f}"
        maps[title] = found
    draw_maps(maps, place, options.out)


def draw_maps(maps: dict[str, np.ndarray], place: Place, out: Path) -> None:
    """Draw class maps (H, W) side by side, with the legend below."""
    import matplotlib.pyplot as plt
    from matplotlib.patches import Patch

    height, width = place.mask.shape
    figure, axes = plt.subplots(
        1, len(maps), figsize=(3.6 * len(maps), 3.6 * height / width + 0.9), layout="constrained"
    )
    for axis, (title, found) in zip(axes, maps.items(), strict=True):
        axis.imshow(colour(found[::2, ::2].astype(np.int8), place.legend), interpolation="nearest")
        axis.set_title(title, fontsize=9)
        axis.axis("off")
    pairs = zip(place.legend.names, place.legend.colors, strict=True)
    patches = [Patch(color=np.array(rgb) / 255, label=name) for name, rgb in pairs]
    figure.legend(handles=patches, loc="outside lower center", ncols=len(patches), fontsize=8)
    figure.savefig(out, dpi=110)


def _read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scenes", type=Path, required=True, help="folder of scenes and masks")
    parser.add_argument("--scene", default="dubai2")
    parser.add_argument("--points", type=int, default=300)
    parser.add_argument("--design", default="simple")
    parser.add_argument("--seed", type=int, default=100)
    parser.add_argument("--steps", type=int, default=450, help="of the default recipe")
    parser.add_argument("--plain-steps", type=int, default=0, help="of the plain network; 0: none")
    parser.add_argument("--out", type=Path, required=True)
    return parser.parse_args()


if __name__ == "__main__":
    main()
