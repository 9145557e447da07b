"""Whole maps of real files, odd ones among them, by a model whose answer is known."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pyogrio
import pytest
import rasterio
import shapely
from prediction_cases import LEGEND, TRANSFORM, UTM, Thresholder, colour_scene, grey, read_raster

from pointillist.errors import (
    GridError,
    InputError,
    MissingFileError,
    OutputExistsError,
    UnreadableFileError,
)
from pointillist.prediction import predict

NODATA = LEGEND.nodata


def _expected(data, valid=None):
    codes = np.where(data > 100, 7, 3)
    return codes if valid is None else np.where(valid, codes, NODATA)


def _hidden(folder):
    return [path.name for path in folder.rglob("*") if path.name.startswith(".")]


@pytest.mark.parametrize("shape", [(1, 1000), (1000, 1), (5, 7), (130, 129), (257, 64)])
@pytest.mark.parametrize("block", [None, 64])
def test_any_shape_becomes_a_map_on_its_own_grid(
    shape, block, write_scene, thresholder, tmp_path
) -> None:
    data = grey(*shape)
    scene = write_scene(data)
    done = predict(thresholder, scene, tmp_path / "map.tif", block=block)
    assert done == tmp_path / "map.tif"
    assert np.array_equal(read_raster(done), _expected(data))
    with rasterio.open(done) as made, rasterio.open(scene) as given:
        assert made.transform == given.transform
        assert made.crs == given.crs
        assert made.nodata == NODATA
    assert not _hidden(tmp_path)


def test_results_do_not_depend_on_the_block(write_scene, thresholder, tmp_path) -> None:
    scene = write_scene(grey(150, 170))
    for block in (32, 150, 1000):
        predict(thresholder, scene, tmp_path / f"{block}.tif", block=block, halo=0)
    first = read_raster(tmp_path / "32.tif")
    assert all(np.array_equal(read_raster(tmp_path / f"{b}.tif"), first) for b in (150, 1000))


def test_rotated_grid_is_kept(write_scene, thresholder, tmp_path) -> None:
    rotated = TRANSFORM @ rasterio.Affine.rotation(20)
    scene = write_scene(grey(40, 60), transform=rotated)
    with rasterio.open(predict(thresholder, scene, tmp_path / "map.tif")) as made:
        assert made.transform.almost_equals(rotated)


def test_nodata_nan_and_infinity_are_never_predicted(write_scene, thresholder, tmp_path) -> None:
    data = grey(90, 100).astype(np.float32)
    data[:20, :30] = -9999
    data[40, 50], data[41, 51], data[42, 52] = np.nan, np.inf, -np.inf
    valid = np.isfinite(data) & (data != -9999)
    scene = write_scene(data, nodata=-9999)
    predict(
        thresholder, scene, tmp_path / "map.tif",
        probabilities=tmp_path / "p.tif", uncertainty=tmp_path / "u.tif", block=32,
    )  # fmt: skip
    assert np.array_equal(read_raster(tmp_path / "map.tif"), _expected(data, valid))
    assert np.array_equal(np.isnan(read_raster(tmp_path / "u.tif")), ~valid)
    assert np.array_equal(np.isnan(read_raster(tmp_path / "p.tif")).all(axis=0), ~valid)


def test_blocks_without_data_are_skipped(write_scene, thresholder, tmp_path) -> None:
    data = np.zeros((128, 128), dtype=np.uint16)
    data[70:80, 70:80] = 200
    scene = write_scene(data, nodata=0)
    predict(thresholder, scene, tmp_path / "map.tif", block=64)
    assert len(thresholder.seen) == 1
    assert np.array_equal(read_raster(tmp_path / "map.tif"), _expected(data, data > 0))


def test_a_scene_without_any_data_gives_an_empty_map(write_scene, thresholder, tmp_path) -> None:
    scene = write_scene(np.zeros((50, 60), dtype=np.uint8), nodata=0)
    predict(thresholder, scene, tmp_path / "map.tif", polygons=tmp_path / "map.gpkg")
    assert (read_raster(tmp_path / "map.tif") == NODATA).all()
    assert len(pyogrio.read_dataframe(tmp_path / "map.gpkg")) == 0
    assert thresholder.seen == []


def test_plain_image(tmp_path, thresholder) -> None:
    data = grey(40, 50)
    with rasterio.open(
        tmp_path / "photo.png", "w", driver="PNG", count=1, height=40, width=50, dtype="uint8"
    ) as image:
        image.write(data, 1)
    predict(thresholder, tmp_path / "photo.png", tmp_path / "map.tif")
    assert np.array_equal(read_raster(tmp_path / "map.tif"), _expected(data))


def test_probabilities_and_uncertainty(write_scene, thresholder, tmp_path) -> None:
    data = grey(70, 80)
    scene = write_scene(data)
    predict(
        thresholder, scene, tmp_path / "map.tif",
        probabilities=tmp_path / "p.tif", uncertainty=tmp_path / "u.tif",
    )  # fmt: skip
    bright = 1 / (1 + np.exp(-(data.astype(float) - 100) / 20))
    np.testing.assert_allclose(read_raster(tmp_path / "p.tif")[1], bright, atol=1e-5)
    with rasterio.open(tmp_path / "p.tif") as made:
        assert made.descriptions == ("Dark", "Bright")
    uncertainty = read_raster(tmp_path / "u.tif")
    entropy = -(bright * np.log2(bright) + (1 - bright) * np.log2(1 - bright))
    np.testing.assert_allclose(uncertainty, entropy, atol=1e-4)
    predict(
        thresholder, scene, tmp_path / "map8.tif", probabilities=tmp_path / "p8.tif",
        probabilities_dtype="uint8",
    )  # fmt: skip
    with rasterio.open(tmp_path / "p8.tif") as made:
        assert made.dtypes == ("uint8", "uint8")
        np.testing.assert_allclose(made.read(2) * made.scales[1], bright, atol=0.0021)


def test_unsure_pixels_stay_unclassified(write_scene, thresholder, tmp_path) -> None:
    data = grey(70, 80)
    predict(thresholder, write_scene(data), tmp_path / "map.tif", min_confidence=0.7)
    # sure of 0.7 is 20·ln(0.7/0.3) = 16.9 grey levels away from 100
    expected = _expected(data, np.abs(data.astype(int) - 100) > 16.9)
    assert np.array_equal(read_raster(tmp_path / "map.tif"), expected)


def test_small_patches_are_merged_across_blocks(write_scene, thresholder, tmp_path) -> None:
    data = np.full((64, 64), 50, dtype=np.uint8)
    data[30:34, 30:34] = 150  # 16 px over the corner of four blocks: 4 px in each
    data[5:7, 5:7] = 150  # 4 px in one block
    scene = write_scene(data)
    predict(thresholder, scene, tmp_path / "map.tif", min_area=10, block=32)
    codes = read_raster(tmp_path / "map.tif")
    assert (codes == 7).sum() == 16
    assert (codes[30:34, 30:34] == 7).all()


def test_polygons_are_dissolved_across_blocks(write_scene, thresholder, tmp_path) -> None:
    data = np.full((64, 64), 50, dtype=np.uint8)
    data[20:40, 20:40] = 150
    predict(
        thresholder, write_scene(data), tmp_path / "map.tif", polygons=tmp_path / "m.gpkg", block=16
    )
    frame = pyogrio.read_dataframe(tmp_path / "m.gpkg").set_index("class")
    assert frame["area"].to_dict() == {"Bright": 40_000.0, "Dark": (64 * 64 - 400) * 100.0}


def test_only_the_area_of_interest_is_mapped(write_scene, thresholder, tmp_path) -> None:
    data = grey(128, 128)
    scene = write_scene(data)
    left, top = TRANSFORM @ (10, 70)
    box = gpd.GeoSeries([shapely.box(left, top - 200, left + 300, top)], crs=UTM)
    box.to_crs(4326).to_file(tmp_path / "area.geojson")
    predict(thresholder, scene, tmp_path / "map.tif", aoi=tmp_path / "area.geojson", block=64)
    inside = np.zeros(data.shape, dtype=bool)
    inside[70:90, 10:40] = True
    differing = read_raster(tmp_path / "map.tif") != _expected(data, inside)
    assert differing.sum() <= 4  # the border, after reprojection there and back
    assert len(thresholder.seen) == 1


def test_an_area_elsewhere_is_an_error(write_scene, thresholder, tmp_path) -> None:
    gpd.GeoSeries([shapely.box(0, 0, 1, 1)], crs=4326).to_file(tmp_path / "area.gpkg")
    with pytest.raises(GridError, match=r"area\.gpkg \(--aoi\) to overlap the scene"):
        predict(
            thresholder, write_scene(grey(30, 30)), tmp_path / "map.tif", aoi=tmp_path / "area.gpkg"
        )
    assert not (tmp_path / "map.tif").exists()


def test_several_scenes_one_progress(write_scene, thresholder, tmp_path) -> None:
    scenes = [write_scene(grey(40, 70, seed), f"s{seed}.tif") for seed in (1, 2)]
    told = []
    maps = predict(
        thresholder, scenes, tmp_path / "maps", block=32, polygons=tmp_path / "maps",
        progress=lambda done, total: told.append((done, total)),
    )  # fmt: skip
    assert maps == [tmp_path / "maps" / f"s{seed}_map.tif" for seed in (1, 2)]
    for path, seed in zip(maps, (1, 2), strict=True):
        assert np.array_equal(read_raster(path), _expected(grey(40, 70, seed)))
    assert told == [(i, 12) for i in range(1, 13)]
    assert (tmp_path / "maps" / "s2_polygons.gpkg").exists()


def test_all_is_checked_before_anything_is_done(write_scene, thresholder, tmp_path) -> None:
    scene = write_scene(grey(30, 30))
    arguments = (thresholder, scene, tmp_path / "map.tif")
    (tmp_path / "u.tif").touch()
    with pytest.raises(OutputExistsError, match=r"u\.tif"):
        predict(*arguments, uncertainty=tmp_path / "u.tif")
    with pytest.raises(InputError, match="--min-area of at least 1"):
        predict(*arguments, min_area=0)
    with pytest.raises(InputError, match="float32, float16 or uint8"):
        predict(*arguments, probabilities_dtype="int16")
    with pytest.raises(MissingFileError, match="does not exist"):
        predict(thresholder, [scene, tmp_path / "none.tif"], tmp_path)
    with pytest.raises(GridError, match=r"model's 2 bands"):
        predict(Thresholder(("a", "b")), scene, tmp_path / "map.tif")
    assert thresholder.seen == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["scene.tif", "u.tif"]


def test_overwrite_replaces_the_map(write_scene, thresholder, tmp_path) -> None:
    for seed in (1, 2):
        scene = write_scene(grey(30, 30, seed))
        predict(thresholder, scene, tmp_path / "map.tif", overwrite=True)
    assert np.array_equal(read_raster(tmp_path / "map.tif"), _expected(grey(30, 30, 2)))


def test_a_truncated_scene_fails_naming_the_place(write_scene, thresholder, tmp_path, rng) -> None:
    scene = write_scene(rng.integers(0, 200, (512, 512)).astype(np.uint8))
    scene.write_bytes(scene.read_bytes()[:20_000])
    with pytest.raises(UnreadableFileError, match=r"scene\.tif' cannot be read at rows.*--skip"):
        predict(thresholder, scene, tmp_path / "map.tif", block=128)
    assert not (tmp_path / "map.tif").exists()
    assert not _hidden(tmp_path)  # not a single block was finished


def test_a_network_maps_a_file_like_one_pass(tiny_network, write_scene, tmp_path) -> None:
    image, _ = colour_scene(161, 225, np.random.default_rng(3))
    scene = write_scene(image.astype(np.uint8), names=("red", "green", "blue"))
    model = tiny_network.save(tmp_path / "model.safetensors")
    predict(model, scene, tmp_path / "map.tif", block=128)
    whole = tiny_network.predict(image).argmax(axis=0) + 1
    assert (read_raster(tmp_path / "map.tif") != whole).mean() <= 0.001


def test_another_resolution_is_warned_of(tiny_network, write_scene, tmp_path) -> None:
    scene = write_scene(
        np.zeros((3, 40, 40), np.uint8), transform=rasterio.Affine(0.5, 0, 3e5, 0, -0.5, 57e5)
    )
    with pytest.warns(UserWarning, match="measure 0.5 m, the model learned from 10 m"):
        predict(tiny_network, scene, tmp_path / "map.tif")
