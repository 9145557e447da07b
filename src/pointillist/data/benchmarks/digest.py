"""A digest of the files of a split, by which its records are known again."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

from pointillist.data.benchmarks.layout import SplitFiles
from pointillist.errors import UnreadableFileError

# Label files of a split that are read for it: beyond, reading would take longer than training.
_MOST_READ = 5000


def digest_files(files: SplitFiles, root: Path) -> str:
    """Sixteen hexadecimal digits of classes, images and labels.

    Images count by name and size, labels by content too: all of them where there are few, else
    evenly spaced ones. Where the root lies does not count.

    Raises:
        UnreadableFileError: Labels that cannot be read.
    """
    legend = files.legend
    digest = hashlib.sha256(repr((legend.codes, legend.names, legend.colors)).encode())
    labels = [path for sample in files.samples for path in sample.labels.files]
    images = [(path, bands) for sample in files.samples for path, bands in sample.images]
    for path, bands in images:
        digest.update(repr((_below(root, path), path.stat().st_size, bands)).encode())
    step = max(1, -(-len(labels) // _MOST_READ))
    for i, path in enumerate(labels):
        state = path.stat()
        content = _content(path, state.st_size, state.st_mtime_ns) if i % step == 0 else ""
        digest.update(repr((_below(root, path), state.st_size, content)).encode())
    return digest.hexdigest()[:16]


def _below(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name


@lru_cache(maxsize=4 * _MOST_READ)
def _content(path: Path, size: int, changed: int) -> str:
    """Of a file of this size and time of change: while they stay, it is not read again."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UnreadableFileError(
            f"'{path}' cannot be read ({error.strerror}). Copy the file again."
        ) from error
