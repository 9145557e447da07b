"""Formulas as MathML, for readers aloud and for searching; the page shows a drawing."""

from __future__ import annotations

from html import escape

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
    is_integral,
)
from pointillist.report.document.latex import parse_formula


def render_mathml(source: str, *, display: bool = False) -> str:
    """A formula as a `math` element.

    Args:
        source: LaTeX.
        display: On a line of its own, with limits above and below.
    """
    body = _node(parse_formula(source))
    kind = ' display="block"' if display else ""
    return f'<math{kind} aria-label="{escape(source)}">{body}</math>'


def _node(node: Node) -> str:
    match node:
        case Symbol():
            return _symbol(node)
        case Words():
            return _words(node)
        case Space():
            return f'<mspace width="{node.width:.3f}em"></mspace>'
        case Row():
            return _row(node)
        case Fraction(above, below, line):
            if line:
                return f"<mfrac>{_node(above)}{_node(below)}</mfrac>"
            inner = f'<mfrac linethickness="0">{_node(above)}{_node(below)}</mfrac>'
            return f"<mrow><mo>(</mo>{inner}<mo>)</mo></mrow>"
        case Root(body, index):
            if index is None:
                return f"<msqrt>{_node(body)}</msqrt>"
            return f"<mroot>{_node(body)}{_node(index)}</mroot>"
        case Accent(body, sign, wide):
            stretch = "true" if wide else "false"
            return f'<mover accent="true">{_node(body)}<mo stretchy="{stretch}">{sign}</mo></mover>'
        case Brace():
            return _brace(node)
        case Fence(opening, body, closing):
            return f"<mrow>{_fence(opening)}{_node(body)}{_fence(closing)}</mrow>"
        case Scripts():
            return _scripts(node)
        case Grid():
            return _grid(node)


def _symbol(node: Symbol) -> str:
    text = escape(node.text)
    if node.kind == "letter":
        return f"<mi>{text}</mi>"
    if node.kind == "upright":
        return f'<mi mathvariant="normal">{text}</mi>'
    if node.kind == "number":
        return f"<mn>{text}</mn>"
    if node.kind in ("open", "close", "bar"):
        form = {"open": ' form="prefix"', "close": ' form="postfix"', "bar": ""}[node.kind]
        room = ' lspace="0" rspace="0"' if node.kind == "bar" else ""
        return f'<mo stretchy="false"{form}{room}>{text}</mo>'
    return f"<mo>{text}</mo>"


def _words(node: Words) -> str:
    if not node.function:
        return f"<mtext>{escape(node.text).replace(' ', '&#160;')}</mtext>"
    if node.limits:
        return f'<mo movablelimits="true" lspace="0" rspace="0">{escape(node.text)}</mo>'
    return f'<mi mathvariant="normal">{escape(node.text)}</mi>'


def _row(row: Row) -> str:
    """Items side by side, with a thin space where a function meets its neighbours."""
    if len(row.items) == 1:
        return _node(row.items[0])
    parts: list[str] = []
    for before, item in zip((None, *row.items), row.items, strict=False):
        if before is not None and _needs_room(before, item):
            parts.append('<mspace width="0.167em"></mspace>')
        parts.append(_node(item))
    return f"<mrow>{''.join(parts)}</mrow>"


def _needs_room(before: Node, item: Node) -> bool:
    if _is_function(before):
        return not _is_symbol(item, "open", "operator", "close") and not isinstance(
            item, Space | Fence
        )
    return _is_function(item) and not (
        _is_symbol(before, "open", "operator", "bar") or isinstance(before, Space)
    )


def _is_function(node: Node) -> bool:
    base = node.base if isinstance(node, Scripts) else node
    return isinstance(base, Words) and base.function


def _is_symbol(node: Node, *kinds: str) -> bool:
    base = node.base if isinstance(node, Scripts) else node
    return isinstance(base, Symbol) and base.kind in kinds


def _scripts(node: Scripts) -> str:
    base = node.base
    below = isinstance(base, Words) and base.limits
    below |= isinstance(base, Symbol) and base.kind == "large" and not is_integral(base)
    inner = _node(base)
    names = ("munder", "mover", "munderover") if below else ("msub", "msup", "msubsup")
    if node.sup is None and node.sub is not None:
        return f"<{names[0]}>{inner}{_node(node.sub)}</{names[0]}>"
    if node.sub is None and node.sup is not None:
        return f"<{names[1]}>{inner}{_node(node.sup)}</{names[1]}>"
    both = "".join(_node(part) for part in (node.sub, node.sup) if part is not None)
    return f"<{names[2]}>{inner}{both}</{names[2]}>"


def _brace(node: Brace) -> str:
    tag, sign = ("mover", "⏞") if node.over else ("munder", "⏟")
    inner = f'<{tag}>{_node(node.body)}<mo stretchy="true">{sign}</mo></{tag}>'
    return inner if node.label is None else f"<{tag}>{inner}{_node(node.label)}</{tag}>"


def _fence(sign: str) -> str:
    return f'<mo stretchy="true" fence="true">{escape(sign)}</mo>' if sign else ""


def _grid(node: Grid) -> str:
    kind = {"cases": "cases", "aligned": "aligned", "matrix": "matrix"}[node.kind]
    shown = ' displaystyle="true"' if node.kind == "aligned" else ""
    rows = "".join(
        "<mtr>" + "".join(f"<mtd>{_node(cell)}</mtd>" for cell in row) + "</mtr>"
        for row in node.rows
    )
    table = f'<mtable class="{kind}"{shown}>{rows}</mtable>'
    if node.kind == "cases":
        return f"<mrow>{_fence('{')}{table}</mrow>"
    if node.delimiters:
        return f"<mrow>{_fence(node.delimiters[0])}{table}{_fence(node.delimiters[1])}</mrow>"
    return table
