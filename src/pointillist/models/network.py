"""Segmentation networks: any encoder, any decoder, any number of bands."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast

from pointillist.errors import InputError
from pointillist.models.generated import (
    check_generated_weights,
    has_generated_weights,
    load_generated_weights,
)
from pointillist.models.weights import RANDOM_NOTE, check_encoder_weights, load_encoder_weights

if TYPE_CHECKING:
    from torch import nn

# Our name → class of segmentation_models_pytorch. DPT is left out: it takes only vision
# transformers of a fixed input size.
ARCHITECTURES: dict[str, str] = {
    "unet": "Unet",
    "unetplusplus": "UnetPlusPlus",
    "manet": "MAnet",
    "linknet": "Linknet",
    "fpn": "FPN",
    "pspnet": "PSPNet",
    "deeplabv3": "DeepLabV3",
    "deeplabv3plus": "DeepLabV3Plus",
    "pan": "PAN",
    "upernet": "UPerNet",
    "segformer": "Segformer",
}

SLIM_WIDTHS: dict[str, tuple[int, ...]] = {
    "slim": (24, 32, 48, 80, 128),
    "slim-wide": (32, 48, 64, 128, 192),
}
"""Channels at 1/2, 1/4 … 1/32 of the input's side of a `SlimUnet`, by the name of its encoder."""


@dataclass(frozen=True)
class NetworkSpec:
    """What is needed to build a network anew.

    Args:
        architecture: A key of `ARCHITECTURES`.
        encoder: Encoder of SMP, or of timm with prefix `tu-`; `slim` for a network that a CPU
            trains several times as fast.
        in_channels: Number of bands, at least 1.
        num_classes: Number of classes, at least 1.

    Raises:
        InputError: Unknown architecture, or a number below 1.
    """

    architecture: str = "unet"
    encoder: str = "resnet34"
    in_channels: int = 3
    num_classes: int = 5

    def __post_init__(self) -> None:
        if self.architecture not in ARCHITECTURES:
            raise InputError(
                f"Expected an architecture among {', '.join(ARCHITECTURES)}, "
                f"got {self.architecture!r}."
            )
        if self.in_channels < 1 or self.num_classes < 1:
            raise InputError(
                "Expected at least one band and one class, "
                f"got {self.in_channels} bands and {self.num_classes} classes."
            )

    @property
    def smallest_px(self) -> int:
        """Smallest side of the input; PAN halves three times more below its encoder's 1/16."""
        return 128 if self.architecture == "pan" else 32

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON; also the arguments of `build_model`."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Read what `to_dict` wrote."""
        return cls(**values)


def build_model(
    encoder: str = "resnet34",
    pretrained: bool = True,
    in_channels: int = 3,
    num_classes: int = 5,
    architecture: str = "unet",
    weights: str | Path | None = None,
    seed: int | None = None,
) -> nn.Module:
    """Build a segmentation network (N, in_channels, H, W) → logits (N, num_classes, H, W).

    Where weights are loaded, the first convolution is adapted to the number of bands.

    Args:
        encoder: Any encoder of segmentation-models-pytorch, or of timm with prefix `tu-`; or
            `slim` or `slim-wide`, see `SlimUnet`.
        pretrained: Start the encoder from ImageNet where it can be had, `slim` from weights that
            come with the package (`weights="auto"`), else at random (`"none"`).
        in_channels: Number of bands.
        num_classes: Number of classes.
        architecture: Decoder, a key of `ARCHITECTURES`.
        weights: Overrides `pretrained`: "auto", "imagenet", "generated" (of the package, `slim`
            only), "none", or a file of encoder weights (.safetensors, .pth, .pt; also a model of
            Pointillist).
        seed: Seed of the random initialisation; None draws from torch's global generator.

    Returns:
        The network, in training mode. Its attribute `weights_note` says what was loaded.

    Raises:
        InputError: Unknown encoder or architecture, or two that do not go together.
        WeightsError: Weights that were asked for cannot be had or do not fit.

    Example:
        >>> model = build_model("resnet18", pretrained=False, in_channels=4, num_classes=3)
        >>> model.weights_note
        'random initialisation'
    """
    spec = NetworkSpec(architecture, encoder, in_channels, num_classes)
    if weights is None:
        weights = "auto" if pretrained else "none"
    network: Any = build_network(spec, seed)
    if weights == "generated" or (weights == "auto" and has_generated_weights(encoder)):
        network.weights_note = load_generated_weights(network, encoder)
    elif encoder in SLIM_WIDTHS and weights == "auto":
        network.weights_note = f"{RANDOM_NOTE} (there are no weights for {encoder})"
    else:
        network.weights_note = load_encoder_weights(network.encoder, encoder, weights)
    return cast("nn.Module", network)


