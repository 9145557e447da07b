"""Numbers and tables of the report: means with half their interval, rows under what they share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from pointillist.report.document import Cell, Subhead, Table, literal
from pointillist.studies.statistics import Mean
from pointillist.studies.tables import Line, format_p, signed, spread

Cells = list[str | int | float | Cell]
EXPLAINED = "The columns are explained in [#statistics]."
_LONG_NAME = 30


def told(mean: Mean) -> str:
    """The same in a sentence, with the number of seeds."""
    seeds = f"{mean.n} seed{'s' if mean.n > 1 else ''}"
    return f"{spread(mean)} ({seeds})"


def listed(parts: Iterable[str]) -> str:
    """`a, b and c`; the empty text where there are none."""
    *most, last = [*parts] or [""]
    return " and ".join(filter(None, [", ".join(most), last]))


def percent(share: float, digits: int = 0) -> str:
    """A share in percent; never a zero with a sign."""
    rounded = round(100 * share, digits) + 0.0
    return f"{rounded:.{digits}f} %".replace("-", "−")


def line_table(
    lines: Sequence[Line],
    caption: str,
    label: str,
    *,
    stated: bool = True,
    against: str = "",
    group: Callable[[Line], tuple[str, str]] | None = None,
) -> Table:
    """Rows with means, intervals and, where there are any, comparisons.

    Args:
        lines: The rows.
        caption: Stands above.
        label: To refer to it.
        stated: Whether the reference study's figures get a column.
        against: What the rows are compared with, in words that follow "Difference to".
        group: Heading of a row, and its name under it; None for rows by their own names.
    """
    compares = any(line.comparison for line in lines)
    columns = ["run", "seeds", "mean IoU", "accuracy"]
    columns += ["reference"] if stated else []
    columns += ["difference", "d", "p"] if compares else []
    rows: list[Cells | Subhead] = []
    heading = ""
    names = [("", line.row.name) if group is None else group(line) for line in lines]
    for line, (over, name) in zip(lines, names, strict=True):
        if over != heading:
            rows.append(Subhead(literal(over)))
            heading = over
        rows.append(_row(line, name, stated=stated, compares=compares))
    long = max(len(name) for _, name in names) > _LONG_NAME
    return Table(
        columns,
        rows,
        caption,
        "l" + "r" * (len(columns) - 1),
        # where names are long they, not the numbers, wrap
        widths=(1, *[0] * (len(columns) - 1)) if long else (),
        notes=(f"Difference to {against}. " if compares and against else "") + EXPLAINED,
        label=label,
    )


def _row(line: Line, name: str, *, stated: bool, compares: bool) -> Cells:
    row: Cells = [literal(name), line.miou.n, spread(line.miou), spread(line.accuracy)]
    if stated:
        row.append("" if line.stated is None else f"{line.stated:.4f}")
    if compares and line.comparison is not None and line.p is not None:
        row += [
            signed(line.comparison.difference.value, 4),
            signed(line.comparison.effect, 1),
            p_cell(line.p),
        ]
    elif compares:
        row += ["", "", ""]
    return row


def p_cell(p: float) -> Cell:
    """A p-value, quiet where it is not significant."""
    tone: Any = "quiet" if p >= 0.05 else "plain"
    return Cell(format_p(p), tone)
