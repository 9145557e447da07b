"""Model files: what is written, and what is refused."""

from __future__ import annotations

import json
import socket

import numpy as np
import pytest
import torch
from model_contract import make_card, make_raw
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

import pointillist
from pointillist.errors import MissingFileError, ModelFileError, OutputError, OutputExistsError
from pointillist.models import NetworkModel, NetworkSpec, build_model, load, read_header


@pytest.fixture(scope="module")
def model() -> NetworkModel:
    spec = NetworkSpec("unet", "resnet18", 4, 3)
    return NetworkModel(build_model(**spec.to_dict(), weights="none", seed=1), spec, make_card())


@pytest.fixture
def path(model, tmp_path):
    return model.save(tmp_path / "model.safetensors")


def rewrite(path, change):
    """Write a model file again with its header changed."""
    header, tensors = read_header(path), load_file(path)
    change(header)
    save_file(tensors, path, metadata={"pointillist": json.dumps(header)})


def test_is_one_plain_safetensors_file(model, path):
    assert [p.name for p in path.parent.iterdir()] == ["model.safetensors"]
    with safe_open(path, framework="np") as opened:
        header = json.loads(opened.metadata()["pointillist"])
        assert set(opened.keys()) == set(model.network.state_dict())
    assert header["format_version"] == 1
    assert header["kind"] == "network"
    assert header["version"] == pointillist.__version__
    assert header["spec"] == {
        "architecture": "unet", "encoder": "resnet18", "in_channels": 4, "num_classes": 3,
    }  # fmt: skip
    assert header["card"]["legend"][0] == {"code": 3, "name": "Water", "color": "#3a6ebe"}
    assert header["card"]["provenance"]["seed"] == 7


def test_loads_without_network_or_random_numbers(model, path, rng, monkeypatch):
    def refuse(*args, **kwargs):
        pytest.fail("opened a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    before = torch.get_rng_state()
    loaded = load(path)
    assert torch.equal(torch.get_rng_state(), before)
    assert not loaded.network.training
    data = make_raw(rng, 20, 20)
    np.testing.assert_array_equal(loaded.predict(data), model.predict(data))


def test_the_package_itself_loads(path):
    assert pointillist.load(path).legend.names == ("Water", "Forest", "Urban")


def test_channels_last_weights_survive(path, tmp_path, rng):
    loaded = load(path)
    loaded.network.to(memory_format=torch.channels_last)
    again = load(loaded.save(tmp_path / "again.safetensors"))
    data = make_raw(rng, 32, 32)
    np.testing.assert_allclose(again.predict(data), load(path).predict(data), atol=1e-6)


def test_refuses_to_overwrite_unless_asked(model, path):
    with pytest.raises(OutputExistsError, match=r"model\.safetensors' exists already.*--overwrite"):
        model.save(path)
    model.save(path, overwrite=True)


def test_unwritable_folder(model, tmp_path):
    with pytest.raises(OutputError, match="cannot be written: No such file or directory"):
        model.save(tmp_path / "no" / "model.safetensors")


def test_full_disk_leaves_the_old_file(model, path, monkeypatch):
    old = path.read_bytes()

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OutputError, match="No space left on device"):
        model.save(path, overwrite=True)
    assert path.read_bytes() == old
    assert [p.name for p in path.parent.iterdir()] == ["model.safetensors"]


def test_missing_file(tmp_path):
    with pytest.raises(MissingFileError, match=r"no\.safetensors' does not exist"):
        load(tmp_path / "no.safetensors")


def test_folder_without_model(tmp_path):
    with pytest.raises(
        MissingFileError, match=r"run folder with model\.safetensors, but .* has none"
    ):
        load(tmp_path)


@pytest.mark.parametrize(
    "content", [b"", b"GIF89a", b"just some text that is longer than a header"]
)
def test_not_a_model(tmp_path, content):
    (tmp_path / "map.tif").write_bytes(content)
    with pytest.raises(ModelFileError, match=r"map\.tif' is not a model: expected a \.safetensors"):
        load(tmp_path / "map.tif")


def test_safetensors_of_someone_else(tmp_path):
    save_file({"a": np.ones(3)}, tmp_path / "w.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelFileError, match=r"no model of Pointillist.* with --weights"):
        load(tmp_path / "w.safetensors")


@pytest.mark.parametrize("share", [0.001, 0.5, 0.999])
def test_cut_short(path, share):
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ModelFileError, match="damaged or was cut short"):
        load(path)


def test_damaged_inside(path):
    content = bytearray(path.read_bytes())
    content[-100_000:-99_000] = bytes(1000)
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match="damaged: its contents do not match their checksum"):
        load(path)


def test_of_a_training_that_diverged(tmp_path):
    spec = NetworkSpec("unet", "slim", 4, 3)
    network = build_model(**spec.to_dict(), weights="none", seed=1)
    with torch.no_grad():
        next(network.parameters()).fill_(float("nan"))
    path = NetworkModel(network, spec, make_card()).save(tmp_path / "nan.safetensors")
    with pytest.raises(ModelFileError, match=r"no numbers in '.*' \(NaN\).* Train anew"):
        load(path)


def test_from_a_newer_version(path):
    rewrite(path, lambda header: header.update(format_version=2, version="9.1"))
    with pytest.raises(ModelFileError, match=r"by Pointillist 9\.1 in format 2; .*Upgrade"):
        load(path)


def test_of_an_unknown_kind(path):
    rewrite(path, lambda header: header.update(kind="oracle"))
    with pytest.raises(
        ModelFileError, match=r"kind network, forest, ensemble, but .* is of kind 'oracle'"
    ):
        load(path)


@pytest.mark.parametrize("key", ["kind", "spec", "card"])
def test_incomplete_description(path, key):
    rewrite(path, lambda header: header.pop(key))
    with pytest.raises(ModelFileError, match=f"its description is incomplete.*{key}"):
        load(path)


def test_tensors_of_another_network(path):
    rewrite(path, lambda header: header["spec"].update(encoder="resnet34"))
    with pytest.raises(
        ModelFileError, match=r"cannot be used: .*resnet34, but they do not fit: Missing"
    ):
        load(path)


def test_legend_of_other_classes(path):
    rewrite(path, lambda header: header["card"]["legend"].pop())
    with pytest.raises(ModelFileError, match="4 bands and 2 classes as in its card"):
        load(path)
