"""An empty points file that vector programs open, and its summary."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import geopandas as gpd
import pyogrio
import pyproj
import pytest
import shapely

from pointillist.errors import InputError
from pointillist.points import Change, Label, PointStore, summarise_file
from pointillist.points.blank import find_code

_OWN = "+proj=laea +lat_0=10 +lon_0=20 +datum=WGS84 +units=m"


@pytest.mark.parametrize("crs", ["EPSG:32640", "EPSG:4326", _OWN, None])
def test_an_empty_file_keeps_its_system_and_takes_rows_from_gdal(
    tmp_path: Path, crs: str | None
) -> None:
    path = tmp_path / "points.gpkg"
    wkt = None if crs is None else pyproj.CRS.from_user_input(crs).to_wkt()
    PointStore(path, wkt).close()
    facts = pyogrio.read_info(path)
    assert (facts["features"], facts["geometry_type"]) == (0, "Unknown")
    kept = gpd.read_file(path).crs
    assert kept is None if crs is None else kept.equals(crs, ignore_axis_order=True)
    frame = gpd.GeoDataFrame({"class": ["Wåter"]}, geometry=[shapely.Point(1, 2)], crs=kept)
    pyogrio.write_dataframe(frame, path, append=True)
    store = PointStore(path)
    label = store.labels()[0]
    assert (label.name, label.wkt) == ("Wåter", "POINT (1 2)")
    store.close()


def test_only_a_system_that_is_exactly_one_of_the_register_has_a_code() -> None:
    assert find_code("EPSG:3857") == 3857
    assert find_code(_OWN) is None


def test_a_summary_counts_classes_and_authors_while_the_file_is_open(tmp_path: Path) -> None:
    store = PointStore(tmp_path / "points.gpkg")
    for i, (author, name) in enumerate([("ann", "Water"), ("ann", None), ("bob", "Road")]):
        label = Label(f"u{i}", f"POINT ({i} 0)", name)
        store.apply(f"r{i}", author, [Change(label.uid, 0, label)])
    found = summarise_file(store.path)
    store.close()
    assert found.n_labels == 3
    assert dict(found.classes) == {"Water": 1, None: 1, "Road": 1}
    assert found.authors.most_common() == [("ann", 2), ("bob", 1)]
    assert found.changed.startswith("20")


def test_a_summary_of_something_else_is_an_error_of_sqlite(tmp_path: Path) -> None:
    path = tmp_path / "points.gpkg"
    path.write_text("no database")
    with pytest.raises(sqlite3.DatabaseError, match="not a database"):
        summarise_file(path)


def _write(path: Path, **columns: list[str]) -> None:
    frame = gpd.GeoDataFrame(columns, geometry=[shapely.Point(1, 2)], crs="EPSG:32640")
    pyogrio.write_dataframe(frame, path)


def test_classes_come_from_the_only_column_of_text_or_the_one_that_is_named(
    tmp_path: Path,
) -> None:
    _write(tmp_path / "one.gpkg", land_cover=["forest"])
    store = PointStore(tmp_path / "one.gpkg")
    assert [label.name for label in store.labels()] == ["forest"]
    assert store.legend is not None
    assert store.legend.names == ("forest",)
    store.close()
    _write(tmp_path / "two.gpkg", land_cover=["forest"], note=["wet"])
    with pytest.raises(InputError, match=r"got land_cover, note\. Say which with --class-field"):
        PointStore(tmp_path / "two.gpkg")
    with pytest.raises(InputError, match=r"no column .nothing. in .two\.gpkg."):
        PointStore(tmp_path / "two.gpkg", class_field="nothing")
    store = PointStore(tmp_path / "two.gpkg", class_field="note")
    assert [label.name for label in store.labels()] == ["wet"]
    store.close()


def test_going_back_keeps_who_made_a_label(tmp_path: Path) -> None:
    store = PointStore(tmp_path / "points.gpkg")
    made = store.apply("a", "ann", [Change("u", 0, Label("u", "POINT (1 2)", "Water"))])
    store.apply("b", "bob", [Change("u", 1, None)])
    store.restore("c", "bob", made[0].seq)
    assert [label.author for label in store.labels()] == ["ann"]
    store.close()
