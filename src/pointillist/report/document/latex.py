r"""Formulas: a useful part of LaTeX's mathematics, read into a tree that is rendered twice.

Understood are letters, numbers, operators, `^`, `_`, primes, groups, `\frac`, `\binom`, `\sqrt`,
`\left … \right`, accents, `\underbrace`, `\overbrace`, `\text`, `\mathrm`, `\operatorname`,
alphabets such as `\mathbf`, spaces, and the environments `cases`, `aligned` and `(p|b|v)matrix`.
Whatever else a formula contains is refused with its name: nothing is passed on unread.
"""

from __future__ import annotations

import re
from functools import lru_cache

from pointillist.report.document.errors import FormulaError
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
from pointillist.report.document.symbols import (
    ACCENTS,
    ALPHABETS,
    BARS,
    CLOSING,
    FUNCTIONS,
    LARGE,
    LETTERS,
    OPENING,
    OPERATORS,
    SPACES,
    SPELLED,
    in_alphabet,
)

_TOKEN = re.compile(r"\\[A-Za-z]+\*?|\\.|[0-9]+(?:\.[0-9]+)?|\S|\s+", re.DOTALL)
_OPERATOR_CHARS = dict(zip("+-*/=<>:!", "+−∗/=<>:!", strict=True))
_MATRICES = {"matrix": "", "pmatrix": "()", "bmatrix": "[]", "Bmatrix": "{}", "vmatrix": "||"}
_DELIMITERS = "()[]|/"


@lru_cache(maxsize=2048)
def parse_formula(source: str) -> Row:
    """Read a formula.

    Args:
        source: LaTeX without the dollar signs.

    Raises:
        FormulaError: Something in it is not understood, or it ends too early.
    """
    reader = _Reader(source)
    row = reader.row(until=())
    if not row.items:
        raise FormulaError("A formula is empty. Write its LaTeX between the dollar signs.")
    return row


