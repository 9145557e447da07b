"""One contract for all engines: same classes as the model itself, block by block."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys

import numpy as np
import pytest
from prediction_cases import colour_scene

from pointillist.errors import InputError
from pointillist.grid import Window
from pointillist.models import NetworkModel, measure_edge_effect
from pointillist.prediction import (
    EngineRequest,
    ModelEngine,
    OpenVinoEngine,
    Tiling,
    TorchEngine,
    Wanted,
    choice,
    choose_engine,
    predict_scene,
)
from pointillist.prediction.engine import best_class
from pointillist.raster import ArraySource, Pixels

BUILDERS = {
    "model": ModelEngine,
    "torch fp32": TorchEngine,
    "torch bf16": lambda model: TorchEngine(model, "bf16"),
    "openvino fp32": OpenVinoEngine,
    "openvino bf16": lambda model: OpenVinoEngine(model, "bf16"),
}
TOLERANCE = {"bf16": 0.005, "fp32": 0.0005}


@pytest.fixture(scope="module")
def scene():
    image, mask = colour_scene(192, 256, np.random.default_rng(5))
    valid = np.ones((192, 256), dtype=bool)
    valid[50:80, 100:140] = False
    return Pixels(np.where(valid, image, 0).astype(np.float32), valid), mask


@pytest.mark.parametrize("kind", BUILDERS)
def test_engine_gives_the_models_classes(kind, tiny_network, scene) -> None:
    pixels, mask = scene
    engine = BUILDERS[kind](tiny_network)
    crop = (slice(32, 170), slice(10, 250))
    scores = engine.scores(engine.prepare(pixels), crop)
    expected = tiny_network.predict(pixels.data, pixels.valid)[:, *crop]
    valid = pixels.valid[crop]
    assert scores.shape == expected.shape
    assert scores.dtype == np.float32
    off = (best_class(scores) != best_class(expected))[valid].mean()
    assert off <= TOLERANCE["bf16" if "bf16" in kind else "fp32"]
    probabilities = engine.to_probabilities(scores)
    np.testing.assert_allclose(probabilities[:, valid].sum(axis=0), 1, atol=1e-4)
    np.testing.assert_allclose(probabilities[:, valid], expected[:, valid], atol=0.1)
    assert (best_class(expected) == mask[crop])[valid].mean() > 0.8  # it has learned something


@pytest.mark.parametrize("kind", BUILDERS)
def test_engine_forgets_the_blocks_before(kind, tiny_network, scene, rng) -> None:
    pixels, _ = scene
    engine = BUILDERS[kind](tiny_network)
    whole = (slice(None), slice(None))
    first = engine.scores(engine.prepare(pixels), whole).copy()
    other = Pixels(rng.uniform(0, 255, (3, 64, 32)).astype(np.float32), np.ones((64, 32), bool))
    engine.scores(engine.prepare(other), whole)
    again = engine.scores(engine.prepare(pixels), whole)
    np.testing.assert_array_equal(again, first)


@pytest.mark.parametrize("kind", ["torch fp32", "openvino fp32"])
def test_blocks_give_the_map_of_one_pass(kind, tiny_network) -> None:
    image, _ = colour_scene(520, 610, np.random.default_rng(6))
    valid = np.ones(image.shape[1:], dtype=bool)
    valid[200:320, 240:300] = False
    source = ArraySource(image, valid)
    whole = best_class(tiny_network.predict(image, valid)).astype(np.int16)
    whole[~valid] = -1
    blocks = Tiling.of_model(tiny_network, 256).plan(source.grid.shape)
    engine = BUILDERS[kind](tiny_network)
    got = np.full(whole.shape, -2, dtype=np.int16)
    for block, result in predict_scene(source, blocks[::-1], engine, Wanted()):
        got[block.core.slices] = result.index
    assert (got != whole).mean() <= 0.001
    assert np.array_equal(got == -1, ~valid)


@pytest.mark.slow
def test_the_measured_halo_keeps_blocks_within_a_thousandth_of_one_pass(tiny_network) -> None:
    rng = np.random.default_rng(8)
    images = [colour_scene(512, 512, rng)[0] for _ in range(4)]
    valid = np.ones((512, 512), dtype=bool)
    windows = [(tiny_network.normalisation.apply(image, valid), valid) for image in images]
    effect = measure_edge_effect(tiny_network.network, windows)
    assert effect is not None
    image, _ = colour_scene(1100, 1000, rng)
    whole = best_class(tiny_network.predict(image))
    engine = TorchEngine(tiny_network)

    def share_that_differs(halo: int | None) -> float:
        assert halo is not None
        source, differs = ArraySource(image), np.zeros(whole.shape, dtype=bool)
        blocks = Tiling(256, halo, 32).plan(source.grid.shape)
        for block, result in predict_scene(source, blocks, engine, Wanted()):
            differs[block.core.slices] = result.index != whole[block.core.slices]
        return float(differs.mean())

    assert share_that_differs(0) > 0.001
    assert share_that_differs(effect.halo_px(256)) <= 0.001


def test_nothing_is_reported_online_by_the_conversion(tiny_network, monkeypatch) -> None:
    from openvino.tools.ovc import telemetry_utils

    def refuse(*args, **kwargs):
        raise AssertionError("usage would be reported")

    monkeypatch.setattr(telemetry_utils, "init_telemetry_class", refuse)
    monkeypatch.setattr(telemetry_utils, "init_ovc_telemetry", refuse)
    OpenVinoEngine(tiny_network)


def _probe(scene):
    return lambda: scene[0]


def _decide(model, scene, monkeypatch, *, bf16: bool, n_px: int = 10**9, **request):
    monkeypatch.setattr(choice, "cpu_has_bf16", lambda: bf16)
    return choose_engine(model, EngineRequest(device="cpu", **request), n_px, _probe(scene))


def test_auto_takes_openvino_in_what_the_hardware_has(
    tiny_network, scene, monkeypatch, caplog
) -> None:
    caplog.set_level(logging.INFO)
    assert _decide(tiny_network, scene, monkeypatch, bf16=True).name == "openvino bf16"
    assert "agree with float32 on" in caplog.text
    assert _decide(tiny_network, scene, monkeypatch, bf16=False).name == "openvino fp32"


def test_auto_converts_nothing_for_small_scenes(tiny_network, scene, monkeypatch) -> None:
    engine = _decide(tiny_network, scene, monkeypatch, bf16=True, n_px=100_000)
    assert engine.name == "torch fp32"


@pytest.mark.parametrize(
    ("request_", "name"),
    [
        ({"engine": "torch", "precision": "fp32"}, "torch fp32"),
        ({"engine": "torch", "precision": "bf16"}, "torch bf16"),
        ({"engine": "openvino", "precision": "fp32"}, "openvino fp32"),
        ({"engine": "torch"}, "torch bf16"),
        ({"precision": "fp32"}, "openvino fp32"),
    ],
)
def test_requests_are_honoured(tiny_network, scene, monkeypatch, request_, name) -> None:
    assert _decide(tiny_network, scene, monkeypatch, bf16=True, **request_).name == name


class _Wrong(OpenVinoEngine):
    """Claims to be fast, gives the classes in reverse."""

    def scores(self, prepared, crop):
        return super().scores(prepared, crop)[::-1]


def test_a_disagreeing_engine_is_passed_over_with_its_figure(
    tiny_network, scene, monkeypatch, caplog
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(choice, "OpenVinoEngine", _Wrong)
    engine = _decide(tiny_network, scene, monkeypatch, bf16=True)
    assert engine.name == "torch bf16"
    assert "passed over" in caplog.text
    assert "99.5 %" in caplog.text


def test_a_failing_conversion_falls_back_unless_asked_for(
    tiny_network, scene, monkeypatch, caplog
) -> None:
    def fail(model):
        raise RuntimeError("no such operation")

    caplog.set_level(logging.INFO)
    monkeypatch.setattr("pointillist.prediction.openvino_engine.convert", fail)
    assert _decide(tiny_network, scene, monkeypatch, bf16=True).name == "torch bf16"
    assert "no such operation" in caplog.text
    with pytest.raises(
        InputError, match=r"OpenVINO cannot run .*no such operation.*--engine torch"
    ):
        _decide(tiny_network, scene, monkeypatch, bf16=True, engine="openvino")


def test_openvino_must_be_installed_when_asked_for(tiny_network, scene, monkeypatch) -> None:
    monkeypatch.setattr(choice.importlib.util, "find_spec", lambda name: None)
    assert _decide(tiny_network, scene, monkeypatch, bf16=False).name == "torch fp32"
    with pytest.raises(InputError, match="pip install openvino"):
        _decide(tiny_network, scene, monkeypatch, bf16=False, engine="openvino")


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"engine": "tensorrt"}, "--engine among auto, torch, openvino, got 'tensorrt'"),
        ({"precision": "int8"}, "--precision among auto, fp32, bf16"),
        ({"device": "tpu"}, "--device among auto, cpu, cuda"),
        ({"engine": "openvino", "device": "cuda:1"}, "OpenVINO runs on the CPU"),
        ({"precision": "fp16", "device": "cpu"}, "fp16 is for GPUs"),
        ({"precision": "fp16", "engine": "openvino"}, "fp16 is for GPUs"),
    ],
)
def test_unknown_requests_are_refused(request_, message) -> None:
    with pytest.raises(InputError, match=message):
        EngineRequest(**request_)


def test_cuda_must_be_there_when_asked_for(tiny_network, scene, monkeypatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(InputError, match="Expected a CUDA GPU"):
        choose_engine(tiny_network, EngineRequest(device="cuda"), 10**9, _probe(scene))


def test_forests_run_as_they_are(thresholder, scene, caplog) -> None:
    caplog.set_level(logging.INFO)
    engine = choose_engine(thresholder, EngineRequest(precision="bf16"), 10**9, _probe(scene))
    assert isinstance(engine, ModelEngine)
    assert "for networks" in caplog.text


def test_engines_are_compared_where_the_data_is() -> None:
    valid = np.zeros((700, 600), dtype=bool)
    valid[550:600, 520:590] = True
    part = choice.fullest_part(Pixels(np.zeros((1, 700, 600), np.float32), valid))
    assert part.valid.shape == (188, 88)
    assert part.valid.sum() == valid.sum()


def test_the_network_stays_usable_by_its_owner(tiny_network: NetworkModel, scene) -> None:
    pixels, _ = scene
    before = tiny_network.predict(pixels.data, pixels.valid)
    for build in (TorchEngine, OpenVinoEngine):
        build(tiny_network)
    after = tiny_network.predict(pixels.data, pixels.valid)
    np.testing.assert_allclose(after[:, pixels.valid], before[:, pixels.valid], atol=1e-5)


def test_windows_of_the_plan_are_read_as_planned(tiny_network) -> None:
    seen: list[Window] = []

    class Watched(ArraySource):
        def read(self, window: Window) -> Pixels:
            seen.append(window)
            return super().read(window)

    source = Watched(np.zeros((3, 100, 130), dtype=np.uint8))
    blocks = Tiling.of_model(tiny_network, 64, 32).plan(source.grid.shape)
    list(predict_scene(source, blocks, TorchEngine(tiny_network), Wanted()))
    assert seen == [block.read for block in blocks]
    assert {window.row % 32 for window in seen} == {0}


_ENGINES_COME_AND_GO = """
import gc, signal, subprocess, sys
from pointillist.models import load
from pointillist.prediction import OpenVinoEngine
signal.signal(signal.SIGCHLD, lambda *_: None)
engines = [OpenVinoEngine(load(sys.argv[1])) for _ in range(2)]
while engines:
    del engines[0]
    gc.collect()
subprocess.run([sys.executable, "-c", ""])
"""


@pytest.mark.skipif(not hasattr(signal, "SIGCHLD"), reason="there are no such signals here")
def test_a_child_that_ends_does_no_harm(tiny_network, tmp_path) -> None:
    path = tiny_network.save(tmp_path / "model.safetensors")
    done = subprocess.run(
        [sys.executable, "-c", _ENGINES_COME_AND_GO, path], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
