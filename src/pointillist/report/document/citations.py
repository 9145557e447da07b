"""Every text of a document, and what it cites and refers to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pointillist.report.document.blocks import (
    Block,
    BulletList,
    Cell,
    Document,
    Figure,
    FigureGrid,
    Note,
    Paragraph,
    Section,
    Subhead,
    Table,
    paragraphs,
)
from pointillist.report.document.errors import DocumentError
from pointillist.report.document.inline import Cite, Emphasis, Link, Ref, Span, Strong, parse


def follow_citations(
    document: Document, labels: Mapping[str, object], known: Mapping[str, object]
) -> tuple[str, ...]:
    """Check that every reference leads somewhere.

    Args:
        document: All its texts are read.
        labels: What `[#label]` may name.
        known: Keys that `[@key]` may name.

    Returns:
        The cited keys, in the order in which they are first cited.

    Raises:
        DocumentError: A label or key is unknown.
    """
    cited: dict[str, None] = {}
    for text in _all_texts(document):
        _follow(parse(text), text, labels, known, cited)
    return tuple(cited)


def _follow(
    spans: Sequence[Span],
    text: str,
    labels: Mapping[str, object],
    known: Mapping[str, object],
    cited: dict[str, None],
) -> None:
    for span in spans:
        match span:
            case Cite(keys):
                for key in keys:
                    if key not in known:
                        raise DocumentError(
                            f"There is no reference '{key}' to cite in '{text.strip():.60}…'. "
                            f"{_offer(known)}"
                        )
                    cited[key] = None
            case Ref(label):
                if label not in labels:
                    raise DocumentError(
                        f"Nothing has the label '{label}' that '{text.strip():.60}…' refers to. "
                        f"{_offer(labels)}"
                    )
            case Emphasis(children) | Strong(children) | Link(children, _):
                _follow(children, text, labels, known, cited)
            case _:
                pass


def _offer(names: Mapping[str, object]) -> str:
    listed = ", ".join(list(names)[:8]) + (", …" if len(names) > 8 else "")
    return f"Known are: {listed}." if names else "None is given."


def _all_texts(document: Document) -> Iterator[str]:
    """Every marked-up text, in the order of reading."""
    yield from (document.title, document.subtitle, document.imprint, document.running_title)
    yield from document.authors
    yield from paragraphs(document.abstract)
    for section in (*document.sections, *document.appendices):
        yield from _texts(section)
    yield from (reference.text for reference in document.references)


def _texts(block: Block) -> Iterator[str]:
    match block:
        case Section(title, blocks):
            yield title
            for inner in blocks:
                yield from _texts(inner)
        case Paragraph(text):
            yield text
        case BulletList(items):
            for item in items:
                yield from (item,) if isinstance(item, str) else _texts(item)
        case Table():
            yield from _table_texts(block)
        case Figure():
            yield block.caption
        case FigureGrid(figures, _, caption):
            yield from (figure.caption for figure in figures)
            yield caption
        case Note(text, title):
            yield title
            yield from paragraphs(text)
        case _:
            pass


def _table_texts(table: Table) -> Iterator[str]:
    yield table.caption
    yield from (text for text, _ in table.groups)
    yield from table.columns
    for row in table.rows:
        if isinstance(row, Subhead):
            yield row.text
        else:
            yield from (cell.text if isinstance(cell, Cell) else str(cell) for cell in row)
    yield table.notes
