"""Take the weights of an earlier run over, also where classes have come to it since."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from pointillist.errors import InputError
from pointillist.legend import Legend
from pointillist.models import NetworkModel, NetworkSpec, TrainedModel
from pointillist.models.ensemble import EnsembleModel

if TYPE_CHECKING:
    from pointillist.training.rounds import Start

_HEAD = "segmentation_head."


def take_over(network: nn.Module, spec: NetworkSpec, legend: Legend, start: Start) -> str:
    """Fill a network with the weights of the run it goes on from.

    The head's outputs are matched by the names of the classes; those of new classes keep their
    random start.

    Args:
        network: Filled in place.
        spec: How it was built.
        legend: Its classes.
        start: The run.

    Returns:
        One sentence on what was taken.

    Raises:
        InputError: The run is another network.
    """
    model = check_same_network(spec, start)
    rows = [model.legend.index_of(name) for name in legend.names]
    own = network.state_dict()
    for name, tensor in model.network.state_dict().items():
        if name.startswith(_HEAD) and len(tensor) == len(model.legend):
            own[name] = _rows_by_class(own[name], tensor, rows)
        else:
            own[name] = tensor
    network.load_state_dict(own)
    new = [name for name, row in zip(legend.names, rows, strict=True) if row is None]
    return f"Goes on from '{start.name}'" + (f"; new classes: {', '.join(new)}." if new else ".")


def check_same_network(spec: NetworkSpec, start: Start) -> NetworkModel:
    """The network that a run goes on from.

    Raises:
        InputError: It is another one than `spec`.
    """
    model = network_of(start.model) or start.model
    wanted = f"{spec.architecture} with encoder {spec.encoder}"
    kind = model.kind
    if isinstance(model, NetworkModel):
        kind = f"{model.spec.architecture} with encoder {model.spec.encoder}"
    if not isinstance(model, NetworkModel) or kind != wanted:
        raise InputError(
            f"Expected to go on from a {wanted}, but '{start.name}' is a {kind}. "
            "Leave out --encoder and --config."
        )
    return model


def network_of(model: TrainedModel) -> NetworkModel | None:
    """The network that a model is, or the first that it has as a part; None where there is none."""
    return next(iter(networks_of(model)), None)


def networks_of(model: TrainedModel) -> list[NetworkModel]:
    """All networks that a model is made of."""
    parts = model.parts if isinstance(model, EnsembleModel) else (model,)
    return [part for part in parts if isinstance(part, NetworkModel)]


def _rows_by_class(own: torch.Tensor, theirs: torch.Tensor, rows: list[int | None]) -> torch.Tensor:
    """The head's weights with the rows of the classes that are known."""
    filled = own.clone()
    for at, row in enumerate(rows):
        if row is not None:
            filled[at] = theirs[row]
    return filled
