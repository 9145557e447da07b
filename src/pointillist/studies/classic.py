"""P-classic: like for like with the reference study.

200/50/50 generated images of 128², 5 epochs that show each training image once, labels only at the
points, no pretraining; mean IoU over all test pixels.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

from pointillist.accuracy import (
    ErrorMatrix,
    error_matrix,
    iou,
    mean_iou,
    overall_accuracy,
    producers_accuracy,
    users_accuracy,
)
from pointillist.data import RemoteSensingDataset
from pointillist.losses import PartialCrossEntropyLoss
from pointillist.models import build_model
from pointillist.scenes import CLASSIC_LEGEND
from pointillist.training import UnetConfig
from pointillist.training.fitting import EpochSampler, fit_network
from pointillist.training.schedule import Progress

N_TRAIN, N_VALIDATION, N_TEST, SIZE_PX, EPOCHS = 200, 50, 50, 128, 5


@dataclass(frozen=True)
class ClassicCell:
    """One run of the protocol.

    Args:
        n_per_class: Points per class and image.
        strategy: Where points lie, as the reference study names it.
        seed: Seed of scenes, points, network and order.
        encoder: Encoder of the U-Net, random initialisation.
        batch_size: Images per step.
        learning_rate: Peak of the schedule.
        weight_decay: Of AdamW.
        augment: Flips and quarter turns.
        n_points: Points per image in total, in place of a number per class.
    """

    n_per_class: int = 10
    strategy: str = "random"
    seed: int = 0
    encoder: str = "resnet34"
    batch_size: int = 4
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    augment: bool = True
    n_points: int | None = None


class OnlyPoints(Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """Images with their point masks: full masks stay out of reach of the training.

    Args:
        scenes: Images, full masks, point masks.
    """

    def __init__(self, scenes: RemoteSensingDataset) -> None:
        self.scenes = scenes

    def __len__(self) -> int:
        return len(self.scenes)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        image, _, points = self.scenes[index]
        return image, points

    def set_epoch(self, epoch: int) -> None:
        """Fix the augmentation of the coming epoch."""
        self.scenes.set_epoch(epoch)


def run_classic(cell: ClassicCell) -> dict[str, Any]:
    """Train and test one cell.

    Args:
        cell: What to run.

    Returns:
        Record: protocol, cell, `miou`, `pixel_accuracy`, per-class IoU, precision and recall on
        the test set, `seconds` of training and testing together, precision and device.
    """
    start = time.monotonic()
    # three seeds far apart, so that no scene is in two sets
    seeds = [1_000_003 * (cell.seed + 1) + part for part in range(3)]
    points = (cell.n_per_class, cell.strategy)
    train = RemoteSensingDataset(
        N_TRAIN, SIZE_PX, *points, cell.augment, seeds[0], num_points=cell.n_points
    )
    test = RemoteSensingDataset(N_TEST, SIZE_PX, *points, seed=seeds[2])
    torch.manual_seed(cell.seed)
    network = build_model(encoder=cell.encoder, pretrained=False, num_classes=len(CLASSIC_LEGEND))
    config = UnetConfig(
        encoder=cell.encoder,
        weights="none",
        batch_size=cell.batch_size,
        steps=EPOCHS * (N_TRAIN // cell.batch_size),
        learning_rate=cell.learning_rate,
        weight_decay=cell.weight_decay,
    )
    loader = DataLoader(
        OnlyPoints(train),
        batch_size=cell.batch_size,
        sampler=EpochSampler(train, shuffle=True),
        drop_last=True,
    )
    fit = fit_network(
        network,
        PartialCrossEntropyLoss(),
        loader,
        config,
        Progress(config.steps),
        CLASSIC_LEGEND.names,
    )
    matrix = test_network(network, test)
    return {
        "protocol": "P-classic",
        "cell": asdict(cell),
        "miou": mean_iou(matrix),
        "pixel_accuracy": overall_accuracy(matrix),
        "iou": iou(matrix).tolist(),
        "precision": users_accuracy(matrix).tolist(),
        "recall": producers_accuracy(matrix).tolist(),
        "steps": fit.steps,
        "seconds": round(time.monotonic() - start, 1),
        "precision_of_arithmetic": fit.precision,
        "device": fit.device,
    }


@torch.inference_mode()
def test_network(network: nn.Module, test: RemoteSensingDataset) -> ErrorMatrix:
    """Count the test pixels of all images together, predicted in float32.

    Args:
        network: Logits (B, C, H, W).
        test: Images with full masks.
    """
    network.eval()
    device = next(network.parameters()).device
    matrix = ErrorMatrix.empty(CLASSIC_LEGEND.names)
    for images, full, _ in DataLoader(test, batch_size=10):
        channels_last = images.to(device).contiguous(memory_format=torch.channels_last)
        predicted = network(channels_last).argmax(dim=1).cpu().numpy()
        matrix = matrix + error_matrix(predicted, full.numpy(), CLASSIC_LEGEND.names)
    return matrix
