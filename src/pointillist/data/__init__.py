"""What training reads: generated scenes, chips around labelled pixels, folders of images."""

from pointillist.data.augmentation import Augmentation
from pointillist.data.chips import PointChips
from pointillist.data.folders import ImageMaskFolder
from pointillist.data.normalisation import estimate_normalisation
from pointillist.data.synthetic import RemoteSensingDataset, TerrainDataset

__all__ = [
    "Augmentation",
    "ImageMaskFolder",
    "PointChips",
    "RemoteSensingDataset",
    "TerrainDataset",
    "estimate_normalisation",
]
