"""Strings and arrays of Typst's: every text is a quoted string, out of which nothing can break."""

from __future__ import annotations

from collections.abc import Sequence


def quote(text: str) -> str:
    """A string of Typst's: inside it only the quote and the backslash mean something."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + escaped.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t") + '"'


def array(items: Sequence[str]) -> str:
    """An array of Typst's, also where it has one item or none."""
    return "(" + "".join(f"{item}, " for item in items) + ")"
