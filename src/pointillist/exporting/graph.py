"""A trained model as one module from values to probabilities, made to be traced."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pointillist.errors import InputError
from pointillist.exporting.forest_graph import ForestGraph
from pointillist.exporting.pooling import replace_adaptive_pooling
from pointillist.models import EnsembleModel, NetworkModel, TrainedModel
from pointillist.models.forest import ForestModel
from pointillist.models.trained import INPUT_MULTIPLE_PX

if TYPE_CHECKING:
    from pointillist.models import NetworkSpec, Normalisation

# What Deepness divides by before its graphs, whatever the type of the scene.
DEEPNESS_DIVISOR = 255.0
# A whole number divided and multiplied again in float32 is off by at most this share of itself.
_ROUNDING = 2.0**-22


class ModelGraph(nn.Module):
    """Values (N, B, H, W) → probabilities (N, C, H, W), for any N, H and W.

    Pixels with NaN or ±inf in any band are taken for the mean of their band, as in
    `TrainedModel.predict`; what comes out there does not matter, but is a number.

    Args:
        model: The model; its network is copied to the CPU.
        divisor: What the values were divided by; 1 for values as they are in the scene.
    """

    def __init__(self, model: TrainedModel, divisor: float = 1.0) -> None:
        super().__init__()
        self.divisor = divisor
        self.normalise = _Normalise(model.normalisation)
        self.part = _graph_of(model)

    def forward(self, values: Tensor) -> Tensor:
        """Probabilities that sum to 1 at every pixel."""
        if self.divisor != 1.0:
            values = _undo_division(values, self.divisor)
        valid = torch.isfinite(values).all(dim=1, keepdim=True)
        probabilities: Tensor = self.part(self.normalise(values, valid), valid)
        return probabilities


class _Normalise(nn.Module):
    mean: Tensor
    scale: Tensor

    def __init__(self, normalisation: Normalisation) -> None:
        super().__init__()
        mean, std = (torch.tensor(v, dtype=torch.float64) for v in
                     (normalisation.mean, normalisation.std))  # fmt: skip
        self.register_buffer("mean", mean.float().reshape(1, -1, 1, 1))
        self.register_buffer("scale", (1.0 / std).float().reshape(1, -1, 1, 1))

    def forward(self, values: Tensor, valid: Tensor) -> Tensor:
        """(value − mean) / std, 0 where not valid."""
        normalised = (values - self.mean) * self.scale
        return torch.where(valid, normalised, torch.zeros_like(normalised))


class NetworkGraph(nn.Module):
    """A network that pads its input to sides it can take, and cuts its output to the input's."""

    def __init__(self, network: nn.Module, spec: NetworkSpec) -> None:
        super().__init__()
        self.network = copy.deepcopy(network).to("cpu", torch.float32).eval()
        replace_adaptive_pooling(self.network)
        self.smallest_px = spec.smallest_px

    def forward(self, normalised: Tensor, valid: Tensor) -> Tensor:
        """Softmax of the logits."""
        height, width = normalised.shape[2], normalised.shape[3]
        bottom: Any = _missing(height, self.smallest_px)
        right: Any = _missing(width, self.smallest_px)
        padded = F.pad(normalised, (0, right, 0, bottom))
        logits = self.network(padded)[:, :, :height, :width]
        return torch.softmax(logits, dim=1)


class EnsembleGraph(nn.Module):
    """The weighted mean of the parts, each class multiplied by its factor, and calibrated."""

    def __init__(self, model: EnsembleModel) -> None:
        super().__init__()
        self.parts = nn.ModuleList(_graph_of(part) for part in model.parts)
        self.weights = [float(weight) for weight in model.weights]
        self.register_buffer("factors", torch.tensor(model.class_factors).reshape(1, -1, 1, 1))
        self.temperature = model.temperature

    def forward(self, normalised: Tensor, valid: Tensor) -> Tensor:
        """Probabilities of the whole."""
        pairs = zip(self.weights, self.parts, strict=True)
        total = sum(weight * part(normalised, valid) for weight, part in pairs) * self.factors
        if self.temperature != 1.0:
            total = total ** (1.0 / self.temperature)
        shares: Tensor = total / total.sum(dim=1, keepdim=True)
        return shares


def has_trees(model: TrainedModel) -> bool:
    """Whether a forest is in it, which ONNX can say and OpenVINO cannot."""
    if isinstance(model, EnsembleModel):
        return any(has_trees(part) for part in model.parts)
    return isinstance(model, ForestModel)


def _graph_of(model: TrainedModel) -> nn.Module:
    if isinstance(model, NetworkModel):
        return NetworkGraph(model.network, model.spec)
    if isinstance(model, ForestModel):
        return ForestGraph(model)
    if isinstance(model, EnsembleModel):
        return EnsembleGraph(model)
    raise InputError(
        f"Expected a network, a forest or an ensemble of them to export, got a {model.kind}. "
        "Map with it by `pointillist predict`."
    )


def _missing(side: Tensor | int, at_least_px: int) -> Tensor:
    """Pixels to add; all in tensors, so that a traced graph computes it for every size."""
    wanted = torch.clamp(torch.as_tensor(side), min=at_least_px)
    multiple = INPUT_MULTIPLE_PX
    return (wanted + multiple - 1) // multiple * multiple - side


def _undo_division(values: Tensor, divisor: float) -> Tensor:
    """Raw values; whole numbers come back exactly, which trees need to decide alike."""
    raw = values * divisor
    whole = torch.round(raw)
    return torch.where((raw - whole).abs() <= whole.abs() * _ROUNDING, whole, raw)
