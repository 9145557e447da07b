"""Short fingerprints of rasters: the same file is known again wherever it lies."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pointillist.raster.opening import open_dataset

if TYPE_CHECKING:
    from pointillist.raster.scene import Scene

JOB_TAG = "POINTILLIST_JOB"  # of a map's file: how the map was made
POINTS_TAG = "POINTILLIST_POINTS"  # and the files of points that its model learnt from
UNREADABLE_TAG = "POINTILLIST_UNREADABLE"  # and in how many windows the scene could not be read

# A scene may have terabytes: so many pieces, spread evenly from its first byte to its last.
_N_PIECES, _PIECE_BYTES = 32, 16_384
_BESIDE = (".aux.xml", ".ovr")  # statistics and overviews, which viewers write


def fingerprint_scene(scene: Scene) -> dict[str, str]:
    """Fingerprints of a scene: of its raster (grid, type, nodata), and of samples of its files.

    The files are all that the scene consists of, a VRT's sources among them, without statistics
    and overviews. Of each the size counts and what stands in 32 places of it, so that a copy is
    the same scene. Of a scene that is not on this machine only the path counts.
    """
    files = list(_local_files(scene.path))
    modified = [file.stat().st_mtime_ns for file in files]
    return {
        "raster": fingerprint_raster(scene),
        "contents": _of_files(scene.path, files),
        "modified": hashlib.sha256(_canonical(modified)).hexdigest(),
    }


def fingerprint_raster(scene: Scene) -> str:
    """A fingerprint of a scene's grid, type and nodata."""
    grid = scene.grid
    raster = [grid.shape, grid.transform.coefficients, grid.crs, scene.dtype, scene.nodata]
    return hashlib.sha256(_canonical(raster)).hexdigest()


def fingerprint_contents(path: str, *, by_name: bool = True) -> str:
    """A fingerprint of the files that a raster consists of; of its path where none is here.

    Args:
        path: The raster.
        by_name: Whether a file of another name is another one.
    """
    return _of_files(path, list(_local_files(path)), by_name)


def made_by_predict(path: str) -> bool:
    """Whether a raster is a map that `predict` made, and no mask of what is true."""
    with open_dataset(path) as dataset:
        return JOB_TAG in dataset.tags()


def read_training_points(path: str) -> list[str]:
    """Files of points that a map's model learnt from, as they were named then; none if unknown."""
    with open_dataset(path) as dataset:
        text = dataset.tags().get(POINTS_TAG, "[]")
    try:
        names = json.loads(text)
    except ValueError:
        return []
    return [str(name) for name in names] if isinstance(names, list) else []


def _of_files(path: str, files: list[Path], by_name: bool = True) -> str:
    digest = hashlib.sha256(b"" if files else path.encode())
    for file in files:
        _add_samples(digest, file, by_name)
    return digest.hexdigest()


def _local_files(path: str) -> Iterator[Path]:
    """The files on this machine that a raster consists of."""
    with open_dataset(path) as dataset:
        names = sorted({path, *dataset.files})
    found = (_local_file(name) for name in names if not name.endswith(_BESIDE))
    yield from sorted({file for file in found if file is not None})


def _local_file(name: str) -> Path | None:
    """The file itself, or the archive that a `/vsizip/…` path leads into."""
    if not name.startswith("/vsi"):
        return Path(name) if Path(name).is_file() else None
    inner = Path(name.split("/", 2)[-1])
    for candidate in (inner, *inner.parents):
        for file in (candidate, Path("/") / candidate):
            if file.is_file():
                return file
    return None


def _add_samples(digest: Any, file: Path, by_name: bool) -> None:
    size = file.stat().st_size
    digest.update(f"{file.name if by_name else ''} {size}".encode())
    with file.open("rb", buffering=0) as opened:
        if size <= _N_PIECES * _PIECE_BYTES:
            digest.update(opened.read())
            return
        for at in np.linspace(0, size - _PIECE_BYTES, _N_PIECES).astype(np.int64):
            opened.seek(int(at))
            digest.update(opened.read(_PIECE_BYTES))


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, default=str).encode()
