"""A server for the tests: in the process, and as a process of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest_web import TerrainScene
from fastapi.testclient import TestClient

from pointillist.grid import Grid, Transform
from pointillist.labelling import Project, ScenePlace
from pointillist.raster import write_array
from pointillist.scenes import TERRAIN_LEGEND, generate_terrain
from pointillist.web import create_app
from pointillist.web.guard import Guard

TOKEN = "a-token-for-tests"
SIDE_PX = 512


@pytest.fixture(scope="session")
def terrain(tmp_path_factory: pytest.TempPathFactory) -> TerrainScene:
    folder = tmp_path_factory.mktemp("label")
    scene = generate_terrain(7, SIDE_PX, SIDE_PX)
    grid = Grid(SIDE_PX, SIDE_PX, Transform(*scene.transform), f"EPSG:{scene.epsg}")
    write_array(folder / "scene.tif", scene.image, grid, band_names=scene.band_names)
    return TerrainScene(folder / "scene.tif", scene.mask, scene.legend)


def open_client(scene: Path, points: Path) -> TestClient:
    project = Project([ScenePlace(scene, points)], TERRAIN_LEGEND, "cem")
    headers = {"Authorization": f"Bearer {TOKEN}"}
    app = create_app(project, Guard(TOKEN))
    return TestClient(app, base_url="http://127.0.0.1:8765", headers=headers)


@pytest.fixture
def client(terrain: TerrainScene, tmp_path: Path) -> Iterator[TestClient]:
    with open_client(terrain.path, tmp_path / "points.gpkg") as opened:
        yield opened


@pytest.fixture(scope="module")
def stranger(
    terrain: TerrainScene, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TestClient]:
    """A client of one app for all calls that must leave nothing behind."""
    with open_client(terrain.path, tmp_path_factory.mktemp("stranger") / "points.gpkg") as opened:
        yield opened


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    chromium = Path("/usr/bin/chromium")
    if not chromium.exists():
        pytest.skip("chromium is not installed: the page cannot be looked at")
    quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=str(chromium), args=["--no-sandbox", *quiet]
        )
        yield opened
        opened.close()
