r"""Markup inside a line of text, and nothing but these eight things.

| written | shown |
|---|---|
| `*text*` | emphasis |
| `**text**` | strong |
| `` `text` `` | code, taken as it is |
| `$\frac{a}{b}$` | a formula in LaTeX (see `latex`) |
| `[@key]`, `[@one; @two]` | citations of `Reference.key` |
| `[#label]` | "Figure 3", "Table 2", "Section 4.1", "Equation (5)" as a link |
| `[text](https://…)` | a link; `https:`, `http:` and `mailto:` only |
| `\*` | the sign itself; a backslash before a letter is a backslash |

No line breaks inside `95 %`, `n = 10`, `0.98 ± 0.01`, `5–32` and `−1 to 1`.
An apostrophe is set as ’, words between two of them as ‘a quotation’; code stays as it is.
A sign that opens nothing is itself: `a * b`, `2*3*4`, `snake_case`, `p < 0.05`, `5 $`, `[1, 2]`.
Text from elsewhere (class names, file names) goes through `literal`, and shows just as it is.
Everything that is not in the table is plain text and is escaped by each renderer.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias


@dataclass(frozen=True)
class Text:
    """Plain text."""

    text: str


@dataclass(frozen=True)
class Emphasis:
    """Slanted text."""

    children: tuple[Span, ...]


@dataclass(frozen=True)
class Strong:
    """Bold text."""

    children: tuple[Span, ...]


@dataclass(frozen=True)
class Code:
    """Text in a typewriter face."""

    text: str


@dataclass(frozen=True)
class Math:
    """A formula in the line."""

    source: str


@dataclass(frozen=True)
class Cite:
    """Numbers of references."""

    keys: tuple[str, ...]


@dataclass(frozen=True)
class Ref:
    """The name and number of a section, figure, table or formula."""

    label: str


@dataclass(frozen=True)
class Link:
    """Text that leads elsewhere."""

    children: tuple[Span, ...]
    url: str


Span: TypeAlias = Text | Emphasis | Strong | Code | Math | Cite | Ref | Link

LABEL = r"[A-Za-z][\w.:-]*"
_SIGNS = r"\\`*$[]"
_MARKUP = re.compile(
    rf"""
    \\(?P<escaped>[{re.escape(_SIGNS)}@#])
    | `(?P<code>[^`]+)`
    | \$(?P<math>(?!\s)(?:\\.|[^$\\])+?(?<!\s))\$(?!\d)
    | \*\*(?P<strong>(?=\S)(?:\\.|[^\\])+?(?<=\S))\*\*(?!\*)
    | (?<!\w)\*(?P<emphasis>(?![\s*])(?:\\.|\*\*(?:\\.|[^*\\])+\*\*|[^*\\])+?(?<!\s))\*(?![\w*])
    | \[(?P<cite>@{LABEL}(?:\s*[;,]\s*@{LABEL})*)\]
    | \[\#(?P<ref>{LABEL})\]
    | \[(?P<link>(?:\\.|[^\]\\])+)\]\((?P<url>(?:https?://|mailto:)[^\s()]+(?:\([^\s()]*\)[^\s()]*)*)\)
    """,
    re.VERBOSE | re.DOTALL,
)
# Spaces that no line breaks at: 95 %, n = 10, 0.98 ± 0.01, −1 to 1.
_TOGETHER = re.compile(
    r"(?<=\d) (?=%)|(?<=\bn) (?==)|(?<=\bn =) (?=\d)| (?=± \d)|(?<=±) (?=\d)"
    r"|(?<=\d) (?=to −?\d)|(?<=\d to) (?=−?\d)"
)
_QUOTED = re.compile(r"(?<!\w)'(?!s\b)([^'\s](?:[^']*[^'\s])?)'(?!\w)")
# At the start of a text it follows what was emphasised, cited or code.
_APOSTROPHE = re.compile(r"(?<=[^\W\d_])'|^'(?=s\b)")
_RANGE = re.compile(r"(?<=\d)–(?=\d)")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


@lru_cache(maxsize=8192)
def parse(text: str) -> tuple[Span, ...]:
    """Read the markup of a line or paragraph.

    Args:
        text: See the table above; runs of white space count as one space.
    """
    return _parse(_CONTROLS.sub("\ufffd", text))


def literal(text: object) -> str:
    """Text that shows exactly as it is, whatever signs it holds.

    Args:
        text: Anything with a `str`.

    Example:
        >>> Paragraph(f"The class {literal('*new* [built]')} is rare.")
    """
    return re.sub(rf"([{re.escape(_SIGNS)}])", r"\\\1", str(text))


def plain(text: str) -> str:
    """The words of a marked-up text, for titles of windows and for pictures' descriptions."""
    return "".join(_plain(span) for span in parse(text)).strip()


def polish(text: str) -> str:
    """Plain text as it is set: typographic apostrophes and quotes, and ranges on one line."""
    text = _APOSTROPHE.sub("’", _QUOTED.sub(r"‘\1’", text))
    return _RANGE.sub("–\N{WORD JOINER}", text)


def _parse(text: str) -> tuple[Span, ...]:
    spans: list[Span] = []
    said: list[str] = []
    at = 0
    for match in _MARKUP.finditer(text):
        said.append(text[at : match.start()])
        at = match.end()
        if match["escaped"]:
            said.append(match["escaped"])
            continue
        _flush(said, spans)
        spans.append(_span(match))
    said.append(text[at:])
    _flush(said, spans)
    return tuple(spans)


def _span(match: re.Match[str]) -> Span:
    if match["code"]:
        return Code(match["code"])
    if match["math"]:
        return Math(match["math"])
    if match["strong"]:
        return Strong(_parse(match["strong"]))
    if match["emphasis"]:
        return Emphasis(_parse(match["emphasis"]))
    if match["cite"]:
        return Cite(tuple(re.findall(rf"@({LABEL})", match["cite"])))
    if match["ref"]:
        return Ref(match["ref"])
    return Link(_parse(match["link"]), match["url"])


def _flush(said: list[str], spans: list[Span]) -> None:
    text = _TOGETHER.sub("\N{NO-BREAK SPACE}", re.sub(r"[ \t\r\n]+", " ", "".join(said)))
    said.clear()
    if text:
        spans.append(Text(text))


def _plain(span: Span) -> str:
    match span:
        case Text(text) | Code(text) | Math(text):
            return text
        case Emphasis(children) | Strong(children) | Link(children, _):
            return "".join(_plain(child) for child in children)
        case _:
            return ""
