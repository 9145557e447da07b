"""How many pixels of a block-wise map change class, by the halo: what decision 11 stands on.

    python benchmarks/edge_effect.py [MODEL ...] [--scene SCENE] [--part 2] [--record FILE.jsonl]

Windows of 1024 px on a grid over the scene (every `--part`-th of them) are cut crosswise, as
training does with eight windows of 512 px: both estimates are for blocks of 1024 px. With
`--blocks 64 128` 2048² px in the scene's middle are also mapped block by block with these halos,
and compared with one forward pass. Without a model, a small network is trained on a generated
scene. `--draw FILE.jsonl FIGURE.svg` draws what was recorded.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from recording import record

from pointillist.grid import Window, iter_windows
from pointillist.legend import Legend
from pointillist.models import (
    EdgeEffect,
    EnsembleModel,
    NetworkModel,
    build_model,
    load,
    measure_edge_effect,
)
from pointillist.models.card import ModelCard, Normalisation
from pointillist.models.network import NetworkSpec
from pointillist.prediction import Tiling, TorchEngine, Wanted, predict_scene
from pointillist.prediction.engine import best_class
from pointillist.raster import ArraySource, PixelSource, open_scene
from pointillist.scenes import generate_terrain

BLOCK_PX, WINDOW_PX, SMALL_PX, N_SMALL = 1024, 1024, 512, 8
HALOS_PX = (0, 32, 64, 96, 128, 160, 192, 224, 256)


def over_the_scene(model: NetworkModel, scene: PixelSource, part: int) -> EdgeEffect:
    """The effect in every `part`-th window of a grid over the scene."""
    height, width = (side // WINDOW_PX * WINDOW_PX for side in scene.grid.shape)
    windows = list(iter_windows((height, width), WINDOW_PX))[::part]
    effect = measure_edge_effect(model.network, _normalised(model, scene, windows))
    assert effect is not None, "the scene has valid pixels"
    return effect


def in_a_few_windows(model: NetworkModel, scene: PixelSource, seed: int) -> EdgeEffect:
    """What a training would measure, at random places instead of its points."""
    rng = np.random.default_rng(seed)
    corners = rng.integers(0, np.array(scene.grid.shape) - SMALL_PX, (N_SMALL, 2))
    windows = [Window(int(row), int(col), SMALL_PX, SMALL_PX) for row, col in corners]
    effect = measure_edge_effect(model.network, _normalised(model, scene, windows))
    assert effect is not None, "the scene has valid pixels"
    return effect


def _normalised(model: NetworkModel, scene: PixelSource, windows: list[Window]) -> Iterator[object]:
    for window in windows:
        pixels = scene.read(window)
        yield model.normalisation.apply(pixels.data, pixels.valid), pixels.valid


def against_one_pass(model: NetworkModel, scene: PixelSource, halo_px: int, side: int) -> float:
    """Share of pixels in the scene's middle that a map of blocks gives another class."""
    row, col = (max(0, length // 2 - side // 2) for length in scene.grid.shape)
    pixels = scene.read(Window(row, col, side, side))
    whole = best_class(model.predict(pixels.data, pixels.valid))
    source, differs = ArraySource(pixels.data, pixels.valid), np.zeros(whole.shape, dtype=bool)
    blocks = Tiling.of_model(model, BLOCK_PX, halo_px).plan(whole.shape)
    for block, result in predict_scene(source, blocks, TorchEngine(model), Wanted()):
        if result is not None:
            differs[block.core.slices] = result.index != whole[block.core.slices]
    return float(differs[pixels.valid].mean())


def train_a_little(scene: ArraySource, classes: np.ndarray, n: int = 60) -> NetworkModel:
    """A small U-Net that has seen `n` batches of the scene."""
    spec = NetworkSpec("unet", "tu-resnet10t", scene.n_bands, int(classes.max()) + 1)
    network = build_model(**spec.to_dict(), weights="none", seed=0).train()
    pixels = scene.read(scene.grid.window)
    norm = Normalisation(pixels.data.mean((1, 2)), pixels.data.std((1, 2)))
    data, rng = norm.apply(pixels.data), np.random.default_rng(0)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)
    for _ in range(n):
        corners = rng.integers(0, np.array(classes.shape) - 128, (8, 2))
        chips = [(slice(row, row + 128), slice(col, col + 128)) for row, col in corners]
        images = torch.from_numpy(np.stack([data[:, *chip] for chip in chips]))
        target = torch.from_numpy(np.stack([classes[chip] for chip in chips]).astype(np.int64))
        loss = torch.nn.functional.cross_entropy(network(images), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    legend = Legend.from_names([f"class {i}" for i in range(spec.num_classes)])
    return NetworkModel(network.eval(), spec, ModelCard(legend, scene.band_names, norm))


def measure(
    name: str, model: NetworkModel, scene: PixelSource, options: argparse.Namespace
) -> None:
    """Print and record one model's figures."""
    effect = over_the_scene(model, scene, options.part)
    guesses = [in_a_few_windows(model, scene, seed) for seed in range(options.guesses)]
    side = min(2 * BLOCK_PX, *scene.grid.shape)
    figures = {
        "model": name,
        "network": f"{model.spec.architecture} {model.spec.encoder}",
        "steps": model.card.provenance.get("steps"),
        "scene": Path(scene.name).name,
        "percent_by_distance": [round(100 * share, 4) for share in effect.shares],
        "percent_by_halo": {h: round(100 * effect.share_changed(BLOCK_PX, h), 4) for h in HALOS_PX},
        "halo_px": effect.halo_px(BLOCK_PX),
        "halo_px_by_8_windows": [guess.halo_px(BLOCK_PX) for guess in guesses],
        "percent_against_one_pass": {
            halo: round(100 * against_one_pass(model, scene, halo, side), 4)
            for halo in options.blocks
        },
    }
    record("edge effect", figures, options.record, "torch", "segmentation-models-pytorch")


def draw(records: Path, figure_file: Path) -> None:
    """The share that changes by halo, one line per model."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 4.2), layout="constrained")
    axes = figure.add_subplot()
    lines = [json.loads(line) for line in records.read_text(encoding="utf-8").splitlines()]
    for row in (line for line in lines if line["what"] == "edge effect"):
        shares = {int(halo): share for halo, share in row["percent_by_halo"].items()}
        label = f"{row['network']}, {row['steps']} steps"
        axes.plot(list(shares), np.maximum(list(shares.values()), 1e-4), marker=".", label=label)
    axes.axhline(0.1, color="#444444", linewidth=1, linestyle="--")
    axes.annotate("promised", (256, 0.1), ha="right", va="bottom", color="#444444")
    axes.set(
        yscale="log", ylim=(1e-4, 30), xticks=HALOS_PX, xlabel="halo (px), blocks of 1024 px",
        ylabel="pixels with another class\nthan in one pass (%)",
    )  # fmt: skip
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8, loc="upper right", ncols=2)
    figure.savefig(figure_file)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="*", type=Path)
    parser.add_argument("--scene", type=Path)
    parser.add_argument("--part", type=int, default=2)
    parser.add_argument("--guesses", type=int, default=3)
    parser.add_argument("--blocks", type=int, nargs="*", default=[])
    parser.add_argument("--record", type=Path)
    parser.add_argument("--draw", type=Path, nargs=2, metavar=("FILE.jsonl", "FIGURE"))
    options = parser.parse_args()
    if options.draw:
        draw(*options.draw)
        return
    generated = generate_terrain(seed=0)
    scene: PixelSource = ArraySource(generated.image, band_names=generated.band_names)
    if not options.models:
        model = train_a_little(scene, generated.mask)
        measure("trained here", model, scene, options)
        return
    if options.scene is not None:
        scene = open_scene(options.scene)
    for path in options.models:
        model = load(path)
        network = model.parts[0] if isinstance(model, EnsembleModel) else model
        measure(path.name, network, scene, options)


if __name__ == "__main__":
    main()
