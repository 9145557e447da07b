"""Make the weights that a slim network starts from: told to tell families of things apart.

Scenes in random colours (`pointillist.scenes.families`) are generated and learnt. Twenty minutes on
one core:

    python benchmarks/pretrain_slim.py src/pointillist/models/starts/slim.safetensors
"""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor, nn

from pointillist.models import build_model
from pointillist.models.generated import HEAD
from pointillist.scenes.families import FAMILIES, generate_families

_CHIP, _BATCH, _SIDE = 128, 8, 192
_RATE, _WARMUP, _DECAY = 4e-3, 0.03, 0.995


def pretrain(n_scenes: int = 1600, n_steps: int = 5000, seed: int = 1) -> nn.Module:
    """A slim network that has learnt the families, its weights a running mean.

    Args:
        n_scenes: Scenes it sees; those of a smaller number are among those of a larger one.
        n_steps: Optimiser steps of eight chips.
        seed: Of chips and moves.
    """
    torch.manual_seed(0)
    network = build_model("slim", False, num_classes=len(FAMILIES), weights="none")
    made = [generate_families(np.random.default_rng([7, i]), _SIDE) for i in range(n_scenes)]
    images = np.stack([image for image, _ in made]).astype(np.float16)
    families = np.stack([family for _, family in made])
    learn(network, images, families, n_steps, np.random.default_rng(seed))
    return network


def learn(
    network: nn.Module,
    images: NDArray[np.float16],
    families: NDArray[np.uint8],
    n_steps: int,
    rng: np.random.Generator,
) -> None:
    """Train the network; it is left with the running mean of its weights."""
    network.to(memory_format=torch.channels_last).train()
    shares = np.bincount(families.ravel(), minlength=len(FAMILIES)) / families.size
    weights = torch.tensor((shares + 0.02) ** -0.5, dtype=torch.float32)
    criterion = nn.CrossEntropyLoss(weight=weights / weights.mean())
    optimizer = torch.optim.AdamW(network.parameters(), lr=_RATE, weight_decay=0.01, fused=True)
    mean: dict[str, Tensor] = {}
    right, start = 0.0, time.monotonic()
    for step in range(n_steps):
        for group in optimizer.param_groups:
            group["lr"] = _RATE * rate_factor(step / n_steps)
        image, family = draw_batch(rng, images, families)
        logits = network(image)
        loss = criterion(logits, family)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        take_in(mean, network, step)
        right += 0.02 * (float((logits.argmax(1) == family).float().mean()) - right)
        if step % 250 == 249:
            print(f"{step + 1}: right {right:.3f}, {time.monotonic() - start:.0f} s", flush=True)
    network.load_state_dict(mean)


def rate_factor(fraction: float) -> float:
    """Warm-up, then a cosine to nearly zero."""
    if fraction < _WARMUP:
        return fraction / _WARMUP + 1e-4
    return 0.5 * (1 + math.cos(math.pi * (fraction - _WARMUP) / (1 - _WARMUP))) + 1e-4


def draw_batch(
    rng: np.random.Generator, images: NDArray[np.float16], families: NDArray[np.uint8]
) -> tuple[Tensor, Tensor]:
    """Chips cut anywhere, mirrored, turned, in other colours again."""
    chips, targets = [], []
    for i in rng.integers(0, len(images), _BATCH):
        row, col = rng.integers(0, _SIDE - _CHIP + 1, 2)
        part = np.s_[row : row + _CHIP, col : col + _CHIP]
        chip, target = images[i][:, *part].astype(np.float32), families[i][part]
        move = int(rng.integers(8))
        if move % 2:
            chip, target = chip[:, :, ::-1], target[:, ::-1]
        chip, target = np.rot90(chip, move // 2, (1, 2)), np.rot90(target, move // 2)
        mix = np.eye(3) * rng.choice([1, 1, 1, -1]) + rng.normal(0, 0.3, (3, 3))
        chip = np.einsum("ij,jyx->iyx", mix, chip)
        if rng.random() < 0.5:
            chip = chip[rng.permutation(3)]
        mean, spread = (f(chip, axis=(1, 2), keepdims=True) for f in (np.mean, np.std))
        chips.append((chip - mean * rng.uniform(0.5, 1)) / (spread + 0.05))
        targets.append(target)
    image = torch.from_numpy(np.stack(chips).astype(np.float32))
    family = torch.from_numpy(np.stack(targets).astype(np.int64))
    return image.contiguous(memory_format=torch.channels_last), family


def take_in(mean: dict[str, Tensor], network: nn.Module, step: int) -> None:
    """Take a step's weights into the running mean."""
    share = 1 - min(_DECAY, step / (step + 10))
    for name, value in network.state_dict().items():
        if name not in mean:
            mean[name] = value.detach().clone()
        elif value.is_floating_point():
            mean[name].lerp_(value.detach(), share)
        else:
            mean[name].copy_(value)


def keep(network: nn.Module, path: Path) -> None:
    """Write all but the last layer; convolutions in half precision, statistics in single."""
    tensors = {
        name: value.half() if value.ndim > 1 else value
        for name, value in network.state_dict().items()
        if not name.startswith(HEAD)
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: value.contiguous() for name, value in tensors.items()}, path)


def main() -> None:
    """Learn and keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, help="File to write (.safetensors).")
    parser.add_argument("--scenes", type=int, default=1600)
    parser.add_argument("--steps", type=int, default=5000)
    given = parser.parse_args()
    keep(pretrain(given.scenes, given.steps), given.out)


if __name__ == "__main__":
    main()
