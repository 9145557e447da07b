"""Several models as one: the contract of trained models, averages, and corrected class shares."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from model_contract import TrainedModelContract, make_card, make_raw
from sklearn.ensemble import RandomForestClassifier

from pointillist.errors import InputError, ModelFileError
from pointillist.features import FeatureSpec
from pointillist.models import EnsembleModel, NetworkModel, NetworkSpec, build_model, load
from pointillist.models.forest import ForestArrays, ForestModel
from pointillist.prediction.block import DEFAULT_BLOCK_PX
from pointillist.prediction.sizing import choose_tiling
from pointillist.prediction.smoothing import Smoothing

SPEC = FeatureSpec(sigmas=(1.0, 2.0))


def make_network() -> NetworkModel:
    spec = NetworkSpec("unet", "resnet18", 4, 3)
    return NetworkModel(build_model(**spec.to_dict(), weights="none", seed=3), spec, make_card())


def make_forest() -> ForestModel:
    rng = np.random.default_rng(4)
    table = rng.normal(size=(200, SPEC.n_features(4))).astype(np.float32)
    index = (table[:, 0] > 0).astype(int) + (table[:, 1] > 0.5)
    forest = RandomForestClassifier(10, random_state=0).fit(table, index)
    return ForestModel(ForestArrays.from_sklearn(forest), SPEC, make_card())


def make_ensemble(weights=(0.6, 0.4), factors=None, temperature=1.0) -> EnsembleModel:
    parts = [make_network(), make_forest()]
    return EnsembleModel(parts, weights, make_card(), factors, temperature)


class TestNetworkAndForest(TrainedModelContract):
    @pytest.fixture(scope="class")
    @classmethod
    def model(cls):
        return make_ensemble(factors=(0.5, 2.0, 1.0), temperature=0.6)


def test_is_the_weighted_mean_of_its_parts(rng):
    model = make_ensemble((3, 1))
    data = make_raw(rng, 40, 50)
    network, forest = (part.predict(data) for part in model.parts)
    np.testing.assert_allclose(model.predict(data), 0.75 * network + 0.25 * forest, atol=1e-6)


def test_factors_change_the_class_shares_as_bayes_says(rng):
    data = make_raw(rng, 40, 50)
    plain = make_ensemble().predict(data)
    factors = np.array([0.2, 3.0, 1.0])[:, None, None]
    expected = plain * factors / (plain * factors).sum(axis=0)
    found = make_ensemble(factors=(0.2, 3.0, 1.0)).predict(data)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_temperature_makes_it_surer_and_changes_no_class(rng, tmp_path):
    data = make_raw(rng, 40, 50)
    plain = make_ensemble().predict(data)
    model = make_ensemble(temperature=0.5)
    np.testing.assert_allclose(model.predict(data), plain**2 / (plain**2).sum(axis=0), atol=1e-6)
    np.testing.assert_array_equal(model.predict(data).argmax(axis=0), plain.argmax(axis=0))
    again = load(model.save(tmp_path / "model.safetensors"))
    np.testing.assert_array_equal(again.predict(data), model.predict(data))


def test_models_without_a_temperature_are_still_read(rng):
    model = make_ensemble()
    spec = model.spec_dict()
    del spec["temperature"]
    data = make_raw(rng, 40, 50)
    again = EnsembleModel.from_parts(spec, model.tensors(), model.card)
    np.testing.assert_array_equal(again.predict(data), model.predict(data))


@pytest.mark.parametrize("temperature", [0, -1, np.nan])
def test_refuses_a_temperature_that_is_none(temperature):
    with pytest.raises(InputError, match="Expected a temperature above 0"):
        make_ensemble(temperature=temperature)


@pytest.mark.parametrize("make", [make_network, make_forest])
def test_each_part_alone_can_be_reweighed_too(make, rng, tmp_path):
    data = make_raw(rng, 40, 50)
    plain = make().predict(data)
    factors = np.array([0.2, 3.0, 1.0])[:, None, None]
    expected = plain * factors / (plain * factors).sum(axis=0)
    model = make().reweigh_classes((0.2, 3.0, 1.0))
    np.testing.assert_allclose(model.predict(data), expected, atol=1e-5)
    again = load(model.save(tmp_path / "model.safetensors"))
    np.testing.assert_array_equal(again.predict(data), model.predict(data))


def test_a_forest_predicts_a_part_as_it_predicts_the_whole(rng):
    model = make_forest()
    data = make_raw(rng, 60, 70)
    valid = rng.random((60, 70)) > 0.1
    part = (slice(7, 41), slice(20, 70))
    expected = model.predict(data, valid)[:, *part]
    np.testing.assert_array_equal(model.predict_part(data, valid, part), expected)


def test_looks_as_far_as_the_part_that_looks_farthest():
    model = make_ensemble()
    assert model.halo_px == 128
    assert model.block_multiple_px == 32
    assert make_forest().block_multiple_px == 1


@pytest.mark.parametrize("weights", [(1,), (0, 0), (-1, 2), (np.nan, 1)])
def test_refuses_weights_that_do_not_fit(weights):
    with pytest.raises(InputError, match=r"one weight of at least 0 for each"):
        make_ensemble(weights)


@pytest.mark.parametrize("factors", [(1, 1), (0, 1, 1)])
def test_refuses_factors_that_do_not_fit(factors):
    with pytest.raises(InputError, match=r"factor above 0 for each of 3 classes"):
        make_ensemble(factors=factors)


def test_refuses_a_part_with_other_bands():
    card = replace(make_card(), bands=("a", "b", "c", "d"))
    with pytest.raises(InputError, match=r"bands, classes and normalisation, got another network"):
        EnsembleModel([make_network()], [1], card)


def test_refuses_a_part_of_an_unknown_kind():
    model = make_ensemble()
    spec = model.spec_dict()
    spec["parts"][1]["kind"] = "oracle"
    with pytest.raises(ModelFileError, match=r"Part 2 is of kind 'oracle'"):
        EnsembleModel.from_parts(spec, model.tensors(), model.card)


def test_its_blocks_fit_into_the_memory():
    model = make_ensemble()
    network, forest = model.parts
    assert model.bytes_per_px == network.bytes_per_px + forest.bytes_per_px
    little = choose_tiling(model, None, None, 0.3)
    assert little.block_px < choose_tiling(model, None, None, 1).block_px
    read = little.block_px + 2 * little.halo_px
    assert read**2 * model.bytes_per_px <= 0.3 * 2**30
    smoothing = Smoothing(16, model.normalisation)
    smoothed = choose_tiling(model, None, None, 0.3, smoothing=smoothing)
    assert smoothed.block_px <= little.block_px
    assert choose_tiling(forest, None, None, 8).block_px == DEFAULT_BLOCK_PX


def test_of_a_part_that_tells_nothing_no_block_is_sized():
    class Silent(ForestModel):
        bytes_per_px = None

    forest = make_forest()
    silent = Silent(forest.forest, forest.features, forest.card)
    model = EnsembleModel([silent, make_network()], (1, 1), make_card())
    assert model.bytes_per_px is None
