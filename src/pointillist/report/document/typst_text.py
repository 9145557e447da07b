"""Marked-up text for the PDF."""

from __future__ import annotations

from collections.abc import Sequence

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
from pointillist.report.document.plan import Plan
from pointillist.report.document.typst_code import quote
from pointillist.report.document.typst_math import render_typst_math


def render_inline(text: str, plan: Plan) -> str:
    """Marked-up text as a block of Typst code.

    Args:
        text: See `inline`.
        plan: Where its labels and citations lead.
    """
    return _spans(parse(text), plan)


def optional(text: str, plan: Plan) -> str:
    """The same, or `none` for no text."""
    return render_inline(text, plan) if text.strip() else "none"


def _spans(spans: Sequence[Span], plan: Plan) -> str:
    # The empty content makes it content even if it is one string.
    return "{[]; " + "; ".join(_span(span, plan) for span in spans) + "}"


def _span(span: Span, plan: Plan) -> str:
    match span:
        case Text(text):
            return quote(polish(text))
        case Code(text):
            # Short code stays in one piece; longer code may break.
            return f"{'code' if len(text) <= 24 else 'code-wrap'}({quote(text)})"
        case Math(source):
            return f"math.equation(alt: {quote(source)}, ${render_typst_math(source)}$.body)"
        case Emphasis(children):
            return f"emph({_spans(children, plan)})"
        case Strong(children):
            return f"strong({_spans(children, plan)})"
        case Link(children, url):
            return f"link({quote(url)}, {_spans(children, plan)})"
        case Cite(keys):
            links = [f"cite-link({quote(str(plan.numbers[k]))}, {quote(k)})" for k in keys]
            return '"["; ' + '; ", "; '.join(links) + '; "]"'
        case Ref(label):
            target = plan.targets[label]
            return f"link(label({quote(target.anchor)}), {quote(target.name)})"
