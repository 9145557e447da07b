"""What a file of reference points says about how they were drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pointillist.points.sealing import sealed_column

CLICKED = ("click", "clicked", "suggestion", "suggested", "manual", "purposive", "training")
"""Words of the field `source` for points whose place a person or a program chose."""


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
    def design(self) -> str | None:
        """The recorded design; None where none or several are recorded."""
        values = self.column("design")
        names = set() if values is None else {str(v) for v in values if not is_empty(v)}
        if not names and self.metadata.get("design"):
            names = {str(self.metadata["design"])}
        return names.pop() if len(names) == 1 else ("mixed" if names else None)

    @property
    def probabilities(self) -> NDArray[np.float64] | None:
        """(N,) inclusion probabilities, None where they are not recorded for every point."""
        values = self.column("inclusion_probability")
        if values is None:
            return None
        numbers = np.array([np.nan if is_empty(v) else float(v) for v in values])
        return numbers if bool(np.all((numbers > 0) & (numbers <= 1))) else None


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
