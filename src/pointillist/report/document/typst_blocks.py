"""Blocks for the PDF: each becomes a call of a function of `templates/report.typ`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import zip_longest

from pointillist.report.document.blocks import (
    BulletList,
    Cell,
    CodeBlock,
    Figure,
    FigureGrid,
    Formula,
    Note,
    PageBreak,
    Paragraph,
    Section,
    Subhead,
    Table,
    paragraphs,
)
from pointillist.report.document.images import Picture
from pointillist.report.document.plan import Placed, Plan
from pointillist.report.document.typst_code import array, quote
from pointillist.report.document.typst_math import render_typst_math
from pointillist.report.document.typst_text import optional, render_inline

# A4 less its margins; a figure also leaves room for its caption.
TEXT_WIDTH_MM, FIGURE_HEIGHT_MM = 152.0, 195.0
# A table of at most this many rows is kept on one page.
UNBROKEN_ROWS = 18
# So is a note whose markup, or a table with wrapped text whose cells, have fewer characters.
UNBROKEN_NOTE = 1600
# A row whose longest cell has more may break, where it would leave a page half empty.
UNBROKEN_CELL = 160
# A paragraph of more characters may stand alone with its heading, and its table on the next page.
LEADING = 240
_SIDES = {"l": "left", "c": "center", "r": "right"}


@dataclass
class TypstBlocks:
    """Renders blocks and collects the pictures they need.

    Attributes:
        plan: What is rendered.
        files: Pictures by the name that the markup gives them.
    """

    plan: Plan
    files: dict[str, bytes] = field(default_factory=dict)

    def render(self, placed: Placed, level: int = 1) -> Iterator[str]:
        """Calls, one a line."""
        block, target = placed.block, placed.target
        match block:
            case Section(title):
                assert target is not None
                head = f"{level}, {quote(target.number)}, {quote(target.anchor)}"
                yield f"section({head}, {self.text(title)})"
                for child, after in zip_longest(placed.children, placed.children[1:]):
                    calls = self.render(child, level + 1)
                    if child is placed.children[0] and leads_to_table(child, after):
                        calls = (f"block(sticky: true, width: 100%, {call})" for call in calls)
                    yield from calls
            case Paragraph(text):
                yield f"par({self.text(text)})"
            case BulletList():
                yield self.listing(block)
            case Formula(latex):
                number = quote(target.number) if target else "none"
                anchor = quote(target.anchor) if target else "none"
                body = f"${render_typst_math(latex)}$.body"
                yield f"formula({number}, {anchor}, {quote(latex)}, {body})"
            case CodeBlock(text):
                yield f"code-block({quote(text.strip(chr(10)))})"
            case Note(note, title, tone):
                body = "; ".join(f"par({self.text(p)})" for p in paragraphs(note))
                whole = "true" if len(body) < UNBROKEN_NOTE else "false"
                yield f"note({quote(tone)}, {whole}, {optional(title, self.plan)}, {{{body}}})"
            case PageBreak():
                yield "pagebreak(weak: true)"
            case Table():
                yield self.numbered(placed, block.caption, self.table(block))
            case Figure():
                width = min(block.width, self.fit(placed.pictures[0], 1.0))
                image = self.image(block, placed.pictures[0], width)
                yield self.numbered(placed, block.caption, image, floating=block.floating)
            case FigureGrid():
                yield self.numbered(placed, block.caption, self.panels(block, placed.pictures))

    def text(self, text: str) -> str:
        """Marked-up text."""
        return render_inline(text, self.plan)

    def listing(self, block: BulletList) -> str:
        """A list, with lists inside its items."""
        items: list[str] = []
        for item in block.items:
            if isinstance(item, str):
                items.append(self.text(item))
            elif items:
                items[-1] = f"{{{items[-1]}; {self.listing(item)}}}"
            else:
                items.append(self.listing(item))
        return f"listing({'true' if block.numbered else 'false'}, {array(items)})"

    def numbered(self, placed: Placed, caption: str, body: str, *, floating: bool = False) -> str:
        """A figure or table with its number and caption."""
        target = placed.target
        assert target is not None
        kind = "table" if target.kind == "Table" else "image"
        head = f"{kind}, {quote(target.kind)}, {quote(target.number)}, {quote(target.anchor)}"
        tail = ", floating: true" if floating else ""
        return f"numbered({head}, {self.text(caption)}, {body}{tail})"

    def image(self, figure: Figure, picture: Picture, width: float) -> str:
        """A picture at a share of the width."""
        name = f"picture-{len(self.files) + 1}.{picture.kind}"
        self.files[name] = picture.data
        scaling = ', scaling: "pixelated"' if figure.pixelated else ""
        return (
            f"image({quote(name)}, width: {100 * width:.4g}%, alt: {quote(picture.alt)}{scaling})"
        )

    def panels(self, block: FigureGrid, pictures: tuple[Picture, ...]) -> str:
        """Pictures beside each other, no higher together than a page."""
        n_rows = -(-len(pictures) // block.columns)
        items = []
        for figure, picture in zip(block.figures, pictures, strict=True):
            width = min(1.0, self.fit(picture, 1 / block.columns, n_rows))
            image = self.image(figure, picture, width)
            items.append(f"panel({image}, {optional(figure.caption, self.plan)})")
        return f"panels({block.columns}, {array(items)})"

    def fit(self, picture: Picture, share: float, n_rows: int = 1) -> float:
        """The largest width, as a share of its column, at which a picture fits a page."""
        height = TEXT_WIDTH_MM * share * picture.ratio
        return (FIGURE_HEIGHT_MM / n_rows - (6 if n_rows > 1 else 0)) / height

    def table(self, table: Table) -> str:
        """The table inside its figure."""
        n = len(table.columns)
        widths = table.widths or (0,) * n
        columns = array([f"{w:.4g}fr" if w else "auto" for w in widths])
        align = array([_SIDES[a] for a in table.alignments or "l" * n])
        ruled = any(widths) and n > 1
        parts = [f"columns: {columns}", f"align: {align}", f"ruled: {str(ruled).lower()}"]
        if table.groups:
            parts.append(f"groups: {array(list(self.groups(table)))}")
        parts.append(f"header: {array([f'strong({self.text(c)})' for c in table.columns])}")
        parts.append(f"rows: {array(list(self.rows(table, ruled)))}")
        parts.append(f"notes: {optional(table.notes, self.plan)}")
        if n > 8:
            parts.append("size: 8pt")
        call = f"data-table({', '.join(parts)})"
        short = len(table.rows) <= UNBROKEN_ROWS and (not ruled or _letters(table) < UNBROKEN_NOTE)
        return f"block(breakable: false, width: 100%, {call})" if short else call

    def groups(self, table: Table) -> Iterator[str]:
        """Cells above the header, each with a line under it."""
        at = 0
        rules = []
        for text, span in table.groups:
            yield f"table.cell(colspan: {span}, align: center, {self.text(text)})"
            if text.strip():
                rules.append(f"group-rule({at}, {at + span})")
            at += span
        yield from rules

    def rows(self, table: Table, ruled: bool) -> Iterator[str]:
        """Cells in order, lines between rows of wrapped text."""
        for i, row in enumerate(table.rows):
            if isinstance(row, Subhead):
                yield f"subhead({len(table.columns)}, {self.text(row.text)})"
                continue
            if ruled and i and not isinstance(table.rows[i - 1], Subhead):
                yield "row-rule()"
            cells = [cell if isinstance(cell, Cell) else Cell(str(cell)) for cell in row]
            breaks = ruled and max(len(cell.text) for cell in cells) > UNBROKEN_CELL
            for cell in cells:
                yield f"tall-cell({self.cell(cell)})" if breaks else self.cell(cell)

    def cell(self, cell: Cell) -> str:
        """A cell with its colour and weight."""
        body = self.text(cell.text)
        if cell.strong:
            body = f"strong({body})"
        return body if cell.tone == "plain" else f"toned({quote(cell.tone)}, {body})"


def _letters(table: Table) -> int:
    rows = [row for row in table.rows if not isinstance(row, Subhead)]
    cells = [cell.text if isinstance(cell, Cell) else str(cell) for row in rows for cell in row]
    return sum(map(len, cells))


def leads_to_table(block: Placed, after: Placed | None) -> bool:
    """Whether a short paragraph would stand alone with its heading when its table does not fit."""
    return (
        isinstance(block.block, Paragraph)
        and len(block.block.text) <= LEADING
        and after is not None
        and isinstance(after.block, Table)
    )
