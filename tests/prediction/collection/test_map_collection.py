"""Several maps as one thing: a mosaic, and a STAC collection that others can read."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pystac
import pytest
import rasterio
from prediction_cases import LEGEND, TRANSFORM, UTM, Thresholder, grey, read_raster
from pystac.extensions.classification import ClassificationExtension
from pystac.extensions.mlm import AssetGeneralMLMExtension, MLMExtension
from pystac.extensions.projection import ProjectionExtension
from pystac.validation.stac_validator import JsonSchemaSTACValidator

from pointillist.errors import GridError, OutputExistsError
from pointillist.grid import Grid, Transform
from pointillist.legend import Legend
from pointillist.prediction import predict
from pointillist.prediction.collection import items
from pointillist.prediction.collection.mosaic import write_mosaics
from pointillist.raster import write_array

BESIDE = TRANSFORM @ rasterio.Affine.translation(80, 10)


@pytest.fixture
def scenes(tmp_path) -> Path:
    """A folder of two scenes side by side, the second lower; the first knows its time."""
    folder = tmp_path / "scenes"
    _write_scene(folder / "a.tif", TRANSFORM, 100, 90, time="2021:05:04 10:00:00")
    _write_scene(folder / "b.tif", BESIDE, 60, 70)
    return folder


def _write_scene(path: Path, transform: Any, height: int, width: int, **about: Any) -> Path:
    path.parent.mkdir(exist_ok=True)
    with rasterio.open(
        path, "w", driver="GTiff", count=1, height=height, width=width, dtype="uint8",
        crs=about.get("crs", UTM), transform=transform, nodata=0,
    ) as file:  # fmt: skip
        file.write(grey(height, width, seed=height), 1)
        if "time" in about:
            file.update_tags(TIFFTAG_DATETIME=about["time"])
    return path


def _predict(scenes: Path, out: Path, **options: Any) -> list[Path]:
    maps = predict(Thresholder(), scenes, f"{out}/", block=64, halo=0, **options)
    assert isinstance(maps, list)
    return maps


def test_the_mosaic_has_the_pixels_of_its_maps(scenes, tmp_path) -> None:
    maps = _predict(scenes, tmp_path / "maps")
    with rasterio.open(tmp_path / "maps" / "mosaic.vrt") as mosaic:
        data = mosaic.read(1)
        assert mosaic.crs == rasterio.CRS.from_string(UTM)
        assert mosaic.nodata == 255
        assert mosaic.colormap(1)[3][:3] == LEGEND.colors[0]
        assert Path(mosaic.files[1]).parent == tmp_path / "maps"
    expected = np.full((100, 150), 255, dtype=np.uint8)
    expected[:100, :90] = read_raster(maps[0])
    second = read_raster(maps[1])
    part = expected[10:70, 80:150]
    part[second != 255] = second[second != 255]
    np.testing.assert_array_equal(data, expected)
    assert (tmp_path / "maps" / "mosaic.qml").exists()


def test_the_folder_can_be_moved(scenes, tmp_path) -> None:
    _predict(scenes, tmp_path / "maps", polygons=tmp_path / "maps")
    before = read_raster(tmp_path / "maps" / "mosaic.vrt")
    moved = (tmp_path / "maps").rename(tmp_path / "elsewhere")
    np.testing.assert_array_equal(read_raster(moved / "mosaic.vrt"), before)
    collection = pystac.Collection.from_file(str(moved / "collection.json"))
    for item in collection.get_items():
        for asset in item.assets.values():
            assert Path(asset.get_absolute_href()).exists()
        assert item.get_collection() is collection


def test_the_collection_is_valid_and_says_what_is_there(scenes, tmp_path) -> None:
    folder = tmp_path / "maps"
    _predict(scenes, folder, uncertainty=folder, probabilities=folder, polygons=folder)
    collection = pystac.Collection.from_file(str(folder / "collection.json"))
    _check_core(collection)
    found = sorted(collection.get_items(), key=lambda item: item.id)
    assert [item.id for item in found] == ["a", "b"]
    assert set(found[0].assets) == {"map", "probabilities", "uncertainty", "polygons"}
    assert set(collection.assets) == {"mosaic"}
    for item in found:
        _check_core(item)
        _check_projection(item)
        _check_classes(item.assets["map"])
    [bounds] = collection.extent.spatial.bboxes
    assert bounds[0] == min(item.bbox[0] for item in found)
    assert bounds[2] == max(item.bbox[2] for item in found)
    assert found[0].datetime.isoformat() == "2021-05-04T10:00:00+00:00"
    assert "classification:classes" in collection.to_dict()["item_assets"]["map"]


def _check_core(thing: pystac.STACObject) -> None:
    """Against the schemas of STAC that pystac brings along."""
    document = json.loads(Path(thing.get_self_href()).read_text())
    kind = (pystac.STACObjectType.COLLECTION if document["type"] == "Collection"
            else pystac.STACObjectType.ITEM)  # fmt: skip
    JsonSchemaSTACValidator().validate_core(document, kind, document["stac_version"])


def _check_projection(item: pystac.Item) -> None:
    """Fields and forms that projection 2.0 requires."""
    projection = ProjectionExtension.ext(item)
    assert ProjectionExtension.has_extension(item)
    with rasterio.open(item.assets["map"].get_absolute_href()) as dataset:
        assert projection.code == "EPSG:32633"
        assert tuple(projection.shape) == dataset.shape
        assert tuple(projection.transform) == tuple(dataset.transform[:6])
        assert tuple(projection.bbox) == tuple(dataset.bounds)
        from rasterio.warp import transform_bounds

        np.testing.assert_allclose(
            item.bbox, transform_bounds(dataset.crs, "EPSG:4326", *dataset.bounds), atol=1e-6
        )


def _check_classes(asset: pystac.Asset) -> None:
    """Fields and forms that classification 2.0 requires."""
    classes = ClassificationExtension.ext(asset).classes
    assert [(c.value, c.name, c.nodata) for c in classes] == [
        (3, "Dark", None), (7, "Bright", None), (255, "nodata", True),
    ]  # fmt: skip
    assert all(re.fullmatch(r"[0-9A-Za-z_-]+", c.name) for c in classes)
    assert all(re.fullmatch(r"[0-9A-F]{6}", c.color_hint) for c in classes[:2])


def test_the_model_is_an_item_of_its_own(scenes, tmp_path) -> None:
    folder = tmp_path / "maps"
    _predict(scenes, folder)
    item = pystac.Item.from_file(str(folder / "model.json"))
    _check_core(item)
    model = MLMExtension.ext(item)
    # what the machine learning model extension requires of an item
    assert MLMExtension.has_extension(item)
    assert model.mlm_name.startswith("Pointillist")
    assert model.architecture
    assert model.tasks == ["semantic-segmentation"]
    [given], [result] = model.input, model.output
    assert given.input.shape == [-1, 1, -1, -1]
    assert len(given.input.dim_order) == len(given.input.shape)
    assert [band.name for band in given.bands] == ["grey"]
    assert given.properties["value_scaling"] == [{"type": "z-score", "mean": 0.0, "stddev": 1.0}]
    assert item.properties["bands"] == [{"name": "grey"}]
    assert set(re.findall(r"mlm:\w+", json.dumps(item.properties))) <= {
        "mlm:name", "mlm:architecture", "mlm:framework", "mlm:framework_version", "mlm:tasks",
        "mlm:input", "mlm:output", "mlm:total_parameters",
    }  # fmt: skip
    assert [c.value for c in result.classes] == [3, 7]
    asset = item.assets["model"]
    assert "mlm:model" in asset.roles
    assert AssetGeneralMLMExtension.ext(asset).artifact_type == "safetensors.numpy.save_file"
    assert Path(asset.get_absolute_href()).exists()
    one = pystac.Item.from_file(str(folder / "items" / "a.json"))
    derived = [link for link in one.links if link.rel == "derived_from"]
    assert Path(derived[0].get_absolute_href()).resolve() == folder / "model.json"


def test_times_and_links_of_stac_items_go_on(scenes, tmp_path) -> None:
    listed = tmp_path / "list.json"
    feature = {"type": "Feature", "stac_version": "1.1.0", "id": "north", "geometry": None,
               "links": [], "properties": {"datetime": "2019-07-01T09:30:00Z"},
               "assets": {"data": {"href": "scenes/a.tif", "roles": ["data"]}}}  # fmt: skip
    listed.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    [made] = _predict(listed, tmp_path / "maps")
    assert made.name == "north_map.tif"
    item = pystac.Item.from_file(str(tmp_path / "maps" / "items" / "north.json"))
    assert item.datetime.isoformat() == "2019-07-01T09:30:00+00:00"
    source = [link for link in item.links if link.title == "The scene"]
    assert Path(source[0].get_absolute_href()).resolve() == listed


def test_new_scenes_of_a_folder_are_added_by_resume(scenes, tmp_path) -> None:
    _predict(scenes, tmp_path / "maps")
    first = (tmp_path / "maps" / "a_map.tif").stat().st_mtime_ns
    _write_scene(scenes / "c.tif", TRANSFORM, 30, 30)
    with pytest.raises(OutputExistsError, match=r"a_map\.tif' exists already"):
        _predict(scenes, tmp_path / "maps")
    _predict(scenes, tmp_path / "maps", resume=True)
    assert (tmp_path / "maps" / "a_map.tif").stat().st_mtime_ns == first
    collection = pystac.Collection.from_file(str(tmp_path / "maps" / "collection.json"))
    assert len(list(collection.get_items())) == 3
    assert not [path for path in (tmp_path / "maps").iterdir() if path.name.startswith(".")]


def test_an_interrupted_list_has_its_collection_after_resume(scenes, tmp_path) -> None:
    def stop(done: int, total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _predict(scenes, tmp_path / "maps", progress=stop)
    assert not (tmp_path / "maps" / "collection.json").exists()
    _predict(scenes, tmp_path / "maps", resume=True)
    assert (tmp_path / "maps" / "collection.json").exists()
    assert (tmp_path / "maps" / "mosaic.vrt").exists()


@pytest.mark.parametrize("name", ["collection.json", "mosaic.vrt", "model.json"])
def test_what_others_made_is_not_replaced(name, scenes, tmp_path) -> None:
    (tmp_path / "maps").mkdir()
    (tmp_path / "maps" / name).write_text("mine")
    with pytest.raises(OutputExistsError, match=r"belongs to other maps in this folder"):
        _predict(scenes, tmp_path / "maps")
    with pytest.raises(OutputExistsError, match="was not made by Pointillist"):
        _predict(scenes, tmp_path / "maps", resume=True)
    assert (tmp_path / "maps" / name).read_text() == "mine"
    assert len(list((tmp_path / "maps").iterdir())) == 1


def test_one_mosaic_per_coordinate_system(scenes, tmp_path, caplog) -> None:
    _predict(scenes, tmp_path / "maps")
    assert (tmp_path / "maps" / "mosaic.vrt").exists()
    _write_scene(scenes / "c.tif", TRANSFORM, 20, 20, crs="EPSG:32634")
    with caplog.at_level("INFO"):
        _predict(scenes, tmp_path / "maps", resume=True)
    assert "Maps are in 2 coordinate systems" in caplog.text
    names = sorted(path.name for path in (tmp_path / "maps").glob("*.vrt"))
    assert names == ["mosaic_EPSG32633.vrt", "mosaic_EPSG32634.vrt"]


def test_scenes_without_a_place_make_no_collection(tmp_path, caplog) -> None:
    folder = tmp_path / "plain"
    folder.mkdir()
    for name in ("a.png", "b.png"):
        with rasterio.open(folder / name, "w", driver="PNG", count=1, height=20, width=20,
                           dtype="uint8") as file:  # fmt: skip
            file.write(grey(20, 20), 1)
    assert len(_predict(folder, tmp_path / "maps")) == 2
    assert "No scene has a place on Earth" in caplog.text
    assert "2 of 2 maps are in no mosaic" in caplog.text
    assert not list((tmp_path / "maps").glob("*.json"))


def test_scenes_that_do_not_fit_are_counted(scenes, tmp_path) -> None:
    with pytest.raises(GridError, match=r"2 of 2 scenes do not fit.*a\.tif.*--pattern"):
        predict(Thresholder(("r", "g")), scenes, f"{tmp_path}/maps/")


def test_maps_of_other_sizes_of_pixels_are_laid_on_the_finest(tmp_path) -> None:
    legend = Legend.from_names(["A", "B"])
    fine = Grid(4, 4, Transform(1, 0, 100, 0, -1, 200), UTM)
    coarse = Grid(2, 2, Transform(2, 0, 104, 0, -2, 200), UTM)
    for name, grid, value in (("f.tif", fine, 1), ("c.tif", coarse, 2)):
        write_array(tmp_path / name, np.full(grid.shape, value, np.uint8), grid, nodata=255)
    [vrt] = write_mosaics([tmp_path / "f.tif", tmp_path / "c.tif"], legend, tmp_path)
    np.testing.assert_array_equal(read_raster(vrt), np.repeat([[1, 2]], 4, axis=1).repeat(4, 0))


def test_rotated_maps_are_left_out(tmp_path, caplog) -> None:
    legend = Legend.from_names(["A"])
    grid = Grid(4, 4, Transform(1, 0.2, 100, 0.2, -1, 200), UTM)
    write_array(tmp_path / "r.tif", np.ones((4, 4), np.uint8), grid, nodata=255)
    assert write_mosaics([tmp_path / "r.tif"], legend, tmp_path) == []
    assert "1 of 1 maps are in no mosaic" in caplog.text


def test_an_outline_across_the_antimeridian_is_cut() -> None:
    grid = Grid(100, 100, Transform(1000, 0, 600_000, 0, -1000, 8_000_000), "EPSG:32660")
    geometry, bbox = items._outline(grid)
    assert geometry is not None
    assert geometry["type"] == "MultiPolygon"
    assert bbox is not None
    west, _, east, _ = bbox
    assert 179 < west < 180
    assert -178 < east < -177


def test_names_of_classes_fit_the_extension() -> None:
    legend = Legend.from_names(["Wald (jung)", "Größe", "草地", "Wald  jung"])
    names = [entry["name"] for entry in items.class_documents(legend)]
    assert names == ["Wald_jung", "Groe", "class_3", "class_4", "nodata"]
