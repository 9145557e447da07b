"""A short fingerprint of the model that a map is made with."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pointillist.models import TrainedModel


def fingerprint_model(model: TrainedModel) -> str:
    """A fingerprint of all that a model has learned and of its card, wherever it lies."""
    about = {"kind": model.kind, "spec": model.spec_dict(), "card": model.card.to_dict()}
    digest = hashlib.sha256(_canonical(about))
    for name, tensor in sorted(model.tensors().items()):
        values = np.ascontiguousarray(tensor)
        digest.update(f"{name} {values.dtype} {values.shape}".encode())
        digest.update(values.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, default=str).encode()
