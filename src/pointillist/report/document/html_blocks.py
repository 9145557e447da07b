"""Blocks for the HTML page."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from html import escape

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
from pointillist.report.document.html_text import render_formula, render_inline
from pointillist.report.document.images import Picture
from pointillist.report.document.inline import plain, polish
from pointillist.report.document.plan import Placed, Plan

# A row's name of more characters is wrapped on a narrow page.
LONG_NAME = 20


def render_block(placed: Placed, plan: Plan, level: int = 2) -> Iterator[str]:
    """A block as lines of HTML.

    Args:
        placed: The block with its number.
        plan: Where labels and citations lead.
        level: Of the heading, if it is a section.
    """
    block, target = placed.block, placed.target
    match block:
        case Section(title):
            assert target is not None
            tag = f"h{min(level, 6)}"
            number = f'<span class="number">{target.number}</span>'
            yield f'<section id="{target.anchor}">'
            yield f"<{tag}>{number} {render_inline(title, plan)}</{tag}>"
            for child in placed.children:
                yield from render_block(child, plan, level + 1)
            yield "</section>"
        case Paragraph(text):
            yield f"<p>{render_inline(text, plan)}</p>"
        case BulletList():
            yield _listing(block, plan)
        case Formula(latex):
            number = f'<span class="number">({target.number})</span>' if target else ""
            anchor = f' id="{target.anchor}"' if target else ""
            math = render_formula(latex, display=True)
            yield f'<div class="formula"{anchor}><div class="scroll">{math}</div>{number}</div>'
        case CodeBlock(text):
            yield f'<pre tabindex="0"><code>{escape(text.strip(chr(10)))}</code></pre>'
        case Note(note, title, tone):
            yield f'<aside class="note {tone}">'
            if title.strip():
                yield f'<p class="note-title">{render_inline(title, plan)}</p>'
            yield from (f"<p>{render_inline(p, plan)}</p>" for p in paragraphs(note))
            yield "</aside>"
        case PageBreak():
            yield '<div class="page-break"></div>'
        case Table():
            yield from _table(placed, block, plan)
        case Figure():
            yield f'<figure id="{_anchor(placed)}">'
            yield _image(block, placed.pictures[0], block.width)
            yield f"<figcaption>{_caption(placed, block.caption, plan)}</figcaption></figure>"
        case FigureGrid():
            yield from _panels(placed, block, plan)


def _listing(block: BulletList, plan: Plan) -> str:
    tag = "ol" if block.numbered else "ul"
    items: list[str] = []
    for item in block.items:
        if isinstance(item, str):
            items.append(render_inline(item, plan))
        elif items:
            items[-1] += _listing(item, plan)
        else:
            items.append(_listing(item, plan))
    return f"<{tag}>" + "".join(f"<li>{item}</li>" for item in items) + f"</{tag}>"


def _anchor(placed: Placed) -> str:
    assert placed.target is not None
    return placed.target.anchor


def _caption(placed: Placed, caption: str, plan: Plan) -> str:
    assert placed.target is not None
    return f"<strong>{placed.target.name}.</strong> {render_inline(caption, plan)}"


def _image(figure: Figure, picture: Picture, width: float = 1.0) -> str:
    """A picture that carries its own data; its ratio is given, so that the page does not jump."""
    data = base64.b64encode(picture.data).decode("ascii")
    alt = escape(picture.alt)
    style = f' style="width: {100 * width:.4g}%"' if width < 1 else ""
    # Drawings are turned from dark to light on a dark page, pictures made of pixels are not.
    names = ["drawn"] * (picture.kind == "svg") + ["pixelated"] * figure.pixelated
    kind = f' class="{" ".join(names)}"' if names else ""
    # In units that keep the ratio of small viewBoxes.
    size = f'width="1200" height="{max(1, round(1200 * picture.ratio))}"'
    return f'<img src="data:{picture.media_type};base64,{data}" alt="{alt}" {size}{kind}{style}>'


def _panels(placed: Placed, block: FigureGrid, plan: Plan) -> Iterator[str]:
    yield f'<figure id="{_anchor(placed)}">'
    yield f'<div class="panels" style="--columns: {block.columns}">'
    for figure, picture in zip(block.figures, placed.pictures, strict=True):
        said = f"<p>{render_inline(figure.caption, plan)}</p>" if figure.caption.strip() else ""
        yield f"<div>{_image(figure, picture)}{said}</div>"
    yield "</div>"
    yield f"<figcaption>{_caption(placed, block.caption, plan)}</figcaption></figure>"


def _table(placed: Placed, table: Table, plan: Plan) -> Iterator[str]:
    name = escape(plain(f"{placed.target.name}. " if placed.target else "") + plain(table.caption))
    kind = "text stacked" if _is_stacked(table) else "text" * any(table.widths)
    wide = f' class="{kind}"' if kind else ""
    yield f'<div class="table" id="{_anchor(placed)}">'
    yield f'<div class="scroll" role="region" aria-label="{name}" tabindex="0"><table{wide}>'
    yield f"<caption><div>{_caption(placed, table.caption, plan)}</div></caption>"
    yield from _widths(table)
    yield "<thead>"
    if table.groups:
        yield "<tr>" + "".join(_group(text, span, plan) for text, span in table.groups) + "</tr>"
    yield (
        "<tr>"
        + "".join(
            f'<th scope="col"{_side(table, i)}>{render_inline(column, plan)}</th>'
            for i, column in enumerate(table.columns)
        )
        + "</tr></thead><tbody>"
    )
    for row in table.rows:
        if isinstance(row, Subhead):
            span = f'colspan="{len(table.columns)}" scope="colgroup" class="subhead"'
            yield f"<tr><th {span}>{render_inline(row.text, plan)}</th></tr>"
        else:
            cells = [c if isinstance(c, Cell) else Cell(str(c)) for c in row]
            yield "<tr>" + "".join(_cell(table, i, c, plan) for i, c in enumerate(cells)) + "</tr>"
    yield "</tbody></table></div>"
    if table.notes.strip():
        yield f'<p class="table-notes">{render_inline(table.notes, plan)}</p>'
    yield "</div>"


def _is_stacked(table: Table) -> bool:
    """Whether a narrow page shows a row's cells below each other, as they hold sentences."""
    return any(table.widths[1:])


