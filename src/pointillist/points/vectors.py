"""Read labelled features from any vector file or table."""

from __future__ import annotations

import glob
import os
import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pointillist.errors import (
    InputError,
    MissingFileError,
    PointillistError,
    PointsError,
    UnreadableFileError,
)
from pointillist.points.fields import choose_class_field
from pointillist.points.tables import (
    TABLE_SUFFIXES,
    points_from_columns,
    read_sidecar,
    read_table,
)

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

PARQUET_SUFFIXES = {".parquet", ".geoparquet", ".pq"}


@dataclass(frozen=True)
class VectorSource:
    """A vector file and, where named, one of its layers.

    Args:
        path: What is opened: a file, or a GDAL path (`/vsi…`, a URL).
        layer: Layer name or number; None for the only one with features.
    """

    path: str
    layer: str | int | None = None

    @classmethod
    def parse(cls, text: str | os.PathLike[str]) -> VectorSource:
        """Read a path, also as QGIS writes it: `sites.gpkg|layername=visits`."""
        path, *options = str(text).split("|")
        layer: str | int | None = None
        for option in options:
            key, _, value = option.partition("=")
            if key.strip().casefold() == "layername":
                layer = value.strip()
            elif key.strip().casefold() == "layerid" and value.strip().isdigit():
                layer = int(value)
        return cls(path, layer)

    @property
    def name(self) -> str:
        """File name for messages."""
        return Path(self.path).name + (f" (layer {self.layer})" if self.layer is not None else "")

    @property
    def suffix(self) -> str:
        """Ending of the file name in lower case."""
        return Path(self.path).suffix.lower()

    @property
    def is_virtual(self) -> bool:
        """Whether GDAL finds it elsewhere than in a folder."""
        return self.path.startswith("/vsi") or re.match(r"\w+://", self.path) is not None


def read_features(
    path: str | os.PathLike[str], class_field: str | None = None, crs: str | None = None
) -> GeoDataFrame:
    """Read the features of a vector file or table.

    Args:
        path: GeoPackage, GeoJSON, Shapefile, GeoParquet, CSV, TSV or anything else GDAL reads;
            `sites.gpkg|layername=visits` names a layer.
        class_field: Field that must be there.
        crs: Coordinate system of the coordinates, instead of the one the file names.

    Returns:
        Features with 2-D or 3-D geometries, which may be missing, empty or invalid, and their CRS
        (None where unknown). `attrs["notices"]` lists what was assumed.

    Raises:
        MissingFileError: There is no such file.
        UnreadableFileError: It is damaged or no vector file.
        PointsError: It holds no features or no coordinates.
        ClassFieldError: `class_field` is not there; the fields are listed.
        InputError: `crs` is no coordinate system.
    """
    source = VectorSource.parse(path)
    if not source.is_virtual and not Path(source.path).exists():
        raise MissingFileError(f"'{source.path}' does not exist. Check the path of the points.")
    if Path(source.path).is_dir() and source.suffix != ".gdb":
        raise UnreadableFileError(f"Expected a file of points, but '{source.path}' is a folder.")
    notices: list[str] = []
    wanted = None if crs is None else _parse_crs(crs)
    frame = _read_any(source, wanted, notices)
    if len(frame) == 0:
        raise PointsError(f"Expected labelled features in {source.name}, but it holds none.")
    frame = _with_crs(frame, wanted, source, notices)
    frame.attrs = {"notices": notices, "source": source.name}
    if class_field is not None:
        choose_class_field(frame, class_field, source.name)
    return frame


def crs_label(crs: Any) -> str:
    """Short name of a coordinate system: EPSG code, else its title; 'no CRS' for None."""
    import pyproj

    if crs is None:
        return "no CRS"
    parsed = pyproj.CRS.from_user_input(crs)
    authority = parsed.to_authority()
    return ":".join(authority) if authority else str(parsed.name)


def _read_any(source: VectorSource, crs: Any, notices: list[str]) -> GeoDataFrame:
    try:
        if source.suffix in TABLE_SUFFIXES and not source.is_virtual:
            return read_table(Path(source.path), crs)
        if source.suffix in PARQUET_SUFFIXES:
            return _read_parquet(source, crs)
        return _read_ogr(source, crs, notices)
    except PointillistError:
        raise
    except Exception as error:  # GDAL, Arrow and Shapely each have their own kinds
        if isinstance(error, MemoryError | ImportError):
            raise
        raise UnreadableFileError(
            f"'{source.path}' cannot be read as labelled features: {_first_sentence(error)} "
            "Expected an undamaged GeoPackage, GeoJSON, Shapefile, GeoParquet or CSV file."
        ) from error


