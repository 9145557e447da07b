from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest
import shapely

from pointillist.errors import InputError, MissingFileError, OutputError, OutputExistsError
from pointillist.points import read_features, read_legend, read_metadata, write_points, writing

XY = np.array([[732005.25, 5692995.5], [732015.0, 5692905.125]])
SUFFIXES = [".gpkg", ".geojson", ".shp", ".parquet", ".csv", ".tsv"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_is_written_can_be_read(tmp_path: Path, suffix: str) -> None:
    facts = {"design": "simple", "seed": 7, "note": 'ü <&> "quoted"', "n": [1, None, 2.5]}
    columns: dict[str, Any] = {
        "class": ["wood", None],
        "inclusion_probability": [0.25, 0.5],
        "stratum": np.array([3, 4]),
    }
    path = write_points(tmp_path / f"a{suffix}", XY, "EPSG:32632", columns, metadata=facts)
    assert read_metadata(path) == facts
    frame = read_features(path)
    assert frame["class"].iloc[0] == "wood"
    assert frame["class"].isna().tolist() == [False, True]
    assert frame["inclusion_probability"].tolist() == [0.25, 0.5]
    assert frame["stratum"].tolist() == [3, 4]
    at = shapely.get_coordinates(frame.to_crs("EPSG:32632").geometry)
    np.testing.assert_allclose(at, XY, atol=1e-4 if suffix == ".geojson" else 1e-9)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_pixel_coordinates_have_no_crs(tmp_path: Path, suffix: str) -> None:
    path = write_points(tmp_path / f"a{suffix}", [[640.5, 200.5]], None, {"class": ["a"]})
    frame = read_features(path)
    assert shapely.get_coordinates(frame.geometry).tolist() == [[640.5, 200.5]]
    if suffix != ".geojson":  # which is WGS 84 by its definition
        assert frame.crs is None
    assert read_metadata(path) == {}


def test_geojson_is_in_wgs84(tmp_path: Path) -> None:
    path = write_points(
        tmp_path / "a.geojson", XY, "EPSG:32632", {"class": ["a", "b"]}, metadata={"k": 1}
    )
    data = json.loads(path.read_text())
    assert data["pointillist"] == {"k": 1}
    x, y = data["features"][0]["geometry"]["coordinates"]
    assert (x, y) == pytest.approx((12.336, 51.347), abs=0.01)


def test_all_classes_may_be_empty(tmp_path: Path) -> None:
    for suffix in SUFFIXES:
        path = write_points(tmp_path / f"a{suffix}", XY, "EPSG:32632", {"class": [None, None]})
        assert read_features(path)["class"].isna().all()


def test_no_points_at_all(tmp_path: Path) -> None:
    for suffix in SUFFIXES:
        path = write_points(tmp_path / f"a{suffix}", np.empty((0, 2)), "EPSG:32632", {"class": []})
        assert path.exists()


def test_names_that_clash_with_those_of_a_geopackage(tmp_path: Path) -> None:
    path = write_points(tmp_path / "gpkg_1.gpkg", XY, None, {"fid": [5, 5], "geom": ["a", "b"]})
    frame = read_features(path)
    assert frame["fid"].tolist() == [5, 5]
    assert frame["geom"].tolist() == ["a", "b"]


def test_nothing_is_replaced_unasked(tmp_path: Path) -> None:
    path = write_points(tmp_path / "a.gpkg", XY, None, {"class": [1, 2]})
    with pytest.raises(OutputExistsError, match=r"exists already.*--overwrite"):
        write_points(path, XY, None, {"class": [1, 2]})
    write_points(path, XY[:1], None, {"class": [1]}, overwrite=True)
    assert len(read_features(path)) == 1


def test_overwriting_leaves_nothing_of_the_old(tmp_path: Path) -> None:
    path = write_points(tmp_path / "a.csv", XY, "EPSG:32632", {"v": [1, 2]}, metadata={"a": 1})
    write_points(path, [[12.0, 51.0]], "EPSG:4326", {"v": [1]}, overwrite=True)
    assert [p.name for p in tmp_path.iterdir()] == ["a.csv"]
    wal = tmp_path / "b.gpkg-wal"
    wal.write_bytes(b"stale")
    (tmp_path / "b.gpkg").write_bytes(b"old")
    write_points(tmp_path / "b.gpkg", XY, None, {"v": [1, 2]}, overwrite=True)
    assert not wal.exists()


def test_a_failure_leaves_the_old_file_and_no_rubbish(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_points(tmp_path / "a.gpkg", XY, None, {"class": [1, 2]})
    before = path.read_bytes()

    def fail(path: Path, *_: Any, **__: Any) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writing, "_write_ogr", fail)
    with pytest.raises(OutputError, match=r"a.gpkg' cannot be written: .*No space left"):
        write_points(path, XY, None, {"class": [3, 4]}, overwrite=True)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.gpkg"]


def test_wrong_arguments(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"end in .gpkg, .*got 'a.xyz'"):
        write_points(tmp_path / "a.xyz", XY, None, {})
    with pytest.raises(InputError, match=r"Expected 2 values in column 'class'.*got 3"):
        write_points(tmp_path / "a.gpkg", XY, None, {"class": [1, 2, 3]})
    with pytest.raises(InputError, match=r"coordinate system such as EPSG:4326, got 'nowhere'"):
        write_points(tmp_path / "a.gpkg", XY, "nowhere", {})
    with pytest.raises(OutputError, match=r"older '.*none' .*does not exist"):
        write_points(tmp_path / "none" / "a.gpkg", XY, None, {})


def test_metadata_of_files_of_others(tmp_path: Path) -> None:
    path = tmp_path / "a.gpkg"
    write_points(path, XY, None, {"v": [1, 2]})
    pyogrio.write_dataframe(read_features(path), path, layer="b", append=True)
    assert read_metadata(path) == {}
    assert read_legend(path) is None
    with pytest.raises(MissingFileError, match=r"nope.gpkg' does not exist"):
        read_metadata(tmp_path / "nope.gpkg")


def test_a_legend_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    for i, rows in enumerate([[{"code": 1, "name": ""}], "x", [3]]):
        path = write_points(tmp_path / f"{i}.gpkg", XY, None, {}, metadata={"legend": rows})
        assert read_legend(path) is None
