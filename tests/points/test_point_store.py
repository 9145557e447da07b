"""The store: on disk before it answers, nothing twice, nothing overwritten silently."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import pyogrio
import pytest

from pointillist.errors import (
    BusyPointsError,
    ConflictError,
    InputError,
    PointsError,
    UnreadableFileError,
)
from pointillist.legend import Legend
from pointillist.points import Change, Label, PointStore, read_legend, write_points

UTM = "EPSG:32632"


def put(uid: str, x: float, name: str | None = "Water", base: int = 0) -> Change:
    return Change(uid, base, Label(uid, f"POINT ({x} 5)", name))


@pytest.fixture
def store(tmp_path: Path) -> PointStore:
    opened = PointStore(tmp_path / "points.gpkg", UTM)
    opened.set_legend("legend", "ann", Legend.from_names(["Water", "Forest"]))
    return opened


def test_what_is_stored_is_a_file_that_gis_programs_and_training_read(store: PointStore) -> None:
    store.apply("r1", "ann", [put("a", 1.5), put("b", 2.5, "Forest")])
    frame = gpd.read_file(store.path)
    assert frame["class"].tolist() == ["Water", "Forest"]
    assert frame["author"].tolist() == ["ann", "ann"]
    assert frame.crs == UTM
    assert [name for name, _ in pyogrio.list_layers(store.path)] == ["points"]
    legend = read_legend(store.path)
    assert legend is not None
    assert legend.names == ("Water", "Forest")


def test_the_spatial_index_follows_every_action(store: PointStore) -> None:
    store.apply("r1", "ann", [put("a", 100), put("b", 900)])
    moved = replace(store.labels()[0], wkt="POINT (500 5)")
    store.apply("r2", "ann", [Change("a", 1, moved), Change("b", 1, None)])
    found = pyogrio.read_dataframe(store.path, bbox=(400, 0, 1000, 10))
    assert found["uid"].tolist() == ["a"]


def test_a_repeated_request_changes_nothing(store: PointStore) -> None:
    first = store.apply("same", "ann", [put("a", 1)])
    again = store.apply("same", "ann", [put("a", 1)])
    assert again == first
    assert len(store.labels()) == 1


def test_an_old_version_is_refused_and_the_whole_request_with_it(store: PointStore) -> None:
    store.apply("r1", "ann", [put("a", 1)])
    store.apply("r2", "bob", [put("a", 2, base=1)])
    with pytest.raises(ConflictError, match="changed by bob meanwhile"):
        store.apply("r3", "ann", [put("new", 7), put("a", 3, base=1)])
    assert [label.wkt for label in store.labels()] == ["POINT (2 5)"]


def test_two_stores_on_one_file_see_each_other(store: PointStore) -> None:
    other = PointStore(store.path)
    store.apply("r1", "ann", [put("a", 1)])
    assert other.refresh()
    assert [label.author for label in other.labels()] == ["ann"]
    other.apply("r2", "bob", [put("a", 4, base=1)])
    assert store.refresh()
    assert store.labels() == other.labels()
    assert not store.refresh()


def test_what_another_program_writes_is_taken_in_and_logged(store: PointStore) -> None:
    store.apply("r1", "ann", [put("a", 1)])
    # in a process of its own, as QGIS is: two SQLite libraries in one process break their locks
    subprocess.run([sys.executable, "-c", _OTHER_PROGRAM, str(store.path)], check=True)
    assert store.refresh()
    imported = next(label for label in store.labels() if label.uid != "a")
    assert (imported.wkt, imported.name) == ("POINT (7 8)", "Forest")
    assert store.events_since(0)[-1].author == "another program"
    assert len(PointStore(store.path).labels()) == 2


def test_an_existing_file_keeps_its_rows_and_classes(tmp_path: Path) -> None:
    path = tmp_path / "sample.gpkg"
    legend = Legend.from_names(["Water", "Forest"], codes=[3, 9])
    write_points(
        path,
        [[1, 2], [3, 4]],
        UTM,
        {"class": ["Water", None], "note": ["x", "y"]},
        metadata={"legend": legend.to_dict(), "seed": 4},
    )
    store = PointStore(path)
    assert store.legend == legend
    assert [label.name for label in store.labels()] == ["Water", None]
    second = store.labels()[1]
    store.apply("r", "ann", [Change(second.uid, second.version, replace(second, name="Forest"))])
    store.close()
    frame = gpd.read_file(path)
    assert frame["note"].tolist() == ["x", "y"]
    assert frame["class"].tolist() == ["Water", "Forest"]


def test_classes_are_renamed_and_merged_with_their_points(store: PointStore) -> None:
    store.apply("r1", "ann", [put("a", 1), put("b", 2, "Forest")])
    store.set_legend("r2", "ann", Legend.from_names(["Lake"]), {"Water": "Lake", "Forest": "Lake"})
    assert {label.name for label in store.labels()} == {"Lake"}
    assert PointStore(store.path).legend == Legend.from_names(["Lake"])


def test_any_earlier_state_comes_back_and_can_be_left_again(store: PointStore) -> None:
    store.apply("r1", "ann", [put("a", 1), put("b", 2)])
    there = store.seq
    store.apply("r2", "ann", [Change("a", 1, None), put("b", 9, base=1), put("c", 3)])
    store.restore("back", "ann", there)
    assert {label.uid: label.wkt for label in store.labels()} == {
        "a": "POINT (1 5)",
        "b": "POINT (2 5)",
    }
    with pytest.raises(InputError, match="a line of the history up to"):
        store.restore("never", "ann", store.seq + 1)


def test_areas_may_join_a_layer_of_points(tmp_path: Path) -> None:
    path = tmp_path / "points.gpkg"
    write_points(path, [[1, 2]], UTM, {"class": ["Water"]})
    store = PointStore(path)
    area = Label("area", "POLYGON ((0 0, 4 0, 4 4, 0 0))", "Water")
    store.apply("r", "ann", [Change("area", 0, area)])
    store.close()
    assert gpd.read_file(path).geom_type.tolist() == ["Point", "Polygon"]


def test_files_that_cannot_hold_labels_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"Expected a GeoPackage \(\.gpkg\)"):
        PointStore(tmp_path / "points.csv")
    broken = tmp_path / "broken.gpkg"
    broken.write_bytes(b"no database at all" * 100)
    with pytest.raises(UnreadableFileError, match="cannot be opened as a GeoPackage"):
        PointStore(broken)
    empty = tmp_path / "empty.gpkg"
    with sqlite3.connect(empty) as db:
        db.execute("CREATE TABLE gpkg_contents (table_name, data_type)")
        db.execute(
            "CREATE TABLE gpkg_geometry_columns "
            "(table_name, column_name, srs_id, geometry_type_name)"
        )
    with pytest.raises(PointsError, match="Expected one layer of points"):
        PointStore(empty)


_OTHER_PROGRAM = """
import sys
import geopandas as gpd, pyogrio
row = gpd.GeoDataFrame(
    {"class": ["Forest"]}, geometry=gpd.points_from_xy([7], [8]), crs="EPSG:32632"
)
pyogrio.write_dataframe(row, sys.argv[1], layer="points", append=True)
"""

_CLICKER = """
import sys
from pointillist.points import Change, Label, PointStore
store = PointStore(sys.argv[1])
for i in range(100_000):
    store.apply(f"r{i}", "ann", [Change(f"u{i}", 0, Label(f"u{i}", f"POINT ({i} 1)", "Water"))])
    print(i, flush=True)
