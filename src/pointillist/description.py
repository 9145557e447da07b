"""What a file holds: scene, map, points, run or model. Behind `pointillist info`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from pointillist.errors import MissingFileError, PointillistError, UnreadableFileError

_VECTORS = {".gpkg", ".geojson", ".json", ".shp", ".parquet", ".geoparquet", ".csv", ".tsv"}


def describe(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Facts about a scene, map, vector file, run or model.

    Args:
        path: Any of these; what it is decides which facts.

    Returns:
        Plain data: `file`, `kind` (`raster`, `points`, `areas` or `model`), and what there is to
        say.

    Raises:
        MissingFileError: No such file.
        UnreadableFileError: None of these.

    Example:
        >>> pointillist.describe("scene.tif")["bands"]  # doctest: +SKIP
    """
    path = Path(path)
    if not path.exists() and not str(path).startswith("/vsi") and "|" not in str(path):
        raise MissingFileError(f"'{path}' does not exist. Check the path.")
    if path.is_dir() or path.suffix == ".safetensors":
        return _describe_model(path)
    if path.suffix.lower() in _VECTORS:
        return _describe_points(path)
    from pointillist import raster

    try:
        return raster.describe(path)
    except UnreadableFileError as error:
        try:
            return _describe_points(path)
        except PointillistError:
            raise error from None


def _describe_model(path: Path) -> dict[str, Any]:
    from pointillist.models import load

    model = load(path)
    card = model.card
    return {
        "file": str(path),
        "kind": "model",
        "recipe": card.recipe,
        "classes": [f"{c.code} {c.name}" for c in card.legend.classes],
        "bands": list(card.bands),
        "mean": list(card.normalisation.mean),
        "std": list(card.normalisation.std),
        "pixel_size": card.resolution,
        "halo_px": model.halo_px,
        "provenance": {k: v for k, v in card.provenance.items() if k != "config"},
    }


def _describe_points(path: Path) -> dict[str, Any]:
    from pointillist.points import choose_class_field, read_features, read_metadata

    frame = read_features(path)
    are_points = frame.geom_type.dropna().isin(["Point", "MultiPoint"]).all()
    facts: dict[str, Any] = {
        "file": str(path),
        "kind": "points" if are_points else "areas",
        "features": len(frame),
        "geometry": sorted({str(t) for t in frame.geom_type.dropna()}),
        "crs": None if frame.crs is None else frame.crs.to_string(),
        "fields": [name for name in frame.columns if name != frame.geometry.name],
        "bounds": [float(v) for v in frame.total_bounds],
    }
    try:
        field = choose_class_field(frame, None, path)
        counts = frame[field].value_counts(dropna=False).sort_index()
        facts["class_field"] = field
        facts["classes"] = {str(k): int(v) for k, v in counts.items()}
    except PointillistError as error:
        facts["class_field"] = f"none ({error})"
    facts |= {"metadata": read_metadata(path)}
    return facts
