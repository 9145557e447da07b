"""The compiler that sets the PDF and draws the formulas of the HTML page."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from pointillist.errors import PointillistError
from pointillist.report.document.typst_math import render_typst_math

Result = TypeVar("Result")

# A page as large as its formula. A strut far below the line tells the ascent from the depth.
_FORMULA = """
#set page(width: auto, height: auto, margin: 1.5pt, fill: none)
#set text(
  font: "Libertinus Serif", size: 10pt, fill: rgb("#1f2328"),
  top-edge: "bounds", bottom-edge: "bounds",
)
#show math.equation: set text(font: "New Computer Modern Math")
#let it = math.equation(block: {block}, ${math}$.body)
#it
#context {{
  let with-strut = [#math.equation(${math}$.body)#box(width: 1pt, height: 99pt, baseline: 99pt)]
  [#metadata((measure(it).height.pt(), measure(with-strut).height.pt() - 99)) <size>]
}}
"""
# The page's style takes the margin back.
_MARGIN_PT, _EM_PT = 1.5, 10.0


class TypesettingError(PointillistError, RuntimeError):
    """Something cannot be typeset on this machine, or the compiler refuses it."""


@dataclass(frozen=True)
class DrawnFormula:
    """A formula as a picture.

    Attributes:
        svg: The drawing.
        width, height: Size in em, with a margin for what overhangs.
        depth: How far the formula itself reaches below the line, in em.
    """

    svg: bytes
    width: float
    height: float
    depth: float


def compile_pdf(markup: str, pictures: Mapping[str, bytes]) -> bytes:
    """Set a document, as accessible PDF (PDF/UA-1) wherever its content allows.

    Args:
        markup: Typst markup.
        pictures: Files that it names.

    Raises:
        TypesettingError: The compiler is missing or fails.
    """
    typst = _compiler()
    with tempfile.TemporaryDirectory(prefix="pointillist-") as folder:
        for name, data in pictures.items():
            Path(folder, name).write_bytes(data)
        source = Path(folder, "report.typ")
        source.write_text(markup, encoding="utf-8")

        def compile_to(standards: list[str]) -> bytes:
            return bytes(
                typst.compile(
                    str(source),
                    root=folder,
                    font_paths=[str(_figure_fonts())],
                    ignore_system_fonts=True,
                    pdf_standards=standards,
                )
            )

        try:
            return compile_to(["ua-1"])
        except typst.TypstError:
            # A character that no font has, for example, keeps a file from being accessible.
            return _checked(typst, lambda: compile_to([]))


@lru_cache(maxsize=1024)
def draw_formula(source: str, *, display: bool = False) -> DrawnFormula:
    """Draw a formula.

    Args:
        source: LaTeX.
        display: On a line of its own, with limits above and below.

    Raises:
        FormulaError: Something in it is not understood.
        TypesettingError: The compiler is missing or fails.
    """
    math = render_typst_math(source)
    markup = _FORMULA.format(math=math, block=str(display).lower()).encode()
    typst = _compiler()

    def draw() -> tuple[bytes, str]:
        svg = typst.compile(markup, format="svg", ignore_system_fonts=True)
        size = typst.query(markup, "<size>", field="value", one=True, ignore_system_fonts=True)
        return svg, size

    svg, size = _checked(typst, draw)
    height, ascent = json.loads(size)
    width = float(svg[: svg.index(b">")].split(b'width="')[1].split(b"pt")[0])
    return DrawnFormula(
        svg,
        width / _EM_PT,
        (height + 2 * _MARGIN_PT) / _EM_PT,
        (height - ascent) / _EM_PT,
    )


def _compiler() -> ModuleType:
    try:
        import typst
    except ImportError as error:
        raise TypesettingError(
            "Reports need the package 'typst', which is not installed. "
            "Install it with 'pip install typst'."
        ) from error
    return typst


def _checked(typst: ModuleType, work: Callable[[], Result]) -> Result:
    try:
        return work()
    except typst.TypstError as error:
        raise TypesettingError(
            f"The report cannot be typeset: {error.message}. A picture of it may be "
            "damaged; otherwise this is a fault of Pointillist's."
        ) from error


def _figure_fonts() -> Path:
    """Where matplotlib keeps the face that its figures name, so that no system font is needed."""
    import matplotlib as mpl

    return Path(mpl.get_data_path(), "fonts", "ttf")
