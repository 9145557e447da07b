"""Engines: what turns a block of imagery into class scores, on which hardware and how precisely."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pointillist.errors import InputError
from pointillist.models.forest import ForestModel

if TYPE_CHECKING:
    import torch
    from torch import nn

    from pointillist.models import EnsembleModel, NetworkModel, TrainedModel
    from pointillist.raster import Pixels

FloatArray = NDArray[np.float32]
Crop = tuple[slice, slice]


class Engine(Protocol):
    """Computes class scores of one block at a time, independently of all others.

    Attributes:
        name: What runs, for people: `openvino bf16`.
    """

    name: str

    def prepare(self, pixels: Pixels) -> Any:
        """Make the engine's input of raw pixels; called in the thread that reads."""
        ...

    def scores(self, prepared: Any, crop: Crop) -> FloatArray:
        """Scores (C, h, w) of the cropped part of a block; the largest one is the class."""
        ...

    def to_probabilities(self, scores: FloatArray) -> FloatArray:
        """Probabilities (C, h, w) of what `scores` returned; may reuse its memory."""
        ...


class ModelEngine:
    """Any trained model by its own `predict`; forests run like this.

    Args:
        model: The model.
    """

    def __init__(self, model: TrainedModel) -> None:
        self.model = model
        self.name = f"{model.kind} fp32"

    def prepare(self, pixels: Pixels) -> Pixels:
        """The pixels as they are: the model normalises them itself."""
        return pixels

    def scores(self, prepared: Pixels, crop: Crop) -> FloatArray:
        """Probabilities (C, h, w), NaN at invalid pixels."""
        if isinstance(self.model, ForestModel):
            return self.model.predict_part(prepared.data, prepared.valid, crop)
        probabilities = self.model.predict(prepared.data, prepared.valid)
        return probabilities[:, crop[0], crop[1]]

    def to_probabilities(self, scores: FloatArray) -> FloatArray:
        """The scores are probabilities already."""
        return scores


class EnsembleEngine:
    """Each model of an ensemble by its own engine, on the same pixels.

    Args:
        model: The ensemble.
        engines: One per part, in their order.
    """

    def __init__(self, model: EnsembleModel, engines: Sequence[Engine]) -> None:
        self._model = model
        self.engines = tuple(engines)
        self.name = " + ".join(engine.name for engine in self.engines)

    def prepare(self, pixels: Pixels) -> list[Any]:
        """What each engine makes of the pixels."""
        return [engine.prepare(pixels) for engine in self.engines]

    def scores(self, prepared: list[Any], crop: Crop) -> FloatArray:
        """Probabilities (C, h, w), NaN where a part has NaN."""
        return self._model.combine(
            [
                engine.to_probabilities(engine.scores(ready, crop))
                for engine, ready in zip(self.engines, prepared, strict=True)
            ]
        )

    def to_probabilities(self, scores: FloatArray) -> FloatArray:
        """The scores are probabilities already."""
        return scores


class _NetworkEngine:
    """What engines of networks share: normalised input, logits out."""

    def __init__(self, model: NetworkModel) -> None:
        self._normalisation = model.normalisation

    def prepare(self, pixels: Pixels) -> FloatArray:
        """Normalised bands (1, B, h, w), 0 where invalid, as in training."""
        return self._normalisation.apply(pixels.data, pixels.valid)[None]

    def to_probabilities(self, scores: FloatArray) -> FloatArray:
        """Softmax over the classes."""
        return softmax(scores)


class TorchEngine(_NetworkEngine):
    """A network in PyTorch, channels last.

    Args:
        model: The network; on a GPU a copy of it is used.
        precision: `fp32`, or `bf16` for automatic mixed precision.
        device: `cpu`, `cuda` or `cuda:N`.
    """

    def __init__(self, model: NetworkModel, precision: str = "fp32", device: str = "cpu") -> None:
        import torch

        super().__init__(model)
        self.name = f"torch {precision}" + ("" if device == "cpu" else f" on {device}")
        self._device = torch.device(device)
        self._bf16 = precision == "bf16"
        self._network = _network_on(model, self._device).to(memory_format=torch.channels_last)

    def scores(self, prepared: FloatArray, crop: Crop) -> FloatArray:
        """Logits (C, h, w)."""
        import torch

        image = torch.from_numpy(prepared).to(self._device, memory_format=torch.channels_last)
        mixed = torch.autocast(self._device.type, dtype=torch.bfloat16)
        with torch.inference_mode(), mixed if self._bf16 else nullcontext():
            logits = self._network(image)[0, :, crop[0], crop[1]]
            scores: FloatArray = logits.float().contiguous().cpu().numpy()
        return scores


class OpenVinoEngine(_NetworkEngine):
    """A network compiled by OpenVINO for this CPU, any height and width.

    Args:
        model: The network.
        precision: `fp32`, or `bf16` where the CPU multiplies bf16.
        n_threads: Threads to use; None for all cores.

    Raises:
        InputError: OpenVINO cannot take the network over; the message says why.
    """

    def __init__(
        self, model: NetworkModel, precision: str = "fp32", n_threads: int | None = None
    ) -> None:
        super().__init__(model)
        self.name = f"openvino {precision}"
        try:
            compiled = _compile_openvino(model, precision, n_threads)
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


def _network_on(model: NetworkModel, device: torch.device) -> nn.Module:
    """The model's network, or a copy where it would have to move."""
    network = model.network.eval()
    if next(network.parameters()).device == device:
        return network
    return copy.deepcopy(network).to(device)


def _compile_openvino(model: NetworkModel, precision: str, n_threads: int | None) -> Any:
    """Convert and compile. The frontend is used directly: `convert_model` reports usage online."""
    import openvino as ov
    import torch
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    network = _network_on(model, torch.device("cpu"))
    example = torch.zeros(1, len(model.bands), 64, 96)
    frontend = FrontEndManager().load_by_framework("pytorch")
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # the tracer warns of every shape it sees
        decoder = TorchScriptPythonDecoder(
            network,
            example_input=(example,),
            trace_kwargs={"check_trace": False},  # results are compared later, on real pixels
        )
        graph = frontend.convert(frontend.load(decoder))
    graph.reshape({0: ov.PartialShape([1, len(model.bands), -1, -1])})
    hints = {
        "INFERENCE_PRECISION_HINT": {"fp32": "f32", "bf16": "bf16"}[precision],
        "PERFORMANCE_HINT": "LATENCY",
    }
    if n_threads is not None:  # other processes use the other cores
        hints |= {"INFERENCE_NUM_THREADS": str(n_threads), "ENABLE_CPU_PINNING": "NO"}
    return ov.Core().compile_model(graph, "CPU", hints)


def best_class(scores: FloatArray) -> NDArray[np.int16]:
    """Index (h, w) of the largest of the scores (C, h, w); the first of equals, 0 where all NaN.

    A running maximum over planes: many times faster than `argmax` over a leading axis.
    """
    best = scores[0].copy()
    index = np.zeros(best.shape, dtype=np.int16)
    for k in range(1, len(scores)):
        larger = scores[k] > best
        index[larger] = k
        np.maximum(best, scores[k], out=best)
    return index


def softmax(logits: FloatArray) -> FloatArray:
    """Probabilities over the first axis; replaces the logits in memory."""
    logits -= logits.max(axis=0)
    np.exp(logits, out=logits)
    logits /= logits.sum(axis=0)
    return logits
