"""The page that says what calls the server answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from conftest_web import PATIENCE_MS, Server, TerrainScene
from fastapi.testclient import TestClient

pytestmark = pytest.mark.slow


def test_every_call_of_the_openapi_description_is_listed(
    browser: Any, client: TestClient, terrain: TerrainScene, tmp_path: Path
) -> None:
    described = client.get("/api/openapi.json").json()["paths"]
    calls = {f"{m.upper()}{path}" for path, methods in described.items() for m in methods}
    server = Server(terrain.path, tmp_path / "p.gpkg")
    context = browser.new_context(viewport={"width": 390, "height": 800})
    context.set_default_timeout(PATIENCE_MS)
    page, complaints = context.new_page(), []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
    try:
        page.goto(server.link.replace("/?token", "/reference?token"))
        page.wait_for_selector("article")
        page.wait_for_selector("#reference-state >> text=/[0-9]+ calls/")
        assert set(page.locator("article h2").all_text_contents()) == calls
        assert "token" not in page.url
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert complaints == []
        page.screenshot(path=str(tmp_path / "reference.png"))
    finally:
        context.close()
        server.kill()


def test_the_page_itself_tells_strangers_nothing(client: TestClient) -> None:
    answer = client.get("/reference", headers={"authorization": ""})
    assert answer.status_code == 200
    assert "/api/scenes" not in answer.text
    assert client.get("/api/openapi.json", headers={"authorization": ""}).status_code == 401
