"""Forward and backward passes of a training replayed as CUDA graphs."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

logger = logging.getLogger(__name__)

Record = Callable[..., Any]


class RecordedPasses:
    """Replays a network's kernels in training, so that starting them one by one costs nothing.

    A network in training on chips has hundreds of small kernels a step; a GPU computes them faster
    than a processor starts them. They are recorded with the first batch; batches of other shapes,
    and networks that cannot be recorded, are run as usual.

    Args:
        network: Logits (B, C, H, W) from images (B, bands, H, W), on the GPU, in training mode.
        record: `torch.cuda.make_graphed_callables`, or what stands for it in a test.
    """

    def __init__(
        self, network: nn.Module, record: Record = torch.cuda.make_graphed_callables
    ) -> None:
        self._network, self._make = network, record
        self._shape: tuple[int, ...] | None = None
        self._replay: Callable[[Tensor], Tensor] | None = None

    def __call__(self, images: Tensor) -> Tensor:
        """Logits of images."""
        if self._shape is None:
            self._shape = tuple(images.shape)
            self._replay = self._record(images)
        run = self._replay if tuple(images.shape) == self._shape else None
        logits: Tensor = (run or self._network)(images)
        return logits

    def _record(self, images: Tensor) -> Callable[[Tensor], Tensor] | None:
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
                replay: Callable[[Tensor], Tensor] = self._make(
                    _Wrapped(self._network), (images.clone(),), allow_unused_input=True
                )
        except RuntimeError as error:
            reason = str(error).split("\n")[0]
            logger.info("This network is trained without a CUDA graph: %s", reason)
            return None
        finally:
            with torch.no_grad():
                for name, value in self._network.named_buffers():
                    value.copy_(before[name])
        return replay


class _Wrapped(nn.Module):
    """Recording changes a module's `forward`: this one's, not the network's."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        """Logits of images."""
        logits: Tensor = self.network(images)
        return logits
