"""Which engine to use: the fastest this machine has whose classes agree with float32."""

from __future__ import annotations

import ctypes
import functools
import importlib.util
import logging
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pointillist.errors import InputError
from pointillist.grid import Window, iter_windows
from pointillist.prediction.engine import Engine, EnsembleEngine, ModelEngine, best_class
from pointillist.prediction.graph_cache import Agreement
from pointillist.prediction.openvino_engine import OpenVinoEngine, is_compiled
from pointillist.prediction.torch_engine import TorchEngine

if TYPE_CHECKING:
    from pointillist.models import NetworkModel, TrainedModel
    from pointillist.raster import Pixels

logger = logging.getLogger(__name__)

ENGINES = ("auto", "torch", "openvino")
PRECISIONS = ("auto", "fp32", "bf16", "fp16")
DEVICES = ("auto", "cpu", "cuda")

# A faster engine must give the same class as float32 PyTorch on this share of pixels.
MIN_AGREEMENT = 0.995
# Below this many pixels, converting and checking takes longer than it saves; a network compiled for
# an earlier scene is used whatever the size.
SMALL_PX = 4_000_000
_PROBE_PX = 512

Probe = Callable[[], "Pixels | None"]


@dataclass(frozen=True)
class EngineRequest:
    """What was asked for.

    Args:
        engine: `auto`, `torch` or `openvino`.
        precision: `auto`, `fp32`, `bf16`, or `fp16` on a GPU.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.

    Raises:
        InputError: Anything else, OpenVINO on a GPU, or fp16 on a CPU.
    """

    engine: str = "auto"
    precision: str = "auto"
    device: str = "auto"

    def __post_init__(self) -> None:
        for option, value, known in (
            ("engine", self.engine, ENGINES),
            ("precision", self.precision, PRECISIONS),
            ("device", re.sub(r"^cuda:\d+$", "cuda", self.device), DEVICES),
        ):
            if value not in known:
                raise InputError(f"Expected --{option} among {', '.join(known)}, got {value!r}.")
        if self.engine == "openvino" and self.device.startswith("cuda"):
            raise InputError(
                "OpenVINO runs on the CPU here. Use --engine torch with --device cuda."
            )
        if self.precision == "fp16" and (self.engine == "openvino" or self.device == "cpu"):
            raise InputError("fp16 is for GPUs. Use --precision bf16 or fp32 on a CPU.")


@dataclass(frozen=True)
class _Candidate:
    engine: str
    precision: str
    device: str = "cpu"

    def build(self, model: NetworkModel, n_threads: int | None) -> Engine:
        if self.engine == "openvino":
            return OpenVinoEngine(model, self.precision, n_threads)
        return TorchEngine(model, self.precision, self.device)


def choose_engine(
    model: TrainedModel,
    request: EngineRequest,
    n_px: int,
    probe: Probe,
    n_threads: int | None = None,
) -> Engine:
    """Build the fastest engine that fits the request and this machine.

    Where the precision is left to us, an engine other than float32 PyTorch is taken only if its
    classes agree with float32's on 99.5 % of the pixels of a few real blocks. A network that was
    compiled, and found to agree, for an earlier map is compared with its own float32 form, so that
    PyTorch need not be imported. What was decided is logged.

    Args:
        model: The model.
        request: What was asked for.
        n_px: Pixels there are to map; for few, nothing is converted.
        probe: Reads some pixels of the scene to check on; None where the scene has none.
        n_threads: Threads that engines other than PyTorch may use; None for all cores.

    Raises:
        InputError: What was asked for cannot be had.
    """
    from pointillist.models import EnsembleModel, NetworkModel

    if isinstance(model, EnsembleModel):
        sample = functools.cache(probe)  # the parts are checked on the same pixels
        parts = [choose_engine(part, request, n_px, sample, n_threads) for part in model.parts]
        return EnsembleEngine(model, parts)
    if not isinstance(model, NetworkModel):
        if request.engine != "auto" or request.precision == "bf16":
            logger.info("Engines and bf16 are for networks: this %s runs as it is.", model.kind)
        return ModelEngine(model)
    device = _device(request.device)
    small = n_px < SMALL_PX and device == "cpu" and not is_compiled(model)
    candidates = list(_candidates(request, device, small=small))
    if len(candidates) == 1 and request.engine == "auto":
        engine = candidates[0].build(model, n_threads)
        logger.info("Engine: %s.", engine.name)
        return engine
    return _first_that_agrees(model, candidates, request, probe, n_threads)


def _device(wanted: str) -> str:
    if wanted == "cpu" or (wanted == "auto" and not has_gpu_driver()):
        return "cpu"
    import torch

    if wanted == "cpu" or (wanted == "auto" and not torch.cuda.is_available()):
        return "cpu"
    if not torch.cuda.is_available():
        raise InputError("Expected a CUDA GPU for --device cuda, found none. Use --device cpu.")
    return "cuda" if wanted == "auto" else wanted


def has_gpu_driver() -> bool:
    """Whether there may be a GPU for PyTorch to use, found out without importing it."""
    if Path("/dev/kfd").exists():  # AMD's, which PyTorch calls cuda too
        return True
    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return False
    return True


