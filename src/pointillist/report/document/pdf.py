"""The document as PDF, by way of Typst markup."""

from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path

from pointillist.report.document.blocks import Document, paragraphs
from pointillist.report.document.inline import plain
from pointillist.report.document.plan import Plan, plan_document
from pointillist.report.document.typesetting import compile_pdf
from pointillist.report.document.typst_blocks import TypstBlocks
from pointillist.report.document.typst_code import array, quote
from pointillist.report.document.typst_text import optional, render_inline
from pointillist.report.files import write_file


def write_pdf(document: Document, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
    """Write a document as PDF.

    The same document gives the same bytes: the only date in the file is `document.date`, and the
    only fonts are those of the compiler and of matplotlib.

    Args:
        document: What to write.
        path: PDF file.
        overwrite: Replace a file that exists.

    Returns:
        The path.

    Raises:
        DocumentError: A label, citation, formula or picture of the document cannot be used.
        TypesettingError: The compiler is missing or fails.
        OutputExistsError: The file exists and `overwrite` is not set.
        OutputError: It cannot be written.
    """
    return write_file(path, compile_pdf(*_typeset(document)), overwrite=overwrite)


def render_typst(document: Document) -> str:
    """The Typst markup that `write_pdf` compiles; pictures are named in it, not contained."""
    return _typeset(document)[0]


def _typeset(document: Document) -> tuple[str, dict[str, bytes]]:
    """Markup, and the pictures it names."""
    plan = plan_document(document)
    blocks = TypstBlocks(plan)
    lines = [*_front(plan), "pagebreak(weak: true)"]
    for section in plan.sections[: len(document.sections)]:
        lines.extend(blocks.render(section))
    lines.extend(_references(plan))
    for section in plan.sections[len(document.sections) :]:
        lines.extend(["pagebreak(weak: true)", *blocks.render(section)])
    style = files(__package__).joinpath("templates/report.typ").read_text(encoding="utf-8")
    body = "\n".join(f"  {line}" for line in lines)
    return f"{style}\n#show: report.with({_settings(plan)})\n#{{\n{body}\n}}\n", blocks.files


def _settings(plan: Plan) -> str:
    document = plan.document
    date = document.date
    when = f"datetime(year: {date.year}, month: {date.month}, day: {date.day})" if date else "none"
    authors = array([quote(plain(author)) for author in document.authors])
    head = render_inline(document.running_title or document.title, plan)
    return (
        f"title: {quote(plain(document.title))}, authors: {authors}, date: {when}, "
        f"language: {quote(document.language)}, head: {head}"
    )


def _front(plan: Plan) -> list[str]:
    """Title, abstract and contents."""
    document = plan.document
    authors = array([render_inline(author, plan) for author in document.authors])
    when = quote(document.long_date) if document.date else "none"
    title = (
        f"title-block(title: {render_inline(document.title, plan)}, "
        f"subtitle: {optional(document.subtitle, plan)}, authors: {authors}, date: {when}, "
        f"imprint: {optional(document.imprint, plan)})"
    )
    text = "; ".join(f"par({render_inline(p, plan)})" for p in paragraphs(document.abstract))
    return [title, *([f"abstract({{{text}}})"] if text else []), "contents()"]


def _references(plan: Plan) -> list[str]:
    if not plan.references:
        return []
    entries = []
    for i, reference in enumerate(plan.references, 1):
        body = render_inline(reference.text, plan)
        if reference.url:
            link = f"link({quote(reference.url)}, {quote(reference.url)})"
            body = f'{{{body}; " "; {link}}}'
        entries.append(f"({quote(f'[{i}]')}, {quote(reference.key)}, {body})")
    return ['unnumbered("References")', f"bibliography-list({array(entries)})"]
