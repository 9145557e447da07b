"""Formulas for the PDF: Typst's mathematics, written from the tree with every sign escaped."""

from __future__ import annotations

from string import punctuation

from pointillist.report.document.formula import (
    Accent,
    Brace,
    Fence,
    Fraction,
    Grid,
    Node,
    Root,
    Row,
    Scripts,
    Space,
    Symbol,
    Words,
)
from pointillist.report.document.latex import parse_formula
from pointillist.report.document.typst_code import quote

_ACCENTS = {
    "^": "hat", "¯": "macron", "~": "tilde", "→": "arrow", "˙": "dot", "¨": "dot.double",
    "ˇ": "caron",
}  # fmt: skip


_MEANINGFUL = frozenset(punctuation) | frozenset("⟨⟩⌊⌋⌈⌉‖")


def render_typst_math(source: str) -> str:
    """A formula as the inside of Typst's dollar signs.

    Args:
        source: LaTeX.
    """
    return _node(parse_formula(source))


def _node(node: Node) -> str:
    match node:
        case Symbol():
            return _symbol(node)
        case Words(text, function, limits):
            if not function:
                return quote(text)
            return f"op({quote(text)}, limits: #{'true' if limits else 'false'})"
        case Space(width):
            return f"#h({width:.3f}em)"
        case Row(items):
            return _joined(items)
        case Fraction(above, below, line):
            return f"{'frac' if line else 'binom'}({_node(above)}, {_node(below)})"
        case Root(body, index):
            return (
                f"sqrt({_node(body)})" if index is None else f"root({_node(index)}, {_node(body)})"
            )
        case Accent(body, sign, wide):
            if sign == "¯" and wide:
                return f"overline({_node(body)})"
            size = "" if wide else ", size: #100%"
            return f"accent({_node(body)}, {_ACCENTS[sign]}{size})"
        case Brace(body, over, label):
            name = "overbrace" if over else "underbrace"
            said = "" if label is None else f", {_node(label)}"
            return f"{name}({_node(body)}{said})"
        case Fence(opening, body, closing):
            return f"lr({_escaped(opening)} {_node(body)} {_escaped(closing)})"
        case Scripts():
            return _scripts(node)
        case Grid():
            return _grid(node)


def _joined(items: tuple[Node, ...]) -> str:
    """Items side by side; beside words a space of the source would be set, so there is none."""
    parts: list[str] = []
    for before, item in zip((None, *items), items, strict=False):
        beside_words = any(isinstance(n, Words) and not n.function for n in (before, item))
        parts.append("" if before is None or beside_words else " ")
        parts.append(_node(item))
    return "".join(parts) or '""'


def _symbol(node: Symbol) -> str:
    if node.kind == "number":
        return node.text
    if node.kind == "upright" and node.text.isalpha():
        return f"upright({_escaped(node.text)})"
    if node.kind in ("open", "close"):
        # Without a class, Typst would pair and stretch them by itself.
        part = "opening" if node.kind == "open" else "closing"
        return f'class("{part}", {_escaped(node.text)})'
    if node.kind == "bar":
        return f'class("normal", {_escaped(node.text)})'
    if node.kind == "operator" and node.text == "!":
        return 'class("closing", \\!)'
    return _escaped(node.text)


def _escaped(text: str) -> str:
    """Characters that mean themselves; delimiters would look for their partners."""
    return " ".join(f"\\{char}" if char in _MEANINGFUL else char for char in text)


def _scripts(node: Scripts) -> str:
    parts = [_node(node.base)]
    if node.sup is not None:
        parts.append(f"t: {_node(node.sup)}")
    if node.sub is not None:
        parts.append(f"b: {_node(node.sub)}")
    return f"attach({', '.join(parts)})"


def _grid(node: Grid) -> str:
    if node.kind == "aligned":
        return " \\ ".join(" & ".join(_node(cell) for cell in row) for row in node.rows)
    if node.kind == "cases":
        rows = ", ".join(" & #h(1em)".join(_node(cell) for cell in row) for row in node.rows)
        return f"cases({rows})"
    delimiters = f"({', '.join(quote(d) for d in node.delimiters)})" if node.delimiters else "none"
    rows = "; ".join(", ".join(_node(cell) for cell in row) for row in node.rows)
    return f"mat(delim: #{delimiters}, {rows})"
