"""What training reads: generated scenes, chips around labelled pixels, folders of images.

What needs PyTorch is loaded when it is first asked for: normalisation does not, and the labelling
app must not wait for it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from pointillist.data.normalisation import estimate_normalisation

if TYPE_CHECKING:
    from pointillist.data.augmentation import Augmentation
    from pointillist.data.chips import PointChips
    from pointillist.data.folders import ImageMaskFolder
    from pointillist.data.synthetic import RemoteSensingDataset, TerrainDataset

__all__ = [
    "Augmentation",
    "ImageMaskFolder",
    "PointChips",
    "RemoteSensingDataset",
    "TerrainDataset",
    "estimate_normalisation",
]

_WITH_TORCH = {
    "Augmentation": "augmentation",
    "ImageMaskFolder": "folders",
    "PointChips": "chips",
    "RemoteSensingDataset": "synthetic",
    "TerrainDataset": "synthetic",
}


def __getattr__(name: str) -> Any:
    if name not in _WITH_TORCH:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_WITH_TORCH[name]}"), name)