def _widths(table: Table) -> Iterator[str]:
    """Shares of the width, for columns of text."""
    if total := sum(table.widths):
        columns = (f' style="width: {100 * w / total:.3g}%"' if w else "" for w in table.widths)
        yield "<colgroup>" + "".join(f"<col{style}>" for style in columns) + "</colgroup>"


def _group(text: str, span: int, plan: Plan) -> str:
    if not text.strip():
        return f'<td colspan="{span}"></td>'
    return f'<th scope="colgroup" class="group" colspan="{span}">{render_inline(text, plan)}</th>'


def _side(table: Table, i: int, text: str = "") -> str:
    """Class of a cell: its side, whether it is as wide as its content, whether its text is long."""
    side = table.alignments[i].replace("l", "") if table.alignments else ""
    fit = "fit" if any(table.widths) and not table.widths[i] else ""
    long = "long" if len(text) > LONG_NAME else ""
    names = " ".join(filter(None, (side, fit, long)))
    return f' class="{names}"' if names else ""


def _cell(table: Table, i: int, cell: Cell, plan: Plan) -> str:
    body = render_inline(cell.text, plan)
    if cell.strong:
        body = f"<strong>{body}</strong>"
    if cell.tone != "plain":
        body = f'<span class="{cell.tone}">{body}</span>'
    if i == 0:
        return f'<th scope="row"{_side(table, i, cell.text)}>{body}</th>'
    # Cells below each other have no header above them: each says its column.
    name = escape(polish(plain(table.columns[i]))) if _is_stacked(table) else ""
    label = f' data-label="{name}"' if name else ""
    return f"<td{_side(table, i)}{label}>{body}</td>"
