"""The tree of a formula: read from LaTeX once, rendered for the PDF and for the page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from pointillist.report.document.symbols import INTEGRALS

SymbolKind = Literal["letter", "upright", "number", "operator", "open", "close", "bar", "large"]


@dataclass(frozen=True)
class Symbol:
    """One character (or one number) and the part it plays."""

    text: str
    kind: SymbolKind


@dataclass(frozen=True)
class Words:
    """Upright text; a `function` such as log or max has the spacing of an operator."""

    text: str
    function: bool = False
    limits: bool = False


@dataclass(frozen=True)
class Space:
    """Room, in em."""

    width: float


@dataclass(frozen=True)
class Row:
    """Things beside each other."""

    items: tuple[Node, ...]


@dataclass(frozen=True)
class Fraction:
    """A fraction; a binomial coefficient where there is no line."""

    above: Node
    below: Node
    line: bool = True


@dataclass(frozen=True)
class Scripts:
    """A base with a subscript, a superscript, or both."""

    base: Node
    sub: Node | None
    sup: Node | None


@dataclass(frozen=True)
class Root:
    """A root."""

    body: Node
    index: Node | None


@dataclass(frozen=True)
class Accent:
    """A sign over a letter; `wide` ones stretch."""

    body: Node
    sign: str
    wide: bool


@dataclass(frozen=True)
class Brace:
    """A brace over or under a term, with what is said there."""

    body: Node
    over: bool
    label: Node | None = None


@dataclass(frozen=True)
class Fence:
    """A term between delimiters as tall as itself; an empty delimiter is none."""

    opening: str
    body: Node
    closing: str


@dataclass(frozen=True)
class Grid:
    """Rows of cells: `cases`, `aligned`, or a matrix with its delimiters."""

    kind: Literal["cases", "aligned", "matrix"]
    rows: tuple[tuple[Node, ...], ...]
    delimiters: str = ""


Node: TypeAlias = (
    Symbol | Words | Space | Row | Fraction | Scripts | Root | Accent | Brace | Fence | Grid
)


def is_integral(node: Node) -> bool:
    """Whether bounds stay beside the sign even in displayed formulas."""
    return isinstance(node, Symbol) and node.text in INTEGRALS
