"""Formulas: one LaTeX source, read strictly, set for the PDF and for the page."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from pointillist.report.document import FormulaError
from pointillist.report.document.mathml import render_mathml
from pointillist.report.document.typesetting import draw_formula
from pointillist.report.document.typst_math import render_typst_math

FORMULAS = [
    "x",
    r"x_i^2 + {}^3 y'_k",
    r"-\frac{1}{N} \sum_{i=1}^{N} m_i \log p_{i, y_i}",
    r"\hat{A}_k = \sqrt[3]{\overline{ab} + \widehat{cd} + \vec{v} + \bar{x}}",
    r"\left( \frac{a}{b} \right] \cdot \left| x \right| \cdot \left\{ y \right.",
    r"f(x) = \begin{cases} 1 & \text{if } x > 0 \\ 0 & \text{otherwise} \end{cases}",
    r"\begin{aligned} a &= b \\ &= c \\ \end{aligned}",
    r"\begin{pmatrix} a & b \\ c & d \end{pmatrix} \begin{matrix} 1 \end{matrix}",
    r"\argmax_c \operatorname{softmax}(z)_c \le \max_{k \in \{1, \dots, K\}} 95\,\%",
    r"\mathbf{x} \in \mathbb{R}^{H \times W}, \mathcal{L}, \boldsymbol{\theta}, \mathfrak{C}, \ell",
    r'\underbrace{a + b}_{n} \overbrace{c}^{\text{say "#panic() <b>"}} \binom{n}{k}',
    r"\left\lfloor \frac{a}{b} \right\rfloor [0, 1) \int_0^1 g(t)\,dt",
    r"\qquad \lVert x \rVert_2 ! : ; / * \| \lfloor y \rfloor",
    r"\# \& \$ \_ @ \text{a_b $ # & <i>} \Gamma \infty",
]  # fmt: skip


@pytest.mark.parametrize("source", FORMULAS)
def test_formula_is_set_in_both_outputs(source: str) -> None:
    for display in (False, True):
        ElementTree.fromstring(render_mathml(source, display=display))
        drawn = draw_formula(source, display=display)
        ElementTree.fromstring(drawn.svg)
        assert drawn.width > 0
        assert 0 <= drawn.depth < drawn.height


def test_letters_are_slanted_and_words_upright() -> None:
    assert render_typst_math(r"p \mathrm{pCE} 2") == 'p"pCE"2'
    found = render_mathml(r"p \mathrm{pCE} 2")
    assert "<mi>p</mi><mtext>pCE</mtext><mn>2</mn>" in found


def test_sums_have_their_bounds_above_and_below_and_letters_beside() -> None:
    found = render_mathml(r"\sum_i^n x_i^n", display=True)
    assert "<munderover><mo>∑</mo><mi>i</mi><mi>n</mi></munderover>" in found
    assert "<msubsup><mi>x</mi><mi>i</mi><mi>n</mi></msubsup>" in found


def test_depth_is_what_hangs_below_the_line() -> None:
    assert draw_formula("x").depth < 0.05 < draw_formula("y").depth < draw_formula("x_j").depth


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (r"\nonsense{x}", r"uses '\\nonsense'"),
        (r"\frac{1}", "ends before it is complete"),
        ("{a", "without its '}'"),
        ("a}", "stray '}'"),
        ("a & b", "stray '&'"),
        ("x^1^2", r"two '\^'"),
        ("x^", "ends before"),
        (r"\left( a", "ends before"),
        (r"\left q a \right)", "where a delimiter is needed"),
        (r"\begin{cases} 1 \end{matrix}", "begins 'cases' but ends 'matrix'"),
        (r"\begin{tikz} 1 \end{tikz}", "environment 'tikz'"),
        (" ", "is empty"),
    ],
)
def test_what_is_not_understood_is_refused_by_name(source: str, said: str) -> None:
    with pytest.raises(FormulaError, match=said):
        render_mathml(source)
