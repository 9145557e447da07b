"""From labels to an assessed map, by the commands themselves."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from pointillist.errors import ConflictError, InputError
from pointillist.grid import Grid, Transform
from pointillist.labelling import LabelSession
from pointillist.raster import write_array
from pointillist.scenes import generate_terrain

pytestmark = pytest.mark.slow


def wait(session: LabelSession, seconds: float = 120) -> str:
    deadline = time.monotonic() + seconds
    while session.finishing.jobs.status.state == "running" and time.monotonic() < deadline:
        time.sleep(0.05)
    return session.finishing.jobs.status.state


def test_from_labels_to_an_assessed_map(tmp_path: Path) -> None:
    scene = generate_terrain(3, 256, 256)
    path = tmp_path / "scene.tif"
    grid = Grid(256, 256, Transform(*scene.transform), f"EPSG:{scene.epsg}")
    write_array(path, scene.image, grid, band_names=scene.band_names)
    session = LabelSession(path, tmp_path / "points.gpkg", scene.legend)
    finishing = session.finishing
    with pytest.raises(InputError, match="at least two classes"):
        finishing.make_map("forest", 1)
    with pytest.raises(InputError, match="Expected a map of the scene first"):
        finishing.checking.draw(10, 0)
    rng = np.random.default_rng(0)
    places = rng.integers(0, 256, (120, 2))
    session.act("r", "ann", [_point(i, *p, scene) for i, p in enumerate(places.tolist())])
    messages: list[str] = []
    session.listeners.append(lambda kind, facts: messages.append(f"{kind} {facts}"))
    finishing.make_map("forest", 1)
    with pytest.raises(InputError, match="being computed already"):
        finishing.make_map("forest", 1)
    assert wait(session) == "done", finishing.jobs.status
    assert {"map", "polygons", "model"} <= set(finishing.available())
    verdict = finishing.verdict()
    assert verdict is not None
    assert (verdict["recipe"], verdict["labels"], verdict["judged"]) == ("forest", 120, 120)
    assert 0.5 < verdict["quick"] < 1
    assert 0.5 < verdict["full"] < 1
    assert verdict["is_better"] == (verdict["full"] > verdict["quick"])
    assert not finishing.can_resume
    found = finishing.tile(0, 0, 0)
    assert found is not None
    assert (found[0] == scene.mask).mean() > 0.6
    finishing.checking.draw(30, 1)
    assert wait(session) == "done", finishing.jobs.status
    sample = finishing.checking.describe(session.placement)
    assert len(sample) == 30
    assert not any(p["is_answered"] or p["name"] for p in sample)
    with pytest.raises(InputError, match="30 are still open"):
        finishing.checking.assess()
    for i, p in enumerate(sample):
        col, row = p["position"]
        finishing.checking.answer(
            f"a{i}", "ann", p["uid"], scene.legend.names[scene.mask[int(row), int(col)]]
        )
    with pytest.raises(ConflictError, match="changed by ann meanwhile"):  # bob has an old page
        finishing.checking.answer("b0", "bob", sample[0]["uid"], None, sample[0]["version"])
    finishing.checking.assess()
    assert wait(session) == "done", finishing.jobs.status
    accuracy = finishing.checking.accuracy()
    assert accuracy is not None
    low, high = accuracy["overall_accuracy"]["ci"]
    assert low < (found[0] == scene.mask).mean() < high
    assert len(session.store.labels()) == 120  # the sample never trains
    assert any("Mapping" in message for message in messages)
    session.close()


def test_a_cancelled_job_leaves_the_old_map(tmp_path: Path) -> None:
    scene = generate_terrain(3, 256, 256)
    path = tmp_path / "scene.tif"
    write_array(path, scene.image, Grid(256, 256), band_names=scene.band_names)
    session = LabelSession(path, tmp_path / "points.gpkg", scene.legend)
    session.act("r", "ann", [_point(i, 60 * i, 60 * i, scene, i % 2) for i in range(4)])
    session.finishing.make_map("forest", 1)
    session.finishing.jobs.cancel()
    assert wait(session) == "cancelled"
    assert not session.finishing.has_map
    assert session.finishing.can_resume
    session.close()
    session = LabelSession(path, tmp_path / "points.gpkg", scene.legend)
    session.finishing.resume_map()
    assert wait(session) == "done", session.finishing.jobs.status
    assert session.finishing.has_map
    assert not (tmp_path / "points_map" / "next").exists()
    with pytest.raises(InputError, match="no interrupted map to go on with"):
        session.finishing.resume_map()
    session.close()


def _point(
    i: int, row: int, col: int, scene: object, index: int | None = None
) -> dict[str, object]:
    found = scene.mask[row, col] if index is None else index  # type: ignore[attr-defined]
    return {
        "uid": f"u{i}",
        "base_version": 0,
        "kind": "Point",
        "positions": [[col + 0.5, row + 0.5]],
        "name": scene.legend.names[int(found)],  # type: ignore[attr-defined]
        "source": "click",
    }
