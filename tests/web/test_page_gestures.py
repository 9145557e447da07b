"""Every way to set a label: drag, keyboard alone, corners of an area, a finger."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest
from conftest_web import (
    PATIENCE_MS,
    Server,
    TerrainScene,
    place_on_screen,
    wait_count,
    wait_saved,
)

pytestmark = pytest.mark.slow

STORED = re.compile(r"/actions$")


@pytest.fixture(scope="module")
def legend(terrain: TerrainScene, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("legend") / "legend.yaml"
    terrain.legend.write(path)
    return path


@pytest.fixture
def points(tmp_path: Path) -> Path:
    return tmp_path / "points.gpkg"


@pytest.fixture
def server(terrain: TerrainScene, legend: Path, points: Path) -> Iterator[Server]:
    started = Server(terrain.path, points, "--legend", str(legend), "--author", "ann")
    yield started
    started.kill()


def open_page(browser: Any, server: Server, **device: Any) -> Any:
    context = browser.new_context(**{"viewport": {"width": 1000, "height": 700}, **device})
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.goto(server.link)
    page.wait_for_selector("#classes li")
    return page


def pixel_of(points: Path, row: int = 0) -> tuple[float, float]:
    """Column and row in the scene; its grid begins at 600000, 5600000 with pixels of 1 m."""
    place = gpd.read_file(points).geometry[row].centroid
    return place.x - 600000, 5600000 - place.y


def test_a_point_is_dragged_and_removed_by_key(browser: Any, server: Server, points: Path) -> None:
    page = open_page(browser, server)
    page.locator("#map").focus()
    page.keyboard.press("2")
    start, end = place_on_screen(page, 200, 150), place_on_screen(page, 260, 190)
    page.mouse.click(*start)
    wait_count(page, 1)
    wait_saved(page)
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*end, steps=8)
    with page.expect_response(STORED):
        page.mouse.up()
    wait_saved(page)
    assert pixel_of(points) == pytest.approx((260, 190), abs=2)
    with page.expect_response(STORED):
        page.keyboard.press("Control+z")
    assert pixel_of(points) == pytest.approx((200, 150), abs=2)
    page.mouse.click(*start)
    page.keyboard.press("Delete")
    wait_count(page, 0)
    wait_saved(page)
    assert len(gpd.read_file(points)) == 0


def test_by_keyboard_alone(browser: Any, server: Server, points: Path) -> None:
    page = open_page(browser, server)
    page.locator("#map").focus()
    page.keyboard.press("1")
    page.keyboard.press("Enter")
    wait_count(page, 1)
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.wait_for_timeout(800)  # the image glides
    page.keyboard.press("3")
    page.keyboard.press("Enter")
    wait_count(page, 2)
    wait_saved(page)
    frame = gpd.read_file(points)
    assert frame["class"].nunique() == 2
    assert frame.geometry[0].distance(frame.geometry[1]) > 5
    assert set(frame["author"]) == {"ann"}


def test_swipe_by_keys(browser: Any, server: Server) -> None:
    page = open_page(browser, server)
    page.evaluate("() => { document.getElementById('swipe').disabled = false; }")
    page.locator("#swipe").focus()
    page.keyboard.press("Space")
    handle = page.locator("#swipe-handle")
    handle.focus()
    centre = page.evaluate("() => pointillist.view.view.getCenter()")
    for key, share in (("ArrowRight", 0.52), ("Shift+ArrowLeft", 0.42), ("Home", 0.02)):
        page.keyboard.press(key)
        assert page.evaluate("() => pointillist.view.swipeAt") == pytest.approx(share)
        assert handle.get_attribute("aria-valuenow") == str(round(100 * share))
    assert page.evaluate("() => pointillist.view.view.getCenter()") == centre


def test_an_area_by_its_corners(browser: Any, server: Server, points: Path) -> None:
    page = open_page(browser, server)
    page.locator("#map").focus()
    page.keyboard.press("1")
    page.click("[data-tool=Polygon]")
    for col, row in ((100, 100), (180, 100), (180, 170), (100, 170)):
        page.mouse.click(*place_on_screen(page, col, row))
        page.wait_for_timeout(350)  # two clicks in a quarter of a second would end it
    page.keyboard.press("Enter")
    wait_count(page, 1)
    wait_saved(page)
    area = gpd.read_file(points).geometry[0]
    assert area.geom_type == "Polygon"
    assert area.area == pytest.approx(80 * 70, rel=0.1)


def test_with_a_finger(browser: Any, server: Server, points: Path) -> None:
    page = open_page(
        browser, server, has_touch=True, is_mobile=True, viewport={"width": 390, "height": 800}
    )
    page.locator("#classes li").nth(1).tap()
    page.touchscreen.tap(*place_on_screen(page, 250, 250))
    wait_count(page, 1)
    wait_saved(page)
    assert pixel_of(points) == pytest.approx((250, 250), abs=4)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
