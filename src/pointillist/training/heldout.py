"""What a network says at the held-out points, and what follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from pointillist.accuracy import error_matrix, mean_iou, overall_accuracy
from pointillist.grid import Window
from pointillist.models import Normalisation
from pointillist.raster import Pixels, PixelSource
from pointillist.training.calibration import (
    calibration_facts,
    fit_temperature,
    soften,
    soften_crosswise,
)
from pointillist.training.rounds import Judged, places_of
from pointillist.training.task import TrainingTask

_BATCH = 8


@dataclass(frozen=True, eq=False)
class HeldOut:
    """A network and the points it was watched with.

    Args:
        task: The held-out points.
        logits: (N, C) what it says there, for the class shares of the points; NaN on nodata.
        shift: (C,) by which its logits differ, to be right for the scene's class shares.
        temperature: What its logits are divided by.
    """

    task: TrainingTask
    logits: NDArray[np.float32]
    shift: NDArray[np.float64]
    temperature: float

    @property
    def index(self) -> NDArray[np.int64]:
        """(N,) classes of the points."""
        return np.concatenate([pixels.index for pixels in self.task.labels])

    @property
    def probabilities(self) -> NDArray[np.float32]:
        """(N, C) for points of their own class shares, as the calibrated network says them."""
        return soften(self.logits, self.temperature).astype(np.float32)

    @property
    def for_the_scene(self) -> NDArray[np.float32]:
        """(N, C) for the class shares of the scene."""
        return soften(self.logits / self.temperature + self.shift, 1.0).astype(np.float32)

    def judge(self) -> Judged:
        """Whether the network is right at each point, with the scene's class shares."""
        return judge(self.for_the_scene, self.task)

    def scores(self) -> dict[str, float]:
        """`heldout_accuracy` and `heldout_miou` of the points on data, for the scene's shares."""
        known = np.isfinite(self.logits[:, 0])
        if not known.any():
            return {}
        matrix = error_matrix(
            self.for_the_scene[known].argmax(axis=1), self.index[known], self.task.legend.names
        )
        scores = {"accuracy": overall_accuracy(matrix), "miou": mean_iou(matrix)}
        return {f"heldout_{name}": round(score, 4) for name, score in scores.items()}

    def facts(self) -> dict[str, Any]:
        """Temperature and calibration error, before and after; each point's by the others."""
        known = np.isfinite(self.logits[:, 0])
        logits, index = self.logits[known], self.index[known]
        raw = calibration_facts(soften(logits, 1.0), index, "raw_network_")
        if self.temperature == 1.0:
            return {k.removeprefix("raw_"): v for k, v in raw.items()}
        softened = calibration_facts(soften_crosswise(logits, index), index, "network_")
        raw.pop("raw_network_calibration_points", None)
        return {"temperature": round(self.temperature, 3), **raw, **softened}


def judge(probabilities: NDArray[np.float32], task: TrainingTask) -> Judged:
    """Whether the likeliest class (N, C) is right at each point; never where there is no data."""
    index = np.concatenate([pixels.index for pixels in task.labels])
    known = np.isfinite(probabilities[:, 0])
    right = known & (np.nan_to_num(probabilities).argmax(axis=1) == index)
    return Judged(places_of(task), np.asarray(right, dtype=bool))


def read_around(source: PixelSource, at: NDArray[np.int64], half_px: int) -> Pixels:
    """A chip with the pixel (row, col) at index `half_px` of both axes, twice as large."""
    row, col = at.tolist()
    return source.read(Window(row - half_px, col - half_px, 2 * half_px, 2 * half_px))


def look_at(
    network: nn.Module, task: TrainingTask, chip_px: int, normalisation: Normalisation
) -> NDArray[np.float32]:
    """Logits (N, C) of a network in eval mode at labelled pixels, each in a chip around it."""
    device = next(network.parameters()).device
    half, found = chip_px // 2, []
    with torch.inference_mode():
        for source, pixels in zip(task.sources, task.labels, strict=True):
            for start in range(0, len(pixels), _BATCH):
                images, has_data = [], []
                for at in pixels.rowcol[start : start + _BATCH]:
                    read = read_around(source, at, half)
                    images.append(normalisation.apply(read.data, read.valid))
                    has_data.append(bool(read.valid[half, half]))
                batch = torch.from_numpy(np.stack(images)).to(device)
                logits = network(batch.contiguous(memory_format=torch.channels_last))
                said = logits[:, :, half, half].float().cpu().numpy()
                said[~np.array(has_data)] = np.nan
                found.append(said)
    return np.concatenate(found)


def shift_of(factors: NDArray[np.float64] | None, n_classes: int) -> NDArray[np.float64]:
    """(C,) what is added to logits to be right for the scene's class shares."""
    return np.zeros(n_classes) if factors is None else np.log(factors)


def weigh_up(
    logits: NDArray[np.float32],
    task: TrainingTask,
    factors: NDArray[np.float64] | None,
    *,
    calibrate: bool,
) -> HeldOut:
    """Take what a network said at held-out points, and find its temperature.

    Args:
        logits: (N, C) as the network gives them.
        task: The points.
        factors: (C,) share of each class in the scene ÷ its share of the points; None for ones.
        calibrate: Whether to look for a temperature other than 1.
    """
    shift = shift_of(factors, logits.shape[1])
    at_points = (logits - shift).astype(np.float32)
    index = np.concatenate([pixels.index for pixels in task.labels])
    known = np.isfinite(at_points[:, 0])
    temperature = fit_temperature(at_points[known], index[known]) if calibrate else 1.0
    return HeldOut(task, at_points, shift, temperature)
