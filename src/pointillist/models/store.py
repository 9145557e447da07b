"""One safetensors file per model: tensors, and everything else as JSON in its header."""

from __future__ import annotations

import json
import os
import zlib
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import pointillist
from pointillist.errors import (
    MissingFileError,
    ModelFileError,
    OutputError,
    OutputExistsError,
    PointillistError,
)
from pointillist.models.card import ModelCard

if TYPE_CHECKING:
    from pointillist.models.trained import TrainedModel

FORMAT_VERSION = 1
MODEL_FILE = "model.safetensors"
METADATA_KEY = "pointillist"

# Kind named in the file → class, imported only when such a file is loaded.
KINDS: dict[str, str] = {
    "network": "pointillist.models.trained:NetworkModel",
    "forest": "pointillist.models.forest:ForestModel",
    "ensemble": "pointillist.models.ensemble:EnsembleModel",
}


def save_model(model: TrainedModel, path: str | Path, *, overwrite: bool = False) -> Path:
    """Write a model as one safetensors file; a broken write leaves what was there before.

    Raises:
        OutputExistsError: The file exists and `overwrite` is False.
        OutputError: The file cannot be written.
    """
    path = Path(path)
    if path.exists() and not overwrite:
        raise OutputExistsError(
            f"Model '{path}' exists already. Choose another name or allow it with --overwrite."
        )
    tensors = {k: np.ascontiguousarray(v) for k, v in model.tensors().items()}
    metadata = {METADATA_KEY: json.dumps(_header(model, tensors), default=str)}
    from safetensors.numpy import save

    _write_in_place(path, save(tensors, metadata=metadata))
    return path


def load(path: str | Path, *, ready: bool = True) -> TrainedModel:
    """Load a trained model. Nothing is unpickled and nothing is downloaded.

    Args:
        path: A `.safetensors` file of Pointillist, or the folder of a run.
        ready: Build networks now. False leaves it to their first use: where an engine compiled
            before is at hand, that is never, and PyTorch need not be imported.

    Returns:
        The model, on the CPU.

    Raises:
        MissingFileError: No such file, or a folder without a model.
        ModelFileError: Not a model of Pointillist, damaged, or from a newer version.
    """
    file = find_model_file(path)
    header, tensors = _read(file)
    try:
        model_class = _class_of(header["kind"], file)
        card = ModelCard.from_dict(header["card"])
        model: TrainedModel = model_class.from_parts(header["spec"], tensors, card)
        if ready:
            model.make_ready()
    except PointillistError as error:
        raise ModelFileError(f"Model '{file}' cannot be used: {error}") from error
    except (KeyError, TypeError, IndexError, ValueError, RecursionError) as error:
        raise ModelFileError(
            f"Model '{file}' is damaged: its description is incomplete ({error!r}). "
            "Copy it again or train anew."
        ) from error
    return model


def points_of(path: str | os.PathLike[str]) -> tuple[str, ...]:
    """Files of points that a run or model learnt from, as its `metrics.json` says; else none."""
    given = Path(os.fspath(path))
    metrics = (given if given.is_dir() else given.parent) / "metrics.json"
    if not metrics.is_file():
        return ()
    try:
        recorded = json.loads(metrics.read_text(encoding="utf-8"))
        return tuple(str(name) for name in recorded["inputs"]["points"])
    except (ValueError, KeyError, TypeError):
        return ()


def find_model_file(path: str | Path) -> Path:
    """The model file that a path names: itself, or `model.safetensors` in a run folder."""
    path = Path(path)
    file = path / MODEL_FILE if path.is_dir() else path
    if file.exists():
        return file
    if path.is_dir():
        raise MissingFileError(
            f"Expected a run folder with {MODEL_FILE}, but '{path}' has none. "
            "Name the folder given to --out of a finished training."
        )
    raise MissingFileError(f"Model '{path}' does not exist. Check the path.")


