"""Assessments and pictures for people: terminal table, HTML page, figures."""

from __future__ import annotations

from pointillist.report.files import write_file
from pointillist.report.page import render_page, write_page
from pointillist.report.pictures import paint, side_by_side, stretch
from pointillist.report.table import render_table

__all__ = [
    "paint",
    "render_page",
    "render_table",
    "side_by_side",
    "stretch",
    "write_file",
    "write_page",
]
