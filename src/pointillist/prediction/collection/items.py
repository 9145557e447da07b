"""A finished map as a STAC item, with the projection and classification extensions."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from pointillist.grid import Grid
from pointillist.legend import Legend
from pointillist.prediction.collection.text_files import relative
from pointillist.prediction.outputs import Outputs
from pointillist.raster.listing import ListedScene

PROJECTION = "https://stac-extensions.github.io/projection/v2.0.0/schema.json"
CLASSIFICATION = "https://stac-extensions.github.io/classification/v2.0.0/schema.json"
MODEL_KEY = "pointillist:model"
COG = "image/tiff; application=geotiff; profile=cloud-optimized"
_POLYGON_TYPES = {
    ".gpkg": "application/geopackage+sqlite3",
    ".geojson": "application/geo+json",
    ".json": "application/geo+json",
    ".fgb": "application/vnd.flatgeobuf",
}
_DEGREE_DIGITS = 7
_STEPS_PER_SIDE = 20  # a straight side of a map is curved in degrees


@dataclass(frozen=True)
class MappedScene:
    """A scene whose map is there.

    Args:
        name: What its results are named after.
        scene: What was mapped.
        outputs: Its results.
        grid: Of the map.
        geometry: Its outline in longitude and latitude, as GeoJSON; None without a CRS.
        bbox: Its bounds likewise.
        acquired: When the scene was taken; when the map was made where nothing says.
        created: When the map was made.
    """

    name: str
    scene: ListedScene
    outputs: Outputs
    grid: Grid
    geometry: dict[str, Any] | None
    bbox: list[float] | None
    acquired: datetime
    created: datetime

    @classmethod
    def look(cls, scene: ListedScene, name: str, outputs: Outputs) -> Self:
        """Read what the map's file says."""
        from pointillist.raster.opening import grid_of, open_dataset

        with open_dataset(outputs.map) as dataset:
            grid = grid_of(dataset)
        created = datetime.fromtimestamp(int(outputs.map.stat().st_mtime), UTC)
        geometry, bbox = _outline(grid)
        acquired = _parse(scene.acquired) or _acquired(scene.path) or created
        return cls(name, scene, outputs, grid, geometry, bbox, acquired, created)


def item_document(
    scene: MappedScene, legend: Legend, digest: str, root: Path, items_folder: str
) -> dict[str, Any]:
    """The item as JSON data.

    Args:
        scene: The scene.
        legend: Its map's classes.
        digest: Fingerprint of the model that made it.
        root: Folder of the collection.
        items_folder: Name of the folder that the item goes to.
    """
    import pystac

    folder = root / items_folder
    item = pystac.Item(
        id=scene.name,
        geometry=scene.geometry,
        bbox=scene.bbox,
        datetime=scene.acquired,
        properties={
            "created": _rfc3339(scene.created),
            MODEL_KEY: digest,
            **_projection(scene.grid),
        },
        stac_extensions=[PROJECTION, CLASSIFICATION],
        collection=collection_id(root),
    )
    for key, asset in _assets(scene, legend, folder).items():
        item.add_asset(key, asset)
    document = item.to_dict(include_self_link=False, transform_hrefs=False)
    document["links"] = _links(scene, folder)
    return dict(document)


def _links(scene: MappedScene, folder: Path) -> list[dict[str, str]]:
    up = "../collection.json"
    links = [{"rel": rel, "href": up, "type": "application/json"}
             for rel in ("root", "parent", "collection")]  # fmt: skip
    links.append({
        "rel": "derived_from", "href": "../model.json", "type": "application/geo+json",
        "title": "The model that made the map",
    })  # fmt: skip
    if scene.scene.item is not None:
        links.append({
            "rel": "derived_from", "href": relative(scene.scene.item, folder),
            "type": "application/geo+json", "title": "The scene",
        })  # fmt: skip
    return links


