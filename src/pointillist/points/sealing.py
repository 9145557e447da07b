"""Columns a mapper must not see while answering: kept in the file's metadata, not as fields.

A blind reference sample hides in which stratum a point was drawn, for the strata are what the map
says. It is no secret writing: it keeps the answer out of tables, labels and pop-ups. Points are
known again by the field `sample_id`, which counts from 1, so rows may be sorted or taken out.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pointillist.errors import PointsError

SEAL_KEY = "sealed"
ID_FIELD = "sample_id"


def seal(columns: Mapping[str, Sequence[Any]]) -> str:
    """One text of columns whose rows are in the order of `sample_id`."""
    text = json.dumps({name: list(values) for name, values in columns.items()})
    return base64.b64encode(zlib.compress(text.encode())).decode()


def sealed_column(
    metadata: Mapping[str, Any], columns: Mapping[str, NDArray[Any]], name: str, source: str
) -> NDArray[Any] | None:
    """A sealed column for the rows that a file has; None where the file seals no such column.

    Args:
        metadata: The file's, see `read_metadata`.
        columns: Its fields.
        name: Of the column.
        source: Name of the file for messages.

    Raises:
        PointsError: The seal is damaged, or points cannot be told by their `sample_id`.
    """
    text = metadata.get(SEAL_KEY)
    if not text:
        return None
    values = _open(str(text), source).get(name)
    if values is None:
        return None
    if ID_FIELD not in columns:
        raise PointsError(
            f"Expected the field '{ID_FIELD}' in {source}, by which its metadata knows how each "
            f"point was drawn, but its fields are: {', '.join(columns) or 'none'}. Put it back as "
            "`sample` wrote it."
        )
    return np.array(
        [values[i] for i in _rows(columns[ID_FIELD], len(values), source)], dtype=object
    )


def _rows(ids: NDArray[Any], n: int, source: str) -> list[int]:
    rows = []
    for i, value in enumerate(ids):
        try:
            number = int(value)
        except (TypeError, ValueError):
            number = 0
        if not 1 <= number <= n:
            raise PointsError(
                f"Expected a {ID_FIELD} from 1 to {n} for every point of {source}, but row {i + 1} "
                f"has {value!r}. Take out points that `sample` did not draw."
            )
        rows.append(number - 1)
    return rows


def _open(text: str, source: str) -> dict[str, Any]:
    try:
        found = json.loads(zlib.decompress(base64.b64decode(text)))
    except (ValueError, zlib.error) as error:
        raise PointsError(
            f"The metadata of {source} that say how its points were drawn are damaged. Start from "
            "the file that `sample` wrote."
        ) from error
    return found if isinstance(found, dict) else {}
