"""ISPRS 2D semantic labelling, colour-coded masks of a few large tiles: Potsdam and Vaihingen.

Potsdam has 38 tiles of 6000 × 6000 px, 5 cm; Vaihingen 33 areas of about 2500 × 2000 px, 9 cm. The
test tiles are the publisher's, whose labels came later (`5_Labels_all`, ground truth `COMPLETE`).
The publisher gives no validation tiles: 7 of its 24 training tiles of Potsdam and 5 of its 16 of
Vaihingen are `val`, those of Volpi & Tuia (2017) and Maggiori et al. (2017).

Clutter is ignored. Labels with boundaries are preferred in every split; where only those without
are there, black is ignored. Two tiles of Potsdam, 4_12 and 6_7, were published with inexact colours
and are thresholded at 128.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pointillist.data.benchmarks.labels import IGNORED, ColoredLabels
from pointillist.data.benchmarks.layout import (
    Benchmark,
    Sample,
    SplitFiles,
    WrongLayoutError,
    entries_by_name,
    nested,
    part_of,
    refuse_unlabelled,
)
from pointillist.legend import Color, Legend
from pointillist.models import Normalisation

LEGEND = Legend.from_names(
    ["Impervious surfaces", "Building", "Low vegetation", "Tree", "Car"],
    colors=[(255, 255, 255), (0, 0, 255), (0, 255, 255), (0, 255, 0), (255, 255, 0)],
)
CLUTTER: Color = (255, 0, 0)
BOUNDARY: Color = (0, 0, 0)  # only in the files without boundaries

_CLASSES = {color: i for i, color in enumerate(LEGEND.colors)} | {CLUTTER: IGNORED}
_PUBLISHER = "the ISPRS benchmark on urban semantic labelling (Leibniz University Hannover)"

POTSDAM_SPLITS: Mapping[str, tuple[str, ...]] = {
    "train": (
        "2_10", "3_10", "3_11", "3_12", "4_11", "4_12", "5_10", "5_12", "6_8", "6_9", "6_10",
        "6_11", "6_12", "7_7", "7_9", "7_11", "7_12",
    ),
    "val": ("2_11", "2_12", "4_10", "5_11", "6_7", "7_8", "7_10"),
    "test": (
        "2_13", "2_14", "3_13", "3_14", "4_13", "4_14", "4_15", "5_13", "5_14", "5_15", "6_13",
        "6_14", "6_15", "7_13",
    ),
}  # fmt: skip
# 4_12 was saved with loss (no pixel has a pure colour); in 6_7 most cars are 252,255,0
POTSDAM_INEXACT = frozenset({"4_12", "6_7"})

VAIHINGEN_SPLITS: Mapping[str, tuple[str, ...]] = {
    "train": ("1", "3", "5", "7", "13", "17", "21", "23", "26", "32", "37"),
    "val": ("11", "15", "28", "30", "34"),
    "test": (
        "2", "4", "6", "8", "10", "12", "14", "16", "20", "22", "24", "27", "29", "31", "33", "35",
        "38",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class _Files:
    """Folder and file name, with {} for the tile; the archive may be unpacked into the root."""

    folder: str
    name: str
    without_boundaries: bool = False

    def find(self, root: Path, tile: str) -> Path | None:
        name = self.name.format(tile).lower()
        found = [p for f in nested(root, self.folder) for p in entries_by_name(f).get(name, [])]
        return next((path for path in found if path.is_file()), None)


_POTSDAM_IMAGES = (
    _Files("2_Ortho_RGB", "top_potsdam_{}_RGB.tif"),
    _Files("4_Ortho_RGBIR", "top_potsdam_{}_RGBIR.tif"),
    _Files(".", "top_potsdam_{}_RGB.tif"),
    _Files(".", "top_potsdam_{}_RGBIR.tif"),
)
_POTSDAM_LABELS = (
    _Files("5_Labels_all", "top_potsdam_{}_label.tif"),
    _Files("5_Labels_for_participants", "top_potsdam_{}_label.tif"),
    _Files(".", "top_potsdam_{}_label.tif"),
    _Files("5_Labels_all_noBoundary", "top_potsdam_{}_label_noBoundary.tif", True),
    _Files("5_Labels_for_participants_no_Boundary", "top_potsdam_{}_label_noBoundary.tif", True),
    _Files(".", "top_potsdam_{}_label_noBoundary.tif", True),
)
_VAIHINGEN = "ISPRS_semantic_labeling_Vaihingen"
_VAIHINGEN_IMAGES = (
    _Files("top", "top_mosaic_09cm_area{}.tif"),
    _Files(f"{_VAIHINGEN}/top", "top_mosaic_09cm_area{}.tif"),
)
_VAIHINGEN_LABELS = (
    _Files(f"{_VAIHINGEN}_ground_truth_COMPLETE", "top_mosaic_09cm_area{}.tif"),
    _Files("gts_for_participants", "top_mosaic_09cm_area{}.tif"),
    _Files(f"{_VAIHINGEN}/gts_for_participants", "top_mosaic_09cm_area{}.tif"),
    _Files(".", "top_mosaic_09cm_area{}.tif"),
    _Files(
        f"{_VAIHINGEN}_ground_truth_eroded_COMPLETE", "top_mosaic_09cm_area{}_noBoundary.tif", True
    ),
    # the publisher's own spelling
    _Files(
        "ISPRS_semantic_labeing_Vaihingen_ground_truth_eroded_for_participants",
        "top_mosaic_09cm_area{}_noBoundary.tif",
        True,
    ),
    _Files(".", "top_mosaic_09cm_area{}_noBoundary.tif", True),
)


def _find_potsdam(root: Path, split: str) -> SplitFiles:
    return _find(
        root, split, POTSDAM_SPLITS, _POTSDAM_IMAGES, _POTSDAM_LABELS, inexact=POTSDAM_INEXACT
    )


def _find_vaihingen(root: Path, split: str) -> SplitFiles:
    return _find(root, split, VAIHINGEN_SPLITS, _VAIHINGEN_IMAGES, _VAIHINGEN_LABELS)


def _find(
    root: Path,
    split: str,
    splits: Mapping[str, Sequence[str]],
    images: Sequence[_Files],
    labels: Sequence[_Files],
    inexact: frozenset[str] = frozenset(),
) -> SplitFiles:
    tiles = splits[split]
    found = _find_images(root, split, tiles, images)
    decoders: dict[str, ColoredLabels] = {}
    eroded = 0
    for tile in found:
        matches = ((files, files.find(root, tile)) for files in labels)
        for files, path in matches:
            if path is not None:
                colors = _CLASSES | ({BOUNDARY: IGNORED} if files.without_boundaries else {})
                decoders[tile] = ColoredLabels(path, colors, threshold=tile in inexact)
                eroded += files.without_boundaries
                break
    where = ", ".join(dict.fromkeys(files.folder for files in labels if files.folder != "."))
    refuse_unlabelled(found, decoders, where, split=split)
    samples = [
        Sample(path.stem, ((path, (1, 2, 3)),), decoders[tile]) for tile, path in found.items()
    ]
    return SplitFiles(LEGEND, tuple(samples), _notices(tiles, list(found), split, eroded))


def _find_images(
    root: Path, split: str, tiles: Sequence[str], images: Sequence[_Files]
) -> dict[str, Path]:
    """Images of one kind by tile: of the first kind of which there are any."""
    for files in images:
        paths = {tile: files.find(root, tile) for tile in tiles}
        found = {tile: path for tile, path in paths.items() if path is not None}
        if found:
            return found
    names = " or ".join(
        f"{files.folder}/{files.name.format(tiles[0])}" for files in images if files.folder != "."
    )
    raise WrongLayoutError(f"there is no image of the {len(tiles)} {split} tiles ({names}, …)")


def _notices(
    tiles: Sequence[str], found: Sequence[str], split: str, eroded: int
) -> tuple[str, ...]:
    notices = part_of(tiles, found, split)
    if eroded:
        notices += (
            f"The labels of {eroded} of {len(found)} {split} tiles are those without boundaries: "
            "pixels near the edges of objects are ignored.",
        )
    return notices


POTSDAM = Benchmark(
    name="potsdam",
    title="ISPRS Potsdam",
    publisher=_PUBLISHER,
    tree="""
2_Ortho_RGB/   (or 4_Ortho_RGBIR/, not 3_Ortho_IRRG/)
  top_potsdam_2_10_RGB.tif
  …
5_Labels_all/   (or 5_Labels_for_participants/, without test tiles)
  top_potsdam_2_10_label.tif
  …
""",
    bands=("red", "green", "blue"),
    normalisation=Normalisation.imagenet(255),
    find=_find_potsdam,
)

VAIHINGEN = Benchmark(
    name="vaihingen",
    title="ISPRS Vaihingen",
    publisher=_PUBLISHER,
    tree="""
top/
  top_mosaic_09cm_area1.tif
  …
gts_for_participants/
  top_mosaic_09cm_area1.tif
  …
ISPRS_semantic_labeling_Vaihingen_ground_truth_COMPLETE/
  top_mosaic_09cm_area2.tif
  …
""",
    bands=("near infrared", "red", "green"),
    normalisation=Normalisation.imagenet(255),
    find=_find_vaihingen,
)
