"""Names of results: after their scenes, and no two alike."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePath


def name_files(paths: Sequence[str], labels: Sequence[str | None] | None = None) -> list[str]:
    """A name for the results of each scene, without suffix.

    It is the label, or the file's name; where several scenes would share one, with the names of as
    many folders before it as it takes to tell them apart, then with the suffix, then a number.

    Args:
        paths: The scenes.
        labels: What to name them after; None for their files.

    Returns:
        Names that differ, also where large and small letters are the same.

    Example:
        >>> name_files(["2019/s.tif", "2020/s.tif", "t.tif"])
        ['2019_s', '2020_s', 't']
    """
    chosen = labels or [None] * len(paths)
    choices = [_choices(path, label) for path, label in zip(paths, chosen, strict=True)]
    steps = [0] * len(paths)
    while True:
        names = [c[min(step, len(c) - 1)] for c, step in zip(choices, steps, strict=True)]
        counts = Counter(name.casefold() for name in names)
        alike = [i for i, name in enumerate(names) if counts[name.casefold()] > 1]
        further = [i for i in alike if steps[i] < len(choices[i]) - 1]
        if not further:
            return _numbered(names)
        for i in further:
            steps[i] += 1


def _choices(path: str, label: str | None) -> list[str]:
    """Ever longer names of one scene."""
    place = PurePath(path.split("?")[0])
    folders = [part for part in place.parent.parts if part not in ("/", "..", ".")]
    stem = place.stem if label is None else label
    longer = ["_".join([*folders[-n:], stem]) for n in range(1, len(folders) + 1)]
    names = [stem, *longer]
    names.append(f"{names[-1]}_{place.suffix.lstrip('.')}")
    return [_clean(name) for name in names]


def _clean(name: str) -> str:
    return re.sub(r"[^\w.+-]+", "_", name).strip("_") or "scene"


def _numbered(names: list[str]) -> list[str]:
    taken: set[str] = set()
    result = []
    for name in names:
        numbered, n = name, 1
        while numbered.casefold() in taken:
            n += 1
            numbered = f"{name}_{n}"
        taken.add(numbered.casefold())
        result.append(numbered)
    return result
