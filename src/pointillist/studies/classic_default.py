"""P-classic with the default recipe: network and forest on the same points, as on a scene."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from pointillist.data import RemoteSensingDataset
from pointillist.models import TrainedModel
from pointillist.points import LabelledPixels
from pointillist.raster import ArraySource
from pointillist.scenes import CLASSIC_LEGEND
from pointillist.studies.mapping import Lesson, learn
from pointillist.studies.places import Place


def learn_default(
    train: RemoteSensingDataset, n_steps: int, seed: int, *, full: bool = False
) -> tuple[TrainedModel, dict[str, Any]]:
    """Learn as `train` does on a CPU, each image a scene of its own.

    Args:
        train: Images with full masks and point masks; not augmented, the recipe does that itself.
        n_steps: Optimiser steps, of eight chips each.
        seed: Of the training.
        full: Learn from the full masks instead.

    Returns:
        The model, and `steps`, `precision_of_arithmetic`, `device` and what else was measured.
    """
    places, labels = [], []
    for index in range(len(train)):
        image, mask, points = train.unchanged(index)
        source = ArraySource(image.numpy(), name=f"image {index}")
        places.append(Place(source.name, source, mask.numpy(), CLASSIC_LEGEND))
        labels.append(LabelledPixels.from_mask((mask if full else points).numpy()))
    lesson = Lesson("stack", seed, steps=n_steps, setting="default")
    model, facts = learn(places, labels, lesson)
    return model, {"precision_of_arithmetic": facts.pop("precision"), **facts}


def predict_images(model: TrainedModel, images: Tensor) -> NDArray[np.int64]:
    """Class indices (N, H, W) of images (N, B, H, W), each mapped as a whole."""
    found = [model.predict(image.numpy()).argmax(axis=0) for image in images]
    return np.stack(found).astype(np.int64)
