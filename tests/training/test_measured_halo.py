from __future__ import annotations

from dataclasses import replace

import numpy as np

from pointillist.legend import Legend
from pointillist.models import Normalisation, build_model
from pointillist.points import LabelledPixels
from pointillist.raster import ArraySource
from pointillist.training.edge_effect import measure_on_scenes
from pointillist.training.task import TrainingTask


def test_the_halo_is_measured_on_scenes_that_are_large_enough(rng) -> None:
    data = rng.integers(0, 255, (3, 300, 400)).astype(np.uint8)
    places = [(5, 5), (150, 200), (299, 399)]
    labels = LabelledPixels.from_arrays(places, [0, 1, 2])
    task = TrainingTask(
        (ArraySource(data[:, :100]), ArraySource(data)),
        (labels.subset([True, False, False]), labels),
        Legend.from_names(["A", "B", "C"]), seed=0, bands=("r", "g", "b"),
    )  # fmt: skip
    network = build_model("tu-resnet10t", weights="none", num_classes=3, seed=0).eval()
    normalisation = Normalisation((128.0,) * 3, (60.0,) * 3)
    effect = measure_on_scenes(network, task, normalisation)
    assert effect is not None
    assert len(effect.shares) == 4  # halves of a window of 256 × 384 px see 128 px
    assert effect.shares[0] > 0
    assert effect == measure_on_scenes(network, task, normalisation)
    small = replace(task, sources=task.sources[:1], labels=task.labels[:1])
    assert measure_on_scenes(network, small, normalisation) is None
