"""Networks compiled once: found again, made anew when damaged, and never in the way of a map."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from prediction_cases import colour_scene

from pointillist.models import load
from pointillist.prediction import (
    EngineRequest,
    OpenVinoEngine,
    choose_engine,
    graph_cache,
    openvino_engine,
)
from pointillist.prediction.graph_cache import ABOUT_FILE, GRAPH_FILE, Agreement, GraphCache
from pointillist.raster import ArraySource, Pixels

WHOLE = (slice(None), slice(None))


@pytest.fixture
def cache_folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv(graph_cache.VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache" / "graphs"


@pytest.fixture(scope="module")
def pixels() -> Pixels:
    image, _ = colour_scene(96, 128, np.random.default_rng(7))
    return Pixels(image, np.ones((96, 128), dtype=bool))


def _save(path: Path) -> None:
    path.write_text("<net/>")
    path.with_suffix(".bin").write_bytes(b"weights")


def test_a_graph_is_kept_and_found_whole(tmp_path) -> None:
    cache = GraphCache(tmp_path / "graphs")
    assert cache.find("k") is None
    kept = cache.keep("k", _save)
    assert kept is not None
    assert kept == cache.find("k") == tmp_path / "graphs" / "k" / GRAPH_FILE
    assert cache.agreement("k") is None
    cache.note_agreement("k", Agreement(0.9991, 1000))
    assert cache.agreement("k") == Agreement(0.9991, 1000)
    assert cache.find("k") == kept
    assert [p.name for p in (tmp_path / "graphs").iterdir()] == ["k"]


@pytest.mark.parametrize("name", [GRAPH_FILE, "graph.bin", ABOUT_FILE])
@pytest.mark.parametrize("content", [b"", b"{}", b"other", None])
def test_what_is_damaged_is_removed_and_told(tmp_path, caplog, name, content) -> None:
    caplog.set_level(logging.INFO)
    cache = GraphCache(tmp_path)
    cache.keep("k", _save)
    file = tmp_path / "k" / name
    file.unlink() if content is None else file.write_bytes(content)
    assert cache.find("k") is None
    if (name, content) != (ABOUT_FILE, None):  # without it a folder is none of ours
        assert "is damaged" in caplog.text
        assert not (tmp_path / "k").exists()
    assert cache.keep("k", _save) is not None


def test_the_graphs_used_longest_ago_go(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(graph_cache, "MAX_GRAPHS", 2)
    cache = GraphCache(tmp_path)
    for at, key in enumerate("abc"):
        cache.keep(key, _save)
        os.utime(tmp_path / key / ABOUT_FILE, (at, at))
    begun = tmp_path / ".new-killed"
    begun.mkdir()
    os.utime(begun, (0, 0))
    assert cache.find("b") is not None  # used just now
    cache.keep("d", _save)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["b", "d"]


def test_a_folder_that_cannot_be_written_costs_no_map(tmp_path, caplog) -> None:
    caplog.set_level(logging.INFO)
    (tmp_path / "file").touch()
    cache = GraphCache(tmp_path / "file" / "graphs")
    assert cache.keep("k", _save) is None
    assert cache.find("k") is None
    assert "is not kept for the next time" in caplog.text

    def full(path: Path) -> None:
        raise OSError(28, "No space left on device")

    other = GraphCache(tmp_path / "graphs")
    assert other.keep("k", full) is None
    assert "No space left" in caplog.text
    assert list((tmp_path / "graphs").iterdir()) == []


def test_where_it_is(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv(graph_cache.VARIABLE, "off")
    assert GraphCache.of_user().folder is None
    monkeypatch.setenv(graph_cache.VARIABLE, str(tmp_path))
    assert GraphCache.of_user().folder == tmp_path / "graphs"
    monkeypatch.delenv(graph_cache.VARIABLE)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert GraphCache.of_user().folder == tmp_path / "xdg" / "pointillist" / "graphs"
    monkeypatch.setattr(sys, "platform", "darwin")
    folder = GraphCache.of_user().folder
    assert folder is not None
    assert folder.parts[-4:] == ("Library", "Caches", "pointillist", "graphs")


def test_another_model_has_another_key(tiny_network, monkeypatch) -> None:
    key = graph_cache.graph_key(tiny_network)
    assert key == graph_cache.graph_key(tiny_network)
    monkeypatch.setattr(graph_cache, "version", lambda name: "9.9")
    assert graph_cache.graph_key(tiny_network) != key


def test_compiled_once_the_scores_are_the_same_bits(
    tiny_network, pixels, cache_folder, monkeypatch
) -> None:
    without = OpenVinoEngine(tiny_network, cache=GraphCache(None))
    first = OpenVinoEngine(tiny_network)
    monkeypatch.setattr(openvino_engine, "convert", None)  # not called again
    second = OpenVinoEngine(tiny_network)
    scores = [engine.scores(engine.prepare(pixels), WHOLE) for engine in (without, first, second)]
    np.testing.assert_array_equal(scores[1], scores[2])
    np.testing.assert_array_equal(scores[0], scores[2])


def test_a_damaged_graph_is_made_anew(tiny_network, pixels, cache_folder) -> None:
    expected = OpenVinoEngine(tiny_network)
    (graph,) = cache_folder.glob(f"*/{GRAPH_FILE}")
    graph.write_bytes(graph.read_bytes()[:1000])
    again = OpenVinoEngine(tiny_network)
    np.testing.assert_array_equal(
        again.scores(again.prepare(pixels), WHOLE),
        expected.scores(expected.prepare(pixels), WHOLE),
    )


def test_a_graph_openvino_refuses_is_made_anew(tiny_network, cache_folder, caplog) -> None:
    caplog.set_level(logging.INFO)
    OpenVinoEngine(tiny_network)
    (graph,) = cache_folder.glob(f"*/{GRAPH_FILE}")
    graph.write_text("<net/>")
    about = graph.with_name(ABOUT_FILE)
    values = json.loads(about.read_text())
    values["files"] = graph_cache._checksums(graph.parent)
    about.write_text(json.dumps(values))
    OpenVinoEngine(tiny_network)
    assert "cannot be used" in caplog.text


def test_auto_takes_what_was_found_to_agree_before(
    tiny_network, pixels, cache_folder, caplog, monkeypatch
) -> None:
    caplog.set_level(logging.INFO)
    request = EngineRequest(engine="openvino", precision="fp32")
    choose_engine(tiny_network, request, 10**9, lambda: pixels)
    assert "agree with float32 on 100.00 % of 12288 pixels tried" in caplog.text
    caplog.clear()

    def no_probe() -> Pixels:
        raise AssertionError("nothing has to be read again")

    small = choose_engine(tiny_network, EngineRequest(device="cpu", precision="fp32"), 10, no_probe)
    assert small.name == "openvino fp32"  # compiled before: used for small scenes too
    assert "compiled before; its classes were found to agree" in caplog.text


def test_bf16_is_compared_with_its_own_float32_each_time(
    tiny_network, pixels, cache_folder, caplog, monkeypatch
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr("pointillist.prediction.choice.cpu_has_bf16", lambda: True)
    choose_engine(tiny_network, EngineRequest(device="cpu"), 10**9, lambda: pixels)
    monkeypatch.setattr("pointillist.prediction.choice.TorchEngine", None)
    caplog.clear()
    engine = choose_engine(tiny_network, EngineRequest(device="cpu"), 10**9, lambda: pixels)
    assert engine.name == "openvino bf16"
    assert "agree with float32 on" in caplog.text


_MAP_WITHOUT_TORCH = """
import sys
from pointillist.prediction import predict
predict(sys.argv[1], sys.argv[2], sys.argv[3], device="cpu")
slow = ("torch", "segmentation_models_pytorch", "sklearn", "geopandas")
loaded = [name for name in slow if name in sys.modules]
sys.exit(f"imported: {loaded}" if loaded else 0)
"""


def test_a_second_map_needs_no_pytorch(tiny_network, write_scene, tmp_path, cache_folder) -> None:
    image, _ = colour_scene(100, 130, np.random.default_rng(3))
    scene = write_scene(image.astype(np.uint8), names=("red", "green", "blue"))
    model = tiny_network.save(tmp_path / "model.safetensors")
    found = ArraySource(image).read(ArraySource(image).grid.window)
    request = EngineRequest(engine="openvino", precision="fp32")
    choose_engine(load(model), request, 10**9, lambda: found)
    done = subprocess.run(
        [sys.executable, "-c", _MAP_WITHOUT_TORCH, str(model), str(scene), tmp_path / "map.tif"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "map.tif").exists()
