"""The slim U-Net: any bands, any classes, saved and loaded, softened exactly."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pointillist.errors import InputError
from pointillist.legend import Legend
from pointillist.models import (
    ModelCard,
    NetworkModel,
    NetworkSpec,
    Normalisation,
    build_model,
    build_network,
    load,
)


def _model(n_bands: int = 3, n_classes: int = 4) -> NetworkModel:
    spec = NetworkSpec("unet", "slim", n_bands, n_classes)
    names = [f"class {i}" for i in range(n_classes)]
    card = ModelCard(
        Legend.from_names(names),
        tuple(f"b{i}" for i in range(n_bands)),
        Normalisation((0.0,) * n_bands, (1.0,) * n_bands),
    )
    return NetworkModel(build_network(spec, seed=1), spec, card)


@pytest.mark.parametrize("encoder", ["slim", "slim-wide"])
@pytest.mark.parametrize("n_bands", [1, 8])
def test_it_takes_any_bands_and_sides_of_multiples_of_32(encoder, n_bands):
    network = build_model(encoder, in_channels=n_bands, num_classes=3)
    assert network(torch.zeros(2, n_bands, 96, 32)).shape == (2, 3, 96, 32)
    expected = "there are no weights" if encoder == "slim-wide" else "learnt on generated scenes"
    assert expected in network.weights_note


def test_it_is_slim():
    slim = sum(p.numel() for p in build_model("slim", pretrained=False).parameters())
    large = sum(p.numel() for p in build_model("resnet34", pretrained=False).parameters())
    assert slim < large / 20


def test_its_encoder_starts_from_a_file(tmp_path):
    path = _model().save(tmp_path / "slim.safetensors")
    network = build_model("slim", in_channels=5, num_classes=2, weights=path)
    assert "adapted from 3 bands" in network.weights_note
    kept = _model().network.state_dict()["encoder.downs.0.0.0.weight"]
    assert torch.equal(network.state_dict()["encoder.downs.0.0.0.weight"], kept)


def test_it_goes_with_no_other_decoder():
    with pytest.raises(InputError, match="architecture 'unet' for encoder 'slim'"):
        build_model("slim", pretrained=False, architecture="fpn")


def test_a_saved_model_predicts_the_same(tmp_path, rng):
    model = _model()
    data = rng.normal(size=(3, 50, 70)).astype(np.float32)
    again = load(model.save(tmp_path / "model.safetensors"))
    np.testing.assert_array_equal(again.predict(data), model.predict(data))


def test_softening_divides_the_logits_and_keeps_the_shift(rng):
    data = rng.normal(size=(3, 32, 32)).astype(np.float32)
    before = np.log(_model().predict(data).astype(np.float64))
    shift = np.array([0.5, -1.0, 0.0, 2.0])
    after = np.log(_model().soften(2.0, shift).predict(data).astype(np.float64))
    expected = (before - shift[:, None, None]) / 2 + shift[:, None, None]
    difference = after - expected  # the same for all classes: softmax does not see it
    np.testing.assert_allclose(difference - difference[:1], 0, atol=1e-4)


def test_a_temperature_of_zero_is_refused():
    with pytest.raises(InputError, match="temperature above 0"):
        _model().soften(0.0)
