"""Scenes of a STAC item, item collection, collection or catalog on this machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pointillist.errors import InputError, MissingFileError, UnreadableFileError
from pointillist.raster.listing.hrefs import is_remote, resolve
from pointillist.raster.listing.listed import ListedScene
from pointillist.raster.listing.tile_index import FIELD, list_tile_index

_RASTER_TYPES = ("image/tiff", "image/jp2", "image/vnd.stac.geotiff", "image/png", "image/jpeg",
                 "application/x-hdf", "application/x-netcdf", "image/x.geotiff")  # fmt: skip
_RASTER_SUFFIXES = (".tif", ".tiff", ".jp2", ".vrt", ".img")
_BESIDE_ROLES = {"thumbnail", "overview", "metadata", "cloud", "data-mask", "mask"}


def is_json(path: str) -> bool:
    """Whether a path is a file of JSON, by its name."""
    return Path(path).suffix.lower() in (".json", ".geojson") and Path(path).is_file()


def list_json(path: str, asset: str | None) -> list[ListedScene]:
    """The scenes of a file of JSON: STAC, or a tile index in GeoJSON.

    Args:
        path: The file.
        asset: Which asset; None for the one with the role `data`, or the only raster.

    Raises:
        InputError: It is no list of scenes, or an item leaves open which asset is meant.
        MissingFileError: It names a file that is not there.
        UnreadableFileError: It is no JSON.
    """
    document = _read(Path(path))
    if _is_tile_index(document):
        return list_tile_index(path)
    scenes = [_scene_of(item, file, asset) for item, file in _items(document, Path(path), set())]
    if not scenes:
        raise InputError(f"No STAC item is in '{path}'. Check that it is the list meant.")
    return scenes


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise MissingFileError(f"'{path}' does not exist. Check the path.") from error
    except (OSError, ValueError) as error:
        raise UnreadableFileError(f"'{path}' is no JSON: {error}. Get it again.") from error


def _is_tile_index(document: Any) -> bool:
    if not isinstance(document, dict) or document.get("type") != "FeatureCollection":
        return False
    features = document.get("features") or [{}]
    first = features[0]
    return "assets" not in first and FIELD in (first.get("properties") or {})


def _items(document: Any, file: Path, seen: set[Path]) -> Iterator[tuple[dict[str, Any], Path]]:
    """All items with the file each stands in."""
    seen.add(file.resolve())
    if isinstance(document, list):
        for one in document:
            yield from _items(one, file, seen)
        return
    kind = document.get("type") if isinstance(document, dict) else None
    if kind == "Feature" and "assets" in document:
        yield document, file
    elif kind == "FeatureCollection":
        for one in document.get("features", []):
            yield from _items(one, file, seen)
    elif kind in ("Collection", "Catalog"):
        yield from _linked(document, file, seen)
    else:
        raise InputError(
            f"Expected a STAC item, item collection, collection or catalog, or a tile index with a "
            f"field '{FIELD}', but '{file}' holds {_what(document)}. Check that it is the list "
            "meant."
        )


def _what(document: Any) -> str:
    if isinstance(document, dict) and "type" in document:
        return f"a {document['type']} without assets"
    return "something else"


def _linked(
    document: dict[str, Any], file: Path, seen: set[Path]
) -> Iterator[tuple[dict[str, Any], Path]]:
    for link in document.get("links", []):
        if link.get("rel") not in ("item", "child"):
            continue
        href = str(link.get("href"))
        if is_remote(href):
            raise InputError(
                f"'{file}' links to '{href}', which is on the network. Get the items first, for "
                "instance as one item collection from a search."
            )
        target = Path(resolve(href, [file.parent], f"'{file}'"))
        if target.resolve() not in seen:
            yield from _items(_read(target), target, seen)


def _scene_of(item: dict[str, Any], file: Path, asset: str | None) -> ListedScene:
    name = str(item.get("id", "?"))
    assets: dict[str, Any] = item["assets"]
    key = asset or _choose_asset(assets, name, file)
    if key not in assets:
        raise InputError(
            f"Item '{name}' of '{file}' has no asset '{key}'. It has {_listed(assets)}: choose one "
            "with --asset."
        )
    href = str(assets[key].get("href"))
    properties = item.get("properties") or {}
    return ListedScene(
        path=resolve(href, [file.parent], f"Item '{name}' of '{file}'"),
        label=name,
        acquired=properties.get("datetime") or properties.get("start_datetime"),
        item=_self_of(item, file),
    )


def _choose_asset(assets: dict[str, Any], name: str, file: Path) -> str:
    """The raster with the role `data`; else the only raster.

    Raises:
        InputError: There are several, or none.
    """
    rasters = [key for key, about in assets.items() if _is_raster(about)]
    data = [key for key in rasters if "data" in (assets[key].get("roles") or [])]
    others = [k for k in rasters if not _BESIDE_ROLES & set(assets[k].get("roles") or [])]
    chosen = data or others
    if len(chosen) == 1:
        return chosen[0]
    if not chosen:
        raise InputError(
            f"Item '{name}' of '{file}' has no raster among its assets ({_listed(assets)}). Say "
            "with --asset which one is the scene."
        )
    raise InputError(
        f"Item '{name}' of '{file}' has {len(chosen)} rasters ({_listed(chosen)}). Say with "
        "--asset which one is the scene; bands in files of their own become one scene with "
        "`pointillist stack`."
    )


def _is_raster(about: dict[str, Any]) -> bool:
    kind = str(about.get("type", "")).split(";")[0].strip().lower()
    href = str(about.get("href", "")).split("?")[0].lower()
    return kind in _RASTER_TYPES or (not kind and href.endswith(_RASTER_SUFFIXES))


def _self_of(item: dict[str, Any], file: Path) -> str:
    """Where the item itself is: its own link, else its file."""
    links = [link.get("href") for link in item.get("links", []) if link.get("rel") == "self"]
    return next((str(href) for href in links if href and is_remote(str(href))), str(file))


def _listed(keys: Any) -> str:
    names = list(keys)
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