class _Reader:
    def __init__(self, source: str) -> None:
        self.source = source
        self.tokens = _TOKEN.findall(source)
        self.at = 0

    def error(self, what: str) -> FormulaError:
        return FormulaError(f"The formula '{self.source}' {what}.")

    def peek(self) -> str | None:
        """The next token that is not white space."""
        while self.at < len(self.tokens) and self.tokens[self.at].isspace():
            self.at += 1
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def next(self) -> str:
        token = self.peek()
        if token is None:
            raise self.error("ends before it is complete")
        self.at += 1
        return token

    def row(self, until: tuple[str, ...]) -> Row:
        """Terms up to a token of `until`, which is left to be read."""
        items: list[Node] = []
        while (token := self.peek()) is not None and token not in until:
            items.append(self.scripted())
        return Row(tuple(items))

    def scripted(self) -> Node:
        first = self.peek()
        base: Node = Row(()) if first in ("^", "_") else self.atom()
        sub: Node | None = None
        sup: Node | None = None
        while (token := self.peek()) in ("^", "_", "'"):
            self.at += 1
            if token == "'":
                prime = Symbol("′", "upright")
                sup = prime if sup is None else Row((sup, prime))
            elif token == "^" and sup is None:
                sup = self.argument()
            elif token == "_" and sub is None:
                sub = self.argument()
            else:
                raise self.error(f"has two '{token}' on one term; group them with braces")
        if isinstance(base, Brace) and (sub or sup):
            return Brace(base.body, base.over, sup if base.over else sub)
        return base if sub is None and sup is None else Scripts(base, sub, sup)

    def argument(self) -> Node:
        """One term or one group in braces."""
        if self.peek() in ("^", "_", "&", "}", "'"):
            raise self.error("lacks a term before '" + str(self.peek()) + "'")
        return self.atom()

    def group(self) -> Row:
        """What stands between braces; the opening one has been read."""
        row = self.row(until=("}",))
        if self.peek() is None:
            raise self.error("has a '{' without its '}'")
        self.at += 1
        return row

    def verbatim(self) -> str:
        """The text between braces, spaces included."""
        if self.next() != "{":
            raise self.error("lacks the braces of a command that needs them")
        start, depth = self.at, 1
        while depth:
            if self.at >= len(self.tokens):
                raise self.error("has a '{' without its '}'")
            depth += {"{": 1, "}": -1}.get(self.tokens[self.at], 0)
            self.at += 1
        text = "".join(self.tokens[start : self.at - 1])
        return re.sub(r"\\([%&#_$ {}])", r"\1", text)

    def atom(self) -> Node:
        token = self.next()
        if token == "{":
            return self.group()
        if token.startswith("\\"):
            return self.command(token[1:])
        if token[0].isdigit():
            return Symbol(token, "number")
        if token in _OPERATOR_CHARS:
            return Symbol(_OPERATOR_CHARS[token], "operator")
        if token in ("(", "["):
            return Symbol(token, "open")
        if token in (")", "]"):
            return Symbol(token, "close")
        if token == "|":
            return Symbol("|", "bar")
        if token in ",;.":
            return Symbol(token, "operator")
        if token == "~":
            return Space(SPACES[" "])
        if token in "}&$#%":
            raise self.error(f"has a stray '{token}'; write '\\{token}' for the sign itself")
        return _letter(token) if token.isalpha() else Symbol(token, "operator")

    def command(self, name: str) -> Node:
        if name in LETTERS:
            return _letter(LETTERS[name])
        if name in OPERATORS:
            return Symbol(OPERATORS[name], "operator")
        if name in LARGE:
            return Symbol(LARGE[name], "large")
        if name in OPENING:
            return Symbol(OPENING[name], "open")
        if name in CLOSING:
            return Symbol(CLOSING[name], "close")
        if name in BARS:
            return Symbol(BARS[name], "bar")
        if name in SPACES:
            return Space(SPACES[name])
        if name in FUNCTIONS:
            return Words(SPELLED.get(name, name), function=True, limits=FUNCTIONS[name])
        if name in "%&#$_":
            return Symbol(name, "upright")
        if name in ACCENTS:
            wide = name in ("widehat", "widetilde", "overline")
            return Accent(self.argument(), ACCENTS[name], wide)
        if name in ALPHABETS:
            return _styled(self.argument(), ALPHABETS[name])
        return self.structure(name)

    def structure(self, name: str) -> Node:
        if name in ("frac", "dfrac", "tfrac", "binom"):
            return Fraction(self.argument(), self.argument(), line=name != "binom")
        if name == "sqrt":
            index = None
            if self.peek() == "[":
                self.at += 1
                index = self.row(until=("]",))
                self.next()
            return Root(self.argument(), index)
        if name in ("text", "textrm", "mathrm", "mbox"):
            return Words(self.verbatim())
        if name in ("operatorname", "operatorname*"):
            return Words(self.verbatim(), function=True, limits=name.endswith("*"))
        if name in ("underbrace", "overbrace"):
            return Brace(self.argument(), over=name == "overbrace")
        if name == "left":
            opening = self.delimiter()
            body = self.row(until=("\\right",))
            self.next()
            return Fence(opening, body, self.delimiter())
        if name == "begin":
            return self.environment(self.verbatim())
        raise self.error(f"uses '\\{name}', which is not understood here; write it another way")

    def delimiter(self) -> str:
        token = self.next()
        if token == ".":
            return ""
        if token in _DELIMITERS:
            return token
        known = {f"\\{name}": sign for name, sign in (OPENING | CLOSING | BARS).items()}
        if token in known:
            return known[token]
        raise self.error(f"has '{token}' where a delimiter is needed after \\left or \\right")

    def environment(self, name: str) -> Node:
        rows: list[tuple[Node, ...]] = []
        cells: list[Node] = []
        while True:
            cells.append(self.row(until=("&", "\\\\", "\\end")))
            token = self.next()
            if token == "&":
                continue
            rows.append(tuple(cells))
            cells = []
            if token == "\\end":
                break
        if (closed := self.verbatim()) != name:
            raise self.error(f"begins '{name}' but ends '{closed}'")
        if len(rows) > 1 and rows[-1] == (Row(()),):
            rows.pop()
        if name in ("aligned", "align", "align*", "split"):
            return Grid("aligned", tuple(rows))
        if name == "cases":
            return Grid("cases", tuple(rows))
        if name in _MATRICES:
            return Grid("matrix", tuple(rows), _MATRICES[name])
        raise self.error(f"uses the environment '{name}', which is not understood here")


def _letter(char: str) -> Symbol:
    """Letters are slanted, except Greek capitals and signs such as ∞."""
    upright = "Α" <= char <= "Ω" or not char.isalpha()
    return Symbol(char, "upright" if upright else "letter")


def _styled(node: Node, alphabet: str) -> Node:
    if isinstance(node, Symbol):
        text = "".join(in_alphabet(c, alphabet) for c in node.text)
        kind = "upright" if node.kind == "letter" and text != node.text else node.kind
        return Symbol(text, kind)
    if isinstance(node, Row):
        return Row(tuple(_styled(item, alphabet) for item in node.items))
    if isinstance(node, Scripts):
        return Scripts(_styled(node.base, alphabet), node.sub, node.sup)
    return node
