"""The document before rendering: every number given, every reference followed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from pointillist.report.document.blocks import (
    Block,
    BulletList,
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
    Table,
)
from pointillist.report.document.citations import follow_citations
from pointillist.report.document.errors import DocumentError
from pointillist.report.document.images import Picture, read_picture
from pointillist.report.document.inline import plain

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
    cited = follow_citations(document, counter.labels, known)
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
