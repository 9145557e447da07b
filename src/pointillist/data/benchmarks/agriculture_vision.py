"""Agriculture-Vision: patterns in fields of the United States, 512 × 512 px, with near infrared.

The challenge data of 2020 (6 patterns) or 2021 (8 patterns). Classes are background (no layer) and
the patterns in the order of the challenge. Layers overlap: a pixel of two or more has no one class
and is ignored, as are `storm_damage`, which the challenge leaves out, and pixels outside the
boundary of the field or the mask of valid pixels. Train is the publisher's. The labels of the
publisher's test files are not public, so its validation files are divided by field: about half are
`val`, half stand in for `test`. Near infrared is normalised like red.
"""

from __future__ import annotations

from pathlib import Path

from pointillist.data.benchmarks.labels import IGNORED, LayeredLabels
from pointillist.data.benchmarks.layout import (
    Benchmark,
    Sample,
    SplitFiles,
    WrongLayoutError,
    count_of,
    files_by_stem,
    first_folder,
    held_out_half,
    refuse_unlabelled,
)
from pointillist.legend import Legend
from pointillist.models import Normalisation

BACKGROUND = "background"
CLASSES_2020 = (
    "cloud_shadow", "double_plant", "planter_skip", "standing_water", "waterway", "weed_cluster",
)  # fmt: skip
CLASSES_2021 = (
    "double_plant", "drydown", "endrow", "nutrient_deficiency", "planter_skip", "water",
    "waterway", "weed_cluster",
)  # fmt: skip
N_PUBLISHED = {"train": (12_901, 56_944), "val": (4_431, 18_334)}  # 2020, 2021
NOT_EVALUATED = "storm_damage"  # a layer of 2021 that the challenge leaves out

_RGB = Normalisation.imagenet(255)


def _find(root: Path, split: str) -> SplitFiles:
    folder = first_folder(root, ("train" if split == "train" else "val",))
    images = first_folder(folder, ("images",))
    layers = first_folder(folder, ("labels",))
    classes = _classes_of(layers)
    rgb = files_by_stem(images / "rgb", ".jpg")
    notices = count_of(N_PUBLISHED[folder.name.lower()], len(rgb), folder.name)
    if split != "train":
        rgb = {name: path for name, path in rgb.items() if held_out_half(_key(name)) == split}
    if not rgb:
        raise WrongLayoutError(f"there is no image of {split} in {folder.name}/{images.name}/rgb")
    parts = {"near infrared": files_by_stem(images / "nir", ".jpg")}
    for name in (*classes, NOT_EVALUATED):
        if (layers / name).is_dir():
            parts[name] = files_by_stem(layers / name, ".png")
    for name in ("boundaries", "masks"):
        parts[name] = files_by_stem(folder / name, ".png")
    for part, files in parts.items():
        what = f"labels of {part}" if part in (*classes, NOT_EVALUATED) else part
        refuse_unlabelled(rgb, files, folder.name, what, split)
    legend = Legend.from_names((BACKGROUND, *classes), range(len(classes) + 1))
    samples = [_sample(name, path, parts, legend) for name, path in rgb.items()]
    return SplitFiles(legend, tuple(samples), notices + _NOTICES.get(split, ()))


def _sample(name: str, rgb: Path, parts: dict[str, dict[str, Path]], legend: Legend) -> Sample:
    indices = {label: i for i, label in enumerate(legend.names)} | {NOT_EVALUATED: IGNORED}
    layers = tuple((files[name], indices[part]) for part, files in parts.items() if part in indices)
    valid = (parts["boundaries"][name], parts["masks"][name])
    images = ((rgb, (1, 2, 3)), (parts["near infrared"][name], (1,)))
    return Sample(name, images, LayeredLabels(layers, valid))


def _classes_of(folder: Path) -> tuple[str, ...]:
    """The classes of the release whose layers are there."""
    layers = {path.name for path in folder.iterdir() if path.is_dir()}
    for classes in (CLASSES_2021, CLASSES_2020):
        if layers - {NOT_EVALUATED} == set(classes):
            return classes
    raise WrongLayoutError(
        f"the layers in {folder.parent.name}/{folder.name} are {', '.join(sorted(layers)) or '-'}, "
        f"which are neither those of 2020 ({', '.join(CLASSES_2020)}) nor those of 2021 "
        f"({', '.join(CLASSES_2021)})"
    )


def _key(name: str) -> str:
    """All images of a field are of one split; the name begins with the number of the field."""
    return f"agriculture-vision/{name.split('_')[0]}"


_HALF = (
    "The publisher keeps the labels of its test files: half of the fields of its validation "
    "files, chosen by name, are {} here."
)
_NOTICES = {split: (_HALF.format(split),) for split in ("val", "test")}

AGRICULTURE_VISION = Benchmark(
    name="agriculture-vision",
    title="Agriculture-Vision",
    publisher="the Agriculture-Vision challenge (SHI Labs and IntelinAir)",
    tree="""
train/
  images/
    rgb/1C11HIBEV_2161-5440-2673-5952.jpg …
    nir/ (the same names)
  labels/
    double_plant/1C11HIBEV_2161-5440-2673-5952.png …
    drydown/ … weed_cluster/
  boundaries/1C11HIBEV_2161-5440-2673-5952.png …
  masks/ (the same names)
val/
  (the same)
""",
    bands=("red", "green", "blue", "near infrared"),
    normalisation=Normalisation((*_RGB.mean, _RGB.mean[0]), (*_RGB.std, _RGB.std[0])),
    find=_find,
)
