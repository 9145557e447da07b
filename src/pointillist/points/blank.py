"""An empty GeoPackage of labels, written with SQLite alone.

Vector libraries take most of a second to load, and whoever opens a scene waits for it. The tables
are those that GeoPackage 1.4 requires, as GDAL writes them, without a spatial index.

References:
    OGC 12-128r19, GeoPackage Encoding Standard, annex C.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from pointillist.points.geopackage import quoted

_APPLICATION_ID, _USER_VERSION = 0x47504B47, 10400
_UNDEFINED = 99999
_UNDEFINED_WKT = (  # of GDAL, which takes it for no system at all
    'LOCAL_CS["Undefined SRS",LOCAL_DATUM["unknown",32767],UNIT["unknown",0],'
    'AXIS["Easting",EAST],AXIS["Northing",NORTH]]'
)
_WGS84 = 4326
_NOW = "(strftime('%Y-%m-%dT%H:%M:%fZ','now'))"
_TABLES = (
    "CREATE TABLE gpkg_spatial_ref_sys (srs_name TEXT NOT NULL, srs_id INTEGER NOT NULL PRIMARY "
    "KEY, organization TEXT NOT NULL, organization_coordsys_id INTEGER NOT NULL, definition TEXT "
    "NOT NULL, description TEXT)",
    "CREATE TABLE gpkg_contents (table_name TEXT NOT NULL PRIMARY KEY, data_type TEXT NOT NULL, "
    "identifier TEXT UNIQUE, description TEXT DEFAULT '', last_change DATETIME NOT NULL DEFAULT "
    f"{_NOW}, min_x DOUBLE, min_y DOUBLE, max_x DOUBLE, max_y DOUBLE, srs_id INTEGER, CONSTRAINT "
    "fk_gc_r_srs_id FOREIGN KEY (srs_id) REFERENCES gpkg_spatial_ref_sys(srs_id))",
    "CREATE TABLE gpkg_geometry_columns (table_name TEXT NOT NULL, column_name TEXT NOT NULL, "
    "geometry_type_name TEXT NOT NULL, srs_id INTEGER NOT NULL, z TINYINT NOT NULL, m TINYINT NOT "
    "NULL, CONSTRAINT pk_geom_cols PRIMARY KEY (table_name, column_name), CONSTRAINT "
    "uk_gc_table_name UNIQUE (table_name), CONSTRAINT fk_gc_tn FOREIGN KEY (table_name) REFERENCES "
    "gpkg_contents(table_name), CONSTRAINT fk_gc_srs FOREIGN KEY (srs_id) REFERENCES "
    "gpkg_spatial_ref_sys (srs_id))",
)


def write_blank(path: Path, layer: str, columns: dict[str, str], code: int | None) -> None:
    """Write a layer without features.

    Args:
        path: A file that does not exist.
        layer: Its name.
        columns: SQL types by name.
        code: EPSG code of its coordinate system; None for pixels of a plain image.
    """
    systems = [
        ("Undefined Cartesian SRS", -1, "NONE", -1, "undefined"),
        ("Undefined geographic SRS", 0, "NONE", 0, "undefined"),
        *(_describe(known) for known in sorted({_WGS84, code or _WGS84})),
    ]
    if code is None:
        systems.append(("Undefined SRS", _UNDEFINED, "GDAL", _UNDEFINED, _UNDEFINED_WKT))
    srs_id = _UNDEFINED if code is None else code
    fields = "".join(f", {quoted(name)} {kind}" for name, kind in columns.items())
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {_USER_VERSION}")
        db.execute("BEGIN")
        for statement in _TABLES:
            db.execute(statement)
        db.executemany(
            "INSERT INTO gpkg_spatial_ref_sys (srs_name, srs_id, organization, "
            "organization_coordsys_id, definition) VALUES (?, ?, ?, ?, ?)",
            systems,
        )
        db.execute(
            "INSERT INTO gpkg_contents (table_name, data_type, identifier, srs_id) "
            "VALUES (?, 'features', ?, ?)",
            (layer, layer, srs_id),
        )
        db.execute(
            "INSERT INTO gpkg_geometry_columns VALUES (?, 'geom', 'GEOMETRY', ?, 0, 0)",
            (layer, srs_id),
        )
        db.execute(
            f"CREATE TABLE {quoted(layer)} (fid INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, "
            f"geom GEOMETRY{fields})"
        )
        db.execute("COMMIT")


def find_code(crs: str) -> int | None:
    """EPSG code of a coordinate system that is exactly that one and that old WKT can state."""
    import pyproj

    system = pyproj.CRS.from_user_input(crs)
    code = system.to_epsg(min_confidence=100)
    if code is None:
        return None
    same = pyproj.CRS.from_epsg(code)
    is_stated = same.equals(system, ignore_axis_order=True) and _old_wkt(same) is not None
    return code if is_stated else None


def _describe(code: int) -> tuple[str, int, str, int, str]:
    import pyproj

    system = pyproj.CRS.from_epsg(code)
    definition: Any = _old_wkt(system)
    return system.name, code, "EPSG", code, definition


def _old_wkt(system: Any) -> str | None:
    """WKT 1, which every GeoPackage reader takes; None where it cannot say it."""
    import pyproj

    try:
        return str(system.to_wkt("WKT1_GDAL"))
    except pyproj.exceptions.ProjError:
        return None