"""


def test_kill_9_loses_nothing_that_was_answered(store: PointStore) -> None:
    store.close()
    process = subprocess.Popen(
        [sys.executable, "-c", _CLICKER, str(store.path)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert process.stdout is not None
    answered = int(process.stdout.readline())
    deadline = time.monotonic() + 30
    while answered < 60 and time.monotonic() < deadline:
        answered = int(process.stdout.readline())
    process.send_signal(signal.SIGKILL)
    rest = process.stdout.read().split()
    process.wait()
    complete = [int(line) for line in rest if line.isdigit()]
    answered = max([answered, *complete[:-1]])  # the last line may be cut short
    stored = PointStore(store.path)
    uids = {label.uid for label in stored.labels()}
    assert uids >= {f"u{i}" for i in range(answered + 1)}
    assert len(uids) == len(gpd.read_file(store.path))
    check = sqlite3.connect(store.path).execute("PRAGMA integrity_check").fetchone()
    assert check == ("ok",)


def test_what_is_not_stored_is_not_remembered(store: PointStore) -> None:
    """An outside point and a refused click at once: the point is taken in with the next look."""
    store.apply("r1", "ann", [put("a", 1)])
    with sqlite3.connect(store.path) as other:
        other.execute("CREATE TEMP TABLE t AS SELECT * FROM points WHERE uid = 'a'")
        other.execute("UPDATE t SET fid = NULL, uid = NULL")
        other.execute("INSERT INTO points SELECT * FROM t")
    with pytest.raises(ConflictError):
        store.apply("r2", "ann", [put("a", 1, "Forest", base=7)])
    assert store.refresh()
    (added,) = [label for label in store.labels() if label.uid != "a"]
    assert [event.uid for event in store.events_since(0)][-1] == added.uid
    changed = replace(added, name="Forest")
    store.apply("r3", "ann", [Change(added.uid, added.version, changed)])
    store.close()
    again = PointStore(store.path)
    found = again.get(added.uid)
    assert found is not None
    assert found.name == "Forest"


def test_a_row_that_is_not_found_is_not_answered(store: PointStore) -> None:
    store.apply("r1", "ann", [put("a", 1)])
    label = store.labels()[0]
    store._labels["ghost"] = replace(label, uid="ghost")
    for change in (Change("ghost", 1, replace(label, name="Forest")), Change("ghost", 1, None)):
        with pytest.raises(PointsError, match=r"one feature of .* with the uid 'ghost'"):
            store.apply("r2", "ann", [change])


def test_what_another_program_writes_right_after_a_commit_is_seen(store: PointStore) -> None:
    """Between the end of a transaction and whatever comes next, others may write."""
    remember = store._remember

    def write_between(events: object) -> None:
        with sqlite3.connect(store.path) as other:
            other.execute("UPDATE points SET class = 'Forest' WHERE uid = 'a'")
        remember(events)  # type: ignore[arg-type]

    store._remember = write_between  # type: ignore[method-assign]
    store.apply("r1", "ann", [put("a", 1)])
    store._remember = remember  # type: ignore[method-assign]
    assert store.refresh()
    assert store.labels()[0].name == "Forest"


def test_a_file_that_was_replaced_takes_no_clicks(store: PointStore, tmp_path: Path) -> None:
    store.apply("r1", "ann", [put("a", 1)])
    store.path.rename(tmp_path / "moved.gpkg")
    with pytest.raises(BusyPointsError, match="was removed or replaced by another file"):
        store.apply("r2", "ann", [put("b", 2)])
    (tmp_path / "moved.gpkg").rename(store.path)
    store.apply("r2", "ann", [put("b", 2)])
    assert len(store.labels()) == 2


def test_columns_of_another_case_numbers_as_names_and_text_as_versions(tmp_path: Path) -> None:
    path = tmp_path / "old.gpkg"
    frame = gpd.GeoDataFrame(
        {"Class": ["Water", "Forest"], "UID": [5, 7], "Version": ["a", None]},
        geometry=gpd.points_from_xy([1, 2], [1, 2]), crs=UTM,
    )  # fmt: skip
    frame.to_file(path, layer="points")
    for n_events in (2, 3):  # what the file holds is logged once
        store = PointStore(path)
        assert sorted(label.uid for label in store.labels()) == ["5", "7"]
        label = store.get("5")
        assert label is not None
        if n_events == 2:
            assert label.name == "Water"
            store.apply("r", "ann", [Change("5", label.version, replace(label, name="Forest"))])
        else:
            assert label.name == "Forest"
        assert len([e for e in store.events_since(0) if e.uid]) == 3
        store.close()


def test_what_was_deleted_is_known(store: PointStore) -> None:
    store.apply("r1", "ann", [put("a", 1)])
    assert store.deleted("a") is None
    store.apply("r2", "bob", [Change("a", 1, None)])
    gone = store.deleted("a")
    assert gone is not None
    assert (gone.author, gone.name) == ("ann", "Water")
    assert store.deleted("b") is None
