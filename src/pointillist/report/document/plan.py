"""The document before rendering: every number given, every reference followed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from pointillist.report.document.blocks import (
    Block,
    BulletList,
    Cell,
    CodeBlock,
    Document,
    Figure,
    FigureGrid,
    Formula,
    Note,
    PageBreak,
    Paragraph,
    Reference,
    Section,
    Subhead,
    Table,
    paragraphs,
)
from pointillist.report.document.errors import DocumentError
from pointillist.report.document.images import Picture, read_picture
from pointillist.report.document.inline import Cite, Emphasis, Link, Ref, Span, Strong, parse, plain

Kind = Literal["Section", "Appendix", "Figure", "Table", "Equation"]


@dataclass(frozen=True)
class Target:
    """Something that has a number.

    Attributes:
        kind: What it is called.
        number: As shown, such as `2.1` or `A`.
        anchor: Its name inside the files: the label, or one made from kind and number.
    """

    kind: Kind
    number: str
    anchor: str

    @property
    def name(self) -> str:
        """How text refers to it; the space does not break."""
        number = f"({self.number})" if self.kind == "Equation" else self.number
        return f"{self.kind}\u00a0{number}"


@dataclass(frozen=True)
class Placed:
    """A block with its number, its pictures, and what it contains."""

    block: Block
    target: Target | None = None
    pictures: tuple[Picture, ...] = ()
    children: tuple[Placed, ...] = ()


@dataclass(frozen=True)
class Plan:
    """A document that is ready to be rendered.

    Attributes:
        document: What it was made from.
        sections: The numbered sections, appendices after them.
        references: In the order of their numbers.
        targets: By label.
        numbers: Of references, by key, from 1.
    """

    document: Document
    sections: tuple[Placed, ...]
    references: tuple[Reference, ...]
    targets: Mapping[str, Target]
    numbers: Mapping[str, int]


def plan_document(document: Document) -> Plan:
    """Number everything and follow every reference.

    Raises:
        DocumentError: A label or key is used twice or unknown, or a picture is of another kind.
    """
    counter = _Counter()
    placed = [
        *(counter.section(s, (i,)) for i, s in enumerate(document.sections, 1)),
        *(counter.section(s, (i,), True) for i, s in enumerate(document.appendices, 1)),
    ]
    known = _by_key(document.references)
    cited: dict[str, None] = {}
    for text in _all_texts(document):
        _follow(parse(text), text, counter.labels, known, cited)
    order = (*cited, *(key for key in known if key not in cited))
    return Plan(
        document,
        tuple(placed),
        tuple(known[key] for key in order),
        counter.labels,
        {key: i for i, key in enumerate(order, 1)},
    )


@dataclass
class _Counter:
    counts: dict[Kind, int] = field(default_factory=dict)
    labels: dict[str, Target] = field(default_factory=dict)
    anchors: set[str] = field(default_factory=set)

    def section(self, section: Section, at: tuple[int, ...], appendix: bool = False) -> Placed:
        first = chr(ord("A") + at[0] - 1) if appendix else str(at[0])
        number = ".".join([first, *(str(i) for i in at[1:])])
        target = self.target("Appendix" if appendix else "Section", number, section.label)
        children, n = [], 0
        for block in section.blocks:
            if isinstance(block, Section):
                n += 1
                children.append(self.section(block, (*at, n), appendix))
            else:
                children.append(self.place(block))
        return Placed(section, target, children=tuple(children))

    def place(self, block: Block) -> Placed:
        match block:
            case Table():
                return Placed(block, self.count("Table", block.label))
            case Figure():
                target = self.count("Figure", block.label)
                return Placed(block, target, (_picture(block, target),))
            case FigureGrid():
                target = self.count("Figure", block.label)
                panels = enumerate(block.figures, 1)
                within = plain(block.caption)
                pictures = (_picture(f, target, f"{within} ({i})") for i, f in panels)
                return Placed(block, target, tuple(pictures))
            case Formula():
                return Placed(block, self.count("Equation", block.label) if block.label else None)
            case Paragraph() | BulletList() | CodeBlock() | Note() | PageBreak():
                return Placed(block)
        raise DocumentError(
            f"Expected a block such as Paragraph or Table in a section, got {block!r:.60}."
        )

    def count(self, kind: Kind, label: str) -> Target:
        self.counts[kind] = self.counts.get(kind, 0) + 1
        return self.target(kind, str(self.counts[kind]), label)

    def target(self, kind: Kind, number: str, label: str) -> Target:
        target = Target(kind, number, label or f"{kind.lower()}-{number}")
        if target.anchor in self.anchors:
            raise DocumentError(
                f"The label '{target.anchor}' is used twice. Give {target.name} another one."
            )
        self.anchors.add(target.anchor)
        if label:
            self.labels[label] = target
        return target


def _picture(figure: Figure, target: Target, within: str = "") -> Picture:
    """The picture of a figure; without words of its own it has those of the grid, or its number."""
    place = f"{target.kind} {target.number} ('{figure.caption:.50}')"
    alt = figure.alt or plain(figure.caption) or within or f"{target.kind} {target.number}"
    return read_picture(figure.image, place, alt)


def _by_key(references: Sequence[Reference]) -> dict[str, Reference]:
    known: dict[str, Reference] = {}
    for reference in references:
        if reference.key in known:
            raise DocumentError(f"Two references have the key '{reference.key}'. Keep one.")
        known[reference.key] = reference
    return known


def _follow(
    spans: Sequence[Span],
    text: str,
    labels: Mapping[str, Target],
    known: Mapping[str, Reference],
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
    yield from (document.title, document.subtitle, document.imprint, *document.authors)
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
