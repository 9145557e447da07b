"""The calls of the page, and what strangers may not do."""

from __future__ import annotations

import io
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

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


def test_the_points_are_downloaded_as_a_whole_file(client: TestClient, tmp_path: Path) -> None:
    click(client, "r1", point("a", 1, 1, "Water"))
    answer = client.get(f"{SCENE}/export/points")
    copy = tmp_path / "copy.gpkg"
    copy.write_bytes(answer.content)
    assert len(gpd.read_file(copy)) == 1


@pytest.mark.parametrize(
    "path", ["/api/scenes", f"{SCENE}/labels", "/api/events", "/api/openapi.json"]
)
def test_nothing_is_told_without_the_token(client: TestClient, path: str) -> None:
    assert client.get(path, headers={"Authorization": ""}).status_code == 401
    assert client.get(path, headers={"Authorization": "Bearer wrong"}).status_code == 401
    assert (
        client.get(f"{path}?token=a-token-for-tests", headers={"Authorization": ""}).status_code
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
    client: TestClient, header: str, value: str
) -> None:
    answer = client.get("/api/scenes", headers={header: value})
    assert answer.status_code == 403
    assert answer.json()["detail"].endswith(".")


def test_the_page_itself_lets_nothing_in_from_elsewhere(client: TestClient) -> None:
    page = client.get("/")
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
def test_no_path_of_a_caller_reaches_the_file_system(client: TestClient, path: str) -> None:
    assert client.get(path).status_code in (404, 405, 422)


def test_giant_bodies_are_refused_unread(client: TestClient) -> None:
    answer = client.post(f"{SCENE}/actions", content=b"x" * 2_000_000)
    assert answer.status_code == 413

    def pieces() -> object:
        for _ in range(200):
            yield b"[" * 10_000

    endless = client.post(f"{SCENE}/actions", content=pieces())
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
    client: TestClient, change: dict[str, object], words: str
) -> None:
    body = {"request": "r1", "actions": [{**point("a", 1, 1, "Water"), **change}]}
    answer = client.post(f"{SCENE}/actions", json=body)
    assert answer.status_code == 422
    assert words in answer.json()["detail"]
    assert client.get(f"{SCENE}/labels").json()["labels"] == []
