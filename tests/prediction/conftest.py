"""Models and scenes for maps: a transparent fake, and a tiny network trained in seconds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from prediction_cases import TRANSFORM, UTM, Thresholder, colour_scene

from pointillist.legend import Legend
from pointillist.models import ModelCard, NetworkModel, NetworkSpec, Normalisation
from pointillist.models.network import build_network


@pytest.fixture
def thresholder() -> Thresholder:
    return Thresholder()


WriteScene = Callable[..., Path]


@pytest.fixture
def write_scene(tmp_path: Path) -> WriteScene:
    """Write (B, H, W) or (H, W) as a GeoTIFF in UTM, 10 m, and return its path."""

    def write(
        data: NDArray[Any], name: str = "scene.tif", names: tuple[str, ...] = (), **profile: Any
    ) -> Path:
        data = data[None] if data.ndim == 2 else data
        options = {"driver": "GTiff", "crs": UTM, "transform": TRANSFORM, **profile}
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        with rasterio.open(
            path, "w", count=len(data), height=data.shape[1], width=data.shape[2],
            dtype=data.dtype, **options,
        ) as dataset:  # fmt: skip
            dataset.write(data)
            for number, band in enumerate(names, start=1):
                dataset.set_band_description(number, band)
        return path

    return write


@pytest.fixture(scope="session")
def tiny_network() -> NetworkModel:
    """A U-Net that learned in a few steps to tell three textures by their colour."""
    import torch

    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    norm = Normalisation((100.0,) * 3, (50.0,) * 3)
    spec = NetworkSpec("unet", "tu-resnet10t", 3, 3)
    network = build_network(spec, seed=0).train()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 0.3
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3)
    for _ in range(25):
        pairs = [colour_scene(64, 64, rng) for _ in range(3)]
        images = torch.from_numpy(np.stack([norm.apply(image) for image, _ in pairs]))
        masks = torch.from_numpy(np.stack([mask for _, mask in pairs]))
        loss = torch.nn.functional.cross_entropy(network(images), masks)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    card = ModelCard(Legend.from_names(["A", "B", "C"]), ("red", "green", "blue"), norm, 10.0, UTM)
    return NetworkModel(network, spec, card)
