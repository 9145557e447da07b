"""Scenes of a GDAL tile index: a vector file whose field `location` names a raster per feature."""

from __future__ import annotations

from pathlib import Path

from pointillist.errors import InputError, UnreadableFileError
from pointillist.raster.listing.hrefs import resolve
from pointillist.raster.listing.listed import ListedScene

FIELD = "location"
# `.json` and `.geojson` are told apart from STAC by what is in them
_SUFFIXES = (".gpkg", ".shp", ".fgb", ".gml", ".kml", ".parquet", ".sqlite")


def is_tile_index(path: str) -> bool:
    """Whether a path is a vector file with the field; a GeoPackage may hold a raster instead."""
    return Path(path).suffix.lower() in _SUFFIXES and Path(path).exists() and _layer(path) != ""


def list_tile_index(path: str) -> list[ListedScene]:
    """The scenes of a tile index.

    Locations are relative to the index or, as `gdaltindex` writes them, to the current folder.

    Raises:
        InputError: No feature, or one without a location.
        MissingFileError: A location where nothing is.
    """
    import pyogrio
    from pyogrio import errors

    try:
        frame = pyogrio.read_dataframe(
            path, layer=_layer(path), columns=[FIELD], read_geometry=False
        )
    except (errors.DataSourceError, errors.DataLayerError) as error:
        raise UnreadableFileError(f"Tile index '{path}' cannot be read: {error}.") from error
    locations = frame[FIELD].tolist()
    if not locations:
        raise InputError(f"Tile index '{path}' has no feature. Make it again with gdaltindex.")
    folders = [Path(path).parent, Path()]
    scenes = []
    for number, location in enumerate(locations, start=1):
        if not isinstance(location, str) or not location.strip():
            raise InputError(
                f"Expected a path as '{FIELD}' of every feature of '{path}', but feature {number} "
                "has none. Fill it in, or remove the feature."
            )
        said_by = f"Feature {number} of tile index '{path}'"
        scenes.append(ListedScene(resolve(location.strip(), folders, said_by)))
    return scenes


def _layer(path: str) -> str:
    """The first layer with the field; empty where there is none."""
    import pyogrio
    from pyogrio import errors

    try:
        layers = [str(name) for name, _ in pyogrio.list_layers(path)]
    except errors.DataSourceError:
        return ""
    for layer in layers:
        if FIELD in pyogrio.read_info(path, layer=layer)["fields"]:
            return layer
    return ""
