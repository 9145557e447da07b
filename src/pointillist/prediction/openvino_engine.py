"""A network compiled by OpenVINO for this CPU, taken over from PyTorch once and then kept."""

from __future__ import annotations

import logging
import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pointillist.errors import InputError, PointillistError
from pointillist.models import openvino_core
from pointillist.prediction.engine import Crop, FloatArray, NetworkEngine, cpu_network
from pointillist.prediction.graph_cache import Agreement, GraphCache, graph_key

if TYPE_CHECKING:
    from pointillist.models import NetworkModel

logger = logging.getLogger(__name__)

_PRECISION_HINTS = {"fp32": "f32", "bf16": "bf16"}


class OpenVinoEngine(NetworkEngine):
    """A network compiled by OpenVINO for this CPU, any height and width.

    Args:
        model: The network.
        precision: `fp32`, or `bf16` where the CPU multiplies bf16.
        n_threads: Threads to use; None for all cores.
        cache: Where graphs are kept; the user's when absent.

    Raises:
        InputError: OpenVINO cannot take the network over; the message says why.
    """

    def __init__(
        self,
        model: NetworkModel,
        precision: str = "fp32",
        n_threads: int | None = None,
        cache: GraphCache | None = None,
    ) -> None:
        super().__init__(model)
        self.name = f"openvino {precision}"
        self._cache = GraphCache.of_user() if cache is None else cache
        self._key = graph_key(model) if self._cache.folder is not None else ""
        try:
            compiled = self._compile(model, _hints(precision, n_threads))
        except PointillistError:
            raise
        except Exception as error:  # OpenVINO's frontends raise whatever they like
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise InputError(
                f"OpenVINO cannot run this network ({reason}). Use --engine torch."
            ) from error
        self._request = compiled.create_infer_request()

    def scores(self, prepared: FloatArray, crop: Crop) -> FloatArray:
        """Logits (C, h, w)."""
        outputs = self._request.infer({0: prepared}, share_inputs=True, share_outputs=True)
        return np.array(outputs[0][0, :, crop[0], crop[1]], dtype=np.float32)

    @property
    def known_agreement(self) -> Agreement | None:
        """How far this graph was found to agree with PyTorch in float32, on some scene before."""
        return self._cache.agreement(self._key)

    def note_agreement(self, found: Agreement) -> None:
        """Keep with the graph how far it agrees with PyTorch in float32."""
        self._cache.note_agreement(self._key, found)

    def _compile(self, model: NetworkModel, hints: dict[str, str]) -> Any:
        core = openvino_core()
        kept = self._cache.find(self._key)
        if kept is not None:
            try:
                return core.compile_model(core.read_model(kept), "CPU", hints)
            except Exception as error:  # whole, but not to OpenVINO's liking
                logger.info("The network compiled before cannot be used (%s): made anew.", error)
        graph = convert(model)
        kept = self._cache.keep(self._key, lambda path: _save(graph, path))
        return core.compile_model(graph if kept is None else core.read_model(kept), "CPU", hints)


def is_compiled(model: NetworkModel) -> bool:
    """Whether the network was taken over before and is kept."""
    cache = GraphCache.of_user()
    return cache.folder is not None and cache.find(graph_key(model)) is not None


def convert(model: NetworkModel) -> Any:
    """The network as a graph, by the frontend itself: `convert_model` reports usage online."""
    import openvino as ov
    import torch
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    example = torch.zeros(1, len(model.bands), 64, 96)
    frontend = FrontEndManager().load_by_framework("pytorch")
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # the tracer warns of every shape it sees
        decoder = TorchScriptPythonDecoder(
            cpu_network(model),
            example_input=(example,),
            trace_kwargs={"check_trace": False},  # results are compared later, on real pixels
        )
        graph = frontend.convert(frontend.load(decoder))
    graph.reshape({0: ov.PartialShape([1, len(model.bands), -1, -1])})
    return graph


def _save(graph: Any, path: Path) -> None:
    import openvino as ov

    ov.save_model(graph, path, compress_to_fp16=False)


def _hints(precision: str, n_threads: int | None) -> dict[str, str]:
    hints = {
        "INFERENCE_PRECISION_HINT": _PRECISION_HINTS[precision],
        "PERFORMANCE_HINT": "LATENCY",
    }
    if n_threads is not None and n_threads < (os.cpu_count() or 1):
        # other programs use the other cores, which ones the system knows best
        hints |= {"INFERENCE_NUM_THREADS": str(n_threads), "ENABLE_CPU_PINNING": "NO"}
    return hints
