"""The page with many scenes, several people, another program in the file, and a proxy before it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest
from conftest_web import (
    PATIENCE_MS,
    Proxy,
    Server,
    TerrainScene,
    place_on_screen,
    wait_count,
    wait_saved,
)

pytestmark = pytest.mark.slow


@pytest.fixture
def legend(terrain: TerrainScene, tmp_path: Path) -> Path:
    terrain.legend.write(tmp_path / "legend.yaml")
    return tmp_path / "legend.yaml"


@pytest.fixture
def pages(browser: Any) -> Iterator[list[Any]]:
    """Two people, each with a browser of their own."""
    contexts = [browser.new_context(viewport={"width": 1000, "height": 640}) for _ in range(2)]
    for context in contexts:
        context.set_default_timeout(PATIENCE_MS)
    yield [context.new_page() for context in contexts]
    for context in contexts:
        context.close()


def enter(page: Any, server: Server, name: str) -> None:
    page.goto(server.link)
    page.wait_for_selector("#classes li")
    page.fill("#author", name)
    page.press("#author", "Tab")


@pytest.fixture
def two_people(
    pages: list[Any], terrain: TerrainScene, legend: Path, tmp_path: Path
) -> Iterator[list[Any]]:
    """Ann and Bob at one scene."""
    server = Server(terrain.path, tmp_path / "points.gpkg", "--legend", str(legend))
    try:
        for name, page in zip(("ann", "bob"), pages, strict=True):
            enter(page, server, name)
        yield pages
    finally:
        server.kill()


def test_a_folder_opens_as_a_list_with_the_state_of_each_scene(
    pages: list[Any], terrain: TerrainScene, legend: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "scenes"
    folder.mkdir()
    for name in ("a.tif", "b.tif"):
        (folder / name).symlink_to(terrain.path)
    (folder / "broken.tif").write_bytes(b"no raster")
    server = Server(folder, folder, "--legend", str(legend))
    page, watcher = pages
    try:
        watcher.goto(server.link)
        watcher.wait_for_selector(
            "#list-summary:has-text('3 scenes: 2 not begun, 1 cannot be read')"
        )
        page.goto(server.link)
        page.click(".card-link:has-text('b.tif')")
        page.wait_for_selector("#classes li")
        page.fill("#author", "ann")
        page.press("#author", "Tab")
        page.mouse.click(*place_on_screen(page, 200, 200))
        wait_saved(page)
        wait_count(page, 1)
        card = watcher.locator(".card", has_text="b.tif")
        card.locator(".chip[data-state=begun]").wait_for()
        assert "by ann (1)" in card.inner_text()
        assert "cannot be opened" in watcher.locator(".card", has_text="broken.tif").inner_text()
        watcher.wait_for_selector(".card img[src^=blob]")
        watcher.select_option("#list-state", "begun")
        assert watcher.locator(".card").count() == 1
        page.select_option("#scene", "all")
        page.wait_for_selector("#list-summary:has-text('1 begun')")
    finally:
        server.kill()
    assert gpd.read_file(folder / "b_points.gpkg")["author"].tolist() == ["ann"]


def test_two_people_see_each_other_and_overwrite_nothing(
    two_people: list[Any], tmp_path: Path
) -> None:
    """Points, deletions and renamed classes arrive; an undo leaves the other's work alone."""
    ann, bob = two_people
    ann.mouse.click(*place_on_screen(ann, 200, 200))
    wait_count(bob, 1)
    bob.mouse.click(*place_on_screen(bob, 200, 200))
    bob.wait_for_selector("#chosen:has-text('ann')")
    bob.keyboard.press("3")
    ann.wait_for_selector("#classes li:nth-child(3) .count:text-is('1')")
    ann.keyboard.press("Control+z")
    ann.wait_for_selector(".toast:has-text('bob has changed that point meanwhile')")
    wait_count(ann, 1)
    bob.click("#chosen button:has-text('Delete')")
    wait_count(ann, 0)
    bob.keyboard.press("Control+z")
    wait_count(ann, 1)
    ann.mouse.click(*place_on_screen(ann, 300, 300))
    wait_count(bob, 2)
    bob.click("#classes li:first-child .more")
    bob.fill("#edit-name", "Lake <b>")
    bob.click("#edit-save")
    ann.wait_for_selector("#classes li[data-name='Lake <b>'] .count:text-is('1')")
    ann.keyboard.press("Control+z")  # its own point, renamed by bob: nothing of his is lost
    ann.wait_for_selector(".toast:has-text('has changed that point')")
    wait_saved(ann)
    wait_count(bob, 2)
    frame = gpd.read_file(tmp_path / "points.gpkg").sort_values("author")
    assert frame["author"].tolist() == ["ann", "bob"]
    assert frame["class"].tolist()[0] == "Lake <b>"


