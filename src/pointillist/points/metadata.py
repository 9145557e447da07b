"""Read back the facts that `write_points` keeps with a file."""

from __future__ import annotations

import json
import os
import warnings
from pathlib import Path
from typing import Any

from pointillist.errors import LegendError, MissingFileError
from pointillist.legend import Legend
from pointillist.points.tables import read_sidecar
from pointillist.points.vectors import PARQUET_SUFFIXES, VectorSource

METADATA_KEY = "pointillist"


def read_metadata(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read the metadata kept with a file of points.

    Args:
        path: A file written by `write_points`, or any other.

    Returns:
        The metadata; empty where the file has none.

    Raises:
        MissingFileError: There is no such file.
    """
    source = VectorSource.parse(path)
    if not source.is_virtual and not Path(source.path).exists():
        raise MissingFileError(f"'{source.path}' does not exist. Check the path of the points.")
    if source.suffix == ".gpkg":
        return _parse(_layer_metadata(source).get(METADATA_KEY))
    if source.suffix in PARQUET_SUFFIXES:
        return _parse(_parquet_metadata(source.path).get(METADATA_KEY.encode()))
    if source.suffix in {".geojson", ".json"} and not source.is_virtual:
        return _foreign_member(Path(source.path))
    facts = read_sidecar(Path(source.path)).get("metadata", {})
    return facts if isinstance(facts, dict) else {}


def read_legend(path: str | os.PathLike[str]) -> Legend | None:
    """The legend kept with a file of points; None where there is none that can be read."""
    rows = read_metadata(path).get("legend")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        return None
    try:
        return Legend.from_dict(rows)
    except LegendError:
        return None


def _layer_metadata(source: VectorSource) -> dict[str, Any]:
    import pyogrio

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of several layers the first one answers
            return pyogrio.read_info(source.path, layer=source.layer)["layer_metadata"] or {}
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError):
        return {}


def _parquet_metadata(path: str) -> dict[bytes, bytes]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.read_schema(path).metadata or {}
    except (pa.ArrowException, OSError):
        return {}


def _foreign_member(path: Path) -> dict[str, Any]:
    """The member `write_points` puts before the features; without reading all of them."""
    with path.open(encoding="utf-8", errors="replace") as file:
        for _, line in zip(range(10), file, strict=False):
            if line.startswith(f'"{METADATA_KEY}": '):
                return _parse(line.split(": ", 1)[1].rstrip().rstrip(","))
    return {}


def _parse(text: Any) -> dict[str, Any]:
    try:
        facts = json.loads(text)
    except (TypeError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}
