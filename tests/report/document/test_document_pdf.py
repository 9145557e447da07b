"""The PDF: valid, paginated, searchable, the same each time, and literal where text is literal."""

from __future__ import annotations

import dataclasses
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from pointillist.errors import OutputExistsError
from pointillist.report.document import (
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
    Section,
    Subhead,
    Table,
    TypesettingError,
    literal,
    render_typst,
    write_pdf,
)


def pages(path: Path) -> list[str]:
    """The words of each page, with single spaces."""
    if shutil.which("pdftotext") is None:
        pytest.skip("there is no pdftotext on this machine")
    done = subprocess.run(
        ["pdftotext", "-layout", "-enc", "UTF-8", str(path), "-"], capture_output=True, check=True
    )
    text = done.stdout.decode("utf-8").rstrip("\f").replace("\u2060", "")
    return [re.sub(r"\s+", " ", page) for page in text.split("\f")]


@pytest.fixture(scope="module")
def pdf(report: Document, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pdf(report, tmp_path_factory.mktemp("pdf") / "report.pdf")


def test_pdf_has_title_contents_and_every_block(pdf: Path) -> None:
    assert pdf.read_bytes().startswith(b"%PDF-1.7")
    found = pages(pdf)
    assert "Land-cover maps from a few hundred" in found[0]
    assert "3 March 2026" in found[0]
    assert re.search(r"2\.1 Losses and formulas[ .]+2", found[0])
    everything = " ".join(found)
    for words in (
        "Figure 1.", "Table 1.", "(2)", "See also the documentation", "pointillist predict runs",
        "What the intervals mean", "3.2.1", "[5]", "An entry that nothing cites.", "B Qualitative",
        "Map after 10 points", "Bold: best of the row", "in Table 2 (Appendix A)", "[3, 4]",
    ):  # fmt: skip
        assert words in everything


def test_long_table_goes_on_under_its_header(pdf: Path) -> None:
    found = pages(pdf)
    with_claims = [page for page in found if re.search(r"C\d+ .* points", page)]
    assert len(with_claims) >= 3
    assert all("What was claimed" in page for page in with_claims)
    assert all(f"C{i} " in " ".join(with_claims) for i in range(1, 61))
    # The heading of a group of rows is repeated as well.
    assert [page.count("Sampling") for page in with_claims[:2]] == [1, 1]


def test_every_page_but_the_first_has_a_head_and_all_have_a_number(pdf: Path) -> None:
    found = pages(pdf)
    n = len(found)
    assert all(re.search(f"{i} ?/ ?{n}", page) for i, page in enumerate(found, 1))
    assert all(page.strip().startswith("Land-cover maps") for page in found)
    assert found[0].count("Land-cover maps from") == 1


def test_pdf_is_accessible_and_dated(pdf: Path) -> None:
    content = pdf.read_bytes()
    assert b"<pdfuaid:part>1</pdfuaid:part>" in content
    assert b"2026-03-03T00:00:00Z" in content


@pytest.mark.parametrize("dated", [True, False])
def test_the_same_document_gives_the_same_bytes(
    report: Document, tmp_path: Path, dated: bool
) -> None:
    document = report if dated else dataclasses.replace(report, date=None)
    first, second = (write_pdf(document, tmp_path / name) for name in ("a.pdf", "b.pdf"))
    assert first.read_bytes() == second.read_bytes()
    assert (b"CreationDate" in first.read_bytes()) is dated


def test_nothing_breaks_out_of_the_text(hostile: str, png: bytes, tmp_path: Path) -> None:
    said = literal(hostile)
    table = Table(["c"], [[said], [Cell(said, "good")]], "t", notes=said)
    grid = FigureGrid([Figure(png, "p", alt=hostile)], 1, said)
    blocks = [Paragraph(said), Note(said, "n"), table, CodeBlock(hostile), grid]
    path = write_pdf(Document(said, [Section("s", blocks)], running_title="r"), tmp_path / "a.pdf")
    everything = " ".join(pages(path))
    assert everything.count("<b>#let x=1</b> $a_1$ @ref *not* [@key] `code`") == 8
    assert everything.count("#{panic()} 100% & ~ -- ©") == 8


def test_the_running_head_names_the_section_of_the_top_of_the_page(tmp_path: Path) -> None:
    text = [Paragraph("words " * 900)]
    sections = [Section("First", text), Section("Second", [*text, PageBreak()])]
    document = Document("t", [*sections, Section("Third", text)], running_title="Running")
    found = pages(write_pdf(document, tmp_path / "a.pdf"))
    heads = [re.match(r"Running (\w+)", page) for page in found[1:]]
    assert [head[1] for head in heads if head] == ["First", "First", "Second", "Third", "Third"]


@pytest.mark.parametrize(("length", "sticks"), [(50, True), (500, False)])
def test_a_short_paragraph_is_kept_with_its_table(length: int, sticks: bool) -> None:
    blocks = [Paragraph("x" * length), Table(["a"], [["b"]], "t")]
    markup = render_typst(Document("t", [Section("s", blocks)]))
    assert ("block(sticky: true, width: 100%, par(" in markup) is sticks


def test_only_long_rows_break_over_the_page() -> None:
    rows = [["short", "word"], ["long", "word " * 100]]
    for widths, n in (((), 0), ((1, 3), 2)):
        table = Table(["a", "b"], rows, "t", widths=widths)
        markup = render_typst(Document("t", [Section("s", [table])]))
        assert markup.count("tall-cell({") == n


def test_words_in_formulas_stay_words(tmp_path: Path) -> None:
    formula = Formula(r'x = \text{"a" #panic() \\ $y$ } + \operatorname{"f" #g}')
    path = write_pdf(Document("t", [Section("s", [formula])]), tmp_path / "a.pdf")
    assert '"a" #panic()' in " ".join(pages(path))


def test_a_character_without_a_glyph_costs_accessibility_but_not_the_pdf(tmp_path: Path) -> None:
    document = Document("t", [Section("s", [Paragraph("水 \U000f0000")])])
    content = write_pdf(document, tmp_path / "a.pdf").read_bytes()
    assert content.startswith(b"%PDF")


def test_tall_pictures_are_kept_on_their_page(tmp_path: Path) -> None:
    tall = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 10"><path d="M0 0h1v9z"/></svg>'
    blocks = [Figure(tall, "Tall."), FigureGrid([Figure(tall, "p")] * 4, 2, "Four tall.")]
    path = write_pdf(Document("t", [Section("s", blocks)]), tmp_path / "a.pdf")
    found = pages(path)
    assert len(found) == 3
    assert "Figure 1. Tall." in found[1]
    assert "Figure 2. Four tall." in found[2]


def test_odd_documents_are_set_too(tmp_path: Path) -> None:
    deep = Section("f", [Paragraph("deep")])
    for title in "edcba":
        deep = Section(title, [deep])
    wide = [[f"{i * j:.3f} ± 0.012" for j in range(11)] for i in range(3)]
    odd = [
        Table(["a", "b"], [], "No rows."),
        Table(["a"], [Subhead("x"), ["1"], Subhead("last")], "A group without rows."),
        Table([f"Column {i}" for i in range(11)], wide, "Eleven columns."),
        Table(["a", "b"], [["c", "word " * 900]], "A cell of more than a page.", widths=(1, 3)),
        BulletList([BulletList(["first of all a list"])]),
        BulletList([]),
        Note([""]),
        CodeBlock(""),
        CodeBlock("\n".join(["line " * 40] * 90)),
        PageBreak(),
        PageBreak(),
        Paragraph(""),
        Paragraph("x" * 300),
        Section("Empty", []),
        deep,
    ]
    path = write_pdf(Document("Bare", [Section("Odd", odd)]), tmp_path / "a.pdf")
    assert "1.2.1.1.1.1.1 f deep" in " ".join(pages(path))


def test_damaged_picture_is_named_as_the_likely_cause(tmp_path: Path, png: bytes) -> None:
    document = Document("t", [Section("s", [Figure(png[:60], "Cut short.")])])
    with pytest.raises(TypesettingError, match=r"cannot be typeset: .*picture"):
        write_pdf(document, tmp_path / "a.pdf")
    assert list(tmp_path.iterdir()) == []


def test_file_is_not_overwritten_unasked(pdf: Path, report: Document) -> None:
    with pytest.raises(OutputExistsError, match=r"report\.pdf"):
        write_pdf(report, pdf)


def test_markup_is_text_alone(report: Document) -> None:
    markup = render_typst(report)
    assert markup == render_typst(report)
    assert 'image("picture-1.svg"' in markup