def _candidates(request: EngineRequest, device: str, *, small: bool) -> Iterator[_Candidate]:
    """What might be used, best first; the last one is always right."""
    precisions: tuple[str, ...] = (request.precision,)
    if device != "cpu" and request.engine != "openvino":
        if request.precision == "auto":
            precisions = ("bf16", "fp32") if gpu_has_bf16() else ("fp16", "fp32")
        yield from (_Candidate("torch", p, device) for p in precisions)
        return
    if request.precision == "auto":
        precisions = ("bf16", "fp32") if cpu_has_bf16() else ("fp32",)
        if small and request.engine == "auto":
            yield _Candidate("torch", "fp32")
            return
    installed = importlib.util.find_spec("openvino") is not None
    if request.engine == "openvino" and not installed:
        raise InputError(
            "Expected OpenVINO for --engine openvino, but it is not installed. "
            "Install it with: pip install openvino."
        )
    for precision in precisions:
        if request.engine != "torch" and installed:
            yield _Candidate("openvino", precision)
        if request.engine != "openvino":
            yield _Candidate("torch", precision)


def _first_that_agrees(
    model: NetworkModel,
    candidates: list[_Candidate],
    request: EngineRequest,
    probe: Probe,
    n_threads: int | None,
) -> Engine:
    sample: Pixels | None = None
    expected: NDArray[np.int16] | None = None
    for candidate in candidates:
        is_last = candidate is candidates[-1]
        try:
            engine = candidate.build(model, n_threads)
        except InputError as error:
            if is_last or request.engine == "openvino":
                raise
            logger.info("%s Going on without it.", error)
            continue
        known = _known_agreement(engine)
        if known is not None and candidate.precision == "fp32":
            logger.info(
                "Engine: %s, compiled before; its classes were found to agree with float32 of "
                "PyTorch on %.2f %% of %d pixels.", engine.name, 100 * known.share, known.n_px,
            )  # fmt: skip
            return engine
        sample = probe() if sample is None else sample
        if sample is None or (candidate.engine, candidate.precision) == ("torch", "fp32"):
            logger.info("Engine: %s.", engine.name)
            return engine
        if expected is None:
            reference = (
                OpenVinoEngine(model, "fp32", n_threads)
                if known is not None
                else TorchEngine(model, "fp32", candidate.device)
            )
            expected = classify(reference, sample)
        n_tried = int(sample.valid.sum())
        share = float((classify(engine, sample) == expected)[sample.valid].mean())
        if share >= MIN_AGREEMENT and known is None and isinstance(engine, OpenVinoEngine):
            engine.note_agreement(Agreement(share, n_tried))
        if share >= MIN_AGREEMENT or request.precision != "auto" or is_last:
            logger.info(
                "Engine: %s; its classes agree with float32 on %.2f %% of %d pixels tried.",
                engine.name, 100 * share, n_tried,
            )  # fmt: skip
            return engine
        logger.info(
            "Engine %s passed over: its classes agree with float32 on %.2f %% of pixels, "
            "%.1f %% are asked for.",
            engine.name, 100 * share, 100 * MIN_AGREEMENT,
        )  # fmt: skip
    raise AssertionError("the last candidate is always taken")


def _known_agreement(engine: Engine) -> Agreement | None:
    """What is known of an engine that was compiled for an earlier map and found good enough."""
    found = engine.known_agreement if isinstance(engine, OpenVinoEngine) else None
    return found if found is not None and found.share >= MIN_AGREEMENT else None


def classify(engine: Engine, pixels: Pixels) -> NDArray[np.int16]:
    """Class indices (h, w) of a window whose sides the engine takes."""
    whole = (slice(0, pixels.valid.shape[0]), slice(0, pixels.valid.shape[1]))
    return best_class(engine.scores(engine.prepare(pixels), whole))


def fullest_part(pixels: Pixels, size_px: int = _PROBE_PX) -> Pixels:
    """The part of at most `size_px`² that has most valid pixels."""
    windows = list(iter_windows((pixels.valid.shape[0], pixels.valid.shape[1]), size_px))

    def n_valid(window: Window) -> int:
        return int(pixels.valid[window.slices].sum())

    rows, cols = max(windows, key=n_valid).slices
    part = np.ascontiguousarray(pixels.data[:, rows, cols])
    return type(pixels)(part, np.ascontiguousarray(pixels.valid[rows, cols]))


def side_by_side(parts: Sequence[Pixels], size_px: int) -> Pixels:
    """Parts of at most `size_px`² as one window, two to a row; invalid where a part is smaller."""
    n_rows, n_cols = -(-len(parts) // 2), min(2, len(parts))
    shape = (n_rows * size_px, n_cols * size_px)
    data = np.zeros((len(parts[0].data), *shape), dtype=np.float32)
    valid = np.zeros(shape, dtype=bool)
    for i, part in enumerate(parts):
        place = Window(i // 2 * size_px, i % 2 * size_px, *part.valid.shape).slices
        data[:, *place], valid[place] = part.data, part.valid
    return type(parts[0])(data, valid)


def gpu_has_bf16() -> bool:
    """Whether the CUDA device multiplies bf16."""
    import torch

    return bool(torch.cuda.is_bf16_supported())


def cpu_has_bf16() -> bool:
    """Whether the CPU multiplies bf16 in hardware (AMX or AVX-512 BF16), as it says itself."""
    flags = Path("/proc/cpuinfo")
    if flags.exists():
        text = flags.read_text(encoding="utf-8", errors="replace")
        return re.search(r"\b(avx512_bf16|amx_bf16)\b", text) is not None
    import torch

    checks = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
    return any(bool(getattr(torch.cpu, check, lambda: False)()) for check in checks)
