"""Pictures of what a study's models do: predictions kept beside the records, drawn in the report.

Generated scenes are made again from their seeds when the report is drawn; of a real scene only
points, map and truth of a window are kept, never its pixels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from pointillist.grid import Window
from pointillist.legend import Legend
from pointillist.scenes import CLASSIC_LEGEND
from pointillist.studies.classic import ClassicCell, make_sets, predict_with, train_network
from pointillist.studies.mapping import Lesson, draw_labels, learn, map_place
from pointillist.studies.naming import OURS
from pointillist.studies.places import DUBAI_LEGEND, Folders, read_place

FOLDER = "examples"
GENERATED = ("classic", "terrain")
_ITEMS = (0, 1, 2)
_SCENE, _WINDOW = "dubai2", Window(400, 400, 640, 640)
_REAL = {f"{_SCENE}-default": "default recipe, two minutes", _SCENE: "plain network, ten minutes"}
"""Files of the real scene, and what learnt them."""


@dataclass(frozen=True)
class Example:
    """One picture's worth of a map.

    Args:
        name: What it shows.
        legend: The classes.
        points: (H, W) class index, −1 where there is no point.
        found: (H, W) class index as mapped.
        truth: (H, W) class index, −1 where unknown.
        image: (H, W, 3) uint8; None where the scene is not at hand.
    """

    name: str
    legend: Legend
    points: NDArray[np.int8]
    found: NDArray[np.int8]
    truth: NDArray[np.int8]
    image: NDArray[np.uint8] | None = None


def make_examples(records: Path, folders: Folders, say: Callable[[str], None]) -> list[Path]:
    """Train what the report shows, and keep the predictions; what is there is left alone.

    Args:
        records: Folder of the records; examples go into a folder in it.
        folders: Where the scenes are.
        say: Takes a line per example.
    """
    written = []
    for name in (*GENERATED, *_REAL):
        path = records / FOLDER / f"{name}.npz"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            arrays = _generated(name) if name in GENERATED else _real(name, folders)
            part = path.with_name(f".{name}.part.npz")
            np.savez_compressed(part, allow_pickle=False, **arrays)
            part.replace(path)
        say(f"{name}: {path}")
        written.append(path)
    return written


def _cell(name: str) -> ClassicCell:
    kind = None if name == "classic" else name
    return ClassicCell(n_points=200, trained_on=kind, tested_on=kind, **OURS)


def _generated(name: str) -> dict[str, NDArray[np.int8]]:
    """Maps of the first test images; the scenes themselves come back from their seeds."""
    cell = _cell(name)
    train, test = make_sets(cell)
    network, _ = train_network(cell, train)
    images = torch.stack([test.unchanged(i)[0] for i in _ITEMS])
    return {"found": predict_with(network, cell.views)(images).astype(np.int8)}


def _real(name: str, folders: Folders) -> dict[str, NDArray[np.int8]]:
    """Points, map and truth of a window, learnt from 300 points on the whole scene."""
    from pointillist.studies.named import SLIM_STEPS_OF_TWO_MINUTES, STEPS_OF_TEN_MINUTES

    place = read_place(_SCENE, folders.find_scenes())
    labels = draw_labels(place, 300, "simple", 0)
    lesson = Lesson("unet", 0, steps=STEPS_OF_TEN_MINUTES)
    if name != _SCENE:
        lesson = Lesson("stack", 0, steps=SLIM_STEPS_OF_TWO_MINUTES, setting="smoothed")
    model, _ = learn([place], [labels], lesson)
    part = _WINDOW.slices
    return {
        "found": map_place(model, place)[part].astype(np.int8)[None],
        "truth": place.mask[part].astype(np.int8)[None],
        "points": labels.to_mask(place.source.grid.shape)[part].astype(np.int8)[None],
    }


def read_examples(records: Path, folders: Folders | None = None) -> list[Example]:
    """The examples that are kept; the image of a real scene only where the scene is at hand.

    Args:
        records: Folder of the records.
        folders: Where the scenes are; None draws no image of real scenes.
    """
    examples = []
    for name in (*GENERATED, *_REAL):
        path = records / FOLDER / f"{name}.npz"
        if not path.exists():
            continue
        with np.load(path) as kept:
            arrays = {key: np.asarray(kept[key]) for key in kept.files}
        examples += (
            _again(name, arrays["found"])
            if name in GENERATED
            else [_windowed(name, arrays, folders)]
        )
    return examples


def _again(name: str, found: NDArray[np.int8]) -> list[Example]:
    """Points are those of the test images, drawn like the training points but never used."""
    test = make_sets(_cell(name))[1]
    examples = []
    for item, classes in zip(_ITEMS, found, strict=True):
        image, full, points = test.unchanged(item)
        mean = torch.tensor([0.485, 0.456, 0.406])[:, None, None]
        spread = torch.tensor([0.229, 0.224, 0.225])[:, None, None]
        pixels = ((image * spread + mean).clamp(0, 1) * 255).round().byte().permute(1, 2, 0)
        examples.append(
            Example(
                f"{name.capitalize()}, test image {item + 1}",
                CLASSIC_LEGEND,
                points.numpy().astype(np.int8),
                classes,
                full.numpy().astype(np.int8),
                pixels.numpy(),
            )
        )
    return examples


def _windowed(name: str, arrays: dict[str, NDArray[np.int8]], folders: Folders | None) -> Example:
    image = None
    if folders is not None:
        source = read_place(_SCENE, folders.find_scenes()).source
        pixels = source.read(_WINDOW).data.transpose(1, 2, 0)
        image = np.clip(pixels, 0, 255).astype(np.uint8)
    return Example(
        f"{_SCENE}, a window of {_WINDOW.height}×{_WINDOW.width} px, {_REAL[name]}",
        DUBAI_LEGEND,
        arrays["points"][0],
        arrays["found"][0],
        arrays["truth"][0],
        image,
    )
