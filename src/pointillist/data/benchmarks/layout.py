"""Finding the files of a published data set, and saying what is missing."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pointillist.data.benchmarks.labels import LabelFiles
from pointillist.errors import InputError, LayoutError
from pointillist.legend import Legend
from pointillist.models import Normalisation

SPLITS = ("train", "val", "test")
_MOST_FOLDERS = 20
_ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".7z", ".rar")


@dataclass(frozen=True)
class Sample:
    """One image of a data set and its labels.

    Args:
        name: What the publisher calls it, less file endings.
        images: Files whose bands are stacked in this order, with the numbers of the bands (from 1).
        labels: Where its classes are.
    """

    name: str
    images: tuple[tuple[Path, tuple[int, ...]], ...]
    labels: LabelFiles


@dataclass(frozen=True)
class SplitFiles:
    """What was found of one split.

    Args:
        legend: Classes by index.
        samples: Images with labels, in the order of their names.
        notices: What a person should know, a sentence each.
    """

    legend: Legend
    samples: tuple[Sample, ...]
    notices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Benchmark:
    """A published data set.

    Args:
        name: Name in commands.
        title: Name in sentences.
        publisher: Where to get it; empty for files of one's own.
        tree: Files as the publisher lays them out.
        bands: Names of the bands of its images.
        normalisation: How raw values become network input.
        find: Takes root and split, gives the files.
    """

    name: str
    title: str
    publisher: str
    tree: str
    bands: tuple[str, ...]
    normalisation: Normalisation
    find: Callable[[Path, str], SplitFiles]


class WrongLayoutError(Exception):
    """What an adapter did not find; `open_files` adds root, tree and publisher."""


def open_files(benchmark: Benchmark, root: Path, split: str) -> SplitFiles:
    """Find the files of a split.

    Raises:
        InputError: No such split.
        LayoutError: The root, a folder or the labels of an image are missing; the message says in
            which folder near the root the data set is, if it is in one, and shows the tree that is
            expected.
    """
    if split not in SPLITS:
        raise InputError(f"Expected a split of {', '.join(SPLITS)}, got '{split}'.")
    try:
        if not root.is_dir():
            raise WrongLayoutError(
                "it is no folder" if root.exists() else "there is no such folder"
            )
        return benchmark.find(root, split)
    except WrongLayoutError as error:
        remedy = _remedy(benchmark, root, split)
        tree = "\n".join(f"  {line}" for line in benchmark.tree.strip("\n").splitlines())
        raise LayoutError(
            f"Expected {benchmark.title} in '{root}', but {error}. {remedy} "
            f"Unpacked, it looks like this:\n{tree}"
        ) from None


def _remedy(benchmark: Benchmark, root: Path, split: str) -> str:
    """Name the folder that the data set is in, or unpack it, or get it."""
    near = _look_around(benchmark, root, split)
    if near is not None:
        return f"It is in '{near}': name that folder."
    packed = [
        path.name
        for name, paths in entries_by_name(root).items()
        for path in paths
        if name.endswith(_ARCHIVES)
    ]
    if packed:
        return f"Unpack {', '.join(packed)} first, each into this folder."
    if not benchmark.publisher:
        return "Name a folder that holds both."
    return f"Get it from {benchmark.publisher}."


def _look_around(benchmark: Benchmark, root: Path, split: str) -> Path | None:
    """A folder one or two levels below or above the root that holds the split as it should be."""
    if not root.is_dir():
        return None
    below = _folders_in(root)
    root = root.resolve()
    for folder in [*below, *(f for one in below for f in _folders_in(one)), *root.parents[:2]]:
        try:
            benchmark.find(folder, split)
        except (WrongLayoutError, OSError):
            continue
        return folder
    return None


def _folders_in(folder: Path) -> list[Path]:
    """The first folders in a folder; there are few where a whole data set lies too deep."""
    try:
        found = sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))
    except OSError:
        return []
    return found[:_MOST_FOLDERS]


def first_folder(root: Path, names: Iterable[str]) -> Path:
    """The first folder of these names below the root, also where an archive nests it in itself.

    Raises:
        WrongLayoutError: None of them exists.
    """
    names = tuple(names)
    found = [folder for name in names for folder in nested(root, name)]
    if not found:
        raise WrongLayoutError(f"there is no folder {' or '.join(names)} in {root.name or root}")
    return found[0]


def nested(root: Path, name: str) -> tuple[Path, ...]:
    """Folders of a name below the root, nested ones first.

    Some unpackers put a folder into one of the same name. Upper and lower case are the same, as on
    the disks of other systems.

    Args:
        root: Where to look.
        name: Of the folder, or several from the outer to the inner (`outer/inner`).

    Returns:
        What there is; nothing where there is no such folder.
    """
    found = [root]
    for part in Path(name).parts:
        outer = [folder for base in found for folder in _named(base, part)]
        found = [*(inner for folder in outer for inner in _named(folder, part)), *outer]
    return tuple(found)


def _named(folder: Path, name: str) -> list[Path]:
    """The folder of this name, the exact one first, those of another case after it."""
    found = [p for p in entries_by_name(folder).get(name.lower(), []) if p.is_dir()]
    return sorted(found, key=lambda p: (p.name != name, p.name))


def entries_by_name(folder: Path) -> dict[str, list[Path]]:
    """What is in a folder by its name in lower case; hidden files are left out."""
    entries: dict[str, list[Path]] = {}
    if folder.is_dir():
        for path in sorted(folder.iterdir()):
            if not path.name.startswith("."):
                entries.setdefault(path.name.lower(), []).append(path)
    return entries


def files_by_stem(folder: Path, suffix: str, ending: str = "") -> dict[str, Path]:
    """Files of a folder by their name less `ending` and `suffix`, sorted by name.

    Hidden files are left out, and the case of ending and suffix does not count.
    """
    tail = (ending + suffix).lower()
    entries = entries_by_name(folder)
    found = [path for name, paths in entries.items() if name.endswith(tail) for path in paths]
    return {path.name[: -len(tail)]: path for path in sorted(found)}


def refuse_unlabelled(
    images: Mapping[str, Path],
    labels: Mapping[str, object],
    where: str,
    what: str = "labels",
    split: str = "",
) -> None:
    """Refuse images without labels, or without another part of theirs.

    Args:
        images: By name.
        labels: By name.
        where: Folders in which the labels were looked for.
        what: What is missing, for the message.
        split: Whose images they are, if of one split only.

    Raises:
        WrongLayoutError: At least one; the first is named.
    """
    lonely = [image for name, image in images.items() if name not in labels]
    if lonely:
        raise WrongLayoutError(
            f"{len(lonely)} of {len(images)} {f'{split} ' if split else ''}images have no {what} "
            f"in {where} "
            f"(first: {lonely[0].name})"
        )


def part_of(listed: Sequence[str], found: Sequence[str], split: str) -> tuple[str, ...]:
    """A notice where not all files that the publisher lists were found."""
    if len(found) == len(listed):
        return ()
    return (
        f"Found {len(found)} of the {len(listed)} images that the publisher lists for "
        f"{split}: figures made with them do not compare with published ones.",
    )


def count_of(published: Iterable[int], found: int, folder: str) -> tuple[str, ...]:
    """A notice where a folder holds another number of images than the publisher put into it.

    Args:
        published: How many there are, one number per release.
        found: How many are there.
        folder: Name of the folder.
    """
    if found in (published := tuple(published)):
        return ()
    return (
        f"Found {found} images in {folder} and not the {' or '.join(map(str, published))} that the "
        "publisher has: figures made with them do not compare with published ones.",
    )


def share_of(name: str) -> float:
    """A number in [0, 1) that depends on the name only: who is held out never changes."""
    digest = hashlib.sha256(name.encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def held_out_half(name: str) -> str:
    """Whether a labelled validation file is `val` or stands in for `test`, half each by name.

    For publishers that keep the labels of their test files: training files stay as published, and
    what is tested on stays as far from them as the publisher's validation files are.
    """
    return "val" if share_of(name) < 0.5 else "test"
