"""Text for the HTML page: everything is escaped, then wrapped in the few elements of `inline`."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape

from pointillist.report.document.inline import (
    Cite,
    Code,
    Emphasis,
    Link,
    Math,
    Ref,
    Span,
    Strong,
    Text,
    parse,
    polish,
)
from pointillist.report.document.mathml import render_mathml
from pointillist.report.document.plan import Plan
from pointillist.report.document.typesetting import draw_formula

# Against the text: faces on screens have larger small letters.
_FORMULA_SIZE = 1.06
_JOINER = "&#8288;"


def render_inline(text: str, plan: Plan) -> str:
    """Marked-up text as HTML.

    Args:
        text: See `inline`.
        plan: Where its labels and citations lead.
    """
    return _spans(parse(text), plan)


def _spans(spans: Sequence[Span], plan: Plan) -> str:
    parts: list[str] = []
    for before, span in zip((None, *spans), spans, strict=False):
        if before is not None and _sticks(before, span):
            parts.append(_JOINER)
        parts.append(_span(span, plan))
    return "".join(parts)


def _sticks(before: Span, span: Span) -> bool:
    """Whether a formula touches the text beside it, so that no line may end between them."""
    if isinstance(before, Math) and isinstance(span, Text):
        return not span.text[0].isspace()
    return isinstance(span, Math) and isinstance(before, Text) and not before.text[-1].isspace()


def render_formula(source: str, *, display: bool = False) -> str:
    """A formula as a drawing, which looks the same everywhere, with MathML for those who listen.

    Browsers set MathML well only where a font for mathematics is installed.
    """
    drawn = draw_formula(source, display=display)
    data = base64.b64encode(drawn.svg).decode("ascii")
    size = f"width: {_em(drawn.width)}; height: {_em(drawn.height)}"
    if display:  # the style may make it smaller where the page is narrow
        size = f"--width: {_em(drawn.width)}; {size}"
    shift = "" if display else f"; vertical-align: {_em(-drawn.depth)}"
    image = f'<img src="data:image/svg+xml;base64,{data}" alt="" style="{size}{shift}">'
    spoken = render_mathml(source, display=display)
    return f'<span class="math">{image}<span class="spoken">{spoken}</span></span>'


def _em(value: float) -> str:
    return f"{_FORMULA_SIZE * value:.4g}em"


def _span(span: Span, plan: Plan) -> str:
    match span:
        case Text(text):
            return escape(polish(text))
        case Code(text):
            return f"<code>{escape(text)}</code>"
        case Math(source):
            return render_formula(source)
        case Emphasis(children):
            return f"<em>{_spans(children, plan)}</em>"
        case Strong(children):
            return f"<strong>{_spans(children, plan)}</strong>"
        case Link(children, url):
            return f'<a href="{escape(url)}">{_spans(children, plan)}</a>'
        case Cite(keys):
            links = (f'<a href="#ref:{escape(k)}">{plan.numbers[k]}</a>' for k in keys)
            return f'<span class="cite">[{", ".join(links)}]</span>'
        case Ref(label):
            target = plan.targets[label]
            return f'<a href="#{escape(target.anchor)}">{escape(target.name)}</a>'
