"""A network run by PyTorch itself, on the CPU or on a GPU."""

from __future__ import annotations

import copy
import logging
import threading
from collections.abc import Callable
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pointillist.prediction.engine import Crop, FloatArray, NetworkEngine, cpu_network

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from pointillist.models import NetworkModel

    Sent = tuple[Tensor, Any]

logger = logging.getLogger(__name__)

# Threads that read for a GPU: it computes faster than one thread reads.
_N_READERS = 4
# Buffers in page-locked memory, so that some are filled while others are sent.
_N_BUFFERS = 2 * _N_READERS
# A shape is recorded as a CUDA graph once it has come so often: most blocks of a scene are alike.
_RECORD_AFTER = 2


class TorchEngine(NetworkEngine):
    """A network in PyTorch, channels last.

    Args:
        model: The network; on a GPU a copy of it is used.
        precision: `fp32`, or `bf16` or `fp16` for automatic mixed precision.
        device: `cpu`, `cuda` or `cuda:N`.
    """

    def __init__(self, model: NetworkModel, precision: str = "fp32", device: str = "cpu") -> None:
        import torch

        from pointillist.models.threads import limit_torch

        super().__init__(model)
        limit_torch()
        self.name = f"torch {precision}" + ("" if device == "cpu" else f" on {device}")
        self._device = torch.device(device)
        self._mixed = {"fp32": None, "bf16": torch.bfloat16, "fp16": torch.float16}[precision]
        network = cpu_network(model)
        if self._device.type != "cpu":
            network = copy.deepcopy(network).to(self._device)
        self._network = network.to(memory_format=torch.channels_last)
        self._lane = Lane(self._device, torch.cuda) if self._device.type == "cuda" else None
        self._shift_scale = [
            torch.from_numpy(values).view(1, -1, 1, 1).to(self._device)
            for values in self._normalisation.shift_scale
        ]
        self._run: Callable[[Tensor], Tensor] = self._forward
        if self._device.type == "cuda":
            self._run = RecordedForward(self._forward, torch.cuda)
            self.n_readers = _N_READERS

    def prepare(self, pixels: Any) -> Any:
        """Normalised bands; where there is a GPU, raw ones already on their way to it."""
        import torch

        if self._lane is not None:
            is_valid = None if pixels.valid.all() else self._lane.send(pixels.valid)
            return self._lane.send(pixels.data[None]), is_valid
        image = super().prepare(pixels)
        return torch.from_numpy(image).to(memory_format=torch.channels_last)

    def scores(self, prepared: Any, crop: Crop) -> FloatArray:
        """Logits (C, h, w)."""
        scores: FloatArray = self._logits(prepared, crop).float().contiguous().cpu().numpy()
        return scores

    def classes(self, prepared: Any, crop: Crop) -> NDArray[np.int16] | None:
        """Class indices (h, w) found on the GPU, a tenth of what scores would send back."""
        begun = self.begin_classes(prepared, crop)
        return None if begun is None else begun()

    def begin_classes(self, prepared: Any, crop: Crop) -> Callable[[], NDArray[np.int16]] | None:
        """Have the GPU find classes (h, w); what is returned waits for them.

        Meanwhile the next block may be begun: results come back on the GPU's own time.
        """
        if self._lane is None:
            return None
        import torch

        best = self._logits(prepared, crop).argmax(dim=0).to(torch.int16)
        return self._lane.fetch(best)

    def _logits(self, prepared: Any, crop: Crop) -> Tensor:
        import torch

        with torch.inference_mode():
            image = prepared if self._lane is None else self._normalised(*prepared)
            return self._run(image)[0, :, crop[0], crop[1]]

    def _normalised(self, image: Sent, is_valid: Sent | None) -> Tensor:
        """What was sent, as `Normalisation.apply` would have it."""
        assert self._lane is not None
        raw = self._lane.receive(image)
        shift, scale = self._shift_scale
        normalised = (raw - shift) * scale
        if is_valid is not None:
            normalised.masked_fill_(~self._lane.receive(is_valid), 0.0)
        return normalised

    def _forward(self, image: Tensor) -> Tensor:
        import torch

        mixed = self._mixed
        with nullcontext() if mixed is None else torch.autocast(self._device.type, dtype=mixed):
            logits: Tensor = self._network(image)
        return logits


