"""What every kind of trained model must keep; subclass and give a fixture `model`."""

from __future__ import annotations

import numpy as np
import pytest

from pointillist.errors import InputError
from pointillist.legend import Legend
from pointillist.models import ModelCard, Normalisation, TrainedModel, load

BANDS = ("red", "green", "blue", "nir")
CLASS_NAMES = ("Water", "Forest", "Urban")


def make_card(bands: tuple[str, ...] = BANDS, names: tuple[str, ...] = CLASS_NAMES) -> ModelCard:
    n = len(bands)
    return ModelCard(
        legend=Legend.from_names(names, codes=[3 * (i + 1) for i in range(len(names))]),
        bands=bands,
        normalisation=Normalisation(
            tuple(100.0 + i for i in range(n)), tuple(10.0 + i for i in range(n))
        ),
        resolution=10.0,
        crs="EPSG:32633",
        recipe="test",
        provenance={"seed": 7, "points": "punkte.gpkg", "note": "größer als 1 m²"},
    )


def make_raw(
    rng: np.random.Generator, height: int, width: int, n_bands: int = len(BANDS)
) -> np.ndarray:
    return rng.normal(100, 20, (n_bands, height, width)).astype(np.float32)


class TrainedModelContract:
    """Every trained model: probabilities where valid, NaN elsewhere, saved and loaded alike."""

    @pytest.mark.parametrize("shape", [(1, 1), (5, 40), (64, 64), (33, 31)])
    def test_probabilities_sum_to_one_at_any_size(self, model, rng, shape):
        probabilities = model.predict(make_raw(rng, *shape))
        assert probabilities.shape == (len(model.legend), *shape)
        assert probabilities.dtype == np.float32
        assert (probabilities >= 0).all()
        np.testing.assert_allclose(probabilities.sum(axis=0), 1, atol=1e-5)

    def test_nan_exactly_where_not_valid(self, model, rng):
        data = make_raw(rng, 40, 36)
        valid = rng.random((40, 36)) > 0.2
        data[1, 3, 4], data[0, 5, 6], data[2, 7, 8] = np.nan, np.inf, -np.inf
        expected = valid.copy()
        expected[[3, 5, 7], [4, 6, 8]] = False
        probabilities = model.predict(data, valid)
        assert (np.isfinite(probabilities) == expected).all()

    def test_values_at_invalid_pixels_do_not_matter(self, model, rng):
        data = make_raw(rng, 32, 32)
        valid = np.ones((32, 32), dtype=bool)
        valid[10:20, 12:30] = False
        expected = model.predict(data, valid)
        data[:, ~valid] = -9999
        np.testing.assert_array_equal(model.predict(data, valid), expected)

    def test_nothing_valid_gives_nan(self, model, rng):
        probabilities = model.predict(make_raw(rng, 8, 9), np.zeros((8, 9), dtype=bool))
        assert probabilities.shape == (len(model.legend), 8, 9)
        assert np.isnan(probabilities).all()

    @pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.float64])
    def test_takes_any_number_type_and_leaves_the_input_alone(self, model, rng, dtype):
        data = make_raw(rng, 16, 20).clip(0, 255).round()
        given = data.astype(dtype)
        before = given.copy()
        np.testing.assert_array_equal(model.predict(given), model.predict(data))
        np.testing.assert_array_equal(given, before)

    def test_is_the_same_every_time(self, model, rng):
        data = make_raw(rng, 30, 30)
        np.testing.assert_array_equal(model.predict(data), model.predict(data))

    def test_refuses_other_bands(self, model, rng):
        message = r"model's 4 bands \(red, green, blue, nir\), got 3 bands"
        with pytest.raises(InputError, match=message):
            model.predict(make_raw(rng, 8, 8, n_bands=3))

    def test_refuses_a_single_plane(self, model, rng):
        with pytest.raises(InputError, match=r"got an array of shape \(8, 8\)"):
            model.predict(make_raw(rng, 8, 8)[0])

    @pytest.mark.parametrize("valid", [np.ones((8, 7), bool), np.ones((8, 8), np.uint8)])
    def test_refuses_a_valid_mask_that_does_not_fit(self, model, rng, valid):
        with pytest.raises(InputError, match=r"valid as booleans of shape \(8, 8\)"):
            model.predict(make_raw(rng, 8, 8), valid)

    def test_halo_is_a_number_of_pixels(self, model):
        assert isinstance(model.halo_px, int)
        assert model.halo_px >= 0

    def test_comes_back_from_its_file_the_same(self, model, rng, tmp_path):
        data = make_raw(rng, 45, 50)
        path = model.save(tmp_path / "model.safetensors")
        loaded = load(path)
        assert type(loaded) is type(model)
        assert isinstance(loaded, TrainedModel)
        assert loaded.card == model.card
        assert loaded.halo_px == model.halo_px
        np.testing.assert_array_equal(loaded.predict(data), model.predict(data))

    def test_loads_from_its_run_folder(self, model, tmp_path):
        model.save(tmp_path / "model.safetensors")
        assert load(tmp_path).card == model.card
        assert load(str(tmp_path)).card == model.card
