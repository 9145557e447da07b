"""Write points with their attributes; what is there under the final name is always complete."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from pointillist.errors import InputError, OutputError, PointillistError
from pointillist.points.metadata import METADATA_KEY
from pointillist.points.tables import sidecar_path
from pointillist.raster import check_output

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

# What else belongs to a file and must not outlive it.
_COMPANIONS = {
    ".shp": (".shx", ".dbf", ".prj", ".cpg", ".qix", ".sbn", ".sbx"),
    ".gpkg": (".gpkg-wal", ".gpkg-shm", ".gpkg-journal"),
}


def write_points(
    path: str | os.PathLike[str],
    xy: ArrayLike,
    crs: str | None,
    columns: Mapping[str, ArrayLike],
    *,
    metadata: Mapping[str, Any] | None = None,
    overwrite: bool = False,
) -> Path:
    """Write points as GeoPackage, GeoJSON, Shapefile, GeoParquet or CSV, by the ending of `path`.

    GeoJSON is always in WGS 84 (RFC 7946). The file appears under its name only when complete.

    Args:
        path: Where to; its folder must exist.
        xy: (N, 2) coordinates (x, y) or (longitude, latitude).
        crs: Coordinate system of `xy`; None for pixel coordinates of a plain image.
        columns: Name → (N,) values; None where there is no value, such as a class still to fill in.
        metadata: Facts that JSON can hold, kept with the file; see `read_metadata`. A legend
            (`Legend.to_dict()`) under the key `legend` sets the codes when the file is read.
        overwrite: Replace what is there.

    Returns:
        The path.

    Raises:
        InputError: An unknown ending, or columns of another length than `xy`.
        OutputExistsError: The file exists and `overwrite` is not set.
        OutputError: It cannot be written.
    """
    path = Path(path)
    writer = _WRITERS.get(path.suffix.lower())
    if writer is None:
        raise InputError(
            f"Expected points to write to end in {', '.join(_WRITERS)}, got '{path.name}'."
        )
    check_output(path, overwrite)
    frame = _make_frame(xy, crs, columns)
    facts = json.loads(json.dumps(dict(metadata or {})))
    with _replacing(path) as partial, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*crs.*was not provided")
        warnings.filterwarnings("ignore", message=".*No SRS set on layer")
        warnings.filterwarnings("ignore", message=".*ormalized/laundered field name")
        writer(partial, frame, facts)
    return path


def _make_frame(xy: ArrayLike, crs: str | None, columns: Mapping[str, ArrayLike]) -> GeoDataFrame:
    import geopandas as gpd
    import pyproj

    points = np.asarray(xy, dtype=np.float64).reshape(-1, 2)
    for name, values in columns.items():
        if len(np.atleast_1d(np.asarray(values, dtype=object))) != len(points):
            raise InputError(
                f"Expected {len(points):,} values in column '{name}', one for each point, "
                f"got {len(np.atleast_1d(np.asarray(values, dtype=object))):,}."
            )
    try:
        return gpd.GeoDataFrame(
            {name: _column(values) for name, values in columns.items()},
            geometry=gpd.points_from_xy(points[:, 0], points[:, 1]),
            crs=crs,
        )
    except pyproj.exceptions.CRSError as error:
        raise InputError(f"Expected a coordinate system such as EPSG:4326, got {crs!r}.") from error


def _column(values: ArrayLike) -> Any:
    """Texts with None for gaps; numbers as they are."""
    import pandas as pd

    array = np.asarray(values)
    if array.dtype.kind in "biuf":
        return array
    texts = [None if v is None or v != v else v for v in array.tolist()]
    filled = [v for v in texts if v is not None]
    if filled and not any(isinstance(v, str) for v in filled):
        return pd.array(texts).to_numpy() if len(filled) == len(texts) else np.array(texts, float)
    return pd.Series(texts, dtype=object)


def _write_gpkg(path: Path, frame: GeoDataFrame, facts: dict[str, Any]) -> None:
    kept = {METADATA_KEY: json.dumps(facts)} if facts else None
    taken = {str(c).casefold() for c in frame.columns}
    options = {"FID": "feature_id"} if "fid" in taken else {}
    if "geom" in taken:
        options["GEOMETRY_NAME"] = "point_geom"
    _write_ogr(path, frame, driver="GPKG", layer_metadata=kept, layer_options=options)


def _write_shapefile(path: Path, frame: GeoDataFrame, facts: dict[str, Any]) -> None:
    _write_ogr(path, frame, driver="ESRI Shapefile", encoding="UTF-8")
    import pyogrio

    written = [str(f) for f in pyogrio.read_info(path)["fields"]]
    names = [str(c) for c in frame.columns if c != frame.geometry.name]
    fields = {short: long for short, long in zip(written, names, strict=False) if short != long}
    _write_sidecar(path, {"fields": fields, "metadata": facts})


def _write_geojson(path: Path, frame: GeoDataFrame, facts: dict[str, Any]) -> None:
    if frame.crs is not None:
        frame = frame.to_crs("EPSG:4326")
    options = {"COORDINATE_PRECISION": "12", "WRITE_NAME": "NO"}
    _write_ogr(path, frame, driver="GeoJSON", layer_options=options)
    if facts:
        bare = path.with_suffix(".bare")
        path.rename(bare)
        _insert_foreign_member(bare, path, facts)
        bare.unlink()


def _write_parquet(path: Path, frame: GeoDataFrame, facts: dict[str, Any]) -> None:
    import pyarrow.parquet as pq

    frame.to_parquet(path, index=False)
    if facts:
        table = pq.read_table(path)
        kept = {**(table.schema.metadata or {}), METADATA_KEY.encode(): json.dumps(facts).encode()}
        pq.write_table(table.replace_schema_metadata(kept), path)


def _write_csv(path: Path, frame: GeoDataFrame, facts: dict[str, Any]) -> None:
    geographic = frame.crs is not None and frame.crs.is_geographic
    table = frame.drop(columns=frame.geometry.name)
    table.insert(0, "lon" if geographic else "x", frame.geometry.x)
    table.insert(1, "lat" if geographic else "y", frame.geometry.y)
    separator = "\t" if path.suffix.lower() == ".tsv" else ","
    table.to_csv(path, index=False, sep=separator, encoding="utf-8")
    plain = frame.crs is None or frame.crs.equals("EPSG:4326", ignore_axis_order=True)
    crs = None if plain else ":".join(frame.crs.to_authority() or ()) or frame.crs.to_wkt()
    _write_sidecar(path, {"crs": crs, "metadata": facts})


_WRITERS: dict[str, Callable[[Path, GeoDataFrame, dict[str, Any]], None]] = {
    ".gpkg": _write_gpkg,
    ".geojson": _write_geojson,
    ".json": _write_geojson,
    ".shp": _write_shapefile,
    ".parquet": _write_parquet,
    ".csv": _write_csv,
    ".tsv": _write_csv,
}


def _write_ogr(path: Path, frame: GeoDataFrame, **options: Any) -> None:
    import pyogrio

    reserved = path.stem.casefold().startswith(("gpkg", "sqlite_", "rtree_"))
    layer = f"points_{path.stem}" if reserved and path.suffix == ".gpkg" else path.stem
    pyogrio.write_dataframe(
        frame, path, layer=layer, geometry_type="Point", use_arrow=False, **options
    )


def _write_sidecar(path: Path, facts: dict[str, Any]) -> None:
    told = {key: value for key, value in facts.items() if value}
    if told:
        text = json.dumps(told, indent=1, ensure_ascii=False)
        sidecar_path(path).write_text(text, encoding="utf-8")


def _insert_foreign_member(source: Path, target: Path, facts: dict[str, Any]) -> None:
    """Copy a GeoJSON file line by line with one more member at its top."""
    member = f'"{METADATA_KEY}": {json.dumps(facts)},\n'
    with source.open(encoding="utf-8") as old, target.open("w", encoding="utf-8") as new:
        for line in old:
            new.write(line)
            if member and line.startswith('"type": "FeatureCollection",'):
                new.write(member)
                member = ""


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """A path of the same name in a hidden folder beside; moved into place when complete."""
    folder = None
    try:
        folder = Path(tempfile.mkdtemp(prefix=f".{path.stem}-", suffix=".partial", dir=path.parent))
        yield folder / path.name
        for ending in _COMPANIONS.get(path.suffix.lower(), ()):
            path.with_suffix(ending).unlink(missing_ok=True)
        sidecar_path(path).unlink(missing_ok=True)
        for part in sorted(folder.iterdir(), key=lambda p: p.name == path.name):  # it comes last
            part.replace(path.with_name(part.name))
    except PointillistError:
        raise
    except Exception as error:
        if isinstance(error, MemoryError | ImportError):
            raise
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise OutputError(
            f"'{path}' cannot be written: {reason[0].rstrip('.')}. "
            "Check the folder's permissions and the space left on the disk."
        ) from error
    finally:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
