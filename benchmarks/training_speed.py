"""Training on P-classic against a plain float32 loop with the same network, images and batches.

    python benchmarks/training_speed.py [--rounds 3] [--steps 12]

Plain loop: PyTorch as it comes, float32, NCHW, AdamW tensor by tensor, dense cross-entropy with an
ignore index. Ours: what `pointillist study` runs. Both sides take turns in one process, on a GPU
where there is one; the ratio of the medians is the figure. Then a whole cell of the protocol, data
and test included.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import time

import torch
from torch import nn
from torch.utils.data import DataLoader

from pointillist.losses import PartialCrossEntropyLoss
from pointillist.models import build_model
from pointillist.scenes import CLASSIC_LEGEND
from pointillist.studies import classic
from pointillist.studies.classic import ClassicCell, OneMask, run_classic
from pointillist.studies.naming import OURS
from pointillist.training import UnetConfig
from pointillist.training.fitting import EpochSampler, choose_device, choose_precision, fit_network
from pointillist.training.schedule import Progress

BATCH = 4
WARM_UP = 2


def plain_loop(steps: int, loader: DataLoader) -> float:
    """Images per second of a loop as a tutorial writes it."""
    device = choose_device("auto")
    network = build_model(pretrained=False).train().to(device)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)
    criterion = nn.CrossEntropyLoss(ignore_index=-1)
    start, step = now(), 0
    while True:
        for images, target in loader:
            if step == WARM_UP:
                start = now()
            optimizer.zero_grad()
            criterion(network(images.to(device)), target.to(device)).backward()
            optimizer.step()
            step += 1
            if step == steps + WARM_UP:
                return steps * BATCH / (now() - start)


def now() -> float:
    """Seconds, once the GPU has done what it was told."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


class TimedLoss(PartialCrossEntropyLoss):
    """Notes when the first step after the warm-up begins."""

    def __init__(self) -> None:
        super().__init__()
        self.n, self.start = 0, now()

    def forward(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        self.n += 1
        if self.n == WARM_UP:
            self.start = now()
        return super().forward(logits, target)


def our_loop(steps: int, loader: DataLoader) -> float:
    """Images per second of the training that a study runs."""
    network = build_model(pretrained=False)
    config = UnetConfig(batch_size=BATCH, steps=steps + WARM_UP, weights="none")
    criterion = TimedLoss()
    fit_network(
        network,
        criterion,
        loader,
        config,
        Progress(config.steps),
        CLASSIC_LEGEND.names,
    )
    return steps * BATCH / (now() - criterion.start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--no-cell", action="store_true", help="leave the whole cell out")
    args = parser.parse_args()
    train, _ = classic.make_sets(ClassicCell(n_points=200))
    loader = DataLoader(
        OneMask(train),
        batch_size=BATCH,
        sampler=EpochSampler(train, shuffle=True),
        drop_last=True,
    )
    start = time.perf_counter()
    n_batches = sum(1 for _ in loader)
    loading_s = (time.perf_counter() - start) / n_batches
    plain, ours = [], []
    for _ in range(args.rounds):
        plain.append(plain_loop(args.steps, loader))
        ours.append(our_loop(args.steps, loader))
    rates = statistics.median(plain), statistics.median(ours)
    share = loading_s * rates[1] / BATCH
    print(
        f"U-Net ResNet-34, {BATCH} images of 128², {torch.get_num_threads()} threads, "
        f"{torch.cuda.get_device_name() if torch.cuda.is_available() else platform.machine()}, "
        f"torch {torch.__version__}, {choose_precision(UnetConfig())}"
    )
    print(f"plain float32 loop  {rates[0]:6.1f} images/s")
    print(f"study's training    {rates[1]:6.1f} images/s   {rates[1] / rates[0]:.2f}×")
    print(f"loading and augmenting a batch takes {share:.1%} of a step")
    if not args.no_cell:
        record = run_classic(ClassicCell(n_points=200, seed=100, **OURS))
        print(f"a whole P-classic cell, data and test with eight views: {record['seconds']} s")


if __name__ == "__main__":
    main()
