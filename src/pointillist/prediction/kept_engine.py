"""An interrupted map goes on with the engine it was begun with, on hardware that computes alike."""

from __future__ import annotations

import platform
import re
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from pointillist.errors import InputError
from pointillist.prediction.choice import EngineRequest
from pointillist.prediction.engine import Engine, EnsembleEngine, ModelEngine
from pointillist.prediction.openvino_engine import OpenVinoEngine
from pointillist.prediction.torch_engine import TorchEngine

if TYPE_CHECKING:
    from pointillist.models import TrainedModel

_JOINT = " + "  # between the engines of an ensemble
_NETWORK_ENGINE = re.compile(r"(torch|openvino) (fp32|bf16|fp16)(?: on (cuda(?::\d+)?))?")
# Kernels are chosen by these: another set may round another way.
_INSTRUCTIONS = (
    "sse4_2", "avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16",
    "asimd", "asimdhp", "sve", "bf16", "i8mm",
)  # fmt: skip


def describe_engine(engine: Engine) -> dict[str, str]:
    """All that decides the last bit of an engine's scores: its name, libraries and processor."""
    described = [_describe(name) for name in engine.name.split(_JOINT)]
    return {
        "name": engine.name,
        "library": ", ".join(dict.fromkeys(library for library, _ in described)),
        "processor": ", ".join(dict.fromkeys(processor for _, processor in described)),
    }


def _describe(name: str) -> tuple[str, str]:
    parts = _NETWORK_ENGINE.fullmatch(name)
    if parts is None:
        return _library("numpy", "scipy"), _cpu()
    return _library(parts[1]), _processor(parts[3])


def restore_engine(
    model: TrainedModel,
    kept: dict[str, str],
    request: EngineRequest,
    n_threads: int | None = None,
) -> Engine:
    """Build the engine that an interrupted map was begun with; nothing is chosen.

    Args:
        model: The model.
        kept: What `describe_engine` said then.
        request: What is asked for now; `auto` agrees with everything.
        n_threads: Threads that the engine may use; None for all cores.

    Raises:
        InputError: Another one is asked for, or this machine does not have it.
    """
    refuse_another(kept, request)
    try:
        engine = _build(model, kept["name"], n_threads)
        here = describe_engine(engine)
    except (InputError, RuntimeError, ImportError, AssertionError) as error:  # no CUDA in torch
        raise _cannot(kept, str(error).splitlines()[0].rstrip(".")) from error
    for key in ("name", "library", "processor"):
        if here[key] != kept[key]:
            raise _cannot(kept, f"its {key} was {kept[key]} and is {here[key]}")
    return engine


def _build(model: TrainedModel, name: str, n_threads: int | None) -> Engine:
    from pointillist.models import EnsembleModel, NetworkModel
    from pointillist.models.forest import ForestModel

    names = name.split(_JOINT)
    if isinstance(model, EnsembleModel) and len(names) == len(model.parts):
        engines = [
            _build(part, own, n_threads) for part, own in zip(model.parts, names, strict=True)
        ]
        return EnsembleEngine(model, engines)
    if isinstance(model, ForestModel):
        model.n_threads = n_threads or model.n_threads
    parts = _NETWORK_ENGINE.fullmatch(name)
    if parts is None or not isinstance(model, NetworkModel):
        return ModelEngine(model)
    if parts[1] == "openvino":
        return OpenVinoEngine(model, parts[2], n_threads)
    return TorchEngine(model, parts[2], parts[3] or "cpu")


def refuse_another(kept: dict[str, str], request: EngineRequest) -> None:
    """Make sure that no other engine is asked for than the one a map was begun with.

    Raises:
        InputError: The request names another.
    """
    for name in kept["name"].split(_JOINT):
        _refuse_another_part(kept, _NETWORK_ENGINE.fullmatch(name), request)


def _refuse_another_part(
    kept: dict[str, str], parts: re.Match[str] | None, request: EngineRequest
) -> None:
    if parts is None:
        return
    for option, asked, was in (
        ("engine", request.engine, parts[1]),
        ("precision", request.precision, parts[2]),
        ("device", request.device, parts[3] or "cpu"),
    ):
        if asked not in ("auto", was):
            raise InputError(
                f"The map was begun with engine {kept['name']} and goes on with it, but "
                f"--{option} asks for {asked}. Leave --{option} out, or start again with "
                "--overwrite."
            )


def _cannot(kept: dict[str, str], why: str) -> InputError:
    return InputError(
        f"The interrupted map was begun with engine {kept['name']}, which cannot be had here as "
        f"it was: {why}. Go on where it was begun, or start again with --overwrite."
    )


def _library(*names: str) -> str:
    return ", ".join(f"{name} {version(name)}" for name in names)


def _processor(cuda: str | None) -> str:
    if cuda is None:
        return _cpu()
    import torch

    return str(torch.cuda.get_device_name(cuda))


def _cpu(flags: Path = Path("/proc/cpuinfo")) -> str:
    """Its architecture and the instruction sets that kernels are chosen by."""
    if not flags.exists():
        return f"{platform.machine()} {platform.processor()}".strip()
    text = flags.read_text(encoding="utf-8", errors="replace")
    line = re.search(r"^(?:flags|Features)\s*:(.*)$", text, re.MULTILINE)
    known = set(line[1].split()) if line else set()
    return " ".join([platform.machine(), *(flag for flag in _INSTRUCTIONS if flag in known)])
