from __future__ import annotations

from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pyogrio
import pytest
import rasterio
import shapely
from prediction_cases import read_raster

from pointillist.errors import OutputError
from pointillist.legend import Legend
from pointillist.prediction import polygons, write_polygons
from pointillist.raster import remove_partial_files

LEGEND = Legend.from_names(["Water", "Forest"], codes=[1, 300])
TRANSFORM = rasterio.Affine(10, 0, 300_000, 0, -10, 5_700_000)


def _write_map(path: Path, codes, crs="EPSG:32633", transform=TRANSFORM) -> Path:
    with rasterio.open(
        path, "w", driver="GTiff", count=1, height=codes.shape[0], width=codes.shape[1],
        dtype="uint16", nodata=65535, crs=crs, transform=transform,
    ) as dataset:  # fmt: skip
        dataset.write(codes.astype(np.uint16), 1)
    return path


@pytest.fixture
def codes():
    codes = np.full((40, 50), 300)
    codes[5:15, 5:15] = 1
    codes[8:10, 8:10] = 65535  # a hole
    codes[30:, :] = 65535
    return codes


@pytest.mark.parametrize("suffix", [".gpkg", ".geojson", ".fgb"])
def test_patches_become_valid_polygons_with_class_and_area(tmp_path, codes, suffix) -> None:
    out = tmp_path / f"map{suffix}"
    assert write_polygons(_write_map(tmp_path / "map.tif", codes), LEGEND, out) == 2
    frame = pyogrio.read_dataframe(out).set_index("class")
    assert frame.geometry.is_valid.all()
    assert frame.code.to_dict() == {"Water": 1, "Forest": 300}
    assert frame["area"].to_dict() == {"Water": 9600.0, "Forest": (30 * 50 - 100) * 100.0}
    assert frame["hectares"]["Water"] == pytest.approx(0.96)
    assert frame.crs.to_epsg() == (4326 if suffix == ".geojson" else 32633)
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]


def test_polygons_tile_the_map_in_many_batches(tmp_path, rng, monkeypatch) -> None:
    monkeypatch.setattr(polygons, "_BATCH", 100)
    codes = rng.choice([1, 300, 65535], (60, 70))
    n = write_polygons(_write_map(tmp_path / "map.tif", codes), LEGEND, tmp_path / "map.gpkg")
    frame = pyogrio.read_dataframe(tmp_path / "map.gpkg")
    assert len(frame) == n > 300
    assert frame.geometry.is_valid.all()
    for code in (1, 300):
        assert frame["area"][frame.code == code].sum() == (codes == code).sum() * 100


def test_a_batch_that_is_just_full_ends_well(tmp_path, codes, monkeypatch) -> None:
    monkeypatch.setattr(polygons, "_BATCH", 2)
    assert write_polygons(_write_map(tmp_path / "m.tif", codes), LEGEND, tmp_path / "m.gpkg") == 2


def test_empty_map_gives_an_empty_layer(tmp_path) -> None:
    path = _write_map(tmp_path / "map.tif", np.full((4, 4), 65535))
    assert write_polygons(path, LEGEND, tmp_path / "map.gpkg") == 0
    frame = pyogrio.read_dataframe(tmp_path / "map.gpkg")
    assert list(frame.columns) == ["class", "code", "area", "hectares", "geometry"]


def test_area_on_the_ellipsoid_and_without_any_crs(tmp_path) -> None:
    degree = rasterio.Affine(1, 0, 10, 0, -1, 1)  # 10…11 E, 0…1 N
    path = _write_map(tmp_path / "a.tif", np.array([[1]]), "EPSG:4326", degree)
    write_polygons(path, LEGEND, tmp_path / "a.gpkg")
    area = pyogrio.read_dataframe(tmp_path / "a.gpkg")["area"][0]
    # one square degree at the equator, WGS 84: 12 308.8 km² (Snyder 1987, eq. 3-10 integrated)
    assert area == pytest.approx(1.23088e10, rel=1e-3)
    path = _write_map(tmp_path / "b.tif", np.array([[1, 1]]), None, rasterio.Affine.identity())
    write_polygons(path, LEGEND, tmp_path / "b.gpkg")
    frame = pyogrio.read_dataframe(tmp_path / "b.gpkg")
    assert frame["area"][0] == 2.0
    assert frame["hectares"].isna().all()


