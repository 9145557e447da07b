"""Facts about a file as a table."""

from __future__ import annotations

from typing import Any

from rich.table import Table


def render(facts: dict[str, Any]) -> Table:
    """Facts as a table of two columns."""
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold")
    table.add_column()
    for key, value in facts.items():
        table.add_row(key.replace("_", " "), _text(value))
    return table


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return "\n".join(f"{k}: {_text(v)}" for k, v in value.items()) or "–"
    if isinstance(value, (list, tuple)):
        lines = [_text(v).replace("\n", "  ") for v in value]
        return ("\n" if any(isinstance(v, dict) for v in value) else ", ").join(lines) or "–"
    if isinstance(value, float):
        return f"{value:.6g}"
    return "–" if value is None else str(value)
