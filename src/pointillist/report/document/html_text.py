"""Text for the HTML page: everything is escaped, then wrapped in the few elements of `inline`."""

from __future__ import annotations

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
)
from pointillist.report.document.mathml import render_mathml
from pointillist.report.document.plan import Plan


def render_inline(text: str, plan: Plan) -> str:
    """Marked-up text as HTML.

    Args:
        text: See `inline`.
        plan: Where its labels and citations lead.
    """
    return _spans(parse(text), plan)


def _spans(spans: Sequence[Span], plan: Plan) -> str:
    return "".join(_span(span, plan) for span in spans)


def _span(span: Span, plan: Plan) -> str:
    match span:
        case Text(text):
            return escape(text)
        case Code(text):
            return f"<code>{escape(text)}</code>"
        case Math(source):
            return render_mathml(source)
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
