"""P-classic: what trains and what scores."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from pointillist.errors import InputError, MissingFileError
from pointillist.models import build_model
from pointillist.models.views import average_views
from pointillist.studies import classic, classic_default
from pointillist.studies.classic import ClassicCell, name_weights, run_classic
from pointillist.studies.places import Folders
from pointillist.training.fitting import Fit


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("N_TRAIN", 8), ("N_TEST", 2), ("SIZE_PX", 64), ("EPOCHS", 1)):
        monkeypatch.setattr(classic, name, value)


SMALL = {"encoder": "resnet18", "batch_size": 4}


def test_training_sees_the_points_and_nothing_else_of_the_masks(
    small: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The data set also gives full masks; a training that took them would look very good."""
    labelled: list[int] = []

    def look(network: Any, criterion: Any, loader: Any, *_: Any, **__: Any) -> Fit:
        for _image, target in loader:
            labelled.extend((target >= 0).sum(dim=(1, 2)).tolist())
        return Fit([], 0.0, len(loader), "fp32", "cpu")

    monkeypatch.setattr(classic, "fit_network", look)
    run_classic(ClassicCell(3, encoder="resnet18"))
    assert len(labelled) == 8
    assert all(0 < n <= 15 for n in labelled)
    labelled.clear()
    run_classic(ClassicCell(n_points=40, encoder="resnet18"))
    assert labelled == [40] * 8
    labelled.clear()
    run_classic(ClassicCell(supervision="full", encoder="resnet18"))
    assert labelled == [64 * 64] * 8


def test_the_default_recipe_learns_from_the_points_alone(
    small: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[int, int]] = []

    def look(places: Any, labels: Any, lesson: Any) -> Any:
        told.append((len(places), sum(len(pixels) for pixels in labels)))
        assert lesson.steps == 1
        return Certain(), {"steps": 1, "precision": "fp32", "device": "cpu"}

    class Certain:
        def predict(self, image: Any) -> Any:
            return np.stack([np.full(image.shape[1:], float(c == 2)) for c in range(5)])

    monkeypatch.setattr(classic_default, "learn", look)
    record = run_classic(ClassicCell(recipe="stack", n_points=40))
    assert told == [(8, 8 * 40)]
    assert record["precision_of_arithmetic"] == "fp32"
    assert record["recall"][2] == 1.0


@pytest.mark.slow
def test_the_default_recipe_maps_classic_images(small: None) -> None:
    record = run_classic(ClassicCell(recipe="stack", n_points=60))
    assert record["steps"] == 1
    assert 0 < record["network_weight"] <= 1
    assert record["pixel_accuracy"] > 0.5


@pytest.mark.slow
def test_a_record_holds_one_view_beside_eight(small: None) -> None:
    record = run_classic(ClassicCell(5, views=8, **SMALL))
    assert record["steps"] == 2
    assert len(record["iou"]) == len(record["precision"]) == len(record["recall"]) == 5
    assert set(record["single_view"]) == {"miou", "pixel_accuracy", "iou"}
    assert record["cell"]["views"] == 8
    plain = run_classic(ClassicCell(5, **SMALL))
    assert "single_view" not in plain
    assert plain["miou"] == pytest.approx(record["single_view"]["miou"], abs=1e-6)


@pytest.mark.slow
def test_forests_learn_classic_scenes_from_points(small: None) -> None:
    pixels = run_classic(ClassicCell(50, recipe="forest-pixels"))
    features = run_classic(ClassicCell(50, recipe="forest"))
    assert 0.6 < pixels["miou"] < features["miou"]
    assert pixels["n_features"] == 3


@pytest.mark.slow
def test_other_scenes_to_train_and_test_on(small: None) -> None:
    on = run_classic(ClassicCell(50, recipe="forest", trained_on="terrain", tested_on="terrain"))
    off = run_classic(ClassicCell(50, recipe="forest", tested_on="terrain"))
    assert off["pixel_accuracy"] < on["pixel_accuracy"]


@pytest.mark.slow
def test_starting_from_a_file_of_weights(small: None, tmp_path: Path) -> None:
    path = tmp_path / "encoder.safetensors"
    network: Any = build_model("resnet18", pretrained=False)
    save_file(network.encoder.state_dict(), path)
    cell = ClassicCell(5, weights=name_weights(path), **SMALL)
    assert cell.weights is not None
    assert cell.weights.startswith("encoder.safetensors@")
    assert run_classic(cell, Folders(weights=path))["steps"] == 2
    with pytest.raises(InputError, match=r"file of weights 'encoder.* with --weights"):
        run_classic(cell)
    other = tmp_path / "other.safetensors"
    other.write_bytes(path.read_bytes())
    with pytest.raises(InputError, match=r"weights 'encoder\..*, got 'other\.safetensors@.*--weig"):
        run_classic(cell, Folders(weights=other))
    with pytest.raises(MissingFileError, match=r"does not exist. Check --weights"):
        name_weights(tmp_path / "none.safetensors")


def test_views_are_turned_back() -> None:
    class Local(nn.Module):
        """Each pixel by itself: all views agree, so their mean is any one of them."""

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.cat([x, -x], dim=1)

    image = torch.randn(2, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    found = average_views(Local(), image)
    assert torch.allclose(found, Local()(image).softmax(dim=1), atol=1e-6)


def test_the_reference_studys_augmentation_mirrors_sideways_only() -> None:
    train, _ = classic.make_sets(ClassicCell(5, flips="horizontal"))
    seen = set()
    for epoch in range(8):
        train.set_epoch(epoch)
        image, full, _ = train[0]
        plain = train.unchanged(0)
        mirrored = torch.equal(full, torch.flip(plain[1], [-1]))
        assert mirrored or torch.equal(full, plain[1])
        assert torch.equal(image, torch.flip(plain[0], [-1]) if mirrored else plain[0])
        seen.add(mirrored)
    assert seen == {True, False}


def test_pseudo_stratified_is_a_random_sample() -> None:
    """Every pixel of a class is as likely as any other: no spatial stratification in it."""
    from pointillist.sampling import sample_points_per_class

    mask = np.zeros((6, 6), dtype=np.int64)
    rng = np.random.default_rng(1)
    hits = np.zeros(mask.shape)
    for _ in range(4000):
        hits += sample_points_per_class(mask, 4, "pseudo-stratified", rng=rng) >= 0
    assert hits.sum() == 4 * 4000
    assert np.abs(hits / 4000 - 4 / 36).max() < 4 * np.sqrt(4 / 36 / 4000)
