"""Which scenes a folder, a STAC file or a tile index means, and what each is called."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from pointillist.errors import InputError, MissingFileError, UnreadableFileError
from pointillist.raster.listing import list_scenes, name_files

TRANSFORM = rasterio.Affine(10, 0, 300_000, 0, -10, 5_700_000)


def _raster(path: Path, count: int = 1) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(
        path, "w", driver="GTiff", count=count, height=8, width=8, dtype="uint8",
        crs="EPSG:32633", transform=TRANSFORM,
    ) as file:  # fmt: skip
        file.write(np.ones((count, 8, 8), dtype="uint8"))
    return path


def _item(name: str, assets: dict[str, Any], **properties: Any) -> dict[str, Any]:
    return {"type": "Feature", "stac_version": "1.1.0", "id": name, "geometry": None,
            "properties": {"datetime": "2021-05-04T10:00:00Z", **properties},
            "links": [], "assets": assets}  # fmt: skip


def _asset(href: str, *roles: str, kind: str = "image/tiff; application=geotiff") -> dict[str, Any]:
    return {"href": href, "type": kind, "roles": list(roles)}


def _write(path: Path, document: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


class TestFolder:
    def test_rasters_come_as_people_count(self, tmp_path) -> None:
        for name in ("s10.tif", "s2.TIF", ".hidden.tif", "deeper/s3.tif"):
            _raster(tmp_path / name)
        (tmp_path / "s2.tfw").write_text("1")
        found = list_scenes([tmp_path])
        assert found.is_list
        assert [Path(path).name for path in found.paths] == ["s2.TIF", "s10.tif"]
        assert found.names == ["s2", "s10"]

    def test_a_pattern_chooses_and_looks_deeper(self, tmp_path) -> None:
        for name in ("a/x_image.tif", "b/x_image.tif", "b/x_mask.tif", "maps/x_image.tif"):
            _raster(tmp_path / name)
        found = list_scenes([tmp_path], pattern="**/*_image.tif", outputs=[tmp_path / "maps"])
        assert found.names == ["a_x_image", "b_x_image"]

    def test_one_raster_of_a_folder_is_a_list_too(self, tmp_path) -> None:
        _raster(tmp_path / "s.tif")
        assert list_scenes([tmp_path]).is_list
        assert not list_scenes([tmp_path / "s.tif"]).is_list

    def test_nothing_found_says_where_rasters_are(self, tmp_path) -> None:
        with pytest.raises(InputError, match=r"No raster lies in folder .*Check the path"):
            list_scenes([tmp_path])
        _raster(tmp_path / "deeper" / "s.tif")
        with pytest.raises(InputError, match=r"Its folders hold 1.*--pattern '\*\*/\*\.tif'"):
            list_scenes([tmp_path])
        with pytest.raises(InputError, match=r"No file of folder .* fits --pattern \*\.jp2"):
            list_scenes([tmp_path], pattern="*.jp2")
        with pytest.raises(InputError, match=r"Expected --pattern like .*, got '/x'"):
            list_scenes([tmp_path], pattern="/x")

    def test_results_are_not_put_among_the_scenes(self, tmp_path) -> None:
        _raster(tmp_path / "s.tif")
        with pytest.raises(InputError, match="Results would lie among the scenes"):
            list_scenes([tmp_path], outputs=[tmp_path])

    def test_a_mosaic_beside_its_parts(self, tmp_path) -> None:
        from pointillist.raster import stack

        stack([_raster(tmp_path / "s.tif")], tmp_path / "all.vrt")
        with pytest.raises(InputError, match=r"all\.vrt' consists of files .*s\.tif.*mapped twice"):
            list_scenes([tmp_path])
        assert list_scenes([tmp_path], pattern="*.vrt").names == ["all"]

    def test_options_without_use_and_scenes_given_twice(self, tmp_path) -> None:
        scene = _raster(tmp_path / "s.tif")
        with pytest.raises(InputError, match="no folder was given"):
            list_scenes([scene], pattern="*.tif")
        with pytest.raises(InputError, match="--asset b chooses from STAC items"):
            list_scenes([scene], asset="b")
        with pytest.raises(InputError, match=r"s\.tif' is given twice"):
            list_scenes([scene, tmp_path])
        with pytest.raises(InputError, match="at least one scene"):
            list_scenes([])


class TestStac:
    def test_an_item_collection(self, tmp_path) -> None:
        for name in ("a.tif", "b.tif"):
            _raster(tmp_path / "images" / name)
        items = [
            _item("north/1", {"data": _asset("images/a.tif", "data"),
                              "thumbnail": _asset("a.png", "thumbnail", kind="image/png")}),
            _item("south 1", {"visual": _asset("./images/b.tif")}, datetime=None,
                  start_datetime="2020-01-01T00:00:00Z"),
        ]  # fmt: skip
        path = _write(tmp_path / "c.json", {"type": "FeatureCollection", "features": items})
        found = list_scenes([path])
        assert [Path(p).name for p in found.paths] == ["a.tif", "b.tif"]
        assert found.names == ["north_1", "south_1"]
        assert [s.acquired for s in found.scenes] == [
            "2021-05-04T10:00:00Z", "2020-01-01T00:00:00Z",
        ]  # fmt: skip
        assert list_scenes([_write(tmp_path / "l.json", items)]).paths == found.paths
        assert list_scenes([_write(tmp_path / "i.json", items[0])]).names == ["north_1"]

    def test_a_catalog_with_collections_is_followed(self, tmp_path) -> None:
        _raster(tmp_path / "c" / "i" / "a.tif")
        _write(tmp_path / "c" / "i" / "item.json", _item("a", {"x": _asset("./a.tif", "data")}))
        up = {"rel": "parent", "href": "../catalog.json"}
        link = {"rel": "item", "href": "./i/item.json"}
        _write(tmp_path / "c" / "collection.json",
               {"type": "Collection", "id": "c", "links": [up, link, link]})  # fmt: skip
        child = {"rel": "child", "href": "./c/collection.json"}
        path = _write(tmp_path / "catalog.json", {"type": "Catalog", "id": "r", "links": [child]})
        [scene] = list_scenes([path]).scenes
        assert (scene.label, Path(scene.path).exists()) == ("a", True)
        assert scene.item == str(tmp_path / "c" / "i" / "item.json")

    @pytest.mark.parametrize(
        ("href", "path"),
        [
            ("https://h.org/a.tif?sig=1", "/vsicurl/https://h.org/a.tif?sig=1"),
            ("s3://bucket/k/a.tif", "/vsis3/bucket/k/a.tif"),
            ("gs://bucket/a.tif", "/vsigs/bucket/a.tif"),
            ("/vsizip/z.zip/a.tif", "/vsizip/z.zip/a.tif"),
        ],
    )
    def test_hrefs_elsewhere_become_paths_of_gdal(self, href, path, tmp_path) -> None:
        file = _write(tmp_path / "i.json", _item("a", {"x": _asset(href)}))
        assert list_scenes([file]).paths == [path]

    def test_which_asset_is_meant(self, tmp_path) -> None:
        for name in ("red.tif", "nir.tif"):
            _raster(tmp_path / name)
        assets = {"red": _asset("red.tif", "data"), "nir": _asset("nir.tif", "data")}
        file = _write(tmp_path / "i.json", _item("a", assets))
        with pytest.raises(InputError, match=r"has 2 rasters \(red, nir\).*--asset.*stack"):
            list_scenes([file])
        assert Path(list_scenes([file], asset="nir").paths[0]).name == "nir.tif"
        with pytest.raises(InputError, match=r"no asset 'swir'. It has red, nir"):
            list_scenes([file], asset="swir")
        bare = _write(tmp_path / "b.json", _item("a", {"info": _asset("i.xml", kind="text/xml")}))
        with pytest.raises(InputError, match=r"no raster among its assets \(info\)"):
            list_scenes([bare])

    def test_lists_that_are_none(self, tmp_path) -> None:
        broken = tmp_path / "broken.json"
        broken.write_text('{"type": "Feat')
        with pytest.raises(UnreadableFileError, match=r"broken\.json' is no JSON"):
            list_scenes([broken])
        empty = _write(tmp_path / "e.json", {"type": "FeatureCollection", "features": []})
        with pytest.raises(InputError, match="No STAC item is in"):
            list_scenes([empty])
        other = _write(tmp_path / "o.json", {"type": "Feature", "properties": {}})
        with pytest.raises(InputError, match="holds a Feature without assets"):
            list_scenes([other])
        gone = _write(tmp_path / "g.json", _item("a", {"x": _asset("gone.tif")}))
        with pytest.raises(MissingFileError, match=r"Item 'a' of .* names 'gone\.tif', but"):
            list_scenes([gone])
        far = {"type": "Catalog", "links": [{"rel": "item", "href": "https://h.org/i.json"}]}
        with pytest.raises(InputError, match="which is on the network"):
            list_scenes([_write(tmp_path / "f.json", far)])


class TestTileIndex:
    @pytest.mark.parametrize("name", ["index.gpkg", "index.shp", "index.geojson", "index.fgb"])
    def test_every_format_with_the_field(self, name, tmp_path) -> None:
        _raster(tmp_path / "in" / "a.tif")
        _raster(tmp_path / "in" / "b.tif")
        found = list_scenes([_index(tmp_path / name, ["in/a.tif", str(tmp_path / "in/b.tif")])])
        assert sorted(found.names) == ["a", "b"]  # FlatGeobuf has an order of its own
        assert found.is_list

    def test_locations_relative_to_the_current_folder(self, tmp_path, monkeypatch) -> None:
        _raster(tmp_path / "in" / "a.tif")
        (tmp_path / "lists").mkdir()
        index = _index(tmp_path / "lists" / "i.gpkg", ["in/a.tif"])
        monkeypatch.chdir(tmp_path)
        assert list_scenes([index]).paths == ["in/a.tif"]

    def test_a_location_where_nothing_is(self, tmp_path) -> None:
        index = _index(tmp_path / "i.gpkg", ["gone.tif"])
        with pytest.raises(MissingFileError, match=r"Feature 1 of tile index .*names 'gone\.tif'"):
            list_scenes([index])
        with pytest.raises(InputError, match="feature 1 has none"):
            list_scenes([_index(tmp_path / "n.gpkg", [" "])])

    def test_a_geopackage_of_pixels_is_a_scene(self, tmp_path) -> None:
        path = tmp_path / "scene.gpkg"
        with rasterio.open(path, "w", driver="GPKG", count=3, height=300, width=300, dtype="uint8",
                           crs="EPSG:32633", transform=TRANSFORM) as file:  # fmt: skip
            file.write(np.ones((3, 300, 300), dtype="uint8"))
        found = list_scenes([path])
        assert not found.is_list
        assert found.paths == [str(path)]


def _index(path: Path, locations: list[str]) -> Path:
    import geopandas as gpd
    import shapely

    squares = [shapely.box(i, 0, i + 1, 1) for i in range(len(locations))]
    gpd.GeoDataFrame({"location": locations}, geometry=squares, crs="EPSG:4326").to_file(path)
    return path


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["2019/s.tif", "2020/s.tif", "t.tif"], ["2019_s", "2020_s", "t"]),
        (["a/x/s.tif", "b/x/s.tif"], ["a_x_s", "b_x_s"]),
        (["d/s.tif", "d/s.jp2"], ["d_s_tif", "d_s_jp2"]),
        (["d/S.tif", "e/s.tif"], ["d_S", "e_s"]),
        (["s.tif", "s.tif"], ["s_tif", "s_tif_2"]),
        (["/vsicurl/https://h/a.tif?k=/x.y"], ["a"]),
        (["ä ö.tif", "(!).tif"], ["ä_ö", "scene"]),
    ],
)
def test_names_differ(paths, names) -> None:
    assert name_files(paths) == names
