"""What a document is made of. Text holds the small markup of `inline`, and nothing else."""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from pointillist.report.document.errors import DocumentError
from pointillist.report.document.inline import LABEL

_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip

Tone = Literal["plain", "good", "mixed", "bad", "quiet"]


@dataclass(frozen=True)
class Paragraph:
    """A paragraph."""

    text: str


@dataclass(frozen=True)
class BulletList:
    """A list; a list among the items belongs to the item before it.

    Attributes:
        items: One text each.
        numbered: Numbers for bullets.
    """

    items: Sequence[str | BulletList]
    numbered: bool = False


@dataclass(frozen=True)
class Formula:
    r"""A formula on a line of its own, numbered where it has a label.

    Attributes:
        latex: For example `r"\hat{p} = \frac{1}{n} \sum_i y_i"`; `latex` says what is understood.
        label: To refer to it as `[#label]`.
    """

    latex: str
    label: str = ""

    def __post_init__(self) -> None:
        _check_label(self.label)


@dataclass(frozen=True)
class Cell:
    """A table cell that stands out: bold, or in the colour of a verdict."""

    text: str
    tone: Tone = "plain"
    strong: bool = False


@dataclass(frozen=True)
class Subhead:
    """A row that names the rows after it."""

    text: str


@dataclass(frozen=True)
class Table:
    """A table; one that does not fit goes on over the page under the same header.

    Attributes:
        columns: Header of each column.
        rows: Cells, or a `Subhead`. The first cell of a row names it.
        caption: What it shows; stands above.
        alignments: One of `l`, `c`, `r` per column, such as `"lrrr"`; left where absent.
        widths: Share of the width per column, 0 for as wide as its content, such as `(0, 3, 1)`.
            Where absent, all are as wide as their content.
        groups: Headers above the header: `(("", 1), ("Classic", 2), ("Terrain", 2))`.
        notes: Small print below.
        label: To refer to it as `[#label]`.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[str | int | float | Cell] | Subhead]
    caption: str
    alignments: str = ""
    widths: Sequence[float] = ()
    groups: Sequence[tuple[str, int]] = ()
    notes: str = ""
    label: str = ""

    def __post_init__(self) -> None:
        _check_label(self.label)
        n = len(self.columns)
        if self.alignments and not re.fullmatch(f"[lcr]{{{n}}}", self.alignments):
            raise self._error(f"alignments of {n} letters l, c or r, got '{self.alignments}'")
        if self.widths and (len(self.widths) != n or min(self.widths) < 0):
            raise self._error(f"{n} widths of 0 or more, got {list(self.widths)}")
        if self.groups and sum(span for _, span in self.groups) != n:
            raise self._error(f"groups that span {n} columns, got {list(self.groups)}")
        for row in self.rows:
            if not isinstance(row, Subhead) and len(row) != n:
                raise self._error(f"{n} cells in each row, got {len(row)}: {row!r:.80}")

    def _error(self, rule: str) -> DocumentError:
        return DocumentError(f"Expected {rule}, in the table '{self.caption:.60}'.")


@dataclass(frozen=True)
class Figure:
    """A picture with its caption.

    Attributes:
        image: Content of an SVG or PNG file, or SVG text.
        caption: What it shows; stands below. May be empty inside a `FigureGrid`.
        label: To refer to it as `[#label]`.
        width: Share of the text's width, above 0 to 1.
        alt: What it shows, for those who cannot see it; the caption's words where absent.
        pixelated: Show each pixel of a PNG as a square.
        floating: The PDF may move it to the top or bottom of a page, where text flows around it.
    """

    image: bytes | str
    caption: str
    label: str = ""
    width: float = 1.0
    alt: str = ""
    pixelated: bool = False
    floating: bool = False

    def __post_init__(self) -> None:
        _check_label(self.label)
        if not 0 < self.width <= 1:
            raise DocumentError(
                f"Expected a width above 0 and up to 1, got {self.width}, "
                f"in the figure '{self.caption:.60}'."
            )


@dataclass(frozen=True)
class FigureGrid:
    """Several pictures as one figure, row by row; each may have a short caption.

    Attributes:
        figures: The pictures; their labels, widths and floating are not used.
        columns: How many beside each other.
        caption: What they show together.
        label: To refer to it as `[#label]`.
    """

    figures: Sequence[Figure]
    columns: int
    caption: str
    label: str = ""

    def __post_init__(self) -> None:
        _check_label(self.label)
        if self.columns < 1 or not self.figures:
            raise DocumentError(
                "Expected at least one picture and one column "
                f"in the grid of figures '{self.caption:.60}'."
            )


@dataclass(frozen=True)
class CodeBlock:
    """Lines of code or of a terminal, as they are."""

    text: str


@dataclass(frozen=True)
class Note:
    """Paragraphs set apart: a limitation, a warning, the main finding.

    Attributes:
        text: One paragraph, or several.
        title: A few words before it.
        tone: Colour of its edge.
    """

    text: str | Sequence[str]
    title: str = ""
    tone: Tone = "plain"


@dataclass(frozen=True)
class PageBreak:
    """Go on on a new page, in the PDF and where the HTML is printed."""


@dataclass(frozen=True)
class Section:
    """A numbered section with its blocks; sections inside are subsections.

    Attributes:
        title: Heading.
        blocks: What it holds, in order.
        label: To refer to it as `[#label]`.
    """

    title: str
    blocks: Sequence[Block]
    label: str = ""

    def __post_init__(self) -> None:
        _check_label(self.label)


Block: TypeAlias = (
    Paragraph | BulletList | Formula | Table | Figure | FigureGrid | CodeBlock | Note | PageBreak
    | Section
)  # fmt: skip


@dataclass(frozen=True)
class Reference:
    """An entry of the list of references, cited as `[@key]`.

    Attributes:
        key: Such as `olofsson2014`.
        text: Authors, year, title and place, as it is to be shown.
        url: Where to find it.
    """

    key: str
    text: str
    url: str = ""

    def __post_init__(self) -> None:
        if not re.fullmatch(LABEL, self.key):
            raise DocumentError(f"Expected a key such as 'olofsson2014', got '{self.key}'.")
        if self.url and not re.match(r"https?://\S+$", self.url):
            raise DocumentError(f"Expected a web address for '{self.key}', got '{self.url}'.")


@dataclass(frozen=True)
class Document:
    """A report.

    Attributes:
        title: Title.
        sections: Sections 1, 2, …
        subtitle: Below the title.
        authors: Names.
        date: Shown, and the PDF's own date; without one the PDF has none.
        abstract: A paragraph, or several.
        appendices: Sections A, B, …
        references: Listed in the order in which they are cited, then those that are not.
        imprint: A line below the authors: version, licence, where to find it.
        running_title: A short title for the head of each page.
        language: Code such as `en`, for hyphenation and for readers aloud.
    """

    title: str
    sections: Sequence[Section]
    subtitle: str = ""
    authors: Sequence[str] = ()
    date: datetime.date | None = None
    abstract: str | Sequence[str] = ()
    appendices: Sequence[Section] = ()
    references: Sequence[Reference] = ()
    imprint: str = ""
    running_title: str = ""
    language: str = "en"

    @property
    def long_date(self) -> str:
        """The date in words, such as 3 March 2026; empty without one."""
        return (
            f"{self.date.day} {_MONTHS[self.date.month - 1]} {self.date.year}" if self.date else ""
        )


def paragraphs(text: str | Sequence[str]) -> tuple[str, ...]:
    """One paragraph or several, always as several; empty ones are left out."""
    return tuple(p for p in ((text,) if isinstance(text, str) else text) if p.strip())


def _check_label(label: str) -> None:
    if label and not re.fullmatch(LABEL, label):
        raise DocumentError(
            f"Expected a label of letters, digits and . : - _ that begins with a letter, "
            f"such as 'fig-map', got '{label}'."
        )
