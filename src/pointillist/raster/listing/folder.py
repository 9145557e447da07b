"""Scenes of a folder."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from pointillist.errors import InputError
from pointillist.raster.listing.listed import ListedScene
from pointillist.raster.opening import open_dataset

SUFFIXES = frozenset(
    f".{name}"
    for name in (
        "tif", "tiff", "gtif", "gtiff", "vrt", "jp2", "j2k", "img", "ntf", "nitf", "ecw", "sid",
        "png", "jpg", "jpeg", "webp", "bmp",
    )
)  # fmt: skip
# folders that GDAL opens as one raster
_RASTER_FOLDERS = (".zarr", ".safe")


def is_scene_folder(path: str) -> bool:
    """Whether a path is a folder of scenes, not a raster that is stored as a folder."""
    folder = Path(path)
    return folder.is_dir() and folder.suffix.lower() not in _RASTER_FOLDERS


def list_folder(path: str, pattern: str | None, outputs: Sequence[Path]) -> list[ListedScene]:
    """The rasters of a folder, in the order people count (`s2` before `s10`).

    Args:
        path: The folder.
        pattern: Which files; None for all rasters by suffix, those in its folders left out.
        outputs: Folders that results go to.

    Raises:
        InputError: None are there, results would lie among them, or a mosaic and its parts are.
    """
    folder = Path(path)
    written = {place.resolve() for place in outputs}
    if folder.resolve() in written:
        raise InputError(
            f"Results would lie among the scenes of '{path}' and be taken for scenes next time. "
            "Name another folder with --out."
        )
    files = sorted(
        (file for file in _matching(folder, pattern) if not _is_inside(file, written)),
        key=lambda file: _as_people_count(str(file.relative_to(folder))),
    )
    if not files:
        raise InputError(_nothing_found(folder, pattern))
    _refuse_mosaics(files)
    return [ListedScene(str(file)) for file in files]


def _matching(folder: Path, pattern: str | None) -> list[Path]:
    try:
        found = folder.glob(pattern or "*")
        files = [file for file in found if not _is_hidden(file, folder) and file.is_file()]
    except (ValueError, NotImplementedError) as error:
        raise InputError(
            f"Expected --pattern like '*.tif' or '**/*.tif', got '{pattern}'."
        ) from error
    return [file for file in files if pattern is not None or file.suffix.lower() in SUFFIXES]


def _is_hidden(file: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in file.relative_to(folder).parts)


def _is_inside(file: Path, folders: set[Path]) -> bool:
    return bool(folders & set(file.resolve().parents))


def _as_people_count(name: str) -> list[tuple[int, int, str]]:
    parts = re.split(r"(\d+)", name.casefold())
    return [(0, int(p), "") if p.isdecimal() else (1, 0, p) for p in parts if p]


def _nothing_found(folder: Path, pattern: str | None) -> str:
    if pattern is not None:
        return f"No file of folder '{folder}' fits --pattern {pattern}. Check the pattern."
    deeper = sum(file.suffix.lower() in SUFFIXES for file in folder.glob("*/**/*"))
    hint = (
        f"Its folders hold {deeper}: choose among them with --pattern '**/*.tif'."
        if deeper
        else "Check the path, or say with --pattern which files are scenes."
    )
    return f"No raster lies in folder '{folder}'. {hint}"


def _refuse_mosaics(files: Sequence[Path]) -> None:
    """A VRT whose parts are there too would have them mapped twice."""
    there = {file.resolve() for file in files}
    for file in files:
        if file.suffix.lower() != ".vrt":
            continue
        with open_dataset(file) as dataset:
            parts = {Path(name).resolve() for name in dataset.files} - {file.resolve()}
        if parts & there:
            example = min(parts & there).name
            raise InputError(
                f"'{file}' consists of files that lie beside it ({example}): they would be mapped "
                "twice. Say which are meant with --pattern, for instance '*.vrt' or '*.tif'."
            )