def read_header(path: str | Path) -> dict[str, Any]:
    """What a model file says about itself (kind, spec, card, version), without its tensors."""
    from safetensors import safe_open

    file = find_model_file(path)
    try:
        with safe_open(file, framework="np") as opened:
            metadata = opened.metadata() or {}
    except Exception as error:
        raise _damaged(file, error) from error
    return _parse_header(metadata, file)


def _header(model: TrainedModel, tensors: dict[str, NDArray[Any]]) -> dict[str, Any]:
    return {
        "format_version": FORMAT_VERSION,
        "kind": model.kind,
        "version": pointillist.__version__,
        "spec": model.spec_dict(),
        "card": model.card.to_dict(),
        "crc32": _checksum(tensors),
    }


def _read(file: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Header and tensors of a file, checked against damage."""
    from safetensors.numpy import load_file

    header = read_header(file)
    try:
        tensors: dict[str, NDArray[Any]] = load_file(file)
    except Exception as error:
        raise _damaged(file, error) from error
    if header.get("crc32") != _checksum(tensors):
        raise ModelFileError(
            f"Model '{file}' is damaged: its contents do not match their checksum. "
            "Copy it again or train anew."
        )
    for name, values in tensors.items():
        if values.dtype.kind == "f" and np.isnan(values).any():
            raise ModelFileError(
                f"Model '{file}' holds no numbers in '{name}' (NaN): its training has diverged. "
                "Train anew."
            )
    return header, tensors


def _parse_header(metadata: dict[str, str], file: Path) -> dict[str, Any]:
    try:
        header = json.loads(metadata[METADATA_KEY])
        version = int(header["format_version"])
    except (KeyError, TypeError, ValueError) as error:
        raise ModelFileError(
            f"'{file}' is a safetensors file but no model of Pointillist. To start an encoder "
            "from it, give it to training with --weights."
        ) from error
    if version > FORMAT_VERSION:
        raise ModelFileError(
            f"Model '{file}' was written by Pointillist {header.get('version')} in format "
            f"{version}; this is {pointillist.__version__}, which reads formats up to "
            f"{FORMAT_VERSION}. Upgrade Pointillist."
        )
    return dict(header)


def class_of_kind(kind: str) -> type[TrainedModel] | None:
    """The class of models of a kind; None for a kind that is not known here."""
    if kind not in KINDS:
        return None
    module, name = KINDS[kind].split(":")
    found: type[TrainedModel] = getattr(import_module(module), name)
    return found


def _class_of(kind: str, file: Path) -> type[TrainedModel]:
    found = class_of_kind(kind)
    if found is None:
        raise ModelFileError(
            f"Expected a model of kind {', '.join(KINDS)}, but '{file}' is of kind {kind!r}. "
            "Upgrade Pointillist."
        )
    return found


def _damaged(file: Path, error: Exception) -> ModelFileError:
    """Tell a broken safetensors file from a file of another kind."""
    with file.open("rb") as opened:
        start = opened.read(9)
    if len(start) == 9 and start[8:] == b"{" and int.from_bytes(start[:8], "little") < 2**27:
        return ModelFileError(
            f"Model '{file}' is damaged or was cut short ({error}). Copy it again or train anew."
        )
    return ModelFileError(
        f"'{file}' is not a model: expected a .safetensors file that training wrote, "
        "or the folder of a run."
    )


def _checksum(tensors: dict[str, NDArray[Any]]) -> int:
    """CRC-32 over the tensors in order of their names."""
    crc = 0
    for name in sorted(tensors):
        crc = zlib.crc32(np.ascontiguousarray(tensors[name]).reshape(-1).view(np.uint8).data, crc)
    return crc


def _write_in_place(path: Path, content: bytes) -> None:
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as opened:
            opened.write(content)
            opened.flush()
            os.fsync(opened.fileno())
        partial.replace(path)
    except OSError as error:
        raise OutputError(
            f"Model '{path}' cannot be written: {error.strerror or error}. "
            "Choose a folder that exists, may be written and has space."
        ) from error
    finally:
        if partial.exists():
            partial.unlink()