def _read_ogr(source: VectorSource, crs: Any, notices: list[str]) -> GeoDataFrame:
    import geopandas as gpd
    import pyogrio

    if source.suffix == ".shp" and not source.is_virtual:
        _refuse_truncated_shapefile(Path(source.path))
    layer = _choose_layer(source, notices)
    frame = pyogrio.read_dataframe(source.path, layer=layer, use_arrow=_is_in_utf8(source))
    if not isinstance(frame, gpd.GeoDataFrame):
        return points_from_columns(frame, source.name, crs)
    longer = read_sidecar(Path(source.path)).get("fields", {})
    return frame.rename(columns=longer) if longer else frame


def _is_in_utf8(source: VectorSource) -> bool:
    """Whether text is known to be UTF-8, as Arrow takes it to be.

    The text of a shapefile is in the encoding that its `.cpg` names, which GDAL recodes; without
    one it may be in Latin-1.
    """
    if source.suffix in (".zip", ".shz"):
        return False
    return source.suffix != ".shp" or Path(source.path).with_suffix(".cpg").exists()


def _read_parquet(source: VectorSource, crs: Any) -> GeoDataFrame:
    import geopandas as gpd
    import pandas as pd
    import pyarrow.parquet as pq

    schema = pq.read_schema(source.path)
    if b"geo" in (schema.metadata or {}):
        return gpd.read_parquet(source.path)
    return points_from_columns(pd.read_parquet(source.path), source.name, crs)


def _choose_layer(source: VectorSource, notices: list[str]) -> str | int:
    """The layer asked for, else the only one with geometries, else the only one with points."""
    import pyogrio

    layers = [(str(name), kind) for name, kind in pyogrio.list_layers(source.path)]
    names = ", ".join(name for name, _ in layers)
    if source.layer is not None:
        known = source.layer in [name for name, _ in layers]
        if known or (isinstance(source.layer, int) and source.layer < len(layers)):
            return source.layer
        raise PointsError(
            f"Expected a layer '{source.layer}' in {Path(source.path).name}, but its layers are: "
            f"{names}. Name one of them after '|layername='."
        )
    if not layers:
        raise PointsError(f"Expected labelled features in {source.name}, but it has no layers.")
    spatial = [layer for layer in layers if layer[1] is not None] or layers
    if len(spatial) == 1:
        return spatial[0][0]
    points = [name for name, kind in spatial if kind and "point" in kind.casefold()]
    if len(points) == 1:
        notices.append(f"Layer '{points[0]}' was read: the only one of points among {names}.")
        return points[0]
    raise PointsError(
        f"Expected one layer of points in {source.name}, but its layers are: {names}. "
        f"Name one of them like '{source.path}|layername={spatial[0][0]}'."
    )


def _parse_crs(crs: str) -> Any:
    import pyproj

    try:
        return pyproj.CRS.from_user_input(crs)
    except pyproj.exceptions.CRSError as error:
        raise InputError(
            f"Expected a coordinate system such as EPSG:4326 after --crs, got '{crs}'."
        ) from error


def _with_crs(
    frame: GeoDataFrame, crs: Any, source: VectorSource, notices: list[str]
) -> GeoDataFrame:
    """Give the features the CRS that was asked for, and drop one that says nothing."""
    if frame.crs is not None and (frame.crs.is_engineering or "ndefined" in frame.crs.name):
        frame = frame.set_crs(None, allow_override=True)
    if crs is None:
        return frame
    if frame.crs is not None and not crs.equals(frame.crs, ignore_axis_order=True):
        notices.append(
            f"{source.name} says {crs_label(frame.crs)}; taken as {crs_label(crs)} instead."
        )
    return frame.set_crs(crs, allow_override=True)


def _refuse_truncated_shapefile(path: Path) -> None:
    """GDAL reads what is there of a cut-off Shapefile without a word; its headers tell the rest."""
    found = {p.suffix.lower(): p for p in path.parent.glob(f"{glob.escape(path.stem)}.*")}
    for ending in (".shp", ".shx", ".dbf"):
        part = found.get(ending)
        if part is None:
            raise UnreadableFileError(
                f"'{path}' cannot be read: its part '{path.stem}{ending}' is missing. "
                "A Shapefile is several files of one name; copy all of them."
            )
        with part.open("rb") as file:
            head = file.read(32)
        if len(head) < 32 or part.stat().st_size < _declared_size(head, ending):
            raise UnreadableFileError(
                f"'{path}' cannot be read: its part '{part.name}' is cut off. "
                "Copy or export it again."
            )


def _declared_size(head: bytes, ending: str) -> int:
    """Size in bytes that the header of a Shapefile's part declares."""
    if ending == ".dbf":
        n_records, start, length = struct.unpack_from("<IHH", head, 4)
        return int(start + n_records * length)
    return 2 * int(struct.unpack_from(">i", head, 24)[0])


def _first_sentence(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    text = lines[0].split("; It might help")[0] if lines else type(error).__name__
    text = re.sub(r"^sqlite3_\w+\(.*\) failed: ", "", text)
    first, _, rest = text.partition("; ")
    text = first if rest == first else text
    return text if text.endswith((".", "!")) else f"{text}."
