"""Finding the files of a published data set, and saying what is missing."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pointillist.data.benchmarks.labels import LabelFiles
from pointillist.errors import InputError, MissingFileError
from pointillist.legend import Legend
from pointillist.models import Normalisation

SPLITS = ("train", "val", "test")


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
        publisher: Where to get it.
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
        MissingFileError: The root, a folder or the labels of an image are missing; the message
            shows the tree that is expected.
    """
    if split not in SPLITS:
        raise InputError(f"Expected a split of {', '.join(SPLITS)}, got '{split}'.")
    try:
        if not root.is_dir():
            raise WrongLayoutError("there is no such folder")
        return benchmark.find(root, split)
    except WrongLayoutError as error:
        tree = "\n".join(f"  {line}" for line in benchmark.tree.strip("\n").splitlines())
        raise MissingFileError(
            f"Expected {benchmark.title} in '{root}', but {error}. Unpacked, it looks like this:\n"
            f"{tree}\nGet it from {benchmark.publisher}."
        ) from None


def first_folder(root: Path, names: Iterable[str], what: str) -> Path:
    """The first folder of these names below the root, also where an archive nests it in itself.

    Raises:
        WrongLayoutError: None of them exists.
    """
    names = tuple(names)
    found = [folder for name in names for folder in nested(root, name) if folder.is_dir()]
    if not found:
        raise WrongLayoutError(f"there is no folder {' or '.join(names)} of {what}")
    return found[0]


def nested(root: Path, name: str) -> tuple[Path, ...]:
    """A folder, and the folder of the same name in it that some unpackers make; nested first."""
    inner = root / name / Path(name).name
    return (inner, root / name) if inner.is_dir() else (root / name,)


def files_by_stem(folder: Path, suffix: str, ending: str = "") -> dict[str, Path]:
    """Files of a folder by their name less `ending` and `suffix`, sorted; hidden files are not."""
    if not folder.is_dir():
        return {}
    tail = ending + suffix
    names = sorted(p.name for p in folder.iterdir() if not p.name.startswith("."))
    return {n[: -len(tail)]: folder / n for n in names if n.endswith(tail)}


def refuse_unlabelled(
    images: Mapping[str, Path], labels: Mapping[str, object], where: str, what: str = "labels"
) -> None:
    """Refuse images without labels, or without another part of theirs.

    Raises:
        WrongLayoutError: At least one; the first is named.
    """
    lonely = [image for name, image in images.items() if name not in labels]
    if lonely:
        raise WrongLayoutError(
            f"{len(lonely)} of {len(images)} images have no {what} in {where} "
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
