"""The page in a real browser: click, see the map, undo, lose the server, export."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import rasterio
from conftest_web import PATIENCE_MS, Server, TerrainScene, place_on_screen, wait_count, wait_saved

from pointillist.legend import Legend

pytestmark = pytest.mark.slow


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    opened = browser.new_page(viewport={"width": 1280, "height": 800})
    opened.set_default_timeout(PATIENCE_MS)
    opened.problems = []
    opened.on("pageerror", lambda error: opened.problems.append(str(error)))
    opened.on(
        "request",
        lambda r: (
            None
            if re.match(r"(http://127\.0\.0\.1:|blob:|data:)", r.url)
            and ("/image/" not in r.url or "?of=" in r.url)  # a kept tile names its scene
            else opened.problems.append(f"asked {r.url}")
        ),
    )
    yield opened
    opened.close()


def click_at(page: Any, col: float, row: float, **options: Any) -> None:
    page.mouse.click(*place_on_screen(page, col, row), **options)


def test_from_an_empty_file_to_points_a_map_and_back(
    page: Any, terrain: TerrainScene, tmp_path: Path
) -> None:
    points = tmp_path / "points.gpkg"
    server = Server(terrain.path, points)
    try:
        page.goto(server.link)
        page.wait_for_selector("#empty:not([hidden])")
        assert "token" not in page.url
        for name in ("Water", "<img src=x onerror=alert(1)>"):
            page.fill("#add-class-name", name)
            page.press("#add-class-name", "Enter")
            page.wait_for_selector(f"#classes li >> text={name}")
        assert page.locator("#classes img").count() == 0
        places = [(60, 60), (200, 100), (300, 300), (420, 210)]
        for i, (col, row) in enumerate(places):
            page.locator("#map").focus()
            page.keyboard.press(str(1 + i % 2))
            click_at(page, col, row)
        wait_saved(page)
        with page.expect_response(re.compile(r"/map/")) as answered:
            page.keyboard.press("1")
            click_at(page, 450, 450)
        assert answered.value.status == 200
        page.keyboard.press("Control+z")
        wait_count(page, 4)
        page.keyboard.press("Control+Shift+z")
        click_at(page, 60, 60, button="right")
        wait_saved(page)
        assert page.inner_text("#points-count") == "4 labels"
        assert page.inner_text("#scene option:checked") == f"{terrain.path.name} · 4"
        with page.expect_download() as downloading:
            page.click("[data-download=points]")
        downloading.value.save_as(tmp_path / "copy.gpkg")
        assert len(gpd.read_file(tmp_path / "copy.gpkg")) == 4
        assert page.problems == []
    finally:
        server.kill()
    assert len(gpd.read_file(points)) == 4


def test_news_that_was_overtaken_brings_nothing_back(
    page: Any, terrain: TerrainScene, tmp_path: Path
) -> None:
    """An answer read before a label was deleted, and that arrives after it."""
    legend = tmp_path / "legend.yaml"
    terrain.legend.write(legend)
    server = Server(terrain.path, tmp_path / "points.gpkg", "--legend", str(legend))
    held: list[tuple[Any, Any]] = []

    def wait_held(n: int) -> None:
        until = time.monotonic() + PATIENCE_MS / 1000
        while len(held) < n:
            assert time.monotonic() < until
            page.wait_for_timeout(20)

    try:
        page.goto(server.link)
        page.wait_for_selector("#classes li")
        page.keyboard.press("1")
        click_at(page, 100, 100)
        wait_saved(page)
        page.route("**/labels?since=*", lambda route: held.append((route, route.fetch())))
        click_at(page, 300, 300)
        wait_held(1)
        assert held[0][1].json()["labels"] != []
        page.keyboard.press("Control+z")
        wait_count(page, 1)
        wait_saved(page)
        held[0][0].fulfill(response=held[0][1])
        wait_held(2)  # the page asks again: what came late has been taken in
        assert page.inner_text("#points-count") == "1 label"
        page.keyboard.press("Control+Shift+z")
        wait_count(page, 2)
        wait_saved(page)
        held[1][0].fulfill(response=held[1][1])
        wait_held(3)
        assert page.inner_text("#points-count") == "2 labels"
        assert page.problems == []
    finally:
        server.kill()


def test_a_killed_server_loses_no_click(page: Any, terrain: TerrainScene, tmp_path: Path) -> None:
    points, legend = tmp_path / "points.gpkg", tmp_path / "legend.yaml"
    terrain.legend.write(legend)
    server = Server(terrain.path, points, "--legend", str(legend))
    page.goto(server.link)
    page.wait_for_selector("#classes li")
    page.keyboard.press("1")
    click_at(page, 100, 100)
    wait_saved(page)
    server.kill()
    for i in range(5):
        click_at(page, 150 + 40 * i, 200)
    page.wait_for_selector("#saved[data-state=offline]")
    assert "5 waiting" in page.inner_text("#saved")
    token = server.link.split("token=")[1]
    again = Server(terrain.path, points, port=server.port)
    try:
        # the new server has another token: the page is opened anew with its link
        assert again.link.split("token=")[1] != token
        page.once("dialog", lambda dialog: dialog.accept())
        page.goto(again.link)
        page.wait_for_selector("#classes li")
        wait_saved(page)
        assert page.inner_text("#points-count") == "6 labels"
    finally:
        again.kill()
    frame = gpd.read_file(points)
    assert len(frame) == frame["uid"].nunique() == 6


def known_points(terrain: TerrainScene, n: int) -> list[dict[str, object]]:
    """Labels at random places by somebody who knows the truth."""
    places = np.random.default_rng(0).integers(0, terrain.mask.shape[0], (n, 2)).tolist()
    return [
        {
            "uid": f"known{i}",
            "kind": "Point",
            "positions": [[col + 0.5, row + 0.5]],
            "name": terrain.legend.names[terrain.mask[row, col]],
            "source": "click",
            "round": 0,
        }
        for i, (row, col) in enumerate(places)
    ]


def key_of(terrain: TerrainScene, row: float, col: float) -> str:
    """The class key that somebody who knows the truth presses."""
    return str(1 + int(terrain.mask[int(row), int(col)]))


def test_led_to_places_then_a_blind_check_and_its_report(
    page: Any, terrain: TerrainScene, tmp_path: Path
) -> None:
    """Suggestions by key, click, skip and undo; map, verdict, blind sample, report."""
    legend, points = tmp_path / "legend.yaml", tmp_path / "points.gpkg"
    terrain.legend.write(legend)
    server = Server(terrain.path, points, "--legend", str(legend))
    try:
        page.goto(server.link)
        page.wait_for_selector("#classes li")
        page.evaluate("(items) => window.pointillist.labels.act(items)", known_points(terrain, 60))
        wait_saved(page)
        page.wait_for_selector("#lead-text:has-text('of your points')")
        page.keyboard.press("g")
        page.wait_for_selector("#ask:not([hidden])")
        be_led(page, terrain)
        wait_saved(page)
        wait_count(page, 60 + 19)
        page.click("#job-start")
        page.wait_for_selector("[data-download=map]", timeout=240_000)
        assert "forest" in page.inner_text("#verdict")
        page.click("[data-check]")
        page.wait_for_selector("#ask:not([hidden])")
        check_blindly(page, terrain)
        page.wait_for_selector("#accuracy table")
        assert "Overall accuracy" in page.inner_text("#accuracy")
        wait_count(page, 60 + 19)  # the sample never trains
        with page.expect_download() as downloading:
            page.click("[data-download=report]")
        downloading.value.save_as(tmp_path / "report.html")
        report = page.context.browser.new_page()
        report.goto((tmp_path / "report.html").as_uri())
        assert "overall accuracy" in report.inner_text("body").casefold()
        report.close()
        (tmp_path / "points_map" / "accuracy.json").unlink()  # as where an assessment failed
        page.reload()
        page.click("#accuracy button:has-text('Work out the accuracy')")
        page.wait_for_selector("#accuracy table")
        assert page.problems == []
    finally:
        server.kill()
    frame = gpd.read_file(points)
    assert (frame["source"] == "suggestion").sum() == 19
    assert frame.loc[frame["source"] == "suggestion", "round"].eq(1).all()
    sample = gpd.read_file(tmp_path / "points_map" / "reference.gpkg")
    assert (sample["source"] == "cannot tell").sum() == 1
    assert set(frame["uid"]).isdisjoint(sample["uid"])


def be_led(page: Any, terrain: TerrainScene) -> None:
    """Name twenty places: the first by a click, one by key after an undo, one skipped."""
    for number in range(1, 21):
        page.wait_for_selector(f"#ask .question:has-text('Place {number} of 20')")
        row, col = page.evaluate("() => [pointillist.lead.next.row, pointillist.lead.next.col]")
        if number == 1:
            click_at(page, col, row)
        elif number == 2:
            page.keyboard.press(key_of(terrain, row, col))
            page.wait_for_selector("#ask .question:has-text('Place 3 of 20')")
            page.keyboard.press("Control+z")
            page.wait_for_selector("#ask .question:has-text('Place 2 of 20')")
            page.keyboard.press(key_of(terrain, row, col))
        elif number == 3:
            page.keyboard.press("s")
        else:
            page.keyboard.press(key_of(terrain, row, col))
    page.wait_for_selector("#ask", state="hidden")


def check_blindly(page: Any, terrain: TerrainScene) -> None:
    """Answer fifty points, one of them with "cannot tell", while neither map nor points show."""
    for number in range(1, 51):
        page.wait_for_selector(
            f"#ask .question:text-is('Point {number} of 50: what is in the circle?')"
        )
        if number == 1:
            assert not page.evaluate("() => pointillist.view.overlay.getVisible()")
            assert page.evaluate("() => pointillist.view.hidesPoints")
        col, row = page.evaluate("() => pointillist.finish.answering.position")
        page.keyboard.press("s" if number == 5 else key_of(terrain, row, col))


def test_a_killed_server_leaves_a_map_to_go_on_with(
    page: Any, terrain: TerrainScene, tmp_path: Path
) -> None:
    legend, points = tmp_path / "legend.yaml", tmp_path / "points.gpkg"
    terrain.legend.write(legend)
    server = Server(terrain.path, points, "--legend", str(legend))
    page.goto(server.link)
    page.wait_for_selector("#classes li")
    page.evaluate("(items) => window.pointillist.labels.act(items)", known_points(terrain, 40))
    wait_saved(page)
    page.click("#job-start")
    page.wait_for_selector("#job-text:has-text('Mapping')")
    server.kill()
    again = Server(terrain.path, points, port=server.port)
    try:
        page.once("dialog", lambda dialog: dialog.accept())
        page.goto(again.link)
        # what the killed server had started ends by itself; until then the folder is taken
        until = time.monotonic() + PATIENCE_MS / 1000
        while not page.locator("[data-download=map]").count() and time.monotonic() < until:
            if page.locator("#job-resume").is_visible():
                page.click("#job-resume")
            page.wait_for_timeout(500)
        page.wait_for_selector("[data-download=map]")
        page.wait_for_selector("#job-resume", state="hidden")
    finally:
        again.kill()


@pytest.mark.realdata
def test_a_hundred_clicks_on_a_real_scene_and_its_exported_map(
    page: Any, real_data: Path, tmp_path: Path
) -> None:
    """A simulated annotator who knows the mask: dubai2, from an empty file to a map on disk."""
    with rasterio.open(real_data / "dubai" / "dubai2_mask.tif") as dataset:
        mask = dataset.read(1)
    legend = Legend.from_names(["Building", "Land", "Road", "Vegetation", "Water"])
    legend.write(tmp_path / "legend.yaml")
    scene = real_data / "dubai" / "dubai2_image.tif"
    options = ("--legend", str(tmp_path / "legend.yaml"))
    server = Server(scene, tmp_path / "points.gpkg", *options)
    try:
        page.goto(server.link)
        page.wait_for_selector("#classes li")
        rng = np.random.default_rng(0)
        places = np.argwhere(mask != 255)
        for row, col in places[rng.choice(len(places), 100, replace=False)].tolist():
            page.keyboard.press("Escape")
            page.keyboard.press(str(1 + mask[row, col]))
            page.evaluate(
                "([c, r]) => window.pointillist.view.goTo(c, r, 0.25)", [col + 0.5, row + 0.5]
            )
            page.locator("#map").focus()
            page.keyboard.press("Enter")
        wait_saved(page)
        wait_count(page, 100)
        page.click("#job-start")
        page.wait_for_selector("[data-download=map]", timeout=240_000)
        with page.expect_download() as downloading:
            page.click("[data-download=map]")
        downloading.value.save_as(tmp_path / "map.tif")
        assert page.problems == []
    finally:
        server.kill()
    with rasterio.open(tmp_path / "map.tif") as dataset:
        found = dataset.read(1).astype(int) - 1
    assert (found == mask)[mask != 255].mean() > 0.5
