"""Forward and backward passes of a training replayed as CUDA graphs."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

logger = logging.getLogger(__name__)

Passes = Callable[[Tensor], Tensor]

# Before kernels are recorded, libraries want to have chosen them.
_N_REHEARSALS = 3


class RecordedPasses:
    """Replays a network's kernels in training, so that starting them one by one costs nothing.

    A network in training on chips has hundreds of small kernels a step; a GPU computes them faster
    than a processor starts them. They are recorded with the first batch; batches of other shapes,
    and networks that cannot be recorded, are run as usual.

    Args:
        network: Logits (B, C, H, W) from images (B, bands, H, W), on the GPU, in training mode.
        record: `record_passes`, or what stands for it in a test.
    """

    def __init__(
        self, network: nn.Module, record: Callable[[nn.Module, Tensor], Passes] | None = None
    ) -> None:
        self._network, self._make = network, record or record_passes
        self._shape: tuple[int, ...] | None = None
        self._replay: Passes | None = None

    def __call__(self, images: Tensor) -> Tensor:
        """Logits of images."""
        if self._shape is None:
            self._shape = tuple(images.shape)
            self._replay = self._record(images)
        run = self._replay if tuple(images.shape) == self._shape else None
        return (run or self._network)(images)

    def _record(self, images: Tensor) -> Passes | None:
        """Record both passes; what the rehearsals did to running means is undone."""
        before = {name: value.clone() for name, value in self._network.named_buffers()}
        kind = images.device.type
        try:
            with torch.autocast(
                kind,
                torch.get_autocast_dtype(kind),
                enabled=torch.is_autocast_enabled(kind),
                cache_enabled=False,  # a cast kept outside the graph would not be repeated in it
            ):
                return self._make(self._network, images)
        except RuntimeError as error:
            reason = str(error).split("\n")[0]
            logger.info("This network is trained without a CUDA graph: %s", reason)
            return None
        finally:
            with torch.no_grad():
                for name, value in self._network.named_buffers():
                    value.copy_(before[name])


def record_passes(network: nn.Module, images: Tensor) -> Passes:
    """Record a network's forward and its backward pass as two CUDA graphs.

    Unlike `torch.cuda.make_graphed_callables` no autograd graph of the recording is kept: its
    nodes, bound to the stream of the rehearsals, would make every later step wait for that stream.

    Args:
        network: On the GPU, in training mode.
        images: A batch like those to come.

    Returns:
        The network, replayed: logits that gradients can be had of.
    """
    parameters = tuple(p for p in network.parameters() if p.requires_grad)
    given = images.clone()
    aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        for _ in range(_N_REHEARSALS):
            logits = network(given)
            torch.autograd.grad(logits, parameters, torch.zeros_like(logits), allow_unused=True)
    torch.cuda.current_stream().wait_stream(aside)
    torch.cuda.synchronize()
    forward, backward = torch.cuda.CUDAGraph(), torch.cuda.CUDAGraph()
    with torch.cuda.graph(forward, capture_error_mode="thread_local"):
        logits = network(given)
    arriving = torch.zeros_like(logits)
    with torch.cuda.graph(backward, pool=forward.pool(), capture_error_mode="thread_local"):
        gradients = torch.autograd.grad(logits, parameters, arriving, allow_unused=True)
    found = logits.detach()
    del logits

    class Replay(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, images: Tensor, *parameters: Tensor) -> Tensor:
            given.copy_(images)
            forward.replay()
            logits: Tensor = found.detach()
            return logits

        @staticmethod
        def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
            arriving.copy_(gradient)
            backward.replay()
            return None, *(None if g is None else g.detach() for g in gradients)

    def replay(images: Tensor) -> Tensor:
        logits: Tensor = Replay.apply(images, *parameters)
        return logits

    return replay
