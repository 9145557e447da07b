"""Text written beside its final name and moved into place."""

from __future__ import annotations

import os
from pathlib import Path

from pointillist.prediction.ledger import sync_file
from pointillist.raster.full_disk import writing


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all.

    Raises:
        OutputError: It cannot be written.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with writing(path):
            with part.open("w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                sync_file(file)
            part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def relative(path: str | Path, folder: Path) -> str:
    """A path as seen from a folder, with forward slashes; remote ones and URLs as they are."""
    text = os.fspath(path)
    if text.startswith("/vsi") or "://" in text:
        return text
    try:
        return Path(os.path.relpath(Path(text).resolve(), folder.resolve())).as_posix()
    except ValueError:  # another drive
        return Path(text).resolve().as_posix()
