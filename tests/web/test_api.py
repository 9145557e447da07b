"""The calls of the page, and what strangers may not do."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
from conftest_web import TerrainScene
from fastapi.testclient import TestClient
from httpx import Response
from PIL import Image

from pointillist.labelling import Project, ScenePlace
from pointillist.web import create_app
from pointillist.web.guard import Guard

SCENE = "/api/scenes/0"


def point(uid: str, col: float, row: float, name: str | None, base: int = 0) -> dict[str, object]:
    return {"uid": uid, "base_version": base, "positions": [[col, row]], "name": name}


def click(client: TestClient, request: str, *actions: dict[str, object]) -> dict[str, object]:
    body = {"request": request, "author": "ann", "actions": list(actions)}
    answer = client.post(f"{SCENE}/actions", json=body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_a_click_is_in_the_file_when_it_is_answered(client: TestClient, tmp_path: Path) -> None:
    stored = click(client, "r1", point("a", 10.25, 20.75, "Water"))
    assert [label["version"] for label in stored["labels"]] == [1]
    frame = gpd.read_file(tmp_path / "points.gpkg")
    assert frame["class"].tolist() == ["Water"]
    assert frame["source"].tolist() == ["click"]
    assert (frame.geometry.x[0], frame.geometry.y[0]) == (600010.25, 5599979.25)


def test_repeating_a_request_is_harmless(client: TestClient) -> None:
    first = click(client, "r1", point("a", 10, 20, "Water"))
    assert click(client, "r1", point("a", 10, 20, "Water")) == first
    assert len(client.get(f"{SCENE}/labels").json()["labels"]) == 1


def test_news_since_a_line_of_the_history(client: TestClient) -> None:
    seq = click(client, "r1", point("a", 1, 1, "Water"), point("b", 2, 2, "Road"))["seq"]
    click(client, "r2", {"uid": "a", "base_version": 1, "delete": True})
    click(client, "r3", point("b", 3, 3, "Road", base=1))
    news = client.get(f"{SCENE}/labels?since={seq}").json()
    assert news["deleted"] == ["a"]
    assert [label["positions"] for label in news["labels"]] == [[[3.0, 3.0]]]


def test_an_overtaken_change_is_refused_with_a_sentence(client: TestClient) -> None:
    click(client, "r1", point("a", 1, 1, "Water"))
    body = {"request": "r2", "actions": [point("a", 5, 5, "Water")]}
    answer = client.post(f"{SCENE}/actions", json=body)
    assert answer.status_code == 409
    assert "changed by ann meanwhile" in answer.json()["detail"]


def test_tiles_of_the_image_and_of_the_map(client: TestClient) -> None:
    image = client.get(f"{SCENE}/image/0/0/0")
    assert Image.open(io.BytesIO(image.content)).size == (256, 256)
    assert client.get(f"{SCENE}/map/0/0/0").status_code == 204
    rng = np.random.default_rng(0)
    places = rng.uniform(0, 500, (20, 2))
    names = ["Water", "Road"]
    click(
        client,
        "r",
        *(point(f"u{i}", c, r, names[i % 2]) for i, (c, r) in enumerate(places.tolist())),
    )
    tile = client.get(f"{SCENE}/map/1/0/0")
    assert tile.headers["content-type"] == "image/png"
    assert set(np.unique(Image.open(io.BytesIO(tile.content)))) <= {2, 4}
    unsure = client.get(f"{SCENE}/map/1/0/0?kind=uncertainty")
    assert Image.open(io.BytesIO(unsure.content)).mode == "RGBA"


def test_classes_are_added_renamed_merged_and_kept_in_use(client: TestClient) -> None:
    click(client, "r1", point("a", 1, 1, "Water"), point("b", 2, 2, "Road"))
    classes = client.get(f"{SCENE}/legend").json()["classes"]
    rows = [{"name": c["name"], "was": c["name"], "color": c["color"]} for c in classes]
    renamed = [{**r, "name": "Lake"} if r["name"] == "Water" else r for r in rows]
    body = {"request": "r2", "classes": [r for r in renamed if r["name"] != "Road"]}
    refused = client.put(f"{SCENE}/legend", json=body)
    assert refused.status_code == 422
    assert "Expected a new class for the points of Road" in refused.json()["detail"]
    answer = client.put(f"{SCENE}/legend", json={**body, "merged": {"Road": "Urban"}})
    counts = {c["name"]: c["count"] for c in answer.json()["classes"]}
    assert counts["Lake"] == counts["Urban"] == 1
    codes = {c["name"]: c["code"] for c in classes}
    assert {c["code"] for c in answer.json()["classes"]} == set(codes.values()) - {codes["Road"]}


def test_history_and_going_back(client: TestClient) -> None:
    seq = click(client, "r1", point("a", 1, 1, "Water"))["seq"]
    click(client, "r2", {"uid": "a", "base_version": 1, "delete": True})
    lines = client.get(f"{SCENE}/history").json()["lines"]
    assert [line["what"] for line in lines[:2]] == ["deleted", "added"]
    back = client.post(f"{SCENE}/restore", json={"request": "r3", "seq": seq})
    assert [label["uid"] for label in back.json()["labels"]] == ["a"]


def _rename(client: TestClient, request: str, old: str, new: str) -> None:
    classes = client.get(f"{SCENE}/legend").json()["classes"]
    rows = [
        {"name": new if c["name"] == old else c["name"], "was": c["name"], "color": c["color"]}
        for c in classes
    ]
    answer = client.put(f"{SCENE}/legend", json={"request": request, "classes": rows})
    assert answer.status_code == 200, answer.text


def test_a_class_that_somebody_added_meanwhile_is_not_lost(client: TestClient) -> None:
    seen = client.get(f"{SCENE}/legend").json()["classes"]
    known = [{k: c[k] for k in ("code", "name", "color")} for c in seen]
    rows = [{"name": c["name"], "was": c["name"], "color": c["color"]} for c in seen]

    def add(request: str, name: str) -> Response:
        added = [*rows, {"name": name, "color": "#102030"}]
        return client.put(
            f"{SCENE}/legend", json={"request": request, "classes": added, "known": known}
        )

    assert add("r1", "Reed").status_code == 200
    refused = add("r2", "Peat")
    assert refused.status_code == 409
    assert "changed by somebody else meanwhile" in refused.json()["detail"]
    assert add("r1", "Reed").status_code == 200  # its answer was lost
    names = [c["name"] for c in client.get(f"{SCENE}/legend").json()["classes"]]
    assert names == [*(c["name"] for c in seen), "Reed"]


def test_a_click_that_waited_while_its_class_was_renamed_is_kept(client: TestClient) -> None:
    click(client, "r1", point("a", 1, 1, "Water"))
    _rename(client, "r2", "Water", "Lake")
    _rename(client, "r3", "Lake", "Pond")
    late = click(client, "r4", point("b", 2, 2, "Water"))
    assert [label["name"] for label in late["labels"]] == ["Pond"]
    again = click(client, "r1", point("a", 1, 1, "Water"))  # its answer was lost
    assert [label["name"] for label in again["labels"]] == ["Pond"]


def test_going_back_before_a_renaming_brings_the_class_back(client: TestClient) -> None:
    seq = click(client, "r1", point("a", 1, 1, "Water"))["seq"]
    _rename(client, "r2", "Water", "Lake")
    back = client.post(f"{SCENE}/restore", json={"request": "r3", "seq": seq})
    assert [label["name"] for label in back.json()["labels"]] == ["Water"]
    names = [c["name"] for c in client.get(f"{SCENE}/legend").json()["classes"]]
    assert {"Lake", "Water"} <= set(names)
    _rename(client, "r4", "Road", "Street")  # classes can be changed again


def test_an_undone_deletion_brings_everything_back(client: TestClient) -> None:
    """The page sends an outline; holes and whoever drew it are in the history."""
    ring = [[10, 10], [60, 10], [60, 60], [10, 60]]
    action = {"uid": "p", "kind": "Polygon", "positions": ring, "name": "Water"}
    made = click(client, "r1", action)["labels"][0]
    body = {
        "request": "r2",
        "author": "bob",
        "actions": [{"uid": "p", "base_version": 1, "delete": True}],
    }
    assert client.post(f"{SCENE}/actions", json=body).status_code == 200
    back = {**action, "positions": made["positions"], "base_version": 0}
    body = {"request": "r3", "author": "bob", "actions": [back]}
    (label,) = client.post(f"{SCENE}/actions", json=body).json()["labels"]
    assert (label["author"], label["created"]) == ("ann", made["created"])


def test_labels_of_other_programs_can_be_changed(client: TestClient) -> None:
    """`suggest` writes the source `suggested`, QGIS names with braces."""
    uid = "{5c4f1c4e-2b0a-4f9b-9d6e-1f4e8a3b2c1d}"
    click(client, "r1", {**point(uid, 1, 1, "Water"), "source": "suggested"})
    changed = click(client, "r2", {**point(uid, 1, 1, "Road", base=1), "source": "suggested"})
    assert [(label["name"], label["source"]) for label in changed["labels"]] == [
        ("Road", "suggested")
    ]
    click(client, "r3", {"uid": uid, "base_version": 2, "delete": True})


def test_a_file_that_cannot_be_written_now_is_tried_again(
    client: TestClient, tmp_path: Path
) -> None:
    """503: the page keeps the click in its queue. 422 would mean that it is wrong for ever."""
    click(client, "r1", point("a", 1, 1, "Water"))
    points = tmp_path / "points.gpkg"
    points.rename(tmp_path / "away.gpkg")
    body = {"request": "r2", "actions": [point("b", 5, 5, "Water")]}
    answer = client.post(f"{SCENE}/actions", json=body)
    assert answer.status_code == 503
    assert "was removed or replaced" in answer.json()["detail"]
    (tmp_path / "away.gpkg").rename(points)
    assert client.post(f"{SCENE}/actions", json=body).status_code == 200


def test_the_points_are_downloaded_as_a_whole_file(client: TestClient, tmp_path: Path) -> None:
    click(client, "r1", point("a", 1, 1, "Water"))
    answer = client.get(f"{SCENE}/export/points")
    copy = tmp_path / "copy.gpkg"
    copy.write_bytes(answer.content)
    assert len(gpd.read_file(copy)) == 1


@pytest.mark.parametrize(
    "path", ["/api/scenes", f"{SCENE}/labels", "/api/events", "/api/openapi.json"]
)
def test_nothing_is_told_without_the_token(stranger: TestClient, path: str) -> None:
    assert stranger.get(path, headers={"Authorization": ""}).status_code == 401
    assert stranger.get(path, headers={"Authorization": "Bearer wrong"}).status_code == 401
    assert (
        stranger.get(f"{path}?token=a-token-for-tests", headers={"Authorization": ""}).status_code
        == 401
    )


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Host", "evil.example:8765"),
        ("Origin", "http://evil.example"),
        ("Origin", "null"),
        ("Sec-Fetch-Site", "cross-site"),
    ],
)
def test_other_sites_are_refused_even_with_the_token(
    stranger: TestClient, header: str, value: str
) -> None:
    answer = stranger.get("/api/scenes", headers={header: value})
    assert answer.status_code == 403
    assert answer.json()["detail"].endswith(".")


def test_the_page_itself_lets_nothing_in_from_elsewhere(stranger: TestClient) -> None:
    page = stranger.get("/")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in page.text.replace("http://www.w3.org", "").replace("https-", "")
    assert "style=" not in page.text
    assert "<script>" not in page.text


@pytest.mark.parametrize(
    "path",
    [
        "/static/../application.py",
        "/static/%2e%2e/application.py",
        "/static/..%2fapplication.py",
        "/static//etc/passwd",
        f"{SCENE}/export/..%2f..%2fetc%2fpasswd",
        "/api/scenes/../../etc/passwd",
        "/api/scenes/99/labels",
    ],
)
def test_no_path_of_a_caller_reaches_the_file_system(stranger: TestClient, path: str) -> None:
    assert stranger.get(path).status_code in (404, 405, 422)


def test_giant_bodies_are_refused_unread(stranger: TestClient) -> None:
    answer = stranger.post(f"{SCENE}/actions", content=b"x" * 2_000_000)
    assert answer.status_code == 413

    def pieces() -> object:
        for _ in range(200):
            yield b"[" * 10_000

    endless = stranger.post(f"{SCENE}/actions", content=pieces())
    assert endless.status_code in (400, 413, 422)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"positions": [[9999, 1]]}, "inside the scene"),
        ({"positions": [[1, 2], [3, 4]]}, "one position for a point"),
        ({"positions": []}, "Expected a Point"),
        ({"name": "Unheard"}, "There is no class 'Unheard'"),
        ({"uid": "../../x"}, "uid"),
        ({"kind": "Polygon", "positions": [[0, 0], [9, 9], [9, 0], [0, 9]]}, "cross itself"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_bad_actions_get_a_sentence_and_store_nothing(
    stranger: TestClient, change: dict[str, object], words: str
) -> None:
    body = {"request": "r1", "actions": [{**point("a", 1, 1, "Water"), **change}]}
    answer = stranger.post(f"{SCENE}/actions", json=body)
    assert answer.status_code == 422
    assert words in answer.json()["detail"]
    assert stranger.get(f"{SCENE}/labels").json()["labels"] == []


@pytest.mark.parametrize("prefix", ["", "/maps/label"])
def test_a_proxy_may_take_its_path_away_or_leave_it(
    terrain: TerrainScene, tmp_path: Path, prefix: str
) -> None:
    project = Project([ScenePlace(terrain.path, tmp_path / "points.gpkg")])
    app = create_app(project, Guard("secret"), "/maps/label")
    with TestClient(app, base_url="http://127.0.0.1") as behind:
        for path in ("/", "/static/js/main.js", "/static/vendor/ol.css"):
            assert behind.get(f"{prefix}{path}").status_code == 200, path
        assert behind.get(f"{prefix}/api/about").status_code == 401
        assert behind.get("/maps/labels/api/about").status_code == 404
        known = {"Authorization": "Bearer secret"}
        assert behind.get(f"{prefix}/api/about", headers=known).json()["n_scenes"] == 1
        unnamed = {"request": "r", "actions": [point("a", 1, 1, None)]}
        answer = behind.post(f"{prefix}/api/scenes/0/actions", json=unnamed, headers=known)
        assert answer.status_code == 422
        assert "the name of whoever labels" in answer.json()["detail"]


def test_the_list_says_how_far_each_scene_is(
    terrain: TerrainScene, client: TestClient, tmp_path: Path
) -> None:
    click(client, "r1", point("a", 10, 20, "Water"), point("b", 30, 20, "Road"))
    click(client, "r2", point("c", 50, 20, "Water"))
    row = client.get("/api/scenes").json()[0]
    assert (row["state"], row["n_labels"], row["width"]) == ("begun", 3, 512)
    assert {c["name"]: c["count"] for c in row["classes"] if c["count"]} == {"Water": 2, "Road": 1}
    assert row["authors"] == [["ann", 3]]
    (tmp_path / "points_map").mkdir()
    (tmp_path / "points_map" / "map.tif").touch()
    assert client.get("/api/scenes").json()[0]["state"] == "mapped"
    figures = '{"overall_accuracy": {"estimate": 0.8, "se": 0.05, "ci": [0.7, 0.9]}}'
    (tmp_path / "points_map" / "accuracy.json").write_text(figures)
    row = client.get("/api/scenes").json()[0]
    assert (row["state"], row["accuracy"], row["interval"]) == ("assessed", 0.8, [0.7, 0.9])
    picture = client.get(f"{SCENE}/picture")
    assert max(Image.open(io.BytesIO(picture.content)).size) == 224


def test_parts_and_holes_of_other_programs_stay(client: TestClient, tmp_path: Path) -> None:
    ring = [[600000, 5599900], [600100, 5599900], [600100, 5599800], [600000, 5599800]]
    hole = [[600040, 5599860], [600060, 5599860], [600060, 5599840], [600040, 5599840]]
    path = tmp_path / "points.gpkg"
    script = (
        "import geopandas as gpd, pyogrio, shapely, sys, json\n"
        "ring, hole = json.loads(sys.argv[2])\n"
        "frame = gpd.GeoDataFrame({'class': ['Water']}, "
        "geometry=[shapely.Polygon(ring, [hole])], crs='EPSG:32632')\n"
        "pyogrio.write_dataframe(frame, sys.argv[1], append=True)\n"
    )
    click(client, "r0", point("a", 10, 20, "Water"))
    command = [sys.executable, "-c", script, str(path), json.dumps([ring, hole])]
    subprocess.run(command, check=True, timeout=120)
    click(client, "r1", {"uid": "a", "base_version": 1, "delete": True})
    (area,) = client.get(f"{SCENE}/labels").json()["labels"]
    again = {key: area[key] for key in ("uid", "kind", "positions")}
    again |= {"base_version": area["version"], "name": "Road"}
    click(client, "r2", again)
    moved = {**again, "base_version": area["version"] + 1}
    moved["positions"] = [[x + 1, y] for x, y in area["positions"]]
    answer = client.post(f"{SCENE}/actions", json={"request": "r3", "actions": [moved]})
    assert answer.status_code == 422
    assert "one part without holes" in answer.json()["detail"]
    kept = gpd.read_file(path)
    assert kept["class"].tolist() == ["Road"]
    assert len(kept.geometry[0].interiors) == 1


@pytest.mark.parametrize("header", [{"host": "["}, {"origin": "http://["}])
def test_addresses_that_are_none_are_refused(stranger: TestClient, header: dict[str, str]) -> None:
    assert stranger.get(f"{SCENE}/labels", headers=header).status_code in (400, 403, 421)
