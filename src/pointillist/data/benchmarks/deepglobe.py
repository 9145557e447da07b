"""DeepGlobe Land Cover: 803 labelled satellite images of 2448 × 2448 px, 0.5 m.

Only the publisher's training files have public labels; they are divided by name into about 80 %
`train`, 10 % `val` and 10 % `test`. Masks are colour-coded, with values that are not always 0 or
255; they are thresholded at 128, as the publisher says. Unknown (black) is ignored.
"""

from __future__ import annotations

from pathlib import Path

from pointillist.data.benchmarks.labels import IGNORED, ColoredLabels
from pointillist.data.benchmarks.layout import (
    Benchmark,
    Sample,
    SplitFiles,
    WrongLayoutError,
    count_of,
    files_by_stem,
    nested,
    refuse_unlabelled,
    share_of,
)
from pointillist.legend import Color, Legend
from pointillist.models import Normalisation

LEGEND = Legend.from_names(
    ["Urban land", "Agriculture land", "Rangeland", "Forest land", "Water", "Barren land"],
    colors=[
        (0, 255, 255), (255, 255, 0), (255, 0, 255), (0, 255, 0), (0, 0, 255), (255, 255, 255),
    ],
)  # fmt: skip
UNKNOWN: Color = (0, 0, 0)
N_PUBLISHED = 803
FOLDERS = ("land-train", "train", ".")

_COLORS = {color: i for i, color in enumerate(LEGEND.colors)} | {UNKNOWN: IGNORED}


def _find(root: Path, split: str) -> SplitFiles:
    folders = [folder for name in FOLDERS for folder in nested(root, name)]
    found = [(folder, files_by_stem(folder, ".jpg", "_sat")) for folder in folders]
    folder, images = next(((f, images) for f, images in found if images), (root, {}))
    if not images:
        raise WrongLayoutError(f"there is no *_sat.jpg in {', '.join(FOLDERS[:2])} or the root")
    masks = files_by_stem(folder, ".png", "_mask")
    refuse_unlabelled(images, masks, f"'{folder.name}'")
    names = [name for name in images if split_of(name) == split]
    if not names:
        raise WrongLayoutError(f"none of its {len(images)} images is of {split}")
    samples = [
        Sample(name, ((images[name], (1, 2, 3)),), ColoredLabels(masks[name], _COLORS, True))
        for name in names
    ]
    notices = (*count_of((N_PUBLISHED,), len(images), folder.name), _NOTICE)
    return SplitFiles(LEGEND, tuple(samples), notices)


def split_of(name: str) -> str:
    """The split of an image by its number: about 80 % train, 10 % val, 10 % test."""
    share = share_of(f"deepglobe/{name}")
    return "train" if share < 0.8 else "val" if share < 0.9 else "test"


_NOTICE = (
    "The publisher keeps the labels of its validation and test files: its training files, chosen "
    "by name, are divided 80:10:10 into train, val and test here."
)

DEEPGLOBE = Benchmark(
    name="deepglobe",
    title="DeepGlobe Land Cover",
    publisher="the DeepGlobe 2018 land cover classification challenge (CodaLab)",
    tree="""
land-train/   (or train/)
  100694_sat.jpg
  100694_mask.png
  …
""",
    bands=("red", "green", "blue"),
    normalisation=Normalisation.imagenet(255),
    find=_find,
)
