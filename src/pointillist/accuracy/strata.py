"""How many pixels each stratum of a sample has."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pointillist.accuracy.record import as_number
from pointillist.errors import InputError, MissingFileError

StratumSizes = str | os.PathLike[str] | Mapping[str, float]


def read_stratum_sizes(sizes: StratumSizes) -> dict[str, float]:
    """Read pixels per stratum from a mapping or a CSV file.

    Args:
        sizes: A mapping, or a CSV whose first two columns are stratum and pixels, with or without
            a header.

    Raises:
        MissingFileError: There is no such file.
        InputError: It does not hold a name and a number above 0 per row, or a name twice.
    """
    if isinstance(sizes, Mapping):
        rows: list[tuple[str, Any]] = [(str(k), v) for k, v in sizes.items()]
        source = "the stratum sizes"
    else:
        rows, source = _read_size_rows(Path(sizes)), f"'{sizes}'"
    names = [name for name, _ in rows]
    doubled = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if doubled:
        raise InputError(
            f"Expected each stratum once in {source}, got '{doubled[0]}' {names.count(doubled[0])} "
            "times. Remove the wrong lines, or add them up."
        )
    numbers = {name: as_number(value) for name, value in rows}
    bad = [name for name, value in numbers.items() if not value > 0]
    if bad or not numbers:
        what = f"stratum '{bad[0]}'" if bad else "no stratum at all"
        raise InputError(
            f"Expected pixels above 0 for every stratum in {source}, got none for {what}. "
            "Write one line per stratum: name,pixels."
        )
    return numbers


def _read_size_rows(path: Path) -> list[tuple[str, Any]]:
    if not path.exists():
        raise MissingFileError(
            f"Stratum sizes '{path}' do not exist. Check the path after --stratum-sizes."
        )
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = [[cell.strip() for cell in row] for row in csv.reader(file) if any(row)]
    if any(len(row) < 2 for row in rows):
        raise InputError(f"Expected two columns in '{path}': stratum,pixels. Add the missing one.")
    if rows and np.isnan(as_number(rows[0][1])):
        rows = rows[1:]  # header
    return [(row[0], row[1]) for row in rows]


def refuse_unsized(strata: Sequence[str], sizes: Mapping[str, float]) -> None:
    """Refuse sizes that leave a stratum out.

    Raises:
        InputError: A stratum of the sample has no size.
    """
    unsized = [s for s in strata if s not in sizes]
    if unsized:
        raise InputError(
            f"Expected a size for every stratum, but '{unsized[0]}' has none among "
            f"{', '.join(sizes)}. Add it to the stratum sizes."
        )
