"""The markup inside text: the eight things it knows, and that everything else is text."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointillist.report.document import literal
from pointillist.report.document.inline import (
    Cite,
    Code,
    Emphasis,
    Link,
    Math,
    Ref,
    Strong,
    Text,
    parse,
    plain,
    polish,
)
from pointillist.report.document.typst_code import quote


@pytest.mark.parametrize(
    ("written", "spans"),
    [
        ("*a b*", (Emphasis((Text("a b"),)),)),
        ("**a**", (Strong((Text("a"),)),)),
        ("**a *b* c**", (Strong((Text("a "), Emphasis((Text("b"),)), Text(" c"))),)),
        ("*a **b** c*", (Emphasis((Text("a "), Strong((Text("b"),)), Text(" c"))),)),
        ("`*a* $b$`", (Code("*a* $b$"),)),
        (r"$\frac{1}{2}$", (Math(r"\frac{1}{2}"),)),
        ("[@a2014]", (Cite(("a2014",)),)),
        ("[@a; @b]", (Cite(("a", "b")),)),
        ("[#fig-a]", (Ref("fig-a"),)),
        ("[x](https://a.org/b_(c))", (Link((Text("x"),), "https://a.org/b_(c)"),)),
        (r"\*a\*", (Text("*a*"),)),
        ("a \n b", (Text("a b"),)),
    ],
)
def test_markup_is_read(written: str, spans: tuple[object, ...]) -> None:
    assert parse(written) == spans


@pytest.mark.parametrize(
    "text",
    [
        "a * b * c", "2*3*4", "0.81*, 0.79*", "snake_case", "p < 0.05", "it costs 5 $ or 6 $",
        "[1, 2]", "a@b.org", "#3", "[x](javascript:alert)", "*open", r"C:\temp", "50% ~ & --",
    ],
)  # fmt: skip
def test_signs_that_open_nothing_are_themselves(text: str) -> None:
    assert parse(text) == (Text(text),)


def test_no_line_breaks_inside_a_figure() -> None:
    (text,) = parse("95 % of 0.98 ± 0.01 (n = 10); 5 % and ± alone, an n")
    assert isinstance(text, Text)
    figures = ("95 %", "0.98 ± 0.01", "n = 10", "5 %")
    assert all(figure.replace(" ", "\N{NO-BREAK SPACE}") in text.text for figure in figures)
    assert text.text.count("\N{NO-BREAK SPACE}") == 6


def test_an_interval_stays_on_its_line() -> None:
    (text,) = parse("−0.001 (−0.006 to −0.002), from 5 to 20, to 3")
    assert text == Text("−0.001 (−0.006\u00a0to\u00a0−0.002), from 5\u00a0to\u00a020, to 3")
    assert polish("0.97–0.98, a–b") == "0.97–\u20600.98, a–b"


@pytest.mark.parametrize(
    ("written", "polished"),
    [
        ("the network's and the seeds' mean", "the network’s and the seeds’ mean"),
        ("'s size", "’s size"),
        ("'unet' isn't 5' long, 'a b'.", "‘unet’ isn’t 5' long, ‘a b’."),
    ],
)
def test_apostrophes_are_typographic(written: str, polished: str) -> None:
    assert polish(written) == polished


@given(st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"])))
def test_literal_text_is_never_markup(text: str) -> None:
    assert plain(literal(text)) == text
    assert all(isinstance(span, Text) for span in parse(literal(text)))


@settings(max_examples=40, deadline=None)
@given(st.text(alphabet=st.one_of(st.characters(codec="utf-8"), st.sampled_from('\\"#{}$[]'))))
def test_no_string_breaks_out_of_its_quotes_in_typst(text: str) -> None:
    typst = pytest.importorskip("typst")
    markup = f"#metadata({quote(text)}) <it>"
    found = typst.query(markup.encode(), "<it>", field="value", one=True, ignore_system_fonts=True)
    assert json.loads(found) == text


def test_control_characters_are_replaced() -> None:
    assert parse("a\x00b\x1bc") == (Text("a\ufffdb\ufffdc"),)
