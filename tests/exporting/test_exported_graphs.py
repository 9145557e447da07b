"""One contract for all exported graphs: the model's probabilities, at any size."""

from __future__ import annotations

import numpy as np
import pytest
from export_cases import blotches, make_card, make_ensemble, make_forest, make_network

import pointillist
from pointillist.exporting.checking import RUNNERS
from pointillist.models import ARCHITECTURES, EnsembleModel, NetworkModel, Normalisation
from pointillist.models.forest import ForestModel

SHAPES = [(1, 96, 160), (2, 61, 75), (3, 1, 40), (1, 200, 33)]


def _assert_same(run, model, rng, divisor=255.0, shapes=SHAPES, tolerance=1e-4):
    for batch, height, width in shapes:
        images = rng.integers(0, 256, (batch, len(model.bands), height, width)).astype(np.float32)
        found = run((images / np.float32(divisor)).astype(np.float32))
        expected = np.stack([model.predict(image) for image in images])
        np.testing.assert_allclose(found, expected, atol=tolerance)


@pytest.fixture(scope="module")
def forest() -> ForestModel:
    image, mask = blotches(160, 160)
    return make_forest(image, mask, make_card(3))


@pytest.fixture(scope="module")
def ensemble(forest) -> EnsembleModel:
    return make_ensemble(make_network(), forest)


def test_every_architecture_in_onnx(architecture, tmp_path, rng):
    model = make_network(architecture, n_bands=4)
    path = pointillist.export(model, tmp_path / "model.onnx")
    _assert_same(RUNNERS["onnx"][1](path), model, rng)


@pytest.mark.parametrize("form", ["onnx", "openvino"])
def test_the_slim_network(form, tmp_path, rng):
    model = make_network(encoder="slim")
    suffix = {"onnx": "onnx", "openvino": "xml"}[form]
    path = pointillist.export(model, tmp_path / f"model.{suffix}", format=form)
    _assert_same(RUNNERS[form][1](path), model, rng, shapes=SHAPES[:2])


def pytest_generate_tests(metafunc):
    if "architecture" in metafunc.fixturenames:
        quick = ("unet", "pspnet")
        metafunc.parametrize(
            "architecture",
            [
                name if name in quick else pytest.param(name, marks=pytest.mark.slow)
                for name in ARCHITECTURES
            ],
        )


@pytest.mark.parametrize("n_bands", [1, 8])
def test_any_number_of_bands(n_bands, tmp_path, rng):
    model = make_network("linknet", n_bands)
    path = pointillist.export(model, tmp_path / "model.onnx", input="raw")
    _assert_same(RUNNERS["onnx"][1](path), model, rng, divisor=1)


@pytest.mark.parametrize("input", ["deepness", "raw"])
def test_a_forest_decides_alike_to_the_last_tree(input, forest, tmp_path, rng):
    path = pointillist.export(forest, tmp_path / "model.onnx", input=input)
    divisor = 255.0 if input == "deepness" else 1.0
    _assert_same(RUNNERS["onnx"][1](path), forest, rng, divisor, tolerance=1e-5)


def test_a_forest_of_shares_that_do_not_sum_to_one(forest, tmp_path, rng):
    weighed = forest.reweigh_classes([1.0, 3.0, 0.2])
    path = pointillist.export(weighed, tmp_path / "model.onnx")
    _assert_same(RUNNERS["onnx"][1](path), weighed, rng, tolerance=1e-5)


def test_an_ensemble_of_both(ensemble, tmp_path, rng):
    path = pointillist.export(ensemble, tmp_path / "model.onnx")
    _assert_same(RUNNERS["onnx"][1](path), ensemble, rng)


@pytest.mark.parametrize("kind", ["forest", "ensemble"])
def test_pixels_without_a_number_leave_the_others_alone(kind, request, tmp_path, rng):
    model = request.getfixturevalue(kind)
    path = pointillist.export(model, tmp_path / "model.onnx", input="raw")
    image = rng.integers(0, 256, (3, 64, 70)).astype(np.float32)
    image[1, 10:20, 30:50] = np.nan
    image[0, 5, 5], image[2, 40, 60] = np.inf, -np.inf
    expected = model.predict(image)
    valid = np.isfinite(expected[0])
    assert 0 < (~valid).sum() < 300
    found = RUNNERS["onnx"][1](path)(image[None])[0]
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found[:, valid], expected[:, valid], atol=1e-4)


def test_fractions_and_large_numbers_survive_the_division(tmp_path, rng):
    norm = Normalisation((0.2, 2500.0), (0.1, 900.0))
    model = make_network("linknet", 2, make_card(2, norm))
    run = RUNNERS["onnx"][1](pointillist.export(model, tmp_path / "model.onnx"))
    image = np.stack([rng.uniform(0, 0.6, (64, 64)), rng.uniform(0, 65535, (64, 64))])
    found = run((image[None] / 255).astype(np.float32))[0]
    np.testing.assert_allclose(found, model.predict(image.astype(np.float32)), atol=1e-4)


@pytest.mark.parametrize(("precision", "tolerance"), [("fp32", 1e-4), ("fp16", 1e-2)])
def test_a_network_in_openvino(precision, tolerance, tmp_path, rng):
    model: NetworkModel = make_network("unet", n_bands=4)
    path = pointillist.export(model, tmp_path / "model.xml", precision=precision)
    _assert_same(RUNNERS["openvino"][1](path), model, rng, tolerance=tolerance)
    weights = sum(tensor.size for tensor in model.tensors().values())
    size = path.with_suffix(".bin").stat().st_size
    assert size == pytest.approx(weights * (4 if precision == "fp32" else 2), rel=0.02)


def test_a_fixed_size_takes_nothing_else(tmp_path, rng):
    model = make_network("linknet")
    path = pointillist.export(model, tmp_path / "model.onnx", tile=100)  # no multiple of 32
    run = RUNNERS["onnx"][1](path)
    _assert_same(run, model, rng, shapes=[(1, 100, 100)])
    with pytest.raises(Exception, match="Got: 64 Expected: 100"):
        run(np.zeros((1, 3, 64, 100), dtype=np.float32))
