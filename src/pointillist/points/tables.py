"""Points from tables: which columns of a CSV (or spreadsheet) hold the coordinates."""

from __future__ import annotations

import csv
import io
import json
import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pointillist.errors import PointsError, UnreadableFileError

if TYPE_CHECKING:
    from geopandas import GeoDataFrame
    from pandas import DataFrame, Series

TABLE_SUFFIXES = {".csv", ".tsv", ".txt"}
# Column names without case, spaces and punctuation; the first pair that is there is taken.
_LONLAT = (
    ("lon", "lat"), ("longitude", "latitude"), ("long", "lat"), ("lng", "lat"),
    ("decimallongitude", "decimallatitude"), ("londd", "latdd"), ("lonwgs84", "latwgs84"),
    ("loncenter", "latcenter"), ("gpslongitude", "gpslatitude"),
)  # fmt: skip
_XY = (
    ("x", "y"), ("xcoord", "ycoord"), ("xcoordinate", "ycoordinate"), ("coordx", "coordy"),
    ("pointx", "pointy"), ("easting", "northing"), ("eastings", "northings"), ("east", "north"),
    ("utmx", "utmy"), ("utme", "utmn"), ("utmeasting", "utmnorthing"), ("e", "n"),
    ("xutm", "yutm"), ("rechtswert", "hochwert"), ("xmap", "ymap"), ("mapx", "mapy"),
)  # fmt: skip
_WKT = ("wkt", "geometry", "geom", "thegeom", "wktgeom", "geometrywkt", "shape")
_WKT_START = re.compile(r"\s*(multi)?(point|linestring|polygon)|\s*geometrycollection", re.I)


def read_table(path: Path, crs: Any = None) -> GeoDataFrame:
    """Read points from a CSV or TSV file.

    Separators `,` `;` tab and `|`, decimal points or commas, UTF-8, UTF-16 and Latin-1 are told
    apart by themselves. Coordinates come from a WKT column or from a pair of columns, see
    `points_from_columns`.

    Args:
        path: The file.
        crs: Coordinate system of the coordinates; None for the one that goes with the columns.

    Raises:
        UnreadableFileError: The file is no table.
        PointsError: No columns of coordinates.
    """
    import pandas as pd

    text = _decode(path)
    header = next((line for line in text.splitlines() if line.strip()), "")
    separator = max(",;\t|", key=header.count)
    try:
        _refuse_longer_rows(text, separator, path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", pd.errors.ParserWarning)  # of empty values at the end
            table = pd.read_csv(
                io.StringIO(text),
                sep=separator,
                keep_default_na=False,
                na_values=[""],
                skipinitialspace=True,
                index_col=False,
                low_memory=False,
            )
    except (pd.errors.ParserError, pd.errors.EmptyDataError, csv.Error, ValueError) as error:
        raise UnreadableFileError(
            f"'{path}' cannot be read as a table of points: {str(error).strip()}. "
            "Expected one header line and the same number of columns in every row."
        ) from error
    table.columns = table.columns.str.strip()
    return points_from_columns(table, path.name, crs or read_sidecar(path).get("crs"))


def _refuse_longer_rows(text: str, separator: str, path: Path) -> None:
    """Refuse rows of more values than there are columns: all after the one too many would be moved.

    Empty values at a row's end are separators that somebody left there.
    """
    rows = csv.reader(io.StringIO(text), delimiter=separator, skipinitialspace=True)
    filled = (row for row in rows if any(value.strip() for value in row))
    n_columns = len(next(filled, []))
    for row in filled:
        if any(value.strip() for value in row[n_columns:]):
            raise UnreadableFileError(
                f"Expected the same number of columns in every row of '{path}', but line "
                f"{rows.line_num} has {len(row)} values for {n_columns} columns. Put values that "
                f"hold a '{separator}' into quotes, or write the table with another separator."
            )


def points_from_columns(table: DataFrame, path: object, crs: Any = None) -> GeoDataFrame:
    """Turn a table into features.

    Args:
        table: With a column of WKT, or a pair such as lon/lat, longitude/latitude, x/y,
            easting/northing, X_COORD/Y_COORD (upper and lower case do not matter).
        path: Name of the file for messages.
        crs: Coordinate system known from elsewhere. Without it, lon/lat columns are EPSG:4326
            and the others have none.

    Raises:
        PointsError: No such columns, or lon/lat columns whose values are no degrees.
    """
    import geopandas as gpd
    import shapely

    wkt = _wkt_column(table)
    if wkt is not None:
        texts = [text if isinstance(text, str) else None for text in table[wkt]]
        geometry = shapely.from_wkt(texts, on_invalid="ignore")
        return gpd.GeoDataFrame(table.drop(columns=wkt), geometry=geometry, crs=crs)
    columns = {_plain(c): c for c in reversed([str(c) for c in table.columns])}
    pairs = [(columns[x], columns[y], x, y) for x, y in _LONLAT + _XY if {x, y} <= set(columns)]
    if not pairs:
        raise PointsError(
            f"Expected columns with coordinates in {path} (lon and lat, or x and y, or easting and "
            f"northing, or WKT), but its columns are: {', '.join(map(str, table.columns))}. "
            "Rename them."
        )
    x_column, y_column, x_plain, y_plain = pairs[0]
    x, y = _numbers(table[x_column]), _numbers(table[y_column])
    if crs is None and (x_plain, y_plain) in _LONLAT:
        _refuse_no_degrees(x, y, (x_column, y_column), path)
        crs = "EPSG:4326"
    there = np.isfinite(x) & np.isfinite(y)
    geometry = np.full(len(table), None, dtype=object)
    geometry[there] = shapely.points(x[there], y[there])
    return gpd.GeoDataFrame(table.drop(columns=[x_column, y_column]), geometry=geometry, crs=crs)


def sidecar_path(path: Path) -> Path:
    """Where the facts a format cannot hold are kept: `points.csv` → `points.csv.json`."""
    return path.with_name(path.name + ".json")


def read_sidecar(path: Path) -> dict[str, Any]:
    """The facts kept beside a file; empty where there are none."""
    try:
        facts = json.loads(sidecar_path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}


def _decode(path: Path) -> str:
    data = path.read_bytes()
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", errors="replace")
    if b"\x00" in data[:4096]:
        raise UnreadableFileError(
            f"'{path}' cannot be read as a table of points: it is a binary file. "
            "Expected text with one header line."
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.casefold())


def _wkt_column(table: DataFrame) -> str | None:
    for column in table.columns:
        if _plain(str(column)) in _WKT:
            filled = table[column].dropna()
            if len(filled) and _WKT_START.match(str(filled.iloc[0])):
                return str(column)
    return None


def _numbers(column: Series[Any]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Coordinates as numbers, also with decimal commas; NaN where there is none."""
    import pandas as pd

    if not pd.api.types.is_numeric_dtype(column.dtype):
        column = column.astype(str).str.strip().str.replace(",", ".", regex=False)
    return np.asarray(pd.to_numeric(column, errors="coerce"), dtype=np.float64)


def _refuse_no_degrees(x: Any, y: Any, columns: tuple[str, str], path: object) -> None:
    wrong = np.flatnonzero((np.abs(x) > 360) | (np.abs(y) > 90))
    if 2 * len(wrong) > np.isfinite(x).sum():
        row = int(wrong[0])
        raise PointsError(
            f"Expected degrees in the columns {columns[0]} and {columns[1]} of {path}, got "
            f"{x[row]:.10g} and {y[row]:.10g} in row {row + 1}. "
            "If they are map coordinates, say which with --crs; if swapped, rename the columns."
        )