def check_start(spec: NetworkSpec, weights: str | Path) -> None:
    """Refuse what `build_model` would refuse of a network and its starting weights.

    Raises:
        InputError: As of `build_model`.
        WeightsError: As of `build_model`.
    """
    network: Any = build_network(spec, seed=0)
    if weights == "generated":
        check_generated_weights(spec.encoder)
    else:
        check_encoder_weights(network.encoder, spec.encoder, weights)


def build_network(spec: NetworkSpec, seed: int | None = None) -> nn.Module:
    """Build a network with random weights.

    Args:
        spec: What to build.
        seed: Seed of the initialisation, which then leaves torch's global generator untouched;
            None draws from the global generator.

    Raises:
        InputError: Unknown encoder, or one that does not go with the decoder.
    """
    import torch

    make = _maker(spec)
    with torch.random.fork_rng(devices=[], enabled=seed is not None):
        if seed is not None:
            torch.default_generator.manual_seed(seed)
        try:
            network = make()
        except Exception as error:
            raise InputError(
                f"Encoder {spec.encoder!r} does not work with decoder {spec.architecture!r}: "
                f"{error}. Choose another of the two."
            ) from error
    return network


def _maker(spec: NetworkSpec) -> Callable[[], nn.Module]:
    """What builds the network, its names checked."""
    if spec.encoder in SLIM_WIDTHS:
        from pointillist.models.slim import SlimUnet

        if spec.architecture != "unet":
            raise InputError(
                f"Expected architecture 'unet' for encoder {spec.encoder!r}, got "
                f"{spec.architecture!r}. Choose another of the two."
            )
        return lambda: SlimUnet(SLIM_WIDTHS[spec.encoder], spec.in_channels, spec.num_classes)
    import segmentation_models_pytorch as smp

    check_encoder(spec.encoder)
    make = getattr(smp, ARCHITECTURES[spec.architecture])
    return lambda: cast(
        "nn.Module",
        make(
            encoder_name=spec.encoder,
            encoder_weights=None,
            in_channels=spec.in_channels,
            classes=spec.num_classes,
        ),
    )


def check_encoder(encoder: str) -> None:
    """Refuse an encoder that there is not.

    Raises:
        InputError: Neither one of segmentation-models-pytorch, of timm, nor a slim one.
    """
    import segmentation_models_pytorch as smp
    import timm

    if encoder in SLIM_WIDTHS:
        return
    names: list[str] = smp.encoders.get_encoder_names()
    if encoder in names or (
        encoder.startswith("tu-") and timm.is_model(encoder.removeprefix("tu-"))
    ):
        return
    known = [*SLIM_WIDTHS, *names, *(f"tu-{name}" for name in timm.list_models())]
    near = difflib.get_close_matches(encoder, known, n=5, cutoff=0.4)
    raise InputError(
        "Expected an encoder of segmentation-models-pytorch, or of timm with prefix 'tu-', "
        f"got {encoder!r}. Similar ones: {', '.join(near) or 'resnet34, tu-convnext_tiny'}."
    )
