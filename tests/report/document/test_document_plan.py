"""Numbers, labels and citations, and what is said when they do not fit together."""

from __future__ import annotations

from typing import Any

import pytest

from pointillist.errors import PointillistError
from pointillist.report.document import (
    Block,
    BulletList,
    Document,
    DocumentError,
    Figure,
    FigureGrid,
    Formula,
    Paragraph,
    Reference,
    Section,
    Table,
    render_html,
)
from pointillist.report.document.plan import plan_document


def document(*blocks: Block, **settings: Any) -> Document:
    return Document("Title", [Section("One", blocks, "sec-one")], **settings)


def test_numbers_follow_the_order_of_the_text(report: Document) -> None:
    names = {
        label: t.name.replace("\u00a0", " ") for label, t in plan_document(report).targets.items()
    }
    assert names == {
        "sec-losses": "Section 2.1",
        "eq-loss": "Equation (1)",
        "eq-area": "Equation (2)",
        "fig-density": "Figure 1",
        "tab-density": "Table 1",
        "app-claims": "Appendix A",
        "tab-claims": "Table 2",
        "fig-grid": "Figure 3",
    }  # fmt: skip


def test_references_are_numbered_as_they_are_cited(report: Document) -> None:
    keys = [reference.key for reference in plan_document(report).references]
    assert keys == ["olofsson2014", "lin2017", "stehman2019", "breiman2001", "never"]


@pytest.mark.parametrize(
    ("blocks", "said"),
    [
        ([Paragraph("See [@nobody].")], "no reference 'nobody'.*None is given"),
        ([Paragraph("See *[#fig-x]*.")], "label 'fig-x'.*Known are: sec-one"),
        ([BulletList(["a", BulletList(["[#x]"])])], "label 'x'"),
        ([Table(["a"], [["[#y]"]], "c")], "label 'y'"),
        ([Formula("a", "eq"), Formula("b", "eq")], "label 'eq' is used twice"),
        ([Formula("a", "figure-1"), Figure("<svg viewBox='0 0 1 1'/>", "c")], "used twice"),
        ([Figure(b"GIF89a", "A map")], r"Expected SVG or PNG for Figure 1 \('A map'\)"),
        ([Figure("<svg><g></svg>", "c")], "SVG of Figure 1 .* is damaged"),
        ([Figure("<svg xmlns='http://www.w3.org/2000/svg'/>", "c")], "has no size"),
        ([FigureGrid([Figure(b"", "c")], 1, "g")], "Expected SVG or PNG"),
        (["text"], "Expected a block such as Paragraph"),
    ],
)
def test_what_leads_nowhere_is_refused(blocks: list[Any], said: str) -> None:
    with pytest.raises(DocumentError, match=said):
        render_html(document(*blocks))


def test_two_references_with_one_key_are_refused() -> None:
    twice = [Reference("a", "A."), Reference("a", "B.")]
    with pytest.raises(DocumentError, match="Two references have the key 'a'"):
        render_html(document(references=twice))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Table(["a", "b"], [[1]], "c"), "2 cells in each row, got 1"),
        (lambda: Table(["a", "b"], [], "c", "lx"), "alignments of 2 letters"),
        (lambda: Table(["a"], [], "c", widths=[1, 2]), "1 widths"),
        (lambda: Table(["a"], [], "c", groups=[("g", 2)]), "groups that span 1"),
        (lambda: Figure("", "c", width=1.5), "width above 0 and up to 1, got 1.5"),
        (lambda: FigureGrid([], 2, "c"), "at least one picture"),
        (lambda: Formula("a", "eq 1"), "Expected a label"),
        (lambda: Reference("2014", "A."), "Expected a key"),
        (lambda: Reference("a", "A.", "javascript:x"), "Expected a web address"),
    ],
)
def test_impossible_blocks_are_refused_where_they_are_made(make: Any, said: str) -> None:
    with pytest.raises(PointillistError, match=said):
        make()