class Lane:
    """Sends arrays to a GPU beside its computing: page-locked buffers, a stream of its own.

    What is sent has memory of its own on the GPU, so that it may be received in any order, by any
    thread; buffers are filled by one thread at a time.

    Args:
        device: The GPU.
        cuda: `torch.cuda`, or what stands for it in a test.
        pin: Whether buffers are page-locked, which needs a GPU.
    """

    def __init__(self, device: torch.device, cuda: Any, *, pin: bool = True) -> None:
        self._device, self._cuda, self._pin = device, cuda, pin
        self._stream = cuda.Stream(device)
        self._buffers: list[Tensor | None] = [None] * _N_BUFFERS
        self._sent: list[Any] = [None] * _N_BUFFERS
        self._n, self._one_sends = 0, threading.Lock()

    def send(self, values: NDArray[Any]) -> Sent:
        """Begin to send an array; returns it with the event of its arrival."""
        import torch

        given = torch.from_numpy(values)
        with self._one_sends:
            slot = self._n % _N_BUFFERS
            self._n += 1
            if self._sent[slot] is not None:
                self._sent[slot].synchronize()  # the buffer may not change before it is sent
            buffer = self._buffers[slot]
            if buffer is None or buffer.numel() < given.nbytes:
                buffer = torch.empty(given.nbytes, dtype=torch.uint8, pin_memory=self._pin)
                self._buffers[slot] = buffer
            staged = buffer[: given.nbytes].view(given.dtype).view(given.shape)
            staged.copy_(given)
            with self._cuda.stream(self._stream):
                there = staged.to(self._device, non_blocking=True, copy=True)
                if there.ndim == 4:
                    there = there.contiguous(memory_format=torch.channels_last)
                arrived = self._cuda.Event()
                arrived.record(self._stream)
            self._sent[slot] = arrived
            return there, arrived

    def fetch(self, there: Tensor) -> Callable[[], NDArray[Any]]:
        """Begin to bring a result back; what is returned waits for it.

        Args:
            there: On the GPU, computed on the current stream.
        """
        import torch

        here = torch.empty(there.shape, dtype=there.dtype, pin_memory=self._pin)
        here.copy_(there, non_blocking=True)
        done = self._cuda.Event()
        done.record(self._cuda.current_stream(self._device))

        def wait() -> NDArray[Any]:
            done.synchronize()
            found: NDArray[Any] = here.numpy()
            return found

        return wait

    def receive(self, sent: Sent) -> Tensor:
        """What was sent, once what computes next waits for its arrival."""
        there, arrived = sent
        current = self._cuda.current_stream(self._device)
        current.wait_event(arrived)
        if there.is_cuda:
            there.record_stream(current)  # its memory is not given away while it is used
        return there


class RecordedForward:
    """Replays a network's kernels as one CUDA graph per shape, so that starting them costs nothing.

    Args:
        forward: Runs the network.
        cuda: `torch.cuda`, or what stands for it in a test.
    """

    def __init__(self, forward: Callable[[Tensor], Tensor], cuda: Any) -> None:
        self._forward, self._cuda = forward, cuda
        self._seen: dict[tuple[int, ...], int] = {}
        self._recorded: tuple[tuple[int, ...], Any, Tensor, Tensor] | None = None
        self._works = True

    def __call__(self, image: Tensor) -> Tensor:
        """Logits of an image; of one shape by replaying, of others by running."""
        shape = tuple(image.shape)
        if self._recorded is not None and self._recorded[0] == shape:
            _, graph, given, logits = self._recorded
            given.copy_(image)
            graph.replay()
            return logits
        self._seen[shape] = self._seen.get(shape, 0) + 1
        if self._works and self._recorded is None and self._seen[shape] > _RECORD_AFTER:
            self._record(shape, image)
        return self._forward(image)

    def _record(self, shape: tuple[int, ...], image: Tensor) -> None:
        """Only one shape is recorded: each keeps the memory of a whole pass."""
        try:
            given = image.clone()
            self._cuda.synchronize()
            graph = self._cuda.CUDAGraph()
            with self._cuda.graph(graph, capture_error_mode="thread_local"):
                logits = self._forward(given)
        except RuntimeError as error:
            self._works = False
            logger.info("This network is run without a CUDA graph: %s", str(error).split("\n")[0])
            return
        self._recorded = (shape, graph, given, logits)
