"""What a file of reference points says about how they were drawn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pointillist.errors import PointsError
from pointillist.points.sealing import sealed_column

CLICKED = ("click", "clicked", "suggestion", "suggested", "manual", "purposive", "training")
"""Words of the field `source` for points whose place a person or a program chose."""

_CHANCE = "inclusion_probability"


@dataclass(frozen=True)
class SampleRecord:
    """What the file says about how each of its N points was drawn.

    Args:
        source: Name of the file.
        columns: Fields by name, each (N,).
        metadata: Kept with the file.
    """

    source: str
    columns: Mapping[str, NDArray[Any]]
    metadata: Mapping[str, Any]

    def column(self, name: str) -> NDArray[Any] | None:
        """A field, None where it is absent or wholly empty."""
        values = self.columns.get(name)
        if values is None:
            values = sealed_column(self.metadata, self.columns, name, self.source)
        if values is None or all(is_empty(v) for v in values):
            return None
        return values

    @property
    def chosen_points(self) -> int:
        """How many points somebody or something chose, by the field `source`."""
        values = self.columns.get("source")
        return 0 if values is None else sum(str(v).casefold() in CLICKED for v in values)

    @property
    def designs(self) -> dict[str, int]:
        """How many points are recorded with each design, in small letters."""
        values = self.column("design")
        names = [] if values is None else [_plain(v) for v in values if not is_empty(v)]
        if not names and self.metadata.get("design"):
            names = [_plain(self.metadata["design"])]
        return dict(Counter(names))

    @property
    def design(self) -> str | None:
        """The recorded design; None where none is recorded, `mixed` where several are."""
        names = list(self.designs)
        return names[0] if len(names) == 1 else ("mixed" if names else None)

    @property
    def probabilities(self) -> NDArray[np.float64] | None:
        """(N,) inclusion probabilities, None where none are recorded.

        Raises:
            PointsError: One is missing, or no share above 0 and up to 1: an estimate that left them
                out would be another one.
        """
        values = self.column(_CHANCE)
        if values is None:
            return None
        numbers = np.array([as_number(v) for v in values])
        wrong = np.flatnonzero(~((numbers > 0) & (numbers <= 1)))
        if len(wrong):
            row = int(wrong[0])
            got = "none" if is_empty(values[row]) else f"'{values[row]}'"
            raise PointsError(
                f"Expected a share above 0 and up to 1 in the field '{_CHANCE}' of every point of "
                f"{self.source}, got {got} in row {row + 1} ({len(wrong)} in all). Correct "
                "them, or remove the field if the chances are not known."
            )
        return numbers


def _plain(value: Any) -> str:
    return str(value).strip().casefold()


def as_number(value: Any) -> float:
    """A number that a person wrote; NaN where it is none."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")


def as_name(value: Any) -> str:
    """The text of a stratum: whole numbers without a fraction, as GIS files mix 1 and 1.0."""
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value).strip()


def is_empty(value: Any) -> bool:
    """Whether a field says nothing."""
    if value is None or (isinstance(value, float | np.floating) and np.isnan(value)):
        return True
    return str(value).strip() in {"", "<NA>", "None", "NaT"}
