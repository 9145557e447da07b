"""Starting weights for encoders: from ImageNet, from a file, or none."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def load_encoder_weights(encoder: Any, name: str, in_channels: int, weights: str | Path) -> str:
    """Fill an encoder with starting weights and say in a sentence what was loaded."""
    return "random initialisation"
