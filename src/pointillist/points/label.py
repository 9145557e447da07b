"""A label that is being made, a change of it, and a line of its history: plain data."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Label:
    """One labelled feature.

    Args:
        uid: Its name for ever, chosen by whoever made it.
        wkt: Geometry in the file's coordinates.
        name: Name of its class; None where it is still to be filled in.
        author: Who made or last changed it.
        source: `click`, `suggestion`, `sample`, `import` …
        created: When, ISO 8601 in UTC.
        round: In which round of suggestions, 0 before the first.
        version: Counts its changes, from 1.
    """

    uid: str
    wkt: str
    name: str | None
    author: str = ""
    source: str = "click"
    created: str = ""
    round: int = 0
    version: int = 1


@dataclass(frozen=True)
class Change:
    """What is to become of one feature.

    Args:
        uid: Which one.
        base_version: Version that whoever asks has seen; 0 for a feature that does not exist.
        label: What it shall be; None deletes it.
        keeps_author: Whether it stays that of `label.author`, whoever asks.
    """

    uid: str
    base_version: int
    label: Label | None
    keeps_author: bool = False


@dataclass(frozen=True)
class Event:
    """One line of the history.

    Args:
        seq: Its number, from 1.
        at: When, ISO 8601 in UTC.
        author: Who did it.
        uid: The feature; empty where the classes changed.
        before: The feature as it was, None where there was none.
        after: The feature as it became, None where it was deleted.
    """

    seq: int
    at: str
    author: str
    uid: str
    before: Label | None
    after: Label | None


def dump_label(label: Label | None) -> str | None:
    """As JSON, None for none."""
    return None if label is None else json.dumps(asdict(label), ensure_ascii=False)


def load_label(text: str | None) -> Label | None:
    """What `dump_label` wrote."""
    return None if text is None else Label(**json.loads(text))
