"""Overlapping windows: weights that sum to one, the same pixels in any order, on any shape."""

from __future__ import annotations

import numpy as np
import pytest
from prediction_cases import Thresholder, colour_scene, grey, read_raster

from pointillist.errors import InputError
from pointillist.prediction import ModelEngine, Wanted, predict, predict_scene
from pointillist.prediction.blending import FADE_PX, BlendingEngine, halo_for, stride_for
from pointillist.prediction.block import Tiling
from pointillist.prediction.torch_engine import TorchEngine
from pointillist.raster import ArraySource


class _Corner:
    """Scores say how far a pixel lies from the corner of its window: no two windows agree."""

    name = "corner"

    def prepare(self, pixels):
        return pixels

    def scores(self, prepared, crop):
        rows, cols = np.indices(prepared.valid.shape, dtype=np.float32)
        return np.stack([rows, cols, prepared.data[0]])[:, *crop]

    def to_probabilities(self, scores):
        return scores


def _tiling(block: int) -> Tiling:
    return Tiling(block, halo_for(stride_for(block)), 32)


def _blend(source: ArraySource, block: int, engine, order: int = 1):
    tiling = _tiling(block)
    wanted = Wanted(probabilities=True, blend_px=stride_for(block))
    got = np.full((3, *source.grid.shape), np.nan, dtype=np.float32)
    for part, result in predict_scene(
        source, tiling.plan(source.grid.shape)[::order], engine, wanted
    ):
        got[:, *part.core.slices] = result.probabilities
    return got


@pytest.mark.parametrize(
    ("block", "stride"), [(1024, 512), (2048, 512), (256, 256), (128, 128), (384, 384), (1536, 512)]
)
def test_windows_divide_a_block(block, stride) -> None:
    assert stride_for(block) == stride
    assert block % stride_for(block) == 0
    assert halo_for(stride) % 32 == 0


@pytest.mark.parametrize("shape", [(300, 500), (1, 400), (257, 33), (128, 128), (129, 640)])
def test_what_windows_agree_on_stays(shape) -> None:
    data = np.random.default_rng(0).uniform(0, 1, (1, *shape)).astype(np.float32)
    got = _blend(ArraySource(data), 128, _Corner())
    np.testing.assert_allclose(got[2], data[0], atol=1e-6)


@pytest.mark.parametrize("block", [256, 384, 1024])
@pytest.mark.parametrize("side", [193, 319, 321, 500, 755, 893, 1023])
def test_some_window_sees_every_pixel(block, side) -> None:
    for shape in [(2, side), (side, 2)]:
        got = _blend(ArraySource(np.ones((1, *shape), np.float32)), block, _Corner())
        np.testing.assert_allclose(got[2], 1, atol=1e-6)


def test_windows_fade_into_each_other() -> None:
    got = _blend(ArraySource(np.zeros((1, 640, 640), np.float32)), 256, _Corner())
    steps = np.abs(np.diff(got[0], axis=0))
    # one window gives way to the next, 256 px further, over 128 px: at most 256·π/2/128 a row
    assert steps.max() < 256 * np.pi / 2 / (2 * FADE_PX) + 1.1
    assert steps.max() > 1.5  # they do differ


@pytest.mark.parametrize("block", [128, 256])
def test_pixels_depend_on_nothing_but_the_lattice(block, tiny_network) -> None:
    image, _ = colour_scene(300, 420, np.random.default_rng(2))
    source, engine = ArraySource(image), TorchEngine(tiny_network)
    forwards, backwards = (_blend(source, block, engine, order) for order in (1, -1))
    np.testing.assert_array_equal(forwards, backwards)
    if block == 256:  # the same windows belong to larger blocks too
        tiling = Tiling(512, halo_for(256), 32)
        wanted = Wanted(probabilities=True, blend_px=256)
        ((_, result),) = predict_scene(source, tiling.plan((300, 420)), engine, wanted)
        np.testing.assert_allclose(result.probabilities, forwards, atol=1e-6)


def test_blending_is_for_maps_too(write_scene, tmp_path) -> None:
    data = grey(300, 200)
    scene = write_scene(data)
    model = Thresholder()
    predict(model, scene, tmp_path / "map.tif", blend=True, block=128, views=2)
    assert np.array_equal(read_raster(tmp_path / "map.tif"), np.where(data > 100, 7, 3))
    with pytest.raises(InputError, match="--blend or --halo, got both"):
        predict(model, scene, tmp_path / "m.tif", blend=True, halo=32)


def test_the_engine_says_that_it_blends() -> None:
    assert BlendingEngine(ModelEngine(Thresholder()), 64).name == "fake fp32, blended"
