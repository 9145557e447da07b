"""What is refused, with which sentence, and what is left behind."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
from export_cases import blotches, make_card, make_forest, make_network

import pointillist
from pointillist.cli import main
from pointillist.errors import (
    ExportError,
    InputError,
    MissingFileError,
    OutputError,
    OutputExistsError,
)
from pointillist.exporting import files
from pointillist.models import NetworkModel


@pytest.fixture(scope="module")
def network() -> NetworkModel:
    return make_network("linknet")


@pytest.mark.parametrize(
    ("name", "options", "sentence"),
    [
        ("model.xml", {"format": "onnx"}, r"ending in \.onnx for --format onnx, got 'model\.xml'"),
        ("model.bin", {}, r"ending in \.onnx or \.xml, got 'model\.bin'"),
        ("model.onnx", {"format": "tflite"}, "--format among onnx, openvino, got 'tflite'"),
        ("model.onnx", {"input": "reflectance"}, "--input among deepness, raw"),
        ("model.onnx", {"tile": 8}, "--tile from 32 to 8192 px, got 8"),
        ("model.onnx", {"precision": "fp16"}, "Half precision is for OpenVINO"),
    ],
)
def test_options_that_do_not_fit(network, tmp_path, name, options, sentence):
    with pytest.raises(InputError, match=sentence):
        pointillist.export(network, tmp_path / name, **options)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("there", ["model.xml", "model.bin"])
def test_files_that_exist_are_kept(network, tmp_path, there):
    (tmp_path / there).write_text("precious")
    with pytest.raises(OutputExistsError, match=rf"{there}' exists already.*--overwrite"):
        pointillist.export(network, tmp_path / "model.xml")
    assert [p.read_text() for p in tmp_path.iterdir()] == ["precious"]
    pointillist.export(network, tmp_path / "model.xml", overwrite=True)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["model.bin", "model.xml"]


def test_a_folder_that_is_missing(network, tmp_path):
    with pytest.raises(OutputError, match="does not exist"):
        pointillist.export(network, tmp_path / "nowhere" / "model.onnx")


def test_a_model_that_is_missing(tmp_path):
    with pytest.raises(MissingFileError, match="Model 'nothing' does not exist"):
        pointillist.export("nothing", tmp_path / "model.onnx")


def test_trees_are_not_for_openvino(tmp_path):
    image, mask = blotches(96, 96)
    forest = make_forest(image, mask, make_card(3), n_trees=2)
    with pytest.raises(InputError, match=r"OpenVINO has no decision trees.*--format onnx"):
        pointillist.export(forest, tmp_path / "model.xml")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("name", "lacks"), [("m.onnx", "onnxruntime"), ("m.xml", "onnx")])
def test_packages_that_are_missing(network, tmp_path, monkeypatch, name, lacks):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda n, *a: None if n == lacks else find(n, *a)
    )
    with pytest.raises(InputError, match=rf"but {lacks} cannot be found.*pointillist\[onnx\]"):
        pointillist.export(network, tmp_path / name)


@pytest.mark.parametrize("name", ["model.onnx", "model.xml"])
def test_a_graph_that_disagrees_is_not_left_behind(network, tmp_path, monkeypatch, name):
    honest = files.make_onnx

    def make_wrong(model, contract):
        proto = honest(model, contract)
        (bias,) = (
            t for t in proto.graph.initializer if t.name.endswith("segmentation_head.0.bias")
        )
        values = np.frombuffer(bias.raw_data, dtype=np.float32).copy()
        values[0] += 1
        bias.raw_data = values.tobytes()
        return proto

    monkeypatch.setattr(files, "make_onnx", make_wrong)
    with pytest.raises(ExportError, match=r"probabilities differ by up to 0\.\d+ .*Nothing was"):
        pointillist.export(network, tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_an_old_file_survives_a_graph_that_disagrees(network, tmp_path, monkeypatch):
    path = tmp_path / "model.onnx"
    path.write_text("old")
    monkeypatch.setattr("pointillist.exporting.checking.TOLERANCE", {"fp32": -1.0})
    with pytest.raises(ExportError, match="does not agree with the model"):
        pointillist.export(network, path, overwrite=True)
    assert path.read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_disk_that_is_full(network, tmp_path, monkeypatch):
    def fill(proto, path):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "write_onnx", fill)
    with pytest.raises(OutputError, match="cannot be written: No space left on device"):
        pointillist.export(network, tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


def test_the_command(network, tmp_path, capfd):
    network.save(tmp_path / "model.safetensors")
    out = tmp_path / "model.onnx"
    with pytest.raises(SystemExit) as ended:
        main(["export", str(tmp_path), "--format", "onnx", "--out", str(out)])
    said = " ".join(capfd.readouterr().err.split())
    assert ended.value.code == 0, said
    assert "ONNX Runtime agrees with PyTorch to" in said
    assert "values divided by 255, float32, bands first, any height and width" in said
    assert "add --tile 512" in said
    with pytest.raises(SystemExit) as ended:
        main(["export", str(tmp_path), "--format", "onnx", "--out", str(out)])
    assert ended.value.code == 1
    assert "exists already" in capfd.readouterr().err
