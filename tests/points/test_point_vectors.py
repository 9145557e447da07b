from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import pytest
from shapely import Point

from pointillist.errors import (
    ClassFieldError,
    InputError,
    MissingFileError,
    PointsError,
    UnreadableFileError,
)
from pointillist.points import read_features, write_points
from pointillist.points.vectors import VectorSource

Save = Callable[..., Path]
SITES = [Point(732105, 5692995), Point(732205, 5692905)]


@pytest.mark.parametrize("name", ["a.gpkg", "a.geojson", "a.shp", "a.parquet", "a.gml"])
def test_formats(save: Save, name: str) -> None:
    degrees = gpd.GeoSeries(SITES, crs=32632).to_crs(4326)
    frame = read_features(save(degrees, ["b", "a"], name, crs=4326))
    assert list(frame["class"]) == ["b", "a"]
    assert frame.crs.to_epsg() == 4326
    assert frame.geometry.geom_equals_exact(degrees, 1e-6).all()


def test_a_layer_is_named_as_qgis_names_it() -> None:
    assert VectorSource.parse("a.gpkg|layername=x y") == VectorSource("a.gpkg", "x y")
    assert VectorSource.parse("a.gpkg|layerid=2|subset=z") == VectorSource("a.gpkg", 2)
    assert VectorSource.parse("/vsizip/a.zip/b.shp").is_virtual


@pytest.fixture
def layers(tmp_path: Path) -> Path:
    path = tmp_path / "many.gpkg"
    frame = gpd.GeoDataFrame({"class": ["a", "b"]}, geometry=SITES, crs=32632)
    frame.to_file(path, layer="visits")
    frame.set_geometry(frame.buffer(10)).to_file(path, layer="areas")
    return path


def test_of_several_layers_the_one_of_points_is_read(layers: Path) -> None:
    frame = read_features(layers)
    assert set(frame.geom_type) == {"Point"}
    assert frame.attrs["notices"] == [
        "Layer 'visits' was read: the only one of points among visits, areas."
    ]


def test_a_layer_may_be_named(layers: Path) -> None:
    assert set(read_features(f"{layers}|layername=areas").geom_type) == {"Polygon"}
    assert set(read_features(f"{layers}|layerid=1").geom_type) == {"Polygon"}
    with pytest.raises(PointsError, match=r"Expected a layer 'x' .* are: visits, areas"):
        read_features(f"{layers}|layername=x")


def test_two_layers_of_points_are_one_too_many(layers: Path) -> None:
    read_features(layers).to_file(layers, layer="more")
    with pytest.raises(PointsError, match=r"layers are: visits, areas, more.*\|layername=visits"):
        read_features(layers)


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match=r"nope.gpkg' does not exist"):
        read_features(tmp_path / "nope.gpkg")
    with pytest.raises(UnreadableFileError, match=r"is a folder"):
        read_features(tmp_path)


@pytest.mark.parametrize("name", ["a.gpkg", "a.geojson", "a.parquet", "a.shp", "a.fgb"])
@pytest.mark.parametrize("share", [0.4, 0.9])
def test_a_truncated_file(save: Save, name: str, share: float) -> None:
    path = save(SITES * 500, ["a", "b"] * 500, name, note=["x" * 20] * 1000)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(UnreadableFileError, match=r"cannot be read"):
        read_features(path)


@pytest.mark.parametrize("name", ["a.gpkg", "a.geojson", "a.parquet", "a.shp", "a.xyz"])
def test_no_vector_file(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text("dear diary")
    with pytest.raises(UnreadableFileError, match=r"cannot be read"):
        read_features(path)


def test_a_shapefile_without_its_parts(save: Save) -> None:
    path = save(SITES, ["a", "b"], "a.shp")
    path.with_suffix(".dbf").unlink()
    with pytest.raises(UnreadableFileError, match=r"part 'a.dbf' is missing"):
        read_features(path)


def test_no_features(tmp_path: Path) -> None:
    path = tmp_path / "empty.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": []}))
    with pytest.raises(PointsError, match=r"Expected labelled features in empty.geojson"):
        read_features(path)


def test_crs_is_taken_instead_of_the_files(save: Save) -> None:
    frame = read_features(save(SITES, ["a", "b"]), crs="EPSG:25832")
    assert frame.crs.to_epsg() == 25832
    assert frame.attrs["notices"] == ["sites.gpkg says EPSG:32632; taken as EPSG:25832 instead."]
    with pytest.raises(InputError, match=r"after --crs, got 'EPSG:0'"):
        read_features(save(SITES, ["a", "b"]), crs="EPSG:0")


def test_a_crs_that_says_nothing_is_none(tmp_path: Path) -> None:
    path = write_points(tmp_path / "a.gpkg", [[1, 2]], None, {"class": ["a"]})
    assert read_features(path).crs is None


def test_a_class_field_that_is_not_there(save: Save) -> None:
    with pytest.raises(ClassFieldError, match=r"fields are: class, note"):
        read_features(save(SITES, ["a", "b"], note=["x", "y"]), class_field="kind")


def test_parquet_without_geometry(tmp_path: Path) -> None:
    path = tmp_path / "plain.parquet"
    table = gpd.pd.DataFrame({"lon": [12.3], "lat": [51.4], "class": ["a"]})
    table.to_parquet(path)
    assert read_features(path).crs.to_epsg() == 4326


def test_real_points(real_data: Path) -> None:
    frame = read_features(real_data / "leipzig" / "leipzig_points.gpkg")
    assert len(frame) == 97
    assert frame.crs.to_epsg() == 32632


def test_a_raster_is_no_vector_file(real_data: Path) -> None:
    with pytest.raises(UnreadableFileError, match=r"not recognized as being in a supported"):
        read_features(real_data / "leipzig" / "leipzig_raster.tif")


@pytest.mark.parametrize("zipped", [False, True])
def test_a_shapefile_in_latin_1_without_a_cpg(tmp_path: Path, zipped: bool) -> None:
    import geopandas as gpd
    import pyogrio

    frame = gpd.GeoDataFrame(
        {"class": ["Grünland", "Wald"]}, geometry=gpd.points_from_xy([1, 2], [1, 2]), crs=32632
    )
    folder = tmp_path / "old"
    folder.mkdir()
    pyogrio.write_dataframe(frame, folder / "old.shp", encoding="ISO-8859-1")
    (folder / "old.cpg").unlink()
    table = bytearray((folder / "old.dbf").read_bytes())
    table[29] = 0  # no code page
    (folder / "old.dbf").write_bytes(table)
    path = folder / "old.shp"
    if zipped:
        import shutil

        path = Path(shutil.make_archive(str(tmp_path / "old"), "zip", folder))
    assert sorted(read_features(path)["class"]) == ["Grünland", "Wald"]
