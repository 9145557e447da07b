"""The page: it stands alone, is well formed, says the same twice, and escapes what it is given."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from pointillist.errors import OutputExistsError
from pointillist.report.document import (
    CodeBlock,
    Document,
    Figure,
    FigureGrid,
    Paragraph,
    Section,
    Table,
    literal,
    render_html,
    write_html,
)

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
OPTIONS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
VOID = {"meta", "img", "col", "br"}


class Page(HTMLParser):
    """Elements, text, and whether every element that is opened is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def page(report: Document) -> Page:
    return Page(render_html(report))


def test_page_is_well_formed(page: Page) -> None:
    assert page.open == []
    tags = {tag for tag, _ in page.elements}
    assert {"nav", "main", "h1", "h2", "h3", "h4", "table", "figure", "aside", "pre"} <= tags
    assert {"em", "strong", "code", "math", "ol", "ul", "caption", "time"} <= tags
    assert not tags & {"script", "link", "iframe", "object", "base"}


def test_page_asks_for_nothing_else(page: Page, report: Document) -> None:
    assert all((image["src"] or "").startswith("data:image/") for image in page.all("img"))
    assert not re.search(r"url\(|@import", render_html(report))
    assert not [a for _, attributes in page.elements for a in attributes if a.startswith("on")]


def test_every_link_inside_the_page_leads_somewhere(page: Page) -> None:
    names = [a["id"] for _, a in page.elements if "id" in a]
    assert len(names) == len(set(names))
    inside = {a["href"] for a in page.all("a") if (a["href"] or "").startswith("#")}
    assert {"#fig-density", "#tab-claims", "#eq-area", "#ref:lin2017"} <= inside
    assert {str(href)[1:] for href in inside} <= set(names)


def test_tables_and_pictures_are_described(page: Page) -> None:
    assert all(th.get("scope") in ("col", "row", "colgroup") for th in page.all("th"))
    assert len(page.all("caption")) == len(page.all("table")) == 2
    pictures = [i for i in page.all("img") if "width" in i]
    assert len(pictures) == 8
    assert all(picture["alt"] for picture in pictures)


def test_drawings_are_told_from_pictures_of_pixels(page: Page) -> None:
    pictures = [i for i in page.all("img") if "width" in i]
    drawn = [(i["src"] or "").startswith("data:image/svg") for i in pictures]
    assert [i.get("class") == "drawn" for i in pictures] == drawn
    assert sum(drawn) == 2


def test_cells_of_rows_of_text_say_their_column(page: Page) -> None:
    assert [t.get("class") for t in page.all("table")] == [None, "text stacked"]
    said = [a["data-label"] for a in page.all("td") if "data-label" in a]
    assert said[:3] == ["What was claimed", "Measured", "Verdict"]
    assert len(said) == 3 * 60


def test_the_same_document_gives_the_same_page(report: Document) -> None:
    assert render_html(report) == render_html(report)


def test_nothing_breaks_out_of_the_text(hostile: str, png: bytes) -> None:
    said = literal(hostile)
    table = Table([said], [[said]], said, notes=said)
    grid = FigureGrid([Figure(png, said)], 1, said)
    blocks = [Paragraph(said), table, CodeBlock(hostile), grid]
    page = Page(
        render_html(
            Document(said, [Section(said, blocks)], said, [said], abstract=said, imprint=said)
        )
    )
    # Title of the window, contents, and the fifteen places above.
    assert "".join(page.words).count(hostile) == 16
    assert [a["alt"] for a in page.all("img")] == [hostile]
    assert "b" not in {tag for tag, _ in page.elements}


def test_file_is_not_overwritten_unasked(report: Document, tmp_path: Path) -> None:
    path = write_html(report, tmp_path / "report.html")
    with pytest.raises(OutputExistsError, match=r"report\.html"):
        write_html(report, path)
    assert write_html(report, path, overwrite=True).read_text("utf-8") == render_html(report)
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield chromium
        chromium.close()


@pytest.mark.parametrize("width", [360, 1200])
def test_the_page_fits_in_a_browser(
    browser: Any, report: Document, tmp_path: Path, width: int
) -> None:
    path = write_html(report, tmp_path / "report.html")
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme="dark")
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.goto(path.as_uri())
    assert all(url.startswith(("file:", "data:")) for url in asked)
    assert said == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("[...document.images].filter(i => !i.naturalWidth).length") == 0
    assert page.evaluate("document.querySelector('#tab-claims .scroll').scrollWidth") <= width
    page.close()
