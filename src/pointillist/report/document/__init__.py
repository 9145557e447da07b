"""Reports: one content, set as PDF and as a page of HTML that needs nothing else."""

from __future__ import annotations

from pointillist.report.document.blocks import (
    Block,
    BulletList,
    Cell,
    CodeBlock,
    Document,
    Figure,
    FigureGrid,
    Formula,
    Note,
    PageBreak,
    Paragraph,
    Reference,
    Section,
    Subhead,
    Table,
)
from pointillist.report.document.errors import DocumentError, FormulaError
from pointillist.report.document.inline import literal
from pointillist.report.document.page import render_html, write_html
from pointillist.report.document.pdf import render_typst, write_pdf
from pointillist.report.document.typesetting import TypesettingError

__all__ = [
    "Block",
    "BulletList",
    "Cell",
    "CodeBlock",
    "Document",
    "DocumentError",
    "Figure",
    "FigureGrid",
    "Formula",
    "FormulaError",
    "Note",
    "PageBreak",
    "Paragraph",
    "Reference",
    "Section",
    "Subhead",
    "Table",
    "TypesettingError",
    "literal",
    "render_html",
    "render_typst",
    "write_html",
    "write_pdf",
]
