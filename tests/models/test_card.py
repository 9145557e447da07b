"""Normalisation and model cards."""

from __future__ import annotations

import json

import numpy as np
import pytest
from model_contract import make_card

from pointillist.errors import InputError
from pointillist.models import ModelCard, Normalisation


def test_normalises_each_band_and_zeroes_invalid_pixels(rng):
    data = rng.normal(500, 50, (2, 6, 5)).astype(np.float32)
    valid = rng.random((6, 5)) > 0.3
    data[:, ~valid] = np.nan
    got = Normalisation((500, 400), (50, 25)).apply(data, valid)
    expected = np.stack([(data[0] - 500) / 50, (data[1] - 400) / 25])
    np.testing.assert_allclose(got[:, valid], expected[:, valid], rtol=1e-5, atol=1e-5)
    assert (got[:, ~valid] == 0).all()
    assert got.dtype == np.float32


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.float64])
def test_takes_any_number_type(dtype):
    got = Normalisation((2,), (4,)).apply(np.full((1, 2, 2), 10, dtype))
    assert got.dtype == np.float32
    assert (got == 2).all()


def test_imagenet_in_both_usual_scales():
    white = np.ones((3, 1, 1), np.float32)
    unit = Normalisation.imagenet().apply(white)
    np.testing.assert_allclose(Normalisation.imagenet(255).apply(white * 255), unit, rtol=1e-5)
    np.testing.assert_allclose(unit[:, 0, 0], [2.2489, 2.4286, 2.6400], atol=1e-4)


def test_refuses_other_bands():
    with pytest.raises(InputError, match="with 3 bands to normalise"):
        Normalisation.imagenet().apply(np.zeros((4, 2, 2)))


@pytest.mark.parametrize(
    ("mean", "std"), [((0,), (0,)), ((0,), (-1,)), ((float("nan"),), (1,)), ((0,), (float("inf"),))]
)
def test_refuses_numbers_one_cannot_normalise_with(mean, std):
    with pytest.raises(InputError, match=r"deviation above 0 for every band, got .* for band 1"):
        Normalisation(mean, std)


@pytest.mark.parametrize(("mean", "std"), [((1, 2), (1,)), ((), ())])
def test_refuses_unequal_or_no_bands(mean, std):
    with pytest.raises(InputError, match="as many means as standard deviations"):
        Normalisation(mean, std)


def test_card_survives_json():
    card = make_card()
    assert ModelCard.from_dict(json.loads(json.dumps(card.to_dict()))) == card


def test_card_refuses_bands_without_normalisation():
    card = make_card()
    with pytest.raises(InputError, match="got 4 for the 1 bands red"):
        ModelCard(card.legend, ("red",), card.normalisation)