def _assets(scene: MappedScene, legend: Legend, folder: Path) -> dict[str, Any]:
    import pystac

    outputs = scene.outputs
    assets = {
        "map": pystac.Asset(
            relative(outputs.map, folder), "Classes", media_type=COG, roles=["data"],
            extra_fields={
                "data_type": legend.dtype.name,
                "nodata": legend.nodata,
                "classification:classes": class_documents(legend),
            },
        )
    }  # fmt: skip
    for key, path, title in (
        ("probabilities", outputs.probabilities, "A band of probability per class"),
        ("uncertainty", outputs.uncertainty, "Normalised entropy: 0 sure, 1 all classes alike"),
    ):
        if path is not None:
            assets[key] = pystac.Asset(
                relative(path, folder), title, media_type=COG, roles=["data"]
            )
    if outputs.polygons is not None:
        assets["polygons"] = pystac.Asset(
            relative(outputs.polygons, folder), "Patches as polygons",
            media_type=_POLYGON_TYPES[outputs.polygons.suffix.lower()], roles=["data"],
        )  # fmt: skip
    return assets


def class_documents(legend: Legend) -> list[dict[str, Any]]:
    """The classes as the classification extension wants them, nodata among them."""
    documents: list[dict[str, Any]] = []
    for entry in legend.classes:
        name = _machine_name(entry.name)
        if not name or any(name == other["name"] for other in documents):
            name = f"class_{entry.code}"
        documents.append({
            "value": entry.code, "name": name, "title": entry.name,
            "color_hint": "".join(f"{part:02X}" for part in entry.color),
        })  # fmt: skip
    nodata = {"value": legend.nodata, "name": "nodata", "title": "Not mapped", "nodata": True}
    return [*documents, nodata]


def _machine_name(name: str) -> str:
    """Letters, digits, - and _ only."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^0-9A-Za-z_-]+", "_", plain).strip("_")


def _projection(grid: Grid) -> dict[str, Any]:
    """Fields of the projection extension."""
    import pyproj

    fields: dict[str, Any] = {"proj:shape": [grid.height, grid.width]}
    if grid.is_georeferenced:
        fields["proj:transform"] = list(grid.transform.coefficients)
        fields["proj:bbox"] = list(grid.bounds)
    if grid.crs is None:
        return {**fields, "proj:code": None}
    crs = pyproj.CRS.from_user_input(grid.crs)
    authority = crs.to_authority()
    if authority is not None:
        return {**fields, "proj:code": ":".join(authority)}
    return {**fields, "proj:code": None, "proj:wkt2": crs.to_wkt()}


def _outline(grid: Grid) -> tuple[dict[str, Any] | None, list[float] | None]:
    """Outline and bounds in longitude and latitude; cut where it crosses the antimeridian."""
    import shapely
    from rasterio.warp import transform_geom

    if grid.crs is None:
        return None, None
    h, w = grid.height, grid.width
    corners = grid.transform.corner_xy([[0, 0], [h, 0], [h, w], [0, w]])
    outline = shapely.segmentize(
        shapely.Polygon(corners), max(shapely.Polygon(corners).length / 4 / _STEPS_PER_SIDE, 1e-12)
    )
    moved = transform_geom(
        grid.crs, "EPSG:4326", shapely.geometry.mapping(outline), precision=_DEGREE_DIGITS
    )
    parts = shapely.get_parts(shapely.geometry.shape(moved))
    west, south, east, north = shapely.total_bounds(parts)
    if len(parts) > 1 and east - west > 180:  # RFC 7946: then west is larger than east
        west = min(part.bounds[0] for part in parts if part.bounds[0] > 0)
        east = max(part.bounds[2] for part in parts if part.bounds[2] < 0)
    bbox = [round(float(v), _DEGREE_DIGITS) for v in (west, south, east, north)]
    return shapely.geometry.mapping(shapely.geometry.shape(moved)), bbox


def _acquired(path: str) -> datetime | None:
    """When a scene was taken, as its file says."""
    from pointillist.raster.opening import open_dataset

    with open_dataset(path) as dataset:
        texts = [
            dataset.tags(ns="IMAGERY").get("ACQUISITIONDATETIME"),
            dataset.tags().get("TIFFTAG_DATETIME"),
        ]
    return next((found for text in texts if (found := _parse(text)) is not None), None)


def _parse(text: str | None) -> datetime | None:
    """A time as RFC 3339, or as in TIFF (`2021:05:04 10:00:00`); UTC where no zone is named."""
    if not text:
        return None
    clean = re.sub(r"^(\d{4}):(\d\d):(\d\d)", r"\1-\2-\3", text.strip())
    try:
        time = datetime.fromisoformat(clean)
    except ValueError:
        return None
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)


def _rfc3339(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def collection_id(root: Path) -> str:
    """Name of the collection in a folder: the folder's."""
    return _machine_name(root.resolve().name) or "maps"
