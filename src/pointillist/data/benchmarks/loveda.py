"""LoveDA: urban and rural China, 2522 training and 1669 validation images of 1024 × 1024 px, 0.3 m.

Train is the publisher's. The labels of the publisher's test files are not public, so its validation
files are divided by name: about half are `val`, half stand in for `test`. Masks hold codes:
background (1) is a class, 0 is no data and ignored.
"""

from __future__ import annotations

from pathlib import Path

from pointillist.data.benchmarks.labels import IGNORED, CodedLabels
from pointillist.data.benchmarks.layout import (
    Benchmark,
    Sample,
    SplitFiles,
    WrongLayoutError,
    count_of,
    files_by_stem,
    first_folder,
    held_out_half,
    nested,
    refuse_unlabelled,
)
from pointillist.legend import Legend
from pointillist.models import Normalisation

LEGEND = Legend.from_names(
    ["Background", "Building", "Road", "Water", "Barren", "Forest", "Agricultural"],
    colors=[
        (255, 255, 255), (255, 0, 0), (255, 255, 0), (0, 0, 255), (159, 129, 183), (0, 255, 0),
        (255, 195, 128),
    ],
)  # fmt: skip
NO_DATA = 0
SCENES = ("Rural", "Urban")
N_PUBLISHED = {"Train": 2522, "Val": 1669}

_INDICES = {code: i for i, code in enumerate(LEGEND.codes)} | {NO_DATA: IGNORED}


def _find(root: Path, split: str) -> SplitFiles:
    name = "Train" if split == "train" else "Val"
    folder = first_folder(root, (name,))
    images: dict[str, Path] = {}
    masks: dict[str, Path] = {}
    for scene in SCENES:
        for kind, found in (("images_png", images), ("masks_png", masks)):
            for place in nested(folder, f"{scene}/{kind}")[:1]:
                files = files_by_stem(place, ".png")
                found.update({f"{scene}/{stem}": path for stem, path in files.items()})
    n_found = len(images)
    if split != "train":
        images = {name: p for name, p in images.items() if held_out_half(_key(name)) == split}
    if not images:
        raise WrongLayoutError(f"there is no image of {split} in {name}/*/images_png")
    refuse_unlabelled(images, masks, f"{name}/*/masks_png", split=split)
    samples = [
        Sample(name, ((path, (1, 2, 3)),), CodedLabels(masks[name], _INDICES))
        for name, path in images.items()
    ]
    notices = count_of((N_PUBLISHED[name],), n_found, name) + _NOTICES.get(split, ())
    return SplitFiles(LEGEND, tuple(samples), notices)


def _key(name: str) -> str:
    return f"loveda/{name}"


_HALF = (
    "The publisher keeps the labels of its test files: half of its validation files, chosen by "
    "name, are {} here."
)
_NOTICES = {split: (_HALF.format(split),) for split in ("val", "test")}

LOVEDA = Benchmark(
    name="loveda",
    title="LoveDA",
    publisher="Wuhan University (RSIDEA), Zenodo record 5706578",
    tree="""
Train/
  Rural/
    images_png/0.png …
    masks_png/0.png …
  Urban/
    images_png/1366.png …
    masks_png/1366.png …
Val/
  (the same)
""",
    bands=("red", "green", "blue"),
    normalisation=Normalisation.imagenet(255),
    find=_find,
)
