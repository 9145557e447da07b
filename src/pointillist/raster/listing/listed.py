"""A scene that a list names."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ListedScene:
    """One scene.

    Args:
        path: Any path GDAL opens.
        label: What its results are named after; None for the file's own name.
        acquired: When it was taken, as in its list (RFC 3339); None if the list does not say.
        item: The STAC item it comes from; None if it comes from none.
    """

    path: str
    label: str | None = None
    acquired: str | None = None
    item: str | None = None
