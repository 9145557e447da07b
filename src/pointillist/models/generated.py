"""Starting weights of the package: learnt on generated scenes, where colours say nothing.

They are small enough to be shipped, need no hub, and hold an encoder and its decoder.
`benchmarks/pretrain_slim.py` makes them; what they are worth is in docs/decisions/0018.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pointillist.errors import WeightsError
from pointillist.models.weights import fit_tensors, read_weights

if TYPE_CHECKING:
    from torch import nn

GENERATED_NOTE = "weights learnt on generated scenes"
FOLDER = Path(__file__).parent / "starts"
HEAD = "segmentation_head."
"""Tensors of this prefix tell classes apart; they are never kept."""


def has_generated_weights(name: str) -> bool:
    """Whether the package holds weights of a network with this encoder."""
    return _file(name).is_file()


def load_generated_weights(network: nn.Module, name: str) -> str:
    """Fill a network, all but its last layer, with what was learnt on generated scenes.

    Args:
        network: A `SlimUnet`, changed in place; where it takes other than three bands, the first
            convolution is adapted.
        name: Its encoder.

    Returns:
        A note for people and for the model's provenance.

    Raises:
        WeightsError: The package holds none for this encoder.
    """
    check_generated_weights(name)
    tensors = {key: value.float() for key, value in read_weights(_file(name)).items()}
    fit = fit_tensors(network, tensors)
    network.load_state_dict({**network.state_dict(), **fit.tensors})
    note = f"{GENERATED_NOTE}: {fit.n_found} tensors"
    if fit.adapted_from is not None:
        note += f", first convolution adapted from {fit.adapted_from} bands"
    return note


def check_generated_weights(name: str) -> None:
    """Refuse an encoder that the package holds no weights for.

    Raises:
        WeightsError: It holds none.
    """
    if not has_generated_weights(name):
        known = ", ".join(sorted(path.stem for path in FOLDER.glob("*.safetensors")))
        raise WeightsError(
            f"Expected an encoder with weights learnt on generated scenes ({known}), got {name}. "
            "Choose it, or start with --weights none or a FILE."
        )


def _file(name: str) -> Path:
    return FOLDER / f"{name}.safetensors"
