"""Scenes with dense masks, as arrays: of GeoTIFFs, or of `.npz` where there is no GDAL."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pointillist.errors import InputError, MissingFileError, OutputError, UnreadableFileError
from pointillist.legend import Legend
from pointillist.raster.source import ARRAY_FILE_ERRORS, ArraySource

GENERATED = "terrain"
"""Named where a scene is expected: another generated scene for each seed."""
DUBAI = ("dubai1", "dubai2", "dubai4", "dubai8")
DUBAI_LEGEND = Legend.from_names(
    ["Building", "Land", "Road", "Vegetation", "Water"],
    range(5),
    [(200, 60, 50), (190, 150, 105), (70, 70, 75), (110, 175, 75), (58, 110, 190)],
)
"""Classes of the Dubai masks: codes 0…4, 255 where there is no label."""

_VARIABLE = "POINTILLIST_SCENES"
_USUAL = (Path("studies/scenes"), Path("../shared/data/dubai"))


@dataclass(frozen=True)
class Folders:
    """Where a study finds what is not generated.

    Args:
        scenes: Folder of scenes with masks (`NAME_image.tif` and `NAME_mask.tif`, or `NAME.npz`).
        data: Root of a published data set.
        weights: File of weights that an encoder may start from.
    """

    scenes: Path | None = None
    data: Path | None = None
    weights: Path | None = None

    def find_scenes(self) -> Path:
        """The folder of scenes: as given, of the environment, or a usual one.

        Raises:
            MissingFileError: There is none.
        """
        stated = os.environ.get(_VARIABLE)
        places = [self.scenes] if self.scenes else [Path(stated)] if stated else list(_USUAL)
        for place in places:
            if place.is_dir():
                return place
        raise MissingFileError(
            "Expected a folder of scenes and masks (NAME_image.tif, NAME_mask.tif, or NAME.npz), "
            f"found none at {' or '.join(map(str, places))}. Say where it is with --scenes."
        )


NOWHERE = Folders()
"""Nothing given: usual folders are tried."""


def require_data(name: str, folders: Folders) -> Path:
    """The root of a data set whose training and test files are there.

    Raises:
        InputError: The root is not given.
        MissingFileError: Another layout; the message shows the tree that is expected.
    """
    from pointillist.data.benchmarks import count_images

    if folders.data is None:
        raise InputError(
            f"Expected the folder of the data set '{name}'. Say where it is with --root."
        )
    for split in ("train", "test"):
        count_images(name, folders.data, split)
    return folders.data


@dataclass(frozen=True)
class Place:
    """One scene with its truth.

    Args:
        name: Of the scene.
        source: Its pixels.
        mask: (H, W) int16 class index, −1 where there is no label.
        legend: The classes.
    """

    name: str
    source: ArraySource
    mask: NDArray[np.int16]
    legend: Legend = DUBAI_LEGEND


def read_place(name: str, folder: Path) -> Place:
    """Read a scene and its mask.

    Args:
        name: Such as `dubai8`.
        folder: Holds `NAME.npz`, or `NAME_image.tif` and `NAME_mask.tif`.

    Raises:
        MissingFileError: Neither is there, or a prepared scene without its mask.
        UnreadableFileError: A damaged file, or the mask has another size than the scene, or classes
            that it should not.
    """
    prepared = folder / f"{name}.npz"
    if prepared.exists():
        source, mask = ArraySource.load_npz(prepared), _read_mask(_mask_file(prepared))
    else:
        source, mask = _read_files(name, folder)
    source.name = name
    if mask.shape != source.grid.shape:
        raise UnreadableFileError(
            f"Expected a mask of the size of its scene, got {mask.shape} for '{name}' of "
            f"{source.grid.shape}. Prepare the scene again."
        )
    index = DUBAI_LEGEND.to_indices(mask).astype(np.int16)
    unknown = (index < 0) & (mask != 255)
    if unknown.any():
        raise UnreadableFileError(
            f"Expected classes 0…4 and 255 in the mask of '{name}', got {mask[unknown][0]} "
            f"({int(unknown.sum())} px). Check which mask it is."
        )
    return Place(name, source, index)


def prepare_scenes(names: Sequence[str], folder: Path, out: Path) -> list[Path]:
    """Write scenes and masks as arrays for a machine without rasterio.

    Args:
        names: Scenes in `folder`.
        folder: Where they are.
        out: Folder for `NAME.npz` and `NAME.mask.npz`; files there are replaced.

    Returns:
        The files written, two per scene.

    Raises:
        OutputError: The folder cannot be written to, or the disk is full.
    """
    written = []
    for name in names:
        source, mask = _read_files(name, folder)
        scene = out / f"{name}.npz"
        part = out / f".{name}.part.npz"
        try:
            out.mkdir(parents=True, exist_ok=True)
            np.savez_compressed(part, mask=mask)
            part.replace(_mask_file(scene))
            source.save_npz(part)
            part.replace(scene)
        except OSError as error:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
            raise OutputError(
                f"Scene '{name}' cannot be written to '{out}' ({error.strerror or error}). Free "
                "some space or choose another folder with --out."
            ) from error
        written += [scene, _mask_file(scene)]
    return written


def _read_mask(path: Path) -> NDArray[np.uint8]:
    """The mask of a prepared scene."""
    if not path.exists():
        raise MissingFileError(
            f"Expected the mask '{path}' beside its scene, it is not there. Copy it too, or make "
            "both with `study prepare`."
        )
    try:
        with np.load(path) as arrays:
            return np.asarray(arrays["mask"])
    except ARRAY_FILE_ERRORS as error:
        raise UnreadableFileError(
            f"'{path}' is no mask that `study prepare` made ({error}). Copy it again, or make it "
            "anew."
        ) from error


def _mask_file(scene: Path) -> Path:
    return scene.with_suffix(".mask.npz")


def require_place(name: str, folder: Path) -> None:
    """Refuse a scene that is not there, before anything is run.

    Raises:
        MissingFileError: Neither `NAME.npz` nor its GeoTIFFs.
    """
    if not (folder / f"{name}.npz").exists():
        _require_files(name, folder)


def _require_files(name: str, folder: Path) -> tuple[Path, Path]:
    image, mask = folder / f"{name}_image.tif", folder / f"{name}_mask.tif"
    for path in (image, mask):
        if not path.exists():
            raise MissingFileError(
                f"Expected {name}.npz, or {image.name} and {mask.name}, in '{folder}', but "
                f"{path.name} is not there. Say where the scenes are with --scenes."
            )
    return image, mask


def _read_files(name: str, folder: Path) -> tuple[ArraySource, NDArray[np.uint8]]:
    """Scene and mask from GeoTIFFs."""
    from pointillist.raster import open_scene

    image, mask = _require_files(name, folder)
    with open_scene(image) as scene:
        pixels = scene.read(scene.grid.window)
        data = pixels.data.astype(np.dtype(scene.dtype))
        valid = None if pixels.valid.all() else pixels.valid
        source = ArraySource(data, valid, scene.grid, scene.band_names, name)
    with open_scene(mask) as codes:
        read = codes.read(codes.grid.window)
        values = np.where(read.valid, read.data[0], 255).astype(np.uint8)
    return source, values