def test_two_people_add_a_class_at_once(two_people: list[Any]) -> None:
    """The later one has not seen the earlier: she is told, sees it, and loses nothing."""
    ann, bob = two_people
    before = ann.evaluate("() => pointillist.classes.list")
    bob.fill("#add-class-name", "Reed")
    bob.press("#add-class-name", "Enter")
    ann.wait_for_selector("#classes li[data-name=Reed]")
    ann.evaluate("(list) => { pointillist.classes.list = list; }", before)  # not yet told
    ann.fill("#add-class-name", "Peat")
    ann.press("#add-class-name", "Enter")
    ann.wait_for_selector(".toast:has-text('changed by somebody else meanwhile')")
    assert ann.input_value("#add-class-name") == "Peat"
    ann.press("#add-class-name", "Enter")
    for page in (ann, bob):
        page.wait_for_selector("#classes li[data-name=Peat]")
        assert page.locator("#classes li[data-name=Reed]").count() == 1


def test_clicks_that_wait_follow_the_renaming_of_their_class(
    pages: list[Any], terrain: TerrainScene, legend: Path, tmp_path: Path
) -> None:
    points = tmp_path / "points.gpkg"
    server = Server(terrain.path, points, "--legend", str(legend))
    page = pages[0]
    try:
        enter(page, server, "ann")
        page.route("**/actions", lambda route: route.abort())
        page.keyboard.press("1")
        page.mouse.click(*place_on_screen(page, 200, 200))
        page.wait_for_selector("#saved[data-state=offline]")
        page.click("#classes li:first-child .more")
        page.fill("#edit-name", "Lake")
        page.click("#edit-save")
        page.wait_for_selector("#classes li[data-name=Lake]")
        assert page.evaluate("() => pointillist.labels.queue[0].actions[0].name") == "Lake"
        page.unroute("**/actions")
        wait_saved(page)
        assert page.locator(".toast[data-kind=error]").count() == 0
    finally:
        server.kill()
    assert gpd.read_file(points)["class"].tolist() == ["Lake"]


def test_what_another_program_does_to_the_file_appears_on_the_page(
    pages: list[Any], terrain: TerrainScene, legend: Path, tmp_path: Path
) -> None:
    """As QGIS does it: through GDAL, from a process of its own, while the page is open."""
    points = tmp_path / "points.gpkg"
    server = Server(terrain.path, points, "--legend", str(legend))
    page = pages[0]
    script = (
        "import geopandas as gpd, pyogrio, sys\n"
        "frame = gpd.read_file(sys.argv[1])\n"
        "assert len(frame) == 1 and frame['class'][0]\n"
        "frame['uid'] = None; frame['class'] = 'Road'\n"
        "frame.geometry = frame.geometry.translate(50, -50)\n"
        "pyogrio.write_dataframe(frame, sys.argv[1], append=True)\n"
    )
    try:
        enter(page, server, "ann")
        page.mouse.click(*place_on_screen(page, 200, 200))
        wait_saved(page)
        subprocess.run([sys.executable, "-c", script, str(points)], check=True, timeout=120)
        wait_count(page, 2)
        page.mouse.click(*place_on_screen(page, 300, 300))
        wait_saved(page)
        wait_count(page, 3)
    finally:
        server.kill()
    assert len(gpd.read_file(points)) == 3


def test_under_a_path_of_a_proxy_who_labels_is_asked_first(
    pages: list[Any], terrain: TerrainScene, legend: Path, tmp_path: Path
) -> None:
    points = tmp_path / "points.gpkg"
    server = Server(terrain.path, points, "--legend", str(legend), "--root-path", "/maps/label")
    page = pages[0]
    with Proxy(server.port, "/maps/label", strips=True) as proxy:
        try:
            page.goto(f"http://127.0.0.1:{proxy.port}/maps/label/?{server.link.split('?')[1]}")
            page.wait_for_selector("#who[open]")
            page.keyboard.press("Escape")
            page.fill("#who-name", "  dora ")
            page.press("#who-name", "Enter")
            page.wait_for_selector("#who", state="hidden")
            page.wait_for_selector("#classes li")
            page.mouse.click(*place_on_screen(page, 200, 200))
            wait_saved(page)
            wait_count(page, 1)
        finally:
            page.close()
            server.kill()
    assert gpd.read_file(points)["author"].tolist() == ["dora"]
