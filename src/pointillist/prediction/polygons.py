"""A finished map as polygons: every patch of one class is one feature."""

from __future__ import annotations

import os
import warnings
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pointillist.errors import OutputError
from pointillist.legend import Legend
from pointillist.prediction.outlines import iter_outlines
from pointillist.raster import JOB_TAG

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

_BATCH = 20_000
_FIELDS = ("class", "code", "area", "hectares")
_DRIVERS = {".gpkg": "GPKG", ".geojson": "GeoJSON", ".json": "GeoJSON", ".fgb": "FlatGeobuf"}


def write_polygons(map_path: Path, legend: Legend, path: Path) -> int:
    """Write the patches of a map.

    Pixels of a class joined by their sides make one valid polygon, however many blocks it spans.
    The map is read strip by strip and polygons are written as they end, 20,000 at a time; other
    formats than GeoPackage, which cannot be appended to, take them all at once. Fields: `class`
    (name), `code`, `area` in m² and `hectares` (on the ellipsoid where coordinates are degrees;
    without a CRS `area` is in squared map units, or pixels, and `hectares` is empty). GeoJSON is
    written in longitude and latitude, as its standard wants.

    Args:
        map_path: The map.
        legend: Its classes.
        path: GeoPackage, GeoJSON or FlatGeobuf by suffix; replaced when complete.

    Returns:
        Number of polygons.

    Raises:
        OutputError: The file cannot be written.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.part{path.suffix}")
    try:
        n = _write(map_path, legend, partial)
        _check(partial, n)
        partial.replace(path)
    except BaseException as error:
        for left in (partial, *partial.parent.glob(f"{partial.name}-*")):
            left.unlink(missing_ok=True)
        if _is_writing_error(error):
            raise OutputError(
                f"Polygons cannot be written to '{path}': {error} Check space and permissions."
            ) from error
        raise
    return n


def are_polygons_of(map_path: Path, path: Path) -> bool:
    """Whether a file holds the polygons of a map, as far as it can say.

    A GeoPackage holds the record of the map it was made of. GeoJSON and FlatGeobuf have no place
    for it: there the fields count.
    """
    import pyogrio
    from pyogrio.errors import DataSourceError

    from pointillist.raster.opening import open_dataset

    try:
        found = pyogrio.read_info(path)
    except (DataSourceError, OSError):
        return False
    if list(found["fields"]) != list(_FIELDS):
        return False
    if _driver(path) != "GPKG":
        return True
    with open_dataset(map_path) as dataset:
        record = dataset.tags().get(JOB_TAG)
    return bool((found["layer_metadata"] or {}).get(JOB_TAG) == record)


def _check(path: Path, n: int) -> None:
    """Bring the file to the disk and read it back: GDAL does not say that a disk was full."""
    import pyogrio

    with path.open("r+b") as file:
        os.fsync(file.fileno())
    found = pyogrio.read_info(path, force_feature_count=True)
    is_whole = found["features"] == n
    if n:  # a header may count what is not there
        is_whole = is_whole and len(pyogrio.read_dataframe(path, skip_features=n - 1)) == 1
    if _driver(path) == "GPKG":  # its index is written last
        is_whole = is_whole and bool(found["capabilities"]["fast_spatial_filter"])
    if not is_whole:
        raise OSError(f"{found['features']} of {n} polygons were written.")


def _is_writing_error(error: BaseException) -> bool:
    from pyogrio import errors

    known = (OSError, errors.DataSourceError, errors.DataLayerError, errors.FeatureError)
    return isinstance(error, known) and not isinstance(error, OutputError)


def _write(map_path: Path, legend: Legend, path: Path) -> int:
    from pointillist.raster.opening import open_dataset

    # other formats are written anew by every append
    batch = _BATCH if _driver(path) == "GPKG" else None
    n = 0
    with open_dataset(map_path) as dataset:
        patches = iter_outlines(dataset)
        while True:
            found = list(islice(patches, batch))
            if n and not found:
                return n
            # an empty map makes an empty layer with all its fields
            record = {JOB_TAG: tag} if (tag := dataset.tags().get(JOB_TAG)) else None
            _append(_to_frame(found, legend, dataset.crs), path, None if n else record, n > 0)
            n += len(found)
            if len(found) != batch:
                return n


def _append(frame: GeoDataFrame, path: Path, record: dict[str, str] | None, append: bool) -> None:
    import pyogrio

    options: dict[str, Any] = {"RFC7946": "YES"} if _driver(path) == "GeoJSON" else {}
    if record and _driver(path) == "GPKG":
        options["layer_metadata"] = record
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "'crs' was not provided")
        pyogrio.write_dataframe(
            frame, path, driver=_driver(path), layer="map", append=append,
            geometry_type="Polygon", **options,
        )  # fmt: skip


def _driver(path: Path) -> str:
    return _DRIVERS[path.suffix.lower()]


def _to_frame(patches: list[tuple[Any, int]], legend: Legend, crs: Any) -> GeoDataFrame:
    import geopandas as gpd
    import numpy as np

    outlines = np.array([outline for outline, _ in patches], dtype=object)
    codes = np.array([code for _, code in patches], dtype=np.int32)
    index = legend.to_indices(codes)
    area = _areas(outlines, crs)
    names = np.array([legend.names[i] for i in index], dtype=object)
    hectares = area / 1e4 if crs is not None else np.full(len(area), np.nan)
    columns = dict(zip(_FIELDS, (names, codes, area, hectares), strict=True))
    return gpd.GeoDataFrame(columns, geometry=gpd.GeoSeries(outlines, crs=crs), crs=crs)


def _areas(outlines: Any, crs: Any) -> Any:
    """Areas in m²; squared map units without a CRS."""
    import numpy as np
    import pyproj
    import shapely

    if crs is None:
        return shapely.area(outlines)
    parsed = pyproj.CRS.from_user_input(crs)
    if parsed.is_geographic:
        geod = parsed.get_geod() or pyproj.Geod(ellps="WGS84")
        areas = [abs(geod.geometry_area_perimeter(outline)[0]) for outline in outlines]
        return np.array(areas, dtype=np.float64)
    unit = float(parsed.axis_info[0].unit_conversion_factor) if parsed.axis_info else 1.0
    return shapely.area(outlines) * unit**2
