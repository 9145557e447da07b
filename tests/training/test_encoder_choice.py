"""Which encoder `auto` means: what the machine and the weights at hand suit."""

from __future__ import annotations

import numpy as np
import pytest

from pointillist.errors import WeightsError
from pointillist.grid import Grid, Transform
from pointillist.legend import Legend
from pointillist.points import LabelledPixels
from pointillist.raster import ArraySource
from pointillist.training import TrainingTask, UnetConfig, unet
from pointillist.training.unet import choose_encoder, suits_generated


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str) -> None:
        raise WeightsError(f"no weights of {name}")

    monkeypatch.setattr(unet, "fetch_imagenet", refuse)
    monkeypatch.setattr(unet, "choose_device", lambda _: "cpu")


@pytest.mark.parametrize("weights", ["auto", "none", "generated"])
def test_a_cpu_without_weights_trains_the_slim_one(weights):
    assert choose_encoder(UnetConfig(weights=weights)) == "slim"


def test_weights_at_hand_want_their_encoder(monkeypatch):
    assert choose_encoder(UnetConfig(weights="imagenet")) == "resnet34"
    assert choose_encoder(UnetConfig(weights="my.safetensors")) == "resnet34"
    monkeypatch.setattr(unet, "fetch_imagenet", lambda name: ({}, name))
    assert choose_encoder(UnetConfig(weights="auto")) == "resnet34"


def test_a_gpu_and_another_decoder_take_the_large_one(monkeypatch):
    assert choose_encoder(UnetConfig(architecture="fpn", weights="none")) == "resnet34"
    monkeypatch.setattr(unet, "choose_device", lambda _: "cuda")
    assert choose_encoder(UnetConfig(weights="none")) == "resnet34"
    assert choose_encoder(UnetConfig(weights="auto")) == "resnet34"
    assert choose_encoder(UnetConfig(weights="generated")) == "slim"  # no other has such weights


def test_a_gpu_takes_the_weights_of_the_package_where_they_suit_and_there_are_no_others(
    monkeypatch,
):
    monkeypatch.setattr(unet, "choose_device", lambda _: "cuda")
    assert choose_encoder(UnetConfig(weights="auto"), suited=True) == "slim"
    assert choose_encoder(UnetConfig(weights="none"), suited=True) == "resnet34"
    monkeypatch.setattr(unet, "fetch_imagenet", lambda name: ({}, name))
    assert choose_encoder(UnetConfig(weights="auto"), suited=True) == "resnet34"


def test_what_is_asked_for_is_taken():
    assert choose_encoder(UnetConfig(encoder="tu-resnet10t", weights="none")) == "tu-resnet10t"


@pytest.mark.parametrize(
    ("crs", "size", "n_bands", "suits"),
    [
        ("EPSG:32640", 0.5, 3, True),
        ("EPSG:32640", 10.0, 3, False),
        ("EPSG:32640", 0.5, 4, False),
        ("EPSG:4326", 0.5 / 111_000, 3, True),
        ("EPSG:4326", 30 / 111_000, 3, False),
        (None, 1.0, 3, False),
    ],
)
def test_weights_of_shapes_are_for_fine_pixels_of_three_bands(crs, size, n_bands, suits):
    x, y = (55.0, 25.0) if crs == "EPSG:4326" else (310_000.0, 2_780_000.0)
    grid = Grid(8, 8, Transform(size, 0.0, x, 0.0, -size, y), crs)
    source = ArraySource(np.zeros((n_bands, 8, 8), np.uint8), None, grid)
    pixels = LabelledPixels.from_arrays(np.array([[1, 1]]), np.array([0]))
    legend = Legend.from_names(["a", "b"])
    task = TrainingTask((source,), (pixels,), legend, 0, source.band_names)
    assert suits_generated(task) == suits
