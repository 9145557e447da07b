"""Add points to a GeoPackage in place: its rows, other fields and styles stay as they are."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from pointillist.errors import MissingFileError, OutputError, PointsError
from pointillist.points.metadata import read_metadata
from pointillist.points.vectors import VectorSource

_SQL_TYPES = {"i": "INTEGER", "u": "INTEGER", "f": "REAL"}


def check_appendable(path: str | os.PathLike[str]) -> None:
    """Make sure that points may be added to a file.

    Raises:
        MissingFileError: There is no such file.
        PointsError: It is no GeoPackage, its layer holds something else than points, or it is a
            reference sample, which added points would spoil.
    """
    source = VectorSource.parse(path)
    if source.suffix != ".gpkg":
        raise PointsError(
            f"Expected a GeoPackage (.gpkg) to add points to, got '{source.path}'. Write them to "
            "a file of their own, and give both to --points."
        )
    if not Path(source.path).exists():
        raise MissingFileError(
            f"'{source.path}' does not exist, so nothing can be added to it. Leave out --append."
        )
    design = read_metadata(path).get("design", "purposive")
    if design != "purposive":
        raise PointsError(
            f"'{source.path}' is a reference sample (design {design}): points added to it would "
            "spoil what it says of a map. Choose another file for --out."
        )
    _layer_of_points(source)


def append_points(
    path: str | os.PathLike[str], xy: ArrayLike, crs: str | None, columns: Mapping[str, ArrayLike]
) -> Path:
    """Add points to a GeoPackage that is there.

    Fields it lacks are added, empty in its other rows; fields it has and `columns` lacks stay
    empty in the new ones. Safe while QGIS has the file open, but not while it is being edited.

    Args:
        path: The file; `points.gpkg|layername=visits` names a layer.
        xy: (N, 2) coordinates.
        crs: Their coordinate system.
        columns: Name → (N,) values; None where there is no value.

    Returns:
        The path of the file.

    Raises:
        PointsError: See `check_appendable`, or coordinates that cannot be brought into its system.
        OutputError: It cannot be written: another program is editing it, say.
    """
    import geopandas as gpd
    import pyogrio

    check_appendable(path)
    source = VectorSource.parse(path)
    layer = _layer_of_points(source)
    info = pyogrio.read_info(source.path, layer=layer)
    points = np.asarray(xy, dtype=np.float64).reshape(-1, 2)
    geometry = gpd.GeoSeries(gpd.points_from_xy(points[:, 0], points[:, 1]), crs=crs)
    if crs is not None and info["crs"] is not None:
        geometry = geometry.to_crs(info["crs"])
    try:
        _add_fields(Path(source.path), layer, columns, [str(f) for f in info["fields"]])
        fields = [str(f) for f in pyogrio.read_info(source.path, layer=layer)["fields"]]
        given = {name.casefold(): values for name, values in columns.items()}
        table = {f: _values(given.get(f.casefold()), len(points)) for f in fields}
        frame = gpd.GeoDataFrame(table, geometry=geometry, crs=info["crs"])
        pyogrio.write_dataframe(
            frame, source.path, layer=layer, driver="GPKG", append=True, use_arrow=False,
            geometry_type=info["geometry_type"],
        )  # fmt: skip
    except (sqlite3.Error, pyogrio.errors.DataSourceError, pyogrio.errors.FeatureError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise OutputError(
            f"Points cannot be added to '{source.path}': {reason.rstrip('.')}. Save and end its "
            "editing in other programs, and check the folder's permissions."
        ) from error
    return Path(source.path)


def _layer_of_points(source: VectorSource) -> str:
    """The layer that is named, or the one `read_features` reads."""
    import pyogrio

    if source.layer is not None and isinstance(source.layer, str):
        layer = source.layer
    else:
        layers = [str(name) for name, kind in pyogrio.list_layers(source.path) if kind is not None]
        if len(layers) != 1:
            raise PointsError(
                f"Expected one layer in '{source.path}', got {len(layers)}: {', '.join(layers)}. "
                f"Name one: '{source.path}|layername={layers[0] if layers else 'points'}'."
            )
        layer = layers[0]
    try:
        kind = str(pyogrio.read_info(source.path, layer=layer)["geometry_type"])
    except pyogrio.errors.DataLayerError as error:
        raise PointsError(f"'{source.path}' has no layer '{layer}'.") from error
    if kind not in ("Point", "Unknown"):
        raise PointsError(
            f"Expected points in '{source.path}', but layer '{layer}' holds {kind}. "
            "Choose another file for --out."
        )
    return layer


def _add_fields(path: Path, layer: str, columns: Mapping[str, ArrayLike], there: list[str]) -> None:
    """Add the fields that are missing, all or none."""
    known = {name.casefold() for name in there}
    missing = [name for name in columns if name.casefold() not in known]
    if not missing:
        return
    table = _quote(layer)
    with closing(sqlite3.connect(path, timeout=5)) as connection, connection:
        for name in missing:
            kind = _SQL_TYPES.get(np.asarray(columns[name]).dtype.kind, "TEXT")
            connection.execute(f"ALTER TABLE {table} ADD COLUMN {_quote(name)} {kind}")


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _values(values: ArrayLike | None, n: int) -> Any:
    return np.full(n, None, dtype=object) if values is None else np.asarray(values)
