"""Networks that OpenVINO has taken over, kept in the user's cache folder for the next map.

Taking a network over needs PyTorch and the libraries it was built with, which take longer to import
than a middle-sized scene takes to map. A graph that is kept needs none of them.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import sys
import tempfile
import time
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pointillist.prediction.fingerprint import fingerprint_model

if TYPE_CHECKING:
    from pointillist.models import NetworkModel

logger = logging.getLogger(__name__)

# Set to a folder, or to `off`.
VARIABLE = "POINTILLIST_CACHE"
GRAPH_FILE, ABOUT_FILE = "graph.xml", "about.json"
_WEIGHTS_FILE = "graph.bin"
_FORMAT = 1
# Graphs that were not used for longest are removed beyond so many.
MAX_GRAPHS = 16
_BEGUN_S = 3600.0
# What a graph depends on besides the model.
_MADE_BY = ("openvino", "torch", "segmentation-models-pytorch", "timm")


@dataclass(frozen=True)
class Agreement:
    """How far an engine's classes were those of PyTorch in float32.

    Args:
        share: Of pixels, 0…1.
        n_px: Pixels they were compared on.
    """

    share: float
    n_px: int


class GraphCache:
    """Graphs by model, each in a folder of its own with checksums of its files.

    What is damaged, or cannot be read or written, counts as not there: the cache may cost time but
    never a map.

    Args:
        folder: Where they are kept; None keeps none.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    @classmethod
    def of_user(cls) -> GraphCache:
        """In the folder that `POINTILLIST_CACHE` names, else in the platform's for caches."""
        named = os.environ.get(VARIABLE, "").strip()
        if named.lower() in ("off", "0", "none"):
            return cls(None)
        base = Path(named).expanduser() if named else _platform_folder()
        return cls(base / "graphs")

    def find(self, key: str) -> Path | None:
        """The graph's file; None where it is not kept whole."""
        if self.folder is None:
            return None
        place = self.folder / key
        about = self._about(place)
        if about is None:
            return None
        try:
            if about["files"] != _checksums(place):
                raise ValueError("its files are not those that were written")
            (place / ABOUT_FILE).touch()  # used just now
        except (OSError, ValueError) as error:
            self._forget(place, error)
            return None
        return place / GRAPH_FILE

    def keep(self, key: str, save: Callable[[Path], None]) -> Path | None:
        """Keep a graph; returns its file, None where it cannot be kept.

        Args:
            key: Of `graph_key`.
            save: Writes it to a path.
        """
        if self.folder is None:
            return None
        place = self.folder / key
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            made = Path(tempfile.mkdtemp(prefix=".new-", dir=self.folder))
            try:
                save(made / GRAPH_FILE)
                _write_json(made / ABOUT_FILE, {"format": _FORMAT, "files": _checksums(made)})
                shutil.rmtree(place, ignore_errors=True)
                with suppress(OSError):  # another process was faster: its graph is the same
                    made.rename(place)
            finally:
                shutil.rmtree(made, ignore_errors=True)
            self._remove_oldest()
        except (OSError, RuntimeError) as error:  # OpenVINO tells of a full disk like this
            logger.info("The compiled network is not kept for the next time: %s.", _first(error))
            return None
        return self.find(key)

    def agreement(self, key: str) -> Agreement | None:
        """What `note_agreement` noted; None where nothing is known."""
        about = None if self.folder is None else self._about(self.folder / key)
        try:
            return Agreement(**about["agreement"]) if about else None
        except (KeyError, TypeError):
            return None

    def note_agreement(self, key: str, found: Agreement) -> None:
        """Note how far the graph agreed with PyTorch in float32 on real pixels."""
        if self.folder is None:
            return
        place = self.folder / key
        about = self._about(place)
        if about is not None:
            with suppress(OSError):
                _write_json(place / ABOUT_FILE, {**about, "agreement": asdict(found)})

    def _about(self, place: Path) -> dict[str, Any] | None:
        try:
            about = json.loads((place / ABOUT_FILE).read_text(encoding="utf-8"))
            if about["format"] != _FORMAT or set(about["files"]) != {GRAPH_FILE, _WEIGHTS_FILE}:
                raise ValueError("it is of another version")
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            self._forget(place, error)
            return None
        return dict(about)

    def _forget(self, place: Path, error: Exception) -> None:
        logger.info("The compiled network in '%s' is damaged (%s): made anew.", place, error)
        shutil.rmtree(place, ignore_errors=True)

    def _remove_oldest(self) -> None:
        assert self.folder is not None, "something was just kept in it"
        used = {}
        for about in self.folder.glob(f"*/{ABOUT_FILE}"):
            with suppress(OSError):
                used[about.parent] = about.stat().st_mtime
        for place in sorted(used, key=lambda place: -used[place])[MAX_GRAPHS:]:
            shutil.rmtree(place, ignore_errors=True)
        for begun in self.folder.glob(".new-*"):  # of a process that was killed meanwhile
            with suppress(OSError):
                if time.time() - begun.stat().st_mtime > _BEGUN_S:
                    shutil.rmtree(begun, ignore_errors=True)


def graph_key(model: NetworkModel) -> str:
    """A name for the graph of a network: what it has learned and what made it."""
    made_by = [f"{name} {_version(name)}" for name in _MADE_BY]
    text = " ".join([str(_FORMAT), fingerprint_model(model), *made_by])
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"


def _platform_folder() -> Path:
    """Where programs of this platform keep what they can make again."""
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return Path(local or Path.home() / "AppData" / "Local") / "pointillist" / "Cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "pointillist"
    given = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(given) if given.startswith("/") else Path.home() / ".cache") / "pointillist"


def _checksums(place: Path) -> dict[str, int]:
    """CRC-32 of the files of a graph: against damage, not against an enemy."""
    found = {}
    for name in (GRAPH_FILE, _WEIGHTS_FILE):
        crc = 0
        with (place / name).open("rb") as file:
            while chunk := file.read(2**22):
                crc = zlib.crc32(chunk, crc)
        found[name] = crc
    return found


def _write_json(path: Path, values: dict[str, Any]) -> None:
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.write_text(json.dumps(values, indent=1), encoding="utf-8")
    part.replace(path)


def _first(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
