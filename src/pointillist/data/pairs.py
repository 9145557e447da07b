"""Finding images and their masks by name, and what the values of masks mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pointillist.errors import InputError, MissingFileError
from pointillist.legend import Legend

SUFFIXES = (".png", ".tif", ".tiff", ".jpg", ".jpeg")
IMAGE_FOLDERS = ("images", "image", "imgs", "img", "rgb", "sat")
MASK_FOLDERS = ("masks", "mask", "labels", "label", "annotations", "gt")
_IMAGE_ENDINGS = ("_image", "_img", "_rgb", "_sat", "_rgbir", "_irrg")
_MASK_ENDINGS = ("_mask", "_masks", "_label", "_labels", "_gt", "_label_noboundary", "_noboundary")


@dataclass(frozen=True)
class Pair:
    """An image and its mask.

    Args:
        name: What both files are called, less endings such as `_sat` and `_mask`.
        image: File of the image.
        mask: File of the mask.
    """

    name: str
    image: Path
    mask: Path


def find_pairs(images: Path, masks: Path | None = None) -> list[Pair]:
    """Match images and masks of the same name.

    Args:
        images: Folder of images; with `masks` None a folder that holds both, either in
            subfolders (`images`, `masks`, and other usual names) or beside each other
            (`a.png`, `a_mask.png`).
        masks: Folder of masks.

    Returns:
        The pairs, sorted by name.

    Raises:
        MissingFileError: A folder or the mask of an image is missing, or there is no pair.
        InputError: Two files of one name.
    """
    if masks is None:
        found = _subfolder(images, IMAGE_FOLDERS), _subfolder(images, MASK_FOLDERS)
        image_folder, mask_folder = (f or images for f in found)
    else:
        image_folder, mask_folder = images, masks
    if image_folder == mask_folder:
        files = _list_files(image_folder)
        mask_files = [p for p in files if p.stem.lower().endswith(_MASK_ENDINGS)]
        image_files = [p for p in files if p not in mask_files]
    else:
        image_files, mask_files = _list_files(image_folder), _list_files(mask_folder)
    by_name = _by_name(mask_files, _MASK_ENDINGS)
    pairs = [
        Pair(name, path, by_name[name])
        for name, path in sorted(_by_name(image_files, _IMAGE_ENDINGS).items())
        if name in by_name
    ]
    if not pairs:
        raise MissingFileError(
            f"Expected images and masks of the same name ({', '.join(SUFFIXES)}), found "
            f"{len(image_files)} images in '{image_folder}' and {len(mask_files)} masks in "
            f"'{mask_folder}', none of which match. Give both the same file name, or name the "
            f"masks like the images with {', '.join(_MASK_ENDINGS[:3])} at the end."
        )
    _refuse_lonely(image_files, pairs, mask_folder)
    return pairs


def _refuse_lonely(image_files: Sequence[Path], pairs: Sequence[Pair], mask_folder: Path) -> None:
    matched = {pair.image for pair in pairs}
    lonely = [p for p in image_files if p not in matched]
    if lonely:
        raise MissingFileError(
            f"Expected a mask for every image, but {len(lonely)} of {len(image_files)} images have "
            f"none in '{mask_folder}' (first: {lonely[0].name}). Add the masks or take the images "
            "away."
        )


def _subfolder(root: Path, names: Sequence[str]) -> Path | None:
    if not root.is_dir():
        return None
    folders = {p.name.lower(): p for p in sorted(root.iterdir()) if p.is_dir()}
    return next((folders[n] for n in names if n in folders), None)


def _list_files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise MissingFileError(f"Folder '{folder}' does not exist. Check its path.")
    return sorted(
        p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES and not p.name.startswith(".")
    )


def _by_name(files: Sequence[Path], endings: Sequence[str]) -> dict[str, Path]:
    named: dict[str, Path] = {}
    for path in files:
        ending = next((e for e in endings if path.stem.lower().endswith(e)), "")
        name = path.stem[: len(path.stem) - len(ending)]
        if name in named:
            raise InputError(
                f"Expected one file per name, got {named[name].name} and {path.name} in "
                f"'{path.parent}'. Keep one of them."
            )
        named[name] = path
    return named


def to_class_indices(
    mask: NDArray[np.generic], legend: Legend, ignore: Sequence[int], path: Path
) -> NDArray[np.int64]:
    """Class index of every pixel, −1 where ignored.

    Args:
        mask: (H, W) class codes, or (3, H, W) class colours.
        legend: Codes and colours of the classes.
        ignore: Codes that mean "no class"; the legend's nodata value always does.
        path: File, for messages.

    Raises:
        InputError: A code or colour that the legend does not have.
    """
    if mask.ndim == 3:
        return _from_colors(mask, legend, path)
    indices = legend.to_indices(mask).astype(np.int64)
    unknown = (indices < 0) & ~np.isin(mask, [*ignore, legend.nodata])
    if unknown.any():
        row, col = np.argwhere(unknown)[0]
        raise InputError(
            f"Expected class codes {', '.join(map(str, legend.codes))} in {path.name}, got "
            f"{mask[row, col]} at row {row}, column {col} ({int(unknown.sum())} px in all). "
            "Add the class to the legend, or its code to `ignore`."
        )
    return indices


def _from_colors(mask: NDArray[np.generic], legend: Legend, path: Path) -> NDArray[np.int64]:
    if len(mask) != 3:
        raise InputError(
            f"Expected a mask with one band of codes or three of colours, "
            f"got {len(mask)} bands in {path.name}."
        )
    indices = match_colors(mask, legend.colors)
    if (indices < 0).any():
        row, col = np.argwhere(indices < 0)[0]
        colour = ",".join(str(int(v)) for v in mask[:, row, col].astype(np.int64))
        raise InputError(
            f"Expected only colours of the legend in {path.name}, got {colour} at row {row}, "
            f"column {col} ({int((indices < 0).sum())} px in all). Add the colour to the legend; "
            "masks must not be JPEG, which changes colours."
        )
    return indices


def match_colors(
    mask: NDArray[np.generic], colors: Sequence[tuple[int, int, int]]
) -> NDArray[np.int64]:
    """Index of the colour of every pixel of a mask (3, H, W); −1 where it is none of them."""
    red, green, blue = mask.astype(np.int64)
    key = red * 65536 + green * 256 + blue
    known = np.array([r * 65536 + g * 256 + b for r, g, b in colors])
    order = np.argsort(known)
    at = np.clip(np.searchsorted(known[order], key), 0, len(known) - 1)
    return np.where(known[order][at] == key, order[at], -1)
