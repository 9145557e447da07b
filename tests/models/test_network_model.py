"""Trained networks keep the contract of trained models, and a few things of their own."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from model_contract import TrainedModelContract, make_card, make_raw

from pointillist.errors import InputError
from pointillist.models import EdgeEffect, NetworkModel, NetworkSpec, build_model, load
from pointillist.models.trained import pad_to_multiple


def make_model(encoder="resnet18", architecture="unet") -> NetworkModel:
    spec = NetworkSpec(architecture, encoder, 4, 3)
    network = build_model(**spec.to_dict(), weights="none", seed=3)
    return NetworkModel(network, spec, make_card())


class TestUnet(TrainedModelContract):
    @pytest.fixture(scope="class")
    @classmethod
    def model(cls):
        return make_model()


class TestTimmFpn(TrainedModelContract):
    @pytest.fixture(scope="class")
    @classmethod
    def model(cls):
        return make_model("tu-mobilenetv3_small_050", "fpn")


def test_probabilities_are_the_softmax_of_the_logits(rng):
    model = make_model()
    data = make_raw(rng, 32, 64)
    image = torch.from_numpy(model.normalisation.apply(data))[None]
    with torch.no_grad():
        expected = torch.softmax(model.network(image)[0], dim=0).numpy()
    np.testing.assert_allclose(model.predict(data), expected, atol=1e-5)


def test_predicts_in_eval_mode_even_after_training(rng):
    model = make_model()
    data = make_raw(rng, 64, 64)
    expected = model.predict(data)
    model.network.train()
    np.testing.assert_array_equal(model.predict(data), expected)


def test_bfloat16_is_close_to_float32(rng):
    model = make_model()
    data = make_raw(rng, 64, 64)
    exact = model.predict(data)
    rough = model.to(autocast=torch.bfloat16).predict(data)
    assert rough.dtype == np.float32
    np.testing.assert_allclose(rough, exact, atol=0.05)


def test_halo_is_wider_for_decoders_with_wide_context():
    assert make_model().halo_px == 128
    assert make_model(architecture="pspnet").halo_px == 192


def test_halo_is_the_measured_one_and_wider_for_smaller_blocks(tmp_path):
    model = make_model()
    model.card.edge_effect = EdgeEffect((0.1, 0.01, 0.001, 0.0))
    assert (model.halo_px, model.halo_for(64)) == (64, 96)
    again = load(model.save(tmp_path / "model.safetensors"))
    assert (again.halo_px, again.halo_for(64)) == (64, 96)


def test_halo_is_the_widest_where_none_is_wide_enough():
    model = make_model(architecture="pspnet")
    model.card.edge_effect = EdgeEffect((0.1, 0.1))
    assert model.halo_px == 256


def test_refuses_a_card_of_other_classes():
    model = make_model()
    with pytest.raises(InputError, match="4 bands and 2 classes as in its card, got 4 and 3"):
        NetworkModel(model.network, model.spec, make_card(names=("a", "b")))


def test_a_transformer_comes_back_from_its_file(rng, tmp_path):
    model = make_model("mit_b0", "segformer")
    data = make_raw(rng, 64, 64)
    loaded = load(model.save(tmp_path / "model.safetensors"))
    np.testing.assert_array_equal(loaded.predict(data), model.predict(data))


def test_a_decoder_that_needs_a_larger_input_gets_one(rng):
    assert make_model(architecture="pan").predict(make_raw(rng, 9, 40)).shape == (3, 9, 40)


@pytest.mark.parametrize(
    ("shape", "at_least", "padded"),
    [
        ((1, 1), 1, (32, 32)),
        ((32, 64), 1, (32, 64)),
        ((33, 31), 1, (64, 32)),
        ((33, 160), 128, (128, 160)),
    ],
)
def test_pads_bottom_and_right_to_the_multiple(rng, shape, at_least, padded):
    data = make_raw(rng, *shape)
    got = pad_to_multiple(data, 32, at_least)
    assert got.shape[1:] == padded
    np.testing.assert_array_equal(got[:, : shape[0], : shape[1]], data)
    assert np.count_nonzero(got) == np.count_nonzero(data)
