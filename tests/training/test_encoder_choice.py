"""Which encoder `auto` means: what the machine and the weights at hand suit."""

from __future__ import annotations

import pytest

from pointillist.errors import WeightsError
from pointillist.training import UnetConfig, unet
from pointillist.training.unet import choose_encoder


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


def test_what_is_asked_for_is_taken():
    assert choose_encoder(UnetConfig(encoder="tu-resnet10t", weights="none")) == "tu-resnet10t"
