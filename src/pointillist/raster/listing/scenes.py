"""Scenes of a command's arguments, each of which may name one or many."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pointillist.errors import InputError
from pointillist.raster.listing.folder import is_scene_folder, list_folder
from pointillist.raster.listing.listed import ListedScene
from pointillist.raster.listing.naming import name_files
from pointillist.raster.listing.stac import is_json, list_json
from pointillist.raster.listing.tile_index import is_tile_index, list_tile_index

PathLike = str | os.PathLike[str]


@dataclass(frozen=True)
class SceneList:
    """Scenes, in order.

    Args:
        scenes: At least one.
        is_list: Whether a folder, a STAC file or a tile index named them, or there are several.
        said: What named them, for messages.
    """

    scenes: list[ListedScene]
    is_list: bool
    said: str

    @property
    def paths(self) -> list[str]:
        """Where they are."""
        return [scene.path for scene in self.scenes]

    @property
    def names(self) -> list[str]:
        """A name for the results of each; no two alike."""
        return name_files(self.paths, [scene.label for scene in self.scenes])


def list_scenes(
    given: Sequence[PathLike],
    *,
    pattern: str | None = None,
    asset: str | None = None,
    outputs: Sequence[Path] = (),
) -> SceneList:
    """Find the scenes that are meant.

    Each argument is a raster; a folder of rasters; a STAC item, item collection, collection or
    catalog on this machine (`.json`, `.geojson`); or a GDAL tile index (a vector file with a field
    `location`).

    Args:
        given: What was named.
        pattern: Which files of a folder, like `*_image.tif`; `**/*.tif` looks into its folders.
        asset: Which asset of STAC items.
        outputs: Folders that results go to: no scenes are looked for in them.

    Raises:
        InputError: No scene, one named twice, or an option that nothing given has use for.
        MissingFileError: A list names a file that is not there.
        UnreadableFileError: A list cannot be read.
    """
    if not given:
        raise InputError("Expected at least one scene to map, got none.")
    found: list[ListedScene] = []
    kinds = set()
    for each in given:
        path = os.fspath(each)
        kind = _kind_of(path)
        kinds.add(kind)
        if kind == "folder":
            found += list_folder(path, pattern, outputs)
        elif kind == "json":
            found += list_json(path, asset)
        elif kind == "index":
            found += list_tile_index(path)
        else:
            found.append(ListedScene(path))
    if pattern is not None and "folder" not in kinds:
        raise InputError(
            f"--pattern {pattern} chooses files of a folder, but no folder was given. Name the "
            "folder, or leave --pattern out."
        )
    if asset is not None and "json" not in kinds:
        raise InputError(
            f"--asset {asset} chooses from STAC items, but none were given. Name their file, or "
            "leave --asset out."
        )
    _refuse_twice(found)
    is_list = kinds != {"raster"} or len(found) > 1
    return SceneList(found, is_list, ", ".join(os.fspath(each) for each in given[:3]))


def _kind_of(path: str) -> str:
    if is_scene_folder(path):
        return "folder"
    if is_json(path):
        return "json"
    return "index" if is_tile_index(path) else "raster"


def _refuse_twice(scenes: Sequence[ListedScene]) -> None:
    seen = set()
    for scene in scenes:
        place = str(Path(scene.path).resolve()) if Path(scene.path).exists() else scene.path
        if place in seen:
            raise InputError(f"Scene '{scene.path}' is given twice. Give each scene once.")
        seen.add(place)
