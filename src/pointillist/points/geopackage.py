"""A GeoPackage as the SQLite file it is: geometries, the layer of labels, its metadata.

GDAL's spatial index lives in triggers that call functions SQLite does not have; they are supplied
here, so that a file made by QGIS or GDAL can be written while those have it open.
"""

from __future__ import annotations

import json
import sqlite3
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from pointillist.errors import PointsError, UnreadableFileError
from pointillist.points.metadata import METADATA_KEY

_ENVELOPE_BYTES = {0: 0, 1: 32, 2: 48, 3: 48, 4: 64}
_XML_STANDARD = ("http://gdal.org", "text/xml")
_NOW = "strftime('%Y-%m-%dT%H:%M:%fZ','now')"


def encode_geometry(geometry: Any, srs_id: int) -> bytes:
    """A Shapely geometry as GeoPackage bytes, little endian and without envelope."""
    header = struct.pack("<2sBBi", b"GP", 0, 0b10001 if geometry.is_empty else 0b1, srs_id)
    body: bytes = geometry.wkb
    return header + body


def decode_geometry(blob: bytes) -> Any:
    """A Shapely geometry from GeoPackage bytes."""
    import shapely

    envelope = _ENVELOPE_BYTES.get((blob[3] >> 1) & 0b111, 0)
    return shapely.from_wkb(blob[8 + envelope :])


@dataclass(frozen=True)
class Layer:
    """The table of a GeoPackage that holds the labels.

    Args:
        table: Its name.
        fid: Column of the primary key.
        geometry: Column of the geometry.
        srs_id: The file's number of its coordinate system.
        crs: Coordinate system as WKT; None where the file states none.
        columns: Other columns, name → declared type.
    """

    table: str
    fid: str
    geometry: str
    srs_id: int
    crs: str | None
    columns: dict[str, str]


def connect(path: Path) -> sqlite3.Connection:
    """Open a GeoPackage for writing: write-ahead log, every commit on disk when it returns.

    Raises:
        UnreadableFileError: It is no GeoPackage.
    """
    try:
        connection = sqlite3.connect(
            path, isolation_level=None, check_same_thread=False, timeout=10.0
        )
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("SELECT count(*) FROM gpkg_contents").fetchone()
    except sqlite3.DatabaseError as error:
        raise UnreadableFileError(
            f"'{path}' cannot be opened as a GeoPackage ({error}). "
            "Check that it is one, and that its folder can be written."
        ) from error
    _add_spatial_functions(connection)
    return connection


def find_layer(connection: sqlite3.Connection, name: str) -> Layer:
    """The only layer with geometries, else the only one of points.

    Raises:
        PointsError: There is none, or several.
    """
    rows = connection.execute(
        "SELECT g.table_name, g.column_name, g.srs_id, g.geometry_type_name "
        "FROM gpkg_geometry_columns g JOIN gpkg_contents c ON c.table_name = g.table_name "
        "WHERE c.data_type = 'features'"
    ).fetchall()
    if len(rows) > 1:
        rows = [row for row in rows if row[3].upper() == "POINT"] or rows
    if len(rows) != 1:
        found = ", ".join(row[0] for row in rows) or "none"
        raise PointsError(
            f"Expected one layer of points in '{name}', got {found}. Keep the labels of a scene in "
            "a file of their own."
        )
    table, geometry, srs_id, _ = rows[0]
    columns: dict[str, str] = {}
    fid = "fid"
    for _, column, kind, _, _, is_key in connection.execute(f"PRAGMA table_info({quoted(table)})"):
        if is_key:
            fid = column
        elif column != geometry:
            columns[column] = kind.upper()
    return Layer(table, fid, geometry, srs_id, _crs(connection, srs_id), columns)


def read_layer_metadata(connection: sqlite3.Connection, layer: Layer) -> dict[str, Any]:
    """What `write_points` keeps with the layer; empty where there is nothing."""
    row = _metadata_row(connection, layer)
    if row is None:
        return {}
    try:
        item = ElementTree.fromstring(row[1]).find(f"./Metadata/MDI[@key='{METADATA_KEY}']")
        facts = json.loads(item.text or "{}") if item is not None else {}
    except (ElementTree.ParseError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}


