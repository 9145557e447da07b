"""Smoothing along edges: speckle goes, edges stay, and no pixel depends on how a scene is cut."""

from __future__ import annotations

import numpy as np
import pytest
from prediction_cases import Thresholder, colour_scene, grey, read_raster

from pointillist.errors import InputError
from pointillist.models import Normalisation
from pointillist.prediction import ModelEngine, Wanted, predict, predict_scene
from pointillist.prediction.block import Tiling
from pointillist.prediction.smoothing import Smoothing, SmoothingEngine, smooth_probabilities
from pointillist.prediction.torch_engine import TorchEngine
from pointillist.raster import ArraySource

ONE_BAND = Normalisation((100.0,), (20.0,))


def _two(bright):
    return np.stack([1 - bright, bright]).astype(np.float32)


def _by_hand(probabilities, guide, valid, radius):
    """Equations 5, 6 and 8 of He et al., window by window."""
    height, width = guide.shape
    slope, offset = np.zeros_like(probabilities), np.zeros_like(probabilities)

    def window(row, col):
        part = np.s_[
            max(row - radius, 0) : row + radius + 1, max(col - radius, 0) : col + radius + 1
        ]
        return part, valid[part]

    for row in range(height):
        for col in range(width):
            part, seen = window(row, col)
            if not seen.any():
                continue
            shade = guide[part][seen]
            for k, plane in enumerate(probabilities):
                p = plane[part][seen]
                a = (np.mean(shade * p) - shade.mean() * p.mean()) / (shade.var() + 0.05)
                slope[k, row, col], offset[k, row, col] = a, p.mean() - a * shade.mean()
    out = np.zeros_like(probabilities)
    for row in range(height):
        for col in range(width):
            part, seen = window(row, col)
            if seen.any():
                for k in range(len(out)):
                    a, b = slope[k][part][seen].mean(), offset[k][part][seen].mean()
                    out[k, row, col] = a * guide[row, col] + b
    out = np.maximum(out, 0)
    return out / np.maximum(out.sum(axis=0), 1e-6)


@pytest.mark.parametrize("radius", [1, 3])
def test_it_is_the_guided_filter(radius, rng) -> None:
    valid = rng.random((14, 19)) > 0.2
    valid[:6, :7] = False
    probabilities = rng.dirichlet([1, 1, 1], size=valid.shape).transpose(2, 0, 1).astype(np.float32)
    probabilities[:, ~valid] = np.nan
    guide = rng.normal(size=valid.shape).astype(np.float32)
    got = smooth_probabilities(probabilities, guide, valid, radius)
    expected = _by_hand(np.nan_to_num(probabilities), guide, valid, radius)
    np.testing.assert_allclose(got[:, valid], expected[:, valid], atol=2e-5)
    assert np.isnan(got[:, ~valid]).all()
    np.testing.assert_allclose(got[:, valid].sum(axis=0), 1, atol=1e-5)


def test_speckle_goes_and_edges_stay(rng) -> None:
    guide = np.full((60, 60), -2.0, dtype=np.float32)
    guide[:, 30:] = 2.0
    bright = np.where(guide > 0, 0.9, 0.1)
    wrong = rng.random(bright.shape) < 0.08
    got = smooth_probabilities(
        _two(np.where(wrong, 1 - bright, bright)), guide, np.ones(guide.shape, bool), 3
    )
    assert ((got[1] > 0.5) == (guide > 0)).all()
    assert np.abs(got[1] - bright).mean() < 0.1


def test_a_constant_stays_what_it_is() -> None:
    shade = grey(40, 50).astype(np.float32) / 20
    got = smooth_probabilities(_two(np.full((40, 50), 0.3)), shade, np.ones((40, 50), bool), 2)
    np.testing.assert_allclose(got[1], 0.3, atol=1e-5)


