"""Trained models: raw imagery in, class probabilities out, whatever kind they are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pointillist.errors import InputError, ModelFileError
from pointillist.legend import Legend
from pointillist.models.card import ModelCard, Normalisation
from pointillist.models.edge_effect import WIDEST_PX
from pointillist.models.network import NetworkSpec, build_network

if TYPE_CHECKING:
    import torch
    from torch import nn

# What must divide the sides of a network's input: encoders halve five times.
INPUT_MULTIPLE_PX = 32

# Side of the block that `halo_px` is for.
USUAL_BLOCK_PX = 1024

# Margin around a block where a model does not say how far the edge reaches (see decision 11).
_HALO_PX = {"unet": 128, "unetplusplus": 128, "linknet": 128, "manet": 128, "fpn": 128}
_HALO_WIDE_CONTEXT_PX = 192

# Bytes of working memory per pixel of input, OpenVINO in float32, measured (docs/map_engine.md).
_BYTES_PER_PX = {"unet resnet34": 520.0, "unet slim": 450.0}
_BYTES_PER_UNKNOWN_PX = 900.0


class TrainedModel(ABC):
    """A model with all it needs to be used: classes, bands, normalisation.

    A new kind implements `halo_px`, `_class_probabilities`, `spec_dict`, `tensors` and
    `from_parts`, and is entered in `pointillist.models.store.KINDS`.

    Args:
        card: What the model says about itself.
    """

    kind: ClassVar[str]

    def __init__(self, card: ModelCard) -> None:
        self.card = card

    @property
    def legend(self) -> Legend:
        """Classes by index."""
        return self.card.legend

    @property
    def bands(self) -> tuple[str, ...]:
        """Names of the input bands, in order."""
        return self.card.bands

    @property
    def normalisation(self) -> Normalisation:
        """How raw values become the model's input."""
        return self.card.normalisation

    @property
    @abstractmethod
    def halo_px(self) -> int:
        """Margin to read around a block so that its borders do not show, in pixels."""

    def halo_for(self, block_px: int) -> int:
        """Margin for blocks of another side than the usual 1024 px: small ones have more border.

        Args:
            block_px: Side of the part of a block that is kept.
        """
        return self.halo_px

    @property
    def block_multiple_px(self) -> int:
        """Blocks of a map begin at, and are read in, multiples of this many pixels."""
        return 1

    @property
    def smallest_px(self) -> int:
        """Smallest side of what it can be given in a block."""
        return 1

    def predict(
        self, data: NDArray[Any], valid: NDArray[np.bool_] | None = None
    ) -> NDArray[np.float32]:
        """Class probabilities of raw imagery.

        Args:
            data: (B, H, W) raw values in the model's bands, any number type and size.
            valid: (H, W), False where there is no data; None to go by the values alone. Pixels
                with NaN or ±inf in any band are never valid.

        Returns:
            (C, H, W) float32 probabilities that sum to 1; NaN where not valid.

        Raises:
            InputError: Another number of bands, or `valid` of another size.
        """
        data = np.asarray(data)
        _check_input(data, valid, self.bands)
        usable = find_valid(data) if valid is None else valid & find_valid(data)
        if not usable.any():
            return np.full((len(self.legend), *usable.shape), np.nan, dtype=np.float32)
        probabilities = self._class_probabilities(self.normalisation.apply(data, usable), usable)
        probabilities[:, ~usable] = np.nan
        return probabilities

    @abstractmethod
    def _class_probabilities(
        self, data: NDArray[np.float32], valid: NDArray[np.bool_]
    ) -> NDArray[np.float32]:
        """New, writable (C, H, W) float32 from normalised (B, H, W) (0 where not `valid`).

        What it says at invalid pixels does not matter.
        """

    @abstractmethod
    def spec_dict(self) -> dict[str, Any]:
        """Plain JSON data from which `from_parts` rebuilds the model around its tensors."""

    @abstractmethod
    def tensors(self) -> dict[str, NDArray[Any]]:
        """Everything learned, by name."""

    @classmethod
    @abstractmethod
    def from_parts(
        cls, spec: dict[str, Any], tensors: dict[str, NDArray[Any]], card: ModelCard
    ) -> Self:
        """Rebuild a model from what `spec_dict` and `tensors` gave.

        Raises:
            ModelFileError: The tensors do not fit the spec.
        """

    @property
    def bytes_per_px(self) -> float | None:
        """Memory that a block takes per pixel read, besides the model; None where not known."""
        return None

    def make_ready(self) -> None:  # noqa: B027 - most kinds are ready as they are
        """Build now what is else built when it is first used.

        Raises:
            ModelFileError: The tensors do not fit the spec.
        """

    def save(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write the model as one safetensors file, in place only when complete.

        Args:
            path: File to write, `.safetensors`.
            overwrite: Whether a file that exists may be replaced.

        Returns:
            The path written.

        Raises:
            OutputExistsError: The file exists and `overwrite` is False.
            OutputError: The file cannot be written.
        """
        from pointillist.models.store import save_model

        return save_model(self, path, overwrite=overwrite)


class NetworkModel(TrainedModel):
    """A trained segmentation network.

    Args:
        network: Module (N, B, H, W) float32 → logits (N, C, H, W); used in eval mode, on the
            device it is on. None to build it of `tensors` when it is first asked for.
        spec: What `build_model` needs to build it anew.
        card: Classes, bands, normalisation and origin.
        tensors: Its parameters and buffers by name, where there is no network yet.

    Raises:
        InputError: Spec and card disagree on the number of bands or classes.
    """

    kind = "network"

    def __init__(
        self,
        network: nn.Module | None,
        spec: NetworkSpec,
        card: ModelCard,
        tensors: dict[str, NDArray[Any]] | None = None,
    ) -> None:
        super().__init__(card)
        if (spec.in_channels, spec.num_classes) != (len(card.bands), len(card.legend)):
            raise InputError(
                f"Expected a network with {len(card.bands)} bands and {len(card.legend)} classes "
                f"as in its card, got {spec.in_channels} and {spec.num_classes}."
            )
        self._network = network if network is None else network.eval()
        self._tensors = dict(tensors or {})
        self.spec = spec
        self.autocast_dtype: torch.dtype | None = None

    @property
    def network(self) -> nn.Module:
        """The module; built when first asked for where the model was made of tensors."""
        if self._network is None:
            self._network = _build(self.spec, self._tensors).eval()
            self._tensors = {}
        return self._network

    def make_ready(self) -> None:
        """Build the network, which imports PyTorch.

        Raises:
            ModelFileError: The tensors do not fit the network.
        """
        _ = self.network

    @property
    def halo_px(self) -> int:
        """Margin to read around a block, a multiple of 32 px: measured, or by the decoder."""
        return self.halo_for(USUAL_BLOCK_PX)

    def halo_for(self, block_px: int) -> int:
        """The halo that the edge effect asks for; the widest where none is wide enough."""
        usual = _HALO_PX.get(self.spec.architecture, _HALO_WIDE_CONTEXT_PX)
        effect = self.card.edge_effect
        if effect is None:
            return usual
        halo = effect.halo_px(block_px)
        return max(usual, WIDEST_PX) if halo is None else halo

    @property
    def block_multiple_px(self) -> int:
        """So that pooling falls into the same places whatever the block."""
        return INPUT_MULTIPLE_PX

    @property
    def smallest_px(self) -> int:
        """That of its architecture."""
        return self.spec.smallest_px

    @property
    def bytes_per_px(self) -> float:
        """Measured for the usual network in float32, else a guess that is rather too large."""
        name = f"{self.spec.architecture} {self.spec.encoder}"
        network = _BYTES_PER_PX.get(name, _BYTES_PER_UNKNOWN_PX)
        # besides: raw and normalised values of this block and the next, scores and results
        return network + 16.0 * len(self.bands) + 8.0 * len(self.legend) + 10.0

    @property
    def device(self) -> torch.device:
        """Where the network computes."""
        return next(self.network.parameters()).device

    def to(
        self, device: str | torch.device | None = None, autocast: torch.dtype | None = None
    ) -> Self:
        """Move the network and say in which precision it predicts.

        Args:
            device: Device to compute on; None leaves it where it is.
            autocast: torch.bfloat16 or torch.float16 for mixed precision, None for float32.

        Returns:
            The model itself.
        """
        self.network.to(device)
        self.autocast_dtype = autocast
        return self

    def _class_probabilities(
        self, data: NDArray[np.float32], valid: NDArray[np.bool_]
    ) -> NDArray[np.float32]:
        import torch

        height, width = data.shape[1:]
        self.network.eval()
        with torch.inference_mode(), self._autocast():
            padded = pad_to_multiple(data, INPUT_MULTIPLE_PX, self.spec.smallest_px)
            image = torch.from_numpy(padded)[None].to(
                self.device, memory_format=torch.channels_last
            )
            logits = self.network(image)[0, :, :height, :width].float()
            probabilities: NDArray[np.float32] = torch.softmax(logits, dim=0).cpu().numpy()
        return np.ascontiguousarray(probabilities)

    def reweigh_classes(self, factors: ArrayLike) -> Self:
        """Multiply each class's probability by a factor, in the bias of the last layer.

        Args:
            factors: (C,) above 0, by class index.

        Returns:
            The model itself.

        Raises:
            InputError: The last layer has no bias per class.
        """
        import torch

        _, bias = self._last_layer()
        logs = torch.from_numpy(np.log(np.asarray(factors, dtype=np.float64)))
        with torch.no_grad():
            bias.add_(logs.to(bias))
        return self

    def soften(self, temperature: float, shift: ArrayLike | None = None) -> Self:
        """Divide the logits by a temperature, in the weights of the last layer.

        Args:
            temperature: Above 0; above 1 makes the probabilities less sure.
            shift: (C,) part of the logits that is not divided: logits become
                (logits − shift) / temperature + shift. None for none.

        Returns:
            The model itself.

        Raises:
            InputError: A temperature of 0 or less, or no last layer with a bias per class.
        """
        import torch

        if not temperature > 0:
            raise InputError(f"Expected a temperature above 0, got {temperature:g}.")
        weight, bias = self._last_layer()
        kept = torch.zeros_like(bias) if shift is None else torch.as_tensor(shift).to(bias)
        with torch.no_grad():
            weight.div_(temperature)
            bias.copy_((bias - kept) / temperature + kept)
        return self

    def _last_layer(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Weights and bias of the convolution that gives the logits."""
        from torch import nn

        convolutions = [m for m in self.network.modules() if isinstance(m, nn.Conv2d)]
        bias = convolutions[-1].bias if convolutions else None
        if bias is None or len(bias) != len(self.legend):
            raise InputError(
                f"Expected a last convolution with a bias for each of {len(self.legend)} classes, "
                f"got none in this {self.spec.architecture}."
            )
        return convolutions[-1].weight, bias

    def _autocast(self) -> Any:
        import torch

        if self.autocast_dtype is None:
            return nullcontext()
        return torch.autocast(self.device.type, dtype=self.autocast_dtype)

    def spec_dict(self) -> dict[str, Any]:
        """The arguments of `build_model`."""
        return self.spec.to_dict()

    def tensors(self) -> dict[str, NDArray[Any]]:
        """Parameters and buffers of the network, by name."""
        if self._network is None:
            return dict(self._tensors)
        return {k: v.detach().cpu().numpy() for k, v in self.network.state_dict().items()}

    @classmethod
    def from_parts(
        cls, spec: dict[str, Any], tensors: dict[str, NDArray[Any]], card: ModelCard
    ) -> Self:
        """Keep the tensors; the network is built of them, without any download, when asked for."""
        return cls(None, NetworkSpec.from_dict(spec), card, tensors)


def _build(spec: NetworkSpec, tensors: dict[str, NDArray[Any]]) -> nn.Module:
    """Build a network and fill it."""
    import torch

    network = build_network(spec, seed=0)
    try:
        network.load_state_dict({k: torch.from_numpy(v) for k, v in tensors.items()})
    except RuntimeError as error:
        first = str(error).strip().splitlines()[1:2] or [str(error)]
        raise ModelFileError(
            f"Expected the tensors of a {spec.architecture} with encoder "
            f"{spec.encoder}, but they do not fit: {first[0].strip()}"
        ) from error
    return network


def find_valid(data: NDArray[Any]) -> NDArray[np.bool_]:
    """Where (H, W) all bands of (B, H, W) hold a finite number."""
    if not np.issubdtype(data.dtype, np.inexact):
        return np.ones(data.shape[1:], dtype=bool)
    finite: NDArray[np.bool_] = np.isfinite(data).all(axis=0)
    return finite


def pad_to_multiple(
    data: NDArray[np.float32], multiple_px: int, at_least_px: int = 1
) -> NDArray[np.float32]:
    """Add zeros (the mean) at the bottom and right of (B, H, W) until both sides are multiples."""
    bottom, right = (
        max(side, at_least_px) - side + -max(side, at_least_px) % multiple_px
        for side in data.shape[1:]
    )
    if not bottom and not right:
        return np.ascontiguousarray(data)
    return np.pad(data, ((0, 0), (0, bottom), (0, right)))


def _check_input(
    data: NDArray[Any], valid: NDArray[np.bool_] | None, bands: tuple[str, ...]
) -> None:
    if data.ndim != 3 or data.shape[0] != len(bands):
        got = f"{data.shape[0]} bands" if data.ndim == 3 else f"an array of shape {data.shape}"
        raise InputError(
            f"Expected (bands, height, width) with the model's {len(bands)} bands "
            f"({', '.join(bands)}), got {got}. Choose the bands the model was trained on."
        )
    if valid is not None and (valid.shape != data.shape[1:] or valid.dtype != np.bool_):
        raise InputError(
            f"Expected valid as booleans of shape {data.shape[1:]}, "
            f"got {valid.dtype} of shape {valid.shape}."
        )
