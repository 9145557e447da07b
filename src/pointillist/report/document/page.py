"""The document as one HTML file: no script, no resource from elsewhere, light and dark."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import lru_cache
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template

from pointillist.report.document.blocks import Document, Section, paragraphs
from pointillist.report.document.html_blocks import render_block
from pointillist.report.document.html_text import render_inline
from pointillist.report.document.inline import plain
from pointillist.report.document.plan import Placed, Plan, plan_document
from pointillist.report.files import write_file


def write_html(
    document: Document, path: str | os.PathLike[str], *, overwrite: bool = False
) -> Path:
    """Write a document as one HTML file.

    Args:
        document: What to write.
        path: HTML file.
        overwrite: Replace a file that exists.

    Returns:
        The path.

    Raises:
        DocumentError: A label, citation, formula or picture of the document cannot be used.
        OutputExistsError: The file exists and `overwrite` is not set.
        OutputError: It cannot be written.
    """
    return write_file(path, render_html(document), overwrite=overwrite)


def render_html(document: Document) -> str:
    """The page as text; the same document gives the same text.

    Raises:
        DocumentError: A label, citation, formula or picture of the document cannot be used.
    """
    from pointillist import __version__

    plan = plan_document(document)
    return Template(_part("report.html")).substitute(
        language=escape(document.language),
        version=escape(__version__),
        window_title=escape(plain(document.title)),
        style=_part("report.css").strip(),
        header="\n".join(_header(plan)),
        contents="\n".join(_contents(plan)),
        body="\n".join(_body(plan)),
    )


@lru_cache(maxsize=4)
def _part(name: str) -> str:
    return files(__package__).joinpath("templates", name).read_text(encoding="utf-8")


def _header(plan: Plan) -> Iterator[str]:
    document = plan.document
    yield f"<h1>{render_inline(document.title, plan)}</h1>"
    if document.subtitle:
        yield f'<p class="subtitle">{render_inline(document.subtitle, plan)}</p>'
    byline = [render_inline(author, plan) for author in document.authors]
    said = [", ".join(byline)] if byline else []
    if document.date:
        said.append(f'<time datetime="{document.date.isoformat()}">{document.long_date}</time>')
    if said:
        yield f'<p class="byline">{" · ".join(said)}</p>'
    if document.imprint:
        yield f'<p class="imprint">{render_inline(document.imprint, plan)}</p>'


def _contents(plan: Plan) -> Iterator[str]:
    """Links to sections and subsections."""
    entries = []
    for placed in plan.sections:
        inner = [c for c in placed.children if isinstance(c.block, Section)]
        nested = "".join(f"<li>{_entry(child)}</li>" for child in inner)
        entries.append(f"<li>{_entry(placed)}{f'<ol>{nested}</ol>' if nested else ''}</li>")
    if plan.references:
        references = '<li><a href="#references">References</a></li>'
        entries.insert(len(plan.document.sections), references)
    yield from ("<ol>", *entries, "</ol>")


def _entry(placed: Placed) -> str:
    assert isinstance(placed.block, Section)
    assert placed.target is not None
    number = f'<span class="number">{placed.target.number}</span>'
    # Words only: a link inside a link is none.
    return f'<a href="#{placed.target.anchor}">{number} {escape(plain(placed.block.title))}</a>'


def _body(plan: Plan) -> Iterator[str]:
    document = plan.document
    if abstract := paragraphs(document.abstract):
        yield '<section class="abstract" aria-labelledby="abstract"><h2 id="abstract">Abstract</h2>'
        yield from (f"<p>{render_inline(p, plan)}</p>" for p in abstract)
        yield "</section>"
    n = len(document.sections)
    for section in plan.sections[:n]:
        yield from render_block(section, plan)
    yield from _references(plan)
    for section in plan.sections[n:]:
        yield from render_block(section, plan)


def _references(plan: Plan) -> Iterator[str]:
    if not plan.references:
        return
    yield '<section id="references"><h2>References</h2><ol class="references">'
    for reference in plan.references:
        text = render_inline(reference.text, plan)
        if reference.url:
            url = escape(reference.url)
            text += f' <a href="{url}">{url}</a>'
        yield f'<li id="ref:{escape(reference.key)}">{text}</li>'
    yield "</ol></section>"