def _map(source, engine, block, smoothing, model):
    tiling = Tiling.of_model(model, block, None, smoothing)
    found = np.full((len(model.legend), *source.grid.shape), np.nan, np.float32)
    wanted = Wanted(probabilities=True, smoothing=smoothing)
    for part, result in predict_scene(source, tiling.plan(source.grid.shape), engine, wanted):
        if result is not None:
            found[:, *part.core.slices] = result.probabilities
    return found


@pytest.mark.parametrize("shape", [(150, 170), (1, 90), (97, 2), (5, 5)])
def test_blocks_leave_no_seam(shape) -> None:
    data = grey(*shape)[None].astype(np.float32)
    valid = np.ones(shape, bool)
    valid[: shape[0] // 3, : shape[1] // 2] = False
    source, model = ArraySource(data, valid), Thresholder()
    smoothing = Smoothing(3, ONE_BAND)
    cut, whole = (_map(source, ModelEngine(model), block, smoothing, model) for block in (32, 256))
    np.testing.assert_allclose(cut, whole, atol=1e-5)
    np.testing.assert_array_equal(np.isnan(whole[0]), ~valid)


def test_networks_are_smoothed_within_their_halo(tiny_network, rng) -> None:
    image, _ = colour_scene(200, 230, rng)
    source = ArraySource(image)
    smoothing = Smoothing(2, tiny_network.normalisation)
    assert Tiling.of_model(tiny_network, 96, None, smoothing) == Tiling.of_model(tiny_network, 96)
    engine = TorchEngine(tiny_network)
    cut, whole = (_map(source, engine, block, smoothing, tiny_network) for block in (96, 256))
    assert (cut.argmax(axis=0) == whole.argmax(axis=0)).mean() > 0.999
    plain = _map(source, engine, 256, None, tiny_network)

    def n_edges(classes):
        return sum(int((np.diff(classes, axis=axis) != 0).sum()) for axis in (0, 1))

    assert n_edges(whole.argmax(axis=0)) < n_edges(plain.argmax(axis=0))


def test_smooth_maps(write_scene, tmp_path) -> None:
    data = grey(120, 90)
    data[40, 40] = 160 if data[40, 40] < 100 else 40  # a speck
    scene, model = write_scene(data), Thresholder()
    predict(model, scene, tmp_path / "plain.tif")
    predict(model, scene, tmp_path / "smooth.tif", smooth=3, views=2)
    predict(model, scene, tmp_path / "blended.tif", smooth=3, blend=True, block=128)
    plain, smooth = read_raster(tmp_path / "plain.tif"), read_raster(tmp_path / "smooth.tif")
    assert set(np.unique(smooth)) == {3, 7}
    assert (plain != smooth).any()
    np.testing.assert_array_equal(smooth, read_raster(tmp_path / "blended.tif"))


@pytest.mark.parametrize("radius", [-1, 17])
def test_radius_out_of_range(radius, write_scene, tmp_path) -> None:
    with pytest.raises(InputError, match=rf"--smooth of 0 .* to 16 pixels, got {radius}"):
        predict(Thresholder(), write_scene(grey(20, 20)), tmp_path / "m.tif", smooth=radius)


def test_the_engine_says_that_it_smooths() -> None:
    engine = SmoothingEngine(ModelEngine(Thresholder()), Smoothing(2, ONE_BAND))
    assert engine.name == "fake fp32, smoothed"


def test_a_map_is_smoothed_as_its_model_asks(write_scene, tmp_path) -> None:
    scene = write_scene(grey(120, 90))
    asked, plain = Thresholder(smooth_px=3), Thresholder()
    predict(asked, scene, tmp_path / "own.tif")
    predict(plain, scene, tmp_path / "given.tif", smooth=3)
    predict(asked, scene, tmp_path / "not.tif", smooth=0)
    predict(plain, scene, tmp_path / "plain.tif")
    own, given, unsmoothed, usual = (
        read_raster(tmp_path / f"{name}.tif") for name in ("own", "given", "not", "plain")
    )
    np.testing.assert_array_equal(own, given)
    np.testing.assert_array_equal(unsmoothed, usual)
    assert (own != usual).any()