def test_rotated_grid_keeps_its_place(tmp_path) -> None:
    rotated = TRANSFORM @ rasterio.Affine.rotation(30)
    path = _write_map(tmp_path / "r.tif", np.array([[1, 65535]]), transform=rotated)
    write_polygons(path, LEGEND, tmp_path / "r.gpkg")
    outline = pyogrio.read_dataframe(tmp_path / "r.gpkg").geometry[0]
    corners = shapely.Polygon([rotated @ corner for corner in ((0, 0), (1, 0), (1, 1), (0, 1))])
    assert outline.symmetric_difference(corners).area < 1e-6


def test_failure_leaves_nothing_behind(tmp_path, codes, monkeypatch) -> None:
    path = _write_map(tmp_path / "map.tif", codes)
    write = pyogrio.write_dataframe

    def write_and_fail(*args, **kwargs) -> None:
        write(*args, **kwargs)
        raise pyogrio.errors.DataSourceError("disk full")

    monkeypatch.setattr(pyogrio, "write_dataframe", write_and_fail)
    with pytest.raises(OutputError, match=r"map\.gpkg': disk full"):
        write_polygons(path, LEGEND, tmp_path / "map.gpkg")
    assert [p.name for p in tmp_path.iterdir()] == ["map.tif"]


def test_what_a_kill_leaves_is_known_by_its_name(tmp_path, codes, monkeypatch) -> None:
    write = Mock(side_effect=pyogrio.write_dataframe)
    monkeypatch.setattr(pyogrio, "write_dataframe", write)
    write_polygons(_write_map(tmp_path / "map.tif", codes), LEGEND, tmp_path / "map.gpkg")
    partial = write.call_args.args[1]
    for left in (partial, partial.with_name(f"{partial.name}-journal")):
        left.touch()
    remove_partial_files(tmp_path / "map.gpkg")
    assert {path.name for path in tmp_path.iterdir()} == {"map.tif", "map.gpkg"}


@pytest.mark.realdata
def test_a_city_in_polygons(real_data, tmp_path) -> None:
    import geopandas as gpd

    source = real_data / "dubai" / "dubai2_mask.tif"  # patches as people draw them, 255 unlabelled
    legend = Legend.from_names(["Building", "Land", "Road", "Vegetation", "Water"], codes=range(5))
    n = write_polygons(source, legend, tmp_path / "city.gpkg")
    found = gpd.read_file(tmp_path / "city.gpkg")
    codes = read_raster(source)
    assert len(found) == n > 100
    assert found.is_valid.all()
    assert {"class", "code", "area"} <= set(found.columns)
    for code in range(5):
        patches = found[found["code"] == code]
        assert patches["area"].sum() == pytest.approx((codes == code).sum() * 0.25)
        np.testing.assert_allclose(patches["area"], patches.geometry.area)


@pytest.mark.parametrize("suffix", [".gpkg", ".geojson", ".fgb"])
def test_polygons_that_are_not_whole_are_no_result(tmp_path, codes, suffix, monkeypatch) -> None:
    """GDAL closes a file on a full disk without a word."""
    import pointillist.prediction.polygons as module

    write = module._write

    def write_less(map_path: Path, legend: Legend, path: Path) -> int:
        n = write(map_path, legend, path)
        if suffix == ".gpkg":
            return n + 1
        with path.open("r+b") as file:
            file.truncate(path.stat().st_size - 60)
        return n

    monkeypatch.setattr(module, "_write", write_less)
    out = tmp_path / f"map{suffix}"
    with pytest.raises(OutputError, match=r"Polygons cannot be written to .*Check space"):
        write_polygons(_write_map(tmp_path / "map.tif", codes), LEGEND, out)
    assert [path.name for path in tmp_path.iterdir()] == ["map.tif"]
