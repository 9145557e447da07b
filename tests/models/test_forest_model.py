"""The forest model: equal to scikit-learn's own, kept safely, blind to how it is cut up."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier

from pointillist.errors import InputError, ModelFileError
from pointillist.features import FeatureSpec
from pointillist.legend import Legend
from pointillist.models import ModelCard, Normalisation, load
from pointillist.models import forest as forest_module
from pointillist.models.forest import ForestArrays, ForestModel

SPEC = FeatureSpec(sigmas=(1.0, 2.0))
LEGEND = Legend.from_names(["water", "urban", "never seen", "forest"])


@pytest.fixture
def table(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    features = rng.normal(size=(300, 18)).astype(np.float32)
    index = np.array([0, 1, 3])[np.digitize(features[:, 0] + features[:, 1], [-0.7, 0.7])]
    return features, index


@pytest.fixture
def fitted(table: tuple[np.ndarray, np.ndarray]) -> RandomForestClassifier:
    forest = RandomForestClassifier(12, random_state=0, class_weight="balanced")
    return forest.fit(*table)


@pytest.fixture
def model(fitted: RandomForestClassifier) -> ForestModel:
    card = ModelCard(LEGEND, ("red", "nir"), Normalisation((100.0, 50.0), (30.0, 20.0)))
    return ForestModel(ForestArrays.from_sklearn(fitted), SPEC, card)


@pytest.fixture
def image(rng: np.random.Generator) -> np.ndarray:
    return (rng.normal(size=(2, 50, 60)) * 40 + 90).astype(np.int16)


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize(
    "estimator",
    [
        RandomForestClassifier(15, random_state=1),
        RandomForestClassifier(15, random_state=1, class_weight="balanced", min_samples_leaf=5),
        ExtraTreesClassifier(15, random_state=1, bootstrap=True),
    ],
)
def test_probabilities_equal_sklearns(
    table: tuple[np.ndarray, np.ndarray],
    rng: np.random.Generator,
    estimator: Any,
    compiled: bool,
) -> None:
    forest = estimator.fit(*table)
    unseen = rng.normal(size=(5000, 18)).astype(np.float32)
    arrays = ForestArrays.from_sklearn(forest)
    expected = forest.predict_proba(unseen)
    np.testing.assert_allclose(arrays.predict(unseen, compiled=compiled), expected, atol=1e-6)
    assert arrays.classes.tolist() == [0, 1, 3]


def test_numpy_and_compiled_walk_agree_on_thresholds(fitted: RandomForestClassifier) -> None:
    arrays = ForestArrays.from_sklearn(fitted)
    inner = arrays.left >= 0
    edge = np.zeros((int(inner.sum()), 18), dtype=np.float32)
    edge[np.arange(len(edge)), arrays.feature[inner]] = arrays.threshold[inner]
    np.testing.assert_array_equal(arrays.predict(edge), arrays.predict(edge, compiled=False))


def test_another_sklearn_that_refuses_the_trees_is_no_obstacle(
    fitted: RandomForestClassifier,
    table: tuple[np.ndarray, np.ndarray],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    arrays = ForestArrays.from_sklearn(fitted)

    def refuse(*_: object) -> None:
        raise ValueError("node array from the pickle has an incompatible dtype")

    monkeypatch.setattr(ForestArrays, "_rebuild", refuse)
    expected = fitted.predict_proba(table[0])
    np.testing.assert_allclose(arrays.predict(table[0]), expected, atol=1e-6)


def test_prediction_sums_to_one_and_unseen_classes_are_never_mapped(
    model: ForestModel, image: np.ndarray
) -> None:
    probabilities = model.predict(image)
    assert probabilities.shape == (4, 50, 60)
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities.sum(axis=0), 1, atol=1e-5)
    assert not probabilities[2].any()


def test_prediction_equals_features_and_sklearn_by_hand(
    model: ForestModel, fitted: RandomForestClassifier, image: np.ndarray
) -> None:
    features = SPEC.compute(model.normalisation.apply(image))
    expected = fitted.predict_proba(features.reshape(18, -1).T).T.reshape(3, 50, 60)
    np.testing.assert_allclose(model.predict(image)[[0, 1, 3]], expected, atol=1e-6)


def test_pieces_and_threads_do_not_show(
    model: ForestModel, image: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    valid = np.ones((50, 60), dtype=bool)
    valid[20:30, 10:40] = False
    whole = model.predict(image, valid)
    monkeypatch.setattr(ForestModel, "_piece_px", lambda *_: 16)
    monkeypatch.setattr(forest_module, "_CHUNK", 100)
    model.n_threads = 3
    np.testing.assert_array_equal(model.predict(image, valid), whole)


def test_a_block_with_halo_predicts_what_the_whole_scene_does(
    model: ForestModel, image: np.ndarray
) -> None:
    h = model.halo_px
    whole = model.predict(image)
    part = model.predict(image[:, 20 - h : 30 + h, 30 - h : 45 + h])
    np.testing.assert_array_equal(part[:, h:-h, h:-h], whole[:, 20:30, 30:45])


def test_nodata_is_never_predicted_and_does_not_bleed(
    model: ForestModel, image: np.ndarray, rng: np.random.Generator
) -> None:
    valid = rng.random((50, 60)) > 0.3
    poisoned = image.astype(np.float32)
    poisoned[:, ~valid] = np.inf
    probabilities = model.predict(poisoned)
    assert np.isnan(probabilities[:, ~valid]).all()
    assert np.isfinite(probabilities[:, valid]).all()
    np.testing.assert_array_equal(probabilities, model.predict(image, valid))


def test_nothing_valid_gives_nothing(model: ForestModel, image: np.ndarray) -> None:
    assert np.isnan(model.predict(image, np.zeros((50, 60), dtype=bool))).all()


def test_a_scene_of_one_pixel(model: ForestModel) -> None:
    assert model.predict(np.full((2, 1, 1), 80.0)).sum() == pytest.approx(1)


def test_saved_and_loaded_it_is_the_same(
    model: ForestModel, image: np.ndarray, tmp_path: Path
) -> None:
    path = model.save(tmp_path / "forest.safetensors")
    loaded = load(path)
    assert isinstance(loaded, ForestModel)
    assert (loaded.features, loaded.legend, loaded.bands) == (SPEC, LEGEND, ("red", "nir"))
    np.testing.assert_array_equal(loaded.predict(image), model.predict(image))


def test_it_travels_to_other_processes(model: ForestModel, image: np.ndarray) -> None:
    expected = model.predict(image)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict(image), expected)


@pytest.mark.parametrize(
    ("name", "value"),
    [("left", 10_000_000), ("right", 0), ("feature", 18), ("left", -1)],
    ids=["child beyond the tree", "child before its parent", "no such feature", "half a leaf"],
)
def test_damaged_trees_are_refused(fitted: RandomForestClassifier, name: str, value: int) -> None:
    tensors = ForestArrays.from_sklearn(fitted).tensors()
    damaged = tensors[name].copy()
    damaged[0] = value
    with pytest.raises(ModelFileError, match="form no trees"):
        ForestArrays.from_tensors({**tensors, name: damaged})


def test_missing_or_short_arrays_are_refused(fitted: RandomForestClassifier) -> None:
    tensors = ForestArrays.from_sklearn(fitted).tensors()
    with pytest.raises(ModelFileError, match="differ in length"):
        ForestArrays.from_tensors({**tensors, "threshold": tensors["threshold"][:-1]})
    del tensors["right"]
    with pytest.raises(ModelFileError, match="lacks right"):
        ForestArrays.from_tensors(tensors)


def test_parts_that_do_not_fit_are_refused(model: ForestModel) -> None:
    with pytest.raises(InputError, match="26 features of 2 bands"):
        ForestModel(model.forest, FeatureSpec(sigmas=(1.0, 2.0, 4.0)), model.card)
    short = replace(model.card, legend=Legend.from_names(["a", "b"]))
    with pytest.raises(InputError, match="2 of the legend"):
        ForestModel(model.forest, SPEC, short)
