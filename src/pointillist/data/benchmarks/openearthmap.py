"""OpenEarthMap: 97 regions of the world at 0.25–0.5 m, images of about 1000 × 1000 px.

Train is the publisher's `train.txt` (3000 images). The labels of the publisher's test files are not
public, so the files of `val.txt` (500) are divided by name: about half are `val`, half stand in for
`test`. Images from xBD are not part of the archive and must be added with the publisher's script;
where they are absent, their labels are passed over, and their number and regions are told. Masks
hold codes; 0 is unknown and ignored.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pointillist.data.benchmarks.labels import IGNORED, CodedLabels
from pointillist.data.benchmarks.layout import (
    Benchmark,
    Sample,
    SplitFiles,
    WrongLayoutError,
    held_out_half,
    nested,
    part_of,
    refuse_unlabelled,
)
from pointillist.legend import Legend
from pointillist.models import Normalisation

LEGEND = Legend.from_names(
    [
        "Bareland", "Rangeland", "Developed space", "Road", "Tree", "Water", "Agriculture land",
        "Building",
    ],
    colors=[
        (128, 0, 0), (0, 255, 36), (148, 148, 148), (255, 255, 255), (34, 97, 38), (0, 69, 255),
        (75, 181, 73), (222, 31, 7),
    ],
)  # fmt: skip
UNKNOWN = 0
_FOLDERS = ("OpenEarthMap_wo_xBD", "OpenEarthMap", "OpenEarthMap/OpenEarthMap_wo_xBD")

_INDICES = {code: i for i, code in enumerate(LEGEND.codes)} | {UNKNOWN: IGNORED}


def _find(root: Path, split: str) -> SplitFiles:
    listing = "train.txt" if split == "train" else "val.txt"
    bases = [root, *(folder for name in _FOLDERS for folder in nested(root, name))]
    base = next((folder for folder in bases if (folder / listing).is_file()), None)
    if base is None:
        raise WrongLayoutError(f"there is no {listing}")
    listed = (base / listing).read_text(encoding="utf-8-sig", errors="replace").split()
    if split != "train":
        listed = [name for name in listed if held_out_half(f"openearthmap/{name}") == split]
    images = _files_of(base, listed, "images")
    if not images:
        raise WrongLayoutError(
            f"there is no image of the {len(listed)} of {listing} that are {split}"
        )
    masks = _files_of(base, images, "labels")
    refuse_unlabelled(images, masks, "<region>/labels", split=split)
    samples = [
        Sample(Path(name).stem, ((path, (1, 2, 3)),), CodedLabels(masks[name], _INDICES))
        for name, path in images.items()
    ]
    notices = part_of(listed, list(images), split) + _without_images(listed, images)
    return SplitFiles(LEGEND, tuple(samples), notices + _NOTICES.get(split, ()))


def _files_of(base: Path, names: Iterable[str], kind: str) -> dict[str, Path]:
    """The `images` or `labels` of these names that are there."""
    names = list(names)
    folders = {region: nested(base, f"{region}/{kind}") for region in map(region_of, names)}
    paths = {name: folder / name for name in names for folder in folders[region_of(name)][:1]}
    return {name: path for name, path in paths.items() if path.is_file()}


def _without_images(listed: Iterable[str], found: Iterable[str]) -> tuple[str, ...]:
    """A notice of the regions that have no image at all."""
    empty = sorted({region_of(name) for name in listed} - {region_of(name) for name in found})
    if not empty:
        return ()
    told = f"No image was found of {len(empty)} region{'s' * (len(empty) > 1)}: {', '.join(empty)}."
    if any("_" in region for region in empty):
        told += " The publisher's script for xBD passes over regions with a `_` in their name."
    return (told,)


def region_of(name: str) -> str:
    """The region of an image: its name less the number at the end (`el_rodeo_8.tif`)."""
    return name.rpartition("_")[0]


_HALF = (
    "The publisher keeps the labels of its test files: half of its validation files, chosen by "
    "name, are {} here."
)
_NOTICES = {split: (_HALF.format(split),) for split in ("val", "test")}

OPENEARTHMAP = Benchmark(
    name="openearthmap",
    title="OpenEarthMap",
    publisher="the OpenEarthMap project (University of Tokyo and RIKEN), Zenodo record 7223446",
    tree="""
train.txt
val.txt
test.txt
aachen/
  images/aachen_1.tif …
  labels/aachen_1.tif …
(a folder per region)
""",
    bands=("red", "green", "blue"),
    normalisation=Normalisation.imagenet(255),
    find=_find,
)
