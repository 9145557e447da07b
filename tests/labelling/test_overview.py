"""How far scenes are, read from their files; many bands; sketches of large scenes."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from pointillist.errors import MissingFileError
from pointillist.grid import Grid, Window
from pointillist.labelling import LabelSession, Project, ScenePlace, find_places, pyramid
from pointillist.labelling.mixing import MOST_BANDS
from pointillist.labelling.overview import stamp
from pointillist.labelling.pyramid import Pyramid, first_level
from pointillist.legend import Legend
from pointillist.raster import open_scene, write_array

_LEGEND = Legend.from_names(["Water", "Road"])


def _scene(path: Path, n_bands: int = 3, side_px: int = 64, seed: int = 0) -> Path:
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 255, (n_bands, side_px, side_px), dtype=np.uint8)
    return write_array(path, image, Grid(side_px, side_px))


def _clicks(n: int, side_px: int, start: int = 0) -> list[dict[str, object]]:
    return [
        {
            "uid": f"u{i}", "base_version": 0, "kind": "Point", "source": "click",
            "positions": [[(7 * i) % side_px, (11 * i) % side_px]], "name": _LEGEND.names[i % 2],
        }
        for i in range(start, start + n)
    ]  # fmt: skip


def test_a_scene_that_cannot_be_read_spoils_no_other(tmp_path: Path) -> None:
    _scene(tmp_path / "good.tif")
    (tmp_path / "bad.tif").write_bytes(b"no raster")
    (tmp_path / ".hidden.tif").write_bytes(b"no raster")
    project = Project(find_places(tmp_path, None), _LEGEND)
    bad, good = project.list()
    assert (bad["state"], good["state"]) == ("unreadable", "new")
    assert "cannot be opened" in bad["problem"]
    project.session(1).act("r", "ann", _clicks(3, 64))
    assert project.list()[1]["classes"][0] == {
        "name": "Water",
        "color": "#3a6ebe",
        "count": 2,
    }
    with pytest.raises(MissingFileError, match="There is no scene 2"):
        project.session(2)
    project.close()


def test_scenes_of_the_same_name_do_not_share_their_points(tmp_path: Path) -> None:
    for name in ("a.tif", "a.png", "b.tif"):
        (tmp_path / name).touch()
    points = [place.points.name for place in find_places(tmp_path, None)]
    assert points == ["a.png_points.gpkg", "a.tif_points.gpkg", "b_points.gpkg"]


def test_a_scene_that_is_replaced_has_another_stamp(tmp_path: Path) -> None:
    path = _scene(tmp_path / "a.tif")
    before = stamp(path)
    assert stamp(path) == before
    path.unlink()
    _scene(path, side_px=65)
    assert stamp(path) != before


def test_a_scene_that_is_replaced_while_it_is_open_is_opened_anew(tmp_path: Path) -> None:
    path, told = _scene(tmp_path / "a.tif"), list[str]()
    project = Project([ScenePlace(path, tmp_path / "points.gpkg")], _LEGEND, "ann")
    project.listen(lambda kind, facts: told.append(f"{kind} {facts['scene']}"))
    first = project.describe(0)
    project.session(0).act("r", "ann", _clicks(3, 64))
    assert project.describe(0)["stamp"] == first["stamp"]
    _scene(tmp_path / "new.tif", side_px=96).replace(path)
    assert project.session(0).stamp == first["stamp"]  # who looks at it still sees one image
    again = project.describe(0)
    assert (again["stamp"], again["width"]) == (stamp(path), 96)
    assert "replaced 0" in told
    assert len(project.session(0).store.labels()) == 3
    project.close()


def test_a_hundred_bands_are_mixed_into_a_few(tmp_path: Path) -> None:
    path = _scene(tmp_path / "many.tif", n_bands=100, side_px=96)
    session = LabelSession(path, tmp_path / "points.gpkg", _LEGEND)
    session.act("r", "ann", _clicks(20, 96))
    found = session.map_tile(0, 0, 0)
    assert found is not None
    assert found.valid[:96, :96].all()
    mixed = session.quick.mix.apply(
        *(lambda p: (p.data, p.valid))(session.scene.read(Window(0, 0, 96, 96)))
    )
    assert mixed.shape == (MOST_BANDS, 96, 96)
    np.testing.assert_allclose(mixed.std(axis=(1, 2)), 1, atol=0.2)
    session.close()


def test_what_is_taught_last_is_what_was_clicked_last(tmp_path: Path) -> None:
    session = LabelSession(_scene(tmp_path / "a.tif"), tmp_path / "points.gpkg", _LEGEND)
    session.act("first", "ann", _clicks(4, 64))
    assert session.quick.taught.version == session.store.seq

    def click(person: int) -> None:
        for i in range(12):
            at = 100 * (person + 1) + i
            session.act(f"r{at}", "ann", _clicks(1, 64, start=at))

    people = [threading.Thread(target=click, args=(k,)) for k in range(6)]
    for person in people:
        person.start()
    for person in people:
        person.join()
    assert session.store.seq > 70
    assert session.quick.taught.version == session.store.seq
    session.close()


def test_a_large_scene_is_a_sketch_until_it_has_been_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _scene(tmp_path / "large.tif", side_px=1024)
    go_on = threading.Event()
    build = Pyramid._build_levels

    def build_later(self: Pyramid) -> None:
        go_on.wait(60)
        build(self)

    monkeypatch.setattr(pyramid, "_PATIENT_PX", 1000)
    monkeypatch.setattr(Pyramid, "_build_levels", build_later)
    session = LabelSession(path, tmp_path / "points.gpkg", _LEGEND)
    told: list[str] = []
    is_told = threading.Event()
    session.listeners.append(lambda kind, _: (told.append(kind), is_told.set()))
    whole = Window(0, 0, 256, 256)
    assert session.pyramid.is_sketch(2)
    sketch = session.pyramid.read(2, whole)
    assert sketch.valid.all()
    assert len(np.unique(sketch.data[0], axis=0)) <= 48
    go_on.set()
    assert is_told.wait(60)
    assert told == ["image"]
    assert not session.pyramid.is_sketch(2)
    with open_scene(path) as scene:
        exact = scene.read(Window(0, 0, 1024, 1024)).data.reshape(3, 256, 4, 256, 4)
    np.testing.assert_allclose(
        session.pyramid.read(2, whole).data, exact.mean(axis=(2, 4)), atol=1.01
    )
    session.close()


def test_what_is_kept_of_a_scene_grows_slower_than_the_scene() -> None:
    assert [first_level(n) for n in (10**6, 28_600_000, 10**9, 10**10)] == [1, 1, 2, 4]
