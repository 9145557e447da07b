"""SVG text for pages: the colours come from the page, so that figures follow light and dark."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape, quoteattr

INK, QUIET, LINE, PAPER = "var(--ink)", "var(--quiet)", "var(--line)", "var(--paper)"
RIGHT, WRONG = "var(--right)", "var(--wrong)"


def draw(width: float, height: float, title: str, body: Sequence[str], css: str = "") -> str:
    """A figure that scales with the page and says in words what it shows.

    Args:
        width: Of the drawing, in its own units (about a pixel of a telephone).
        height: The same.
        title: What a reader who cannot see the figure is told.
        body: Shapes.
        css: Class of the figure.
    """
    return (
        f'<svg class="figure {css}" role="img" viewBox="0 0 {_n(width)} {_n(height)}" '
        f'style="max-width: {_n(width * 1.5)}px" xmlns="http://www.w3.org/2000/svg" '
        f"aria-label={quoteattr(title)}>{''.join(body)}</svg>"
    )


def rectangle(
    x: float, y: float, width: float, height: float, fill: str, opacity: float = 1.0, **more: str
) -> str:
    """A filled rectangle."""
    return (
        f'<rect x="{_n(x)}" y="{_n(y)}" width="{_n(max(width, 0))}" height="{_n(height)}" '
        f'fill="{fill}" fill-opacity="{_n(opacity)}"{_more(more)}/>'
    )


def line(x1: float, y1: float, x2: float, y2: float, stroke: str, width: float = 1.0) -> str:
    """A straight line."""
    return (
        f'<path d="M{_n(x1)} {_n(y1)}L{_n(x2)} {_n(y2)}" stroke="{stroke}" '
        f'stroke-width="{_n(width)}" fill="none"/>'
    )


def words(
    x: float,
    y: float,
    content: str,
    *,
    anchor: str = "start",
    fill: str = INK,
    size: float = 11,
    **more: str,
) -> str:
    """A line of text; `y` is its base line."""
    return (
        f'<text x="{_n(x)}" y="{_n(y)}" text-anchor="{anchor}" fill="{fill}" '
        f'font-size="{_n(size)}"{_more(more)}>{escape(content)}</text>'
    )


def shorten(name: str, n: int) -> str:
    """A name of at most `n` characters."""
    return name if len(name) <= n else name[: n - 1].rstrip() + "…"


def _more(attributes: dict[str, str]) -> str:
    named = ((name.replace("_", "-"), value) for name, value in attributes.items())
    return "".join(f" {name}={quoteattr(value)}" for name, value in named)


def _n(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