def write_layer_metadata(
    connection: sqlite3.Connection, layer: Layer, facts: dict[str, Any]
) -> None:
    """Replace what is kept with the layer; other metadata of the layer stay as they are.

    The file must have metadata tables, as those that `write_points` writes with metadata do.
    """
    row = _metadata_row(connection, layer)
    try:
        root = ElementTree.fromstring(row[1]) if row else ElementTree.Element(_ROOT)
    except ElementTree.ParseError:
        root = ElementTree.Element(_ROOT)
    domain = root.find("./Metadata")
    if domain is None:
        domain = ElementTree.SubElement(root, "Metadata")
    item = domain.find(f"./MDI[@key='{METADATA_KEY}']")
    if item is None:
        item = ElementTree.SubElement(domain, "MDI", {"key": METADATA_KEY})
    item.text = json.dumps(facts)
    text = ElementTree.tostring(root, encoding="unicode")
    if row is not None:
        connection.execute("UPDATE gpkg_metadata SET metadata = ? WHERE id = ?", (text, row[0]))
        return
    _make_metadata_tables(connection)
    cursor = connection.execute(
        "INSERT INTO gpkg_metadata (md_scope, md_standard_uri, mime_type, metadata) "
        "VALUES ('dataset', ?, ?, ?)",
        (*_XML_STANDARD, text),
    )
    connection.execute(
        "INSERT INTO gpkg_metadata_reference (reference_scope, table_name, timestamp, md_file_id) "
        f"VALUES ('table', ?, {_NOW}, ?)",
        (layer.table, cursor.lastrowid),
    )


def quoted(name: str) -> str:
    """A name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


_ROOT = "GDALMultiDomainMetadata"


def _metadata_row(connection: sqlite3.Connection, layer: Layer) -> tuple[int, str] | None:
    try:
        row = connection.execute(
            "SELECT m.id, m.metadata FROM gpkg_metadata m "
            "JOIN gpkg_metadata_reference r ON r.md_file_id = m.id "
            "WHERE r.reference_scope = 'table' AND lower(r.table_name) = lower(?) "
            "AND m.md_standard_uri = ? AND m.mime_type = ? ORDER BY m.id LIMIT 1",
            (layer.table, *_XML_STANDARD),
        ).fetchone()
    except sqlite3.OperationalError:  # no such tables
        return None
    return None if row is None else (int(row[0]), str(row[1]))


def _make_metadata_tables(connection: sqlite3.Connection) -> None:
    """The tables of the metadata extension, where the file lacks them."""
    for statement in _METADATA_TABLES:
        connection.execute(statement)
    for table in ("gpkg_metadata", "gpkg_metadata_reference"):
        connection.execute(
            "INSERT INTO gpkg_extensions (table_name, extension_name, definition, scope) "
            "SELECT ?1, 'gpkg_metadata', "
            "'http://www.geopackage.org/spec120/#extension_metadata', 'read-write' "
            "WHERE NOT EXISTS (SELECT 1 FROM gpkg_extensions WHERE table_name = ?1)",
            (table,),
        )


_METADATA_TABLES = (
    "CREATE TABLE IF NOT EXISTS gpkg_extensions (table_name TEXT, column_name TEXT, "
    "extension_name TEXT NOT NULL, definition TEXT NOT NULL, scope TEXT NOT NULL, "
    "CONSTRAINT ge_tce UNIQUE (table_name, column_name, extension_name))",
    "CREATE TABLE IF NOT EXISTS gpkg_metadata (id INTEGER CONSTRAINT m_pk PRIMARY KEY ASC NOT NULL,"
    " md_scope TEXT NOT NULL DEFAULT 'dataset', md_standard_uri TEXT NOT NULL, "
    "mime_type TEXT NOT NULL DEFAULT 'text/xml', metadata TEXT NOT NULL DEFAULT '')",
    "CREATE TABLE IF NOT EXISTS gpkg_metadata_reference (reference_scope TEXT NOT NULL, "
    "table_name TEXT, column_name TEXT, row_id_value INTEGER, timestamp DATETIME NOT NULL "
    f"DEFAULT ({_NOW}), md_file_id INTEGER NOT NULL, md_parent_id INTEGER)",
)


def _crs(connection: sqlite3.Connection, srs_id: int) -> str | None:
    """WKT of a coordinate system; 0 and −1 stand for unknown ones."""
    if srs_id in (0, -1, 99999):
        return None
    row = connection.execute(
        "SELECT definition, organization, organization_coordsys_id FROM gpkg_spatial_ref_sys "
        "WHERE srs_id = ?",
        (srs_id,),
    ).fetchone()
    if row is None or row[0] in (None, "", "undefined"):
        return None
    return str(row[0])


def _add_spatial_functions(connection: sqlite3.Connection) -> None:
    """What the triggers of the spatial index call."""

    def bound(index: int) -> Callable[[bytes | None], float | None]:
        def find(blob: bytes | None) -> float | None:
            if blob is None or (geometry := decode_geometry(blob)).is_empty:
                return None
            return float(geometry.bounds[index])

        return find

    def is_empty(blob: bytes | None) -> int | None:
        return None if blob is None else int(decode_geometry(blob).is_empty)

    connection.create_function("ST_IsEmpty", 1, is_empty, deterministic=True)
    for name, index in (("ST_MinX", 0), ("ST_MinY", 1), ("ST_MaxX", 2), ("ST_MaxY", 3)):
        connection.create_function(name, 1, bound(index), deterministic=True)
