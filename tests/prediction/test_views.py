"""Several views of a block: averaged in the right place, for every engine and any shape."""

from __future__ import annotations

import numpy as np
import pytest
from prediction_cases import colour_scene

from pointillist.errors import InputError
from pointillist.prediction import ModelEngine, Wanted, predict
from pointillist.prediction.views import N_VIEWS, ViewsEngine, with_views
from pointillist.raster import Pixels, open_scene


@pytest.fixture
def pixels(rng):
    image, _ = colour_scene(64, 96, rng)
    return Pixels(image.astype(np.float32), np.ones((64, 96), dtype=bool))


@pytest.mark.parametrize("n_views", [2, 4, 8])
def test_is_the_mean_over_the_views(n_views, tiny_network, pixels):
    crop = (slice(10, 50), slice(3, 90))
    found = ViewsEngine(ModelEngine(tiny_network), n_views).scores(pixels, crop)
    expected = np.zeros((len(tiny_network.legend), 64, 96))
    for mirrored, turns in N_VIEWS[n_views]:
        seen = pixels.data[:, :, ::-1] if mirrored else pixels.data
        told = np.rot90(tiny_network.predict(np.rot90(seen, turns, (1, 2))), -turns, (1, 2))
        expected += (told[:, :, ::-1] if mirrored else told) / n_views
    np.testing.assert_allclose(found, expected[:, *crop], atol=1e-5)


def test_all_eight_views_make_an_engine_blind_to_how_the_scene_lies(tiny_network, pixels):
    engine = with_views(ModelEngine(tiny_network), 8)
    whole = (slice(0, 64), slice(0, 96))
    upright = engine.scores(pixels, whole)
    turned = Pixels(np.rot90(pixels.data, 1, (1, 2)).copy(), np.rot90(pixels.valid).copy())
    sideways = engine.scores(turned, (slice(0, 96), slice(0, 64)))
    np.testing.assert_allclose(np.rot90(sideways, -1, (1, 2)), upright, atol=1e-5)


def test_one_view_is_the_engine_itself(tiny_network):
    engine = ModelEngine(tiny_network)
    assert with_views(engine, 1) is engine


def test_a_map_of_several_views_does_not_depend_on_its_blocks(
    tiny_network, write_scene, tmp_path, rng
):
    scene = write_scene(colour_scene(150, 170, rng)[0])
    maps = []
    for block in (64, 512):
        out = predict(tiny_network, scene, tmp_path / f"{block}.tif", views=8, block=block)
        with open_scene(out) as raster:
            maps.append(raster.read(raster.grid.window).data[0])
    assert (maps[0] == maps[1]).mean() > 0.995
    plain = predict(tiny_network, scene, tmp_path / "plain.tif")
    with open_scene(plain) as raster:
        one_view = raster.read(raster.grid.window).data[0]
    assert 0.9 < (maps[1] == one_view).mean() < 1.0


def test_refuses_other_numbers():
    with pytest.raises(InputError, match=r"--views of 1, 2, 4 or 8, got 3"):
        Wanted(views=3)
