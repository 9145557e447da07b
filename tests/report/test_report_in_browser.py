"""The report page in a real browser: it stands alone, and fits a desk and a telephone."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pointillist.accuracy import assess_census, error_matrix
from pointillist.legend import Legend
from pointillist.report import write_page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
OPTIONS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

SMALLEST_LETTERS = """Math.min(...[...document.querySelectorAll('svg.figure text')].map(text => {
    const at = text.getScreenCTM();
    return parseFloat(text.getAttribute('font-size')) * Math.hypot(at.a, at.b);
}))"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield chromium
        chromium.close()


@pytest.fixture
def page_file(tmp_path: Path, rng: np.random.Generator) -> Path:
    names = ["Urban", "Vegetation", "Water", "Bare Soil", "A class with a rather long name"]
    legend = Legend.from_names(names)
    truth = rng.integers(0, 5, 4000)
    found = np.where(rng.random(4000) < 0.8, truth, rng.integers(0, 5, 4000))
    result = assess_census(error_matrix(found, truth, legend.names), legend)
    return write_page(result, tmp_path / "report.html")


@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_stands_alone_and_fits(browser: Any, page_file: Path, width: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900})
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.goto(page_file.as_uri())
    assert "Overall accuracy" in page.inner_text("body")
    assert all(url.startswith(("file:", "data:")) for url in asked)
    assert said == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    figures = page.locator("svg.figure")
    assert figures.count() >= 3
    assert page.locator("svg.figure:not([aria-label])").count() == 0
    assert page.evaluate(SMALLEST_LETTERS) >= 8.5
    page.close()


def test_the_page_follows_the_readers_dark_screen(browser: Any, page_file: Path) -> None:
    grounds = {}
    for scheme in ("light", "dark"):
        page = browser.new_page(color_scheme=scheme)
        page.goto(page_file.as_uri())
        grounds[scheme] = page.evaluate("getComputedStyle(document.documentElement).background")
        ink = page.evaluate("getComputedStyle(document.querySelector('svg.figure text')).fill")
        assert ink == page.evaluate("getComputedStyle(document.body).color")
        page.close()
    assert grounds["light"] != grounds["dark"]
