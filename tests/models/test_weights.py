"""Starting weights: files of many shapes, ImageNet with and without a hub."""

from __future__ import annotations

import http.server
import logging
import socket
import threading

import pytest
import segmentation_models_pytorch as smp
import timm
import torch
import torchvision
from model_contract import make_card
from safetensors.torch import save_file

from pointillist.errors import MissingFileError, WeightsError
from pointillist.models import NetworkModel, NetworkSpec, build_model, hub


@pytest.fixture(scope="module")
def resnet18_tensors():
    """A torchvision ResNet-18 with made-up weights, classifier included."""
    torch.manual_seed(11)
    return torchvision.models.resnet18(weights=None).state_dict()


@pytest.fixture
def no_hub(monkeypatch):
    """Nothing cached, nobody answers."""
    monkeypatch.setattr(hub, "_cached", lambda *_: None)
    monkeypatch.setattr(hub, "_is_reachable", lambda _: False)


def prefixed(tensors, prefix):
    return {prefix + name: tensor for name, tensor in tensors.items()}


def encoder_of(path, encoder="resnet18", **kwargs):
    network = build_model(encoder, weights=path, **kwargs)
    return network.encoder.state_dict(), network.weights_note


WRAPPINGS = {
    "plain": lambda t: t,
    "module": lambda t: prefixed(t, "module."),
    "encoder": lambda t: {**prefixed(t, "encoder."), "decoder.x.weight": torch.ones(3)},
    "backbone": lambda t: prefixed(t, "model.backbone."),
    "state_dict": lambda t: {"state_dict": prefixed(t, "module.encoder."), "epoch": 3},
    "model": lambda t: {"model": t, "optimizer": {"state": {0: {"step": torch.ones(1)}}}},
    "no counters": lambda t: {k: v for k, v in t.items() if "num_batches" not in k},
}


@pytest.mark.parametrize("wrapping", WRAPPINGS)
def test_finds_the_encoder_whatever_is_around_it(resnet18_tensors, wrapping, tmp_path):
    path = tmp_path / "weights.pth"
    torch.save(WRAPPINGS[wrapping](resnet18_tensors), path)
    loaded, note = encoder_of(path)
    for name in ("conv1.weight", "layer4.1.conv2.weight", "bn1.running_var"):
        assert torch.equal(loaded[name], resnet18_tensors[name])
    assert note == "weights.pth: 100 of 100 encoder tensors"


@pytest.mark.parametrize("suffix", [".safetensors", ".pth", ".pt"])
@pytest.mark.parametrize("encoder", ["resnet18", "tu-resnet18"])
def test_reads_every_file_type_into_smp_and_timm(resnet18_tensors, suffix, encoder, tmp_path):
    path = tmp_path / f"weights{suffix}"
    if suffix == ".safetensors":
        save_file(resnet18_tensors, path)
    else:
        torch.save(resnet18_tensors, path)
    loaded, note = encoder_of(path, encoder)
    name = "model.conv1.weight" if encoder.startswith("tu-") else "conv1.weight"
    assert torch.equal(loaded[name], resnet18_tensors["conv1.weight"])
    assert "100 of 100" in note


def test_timm_names_with_dots_fit_the_flattened_encoder(tmp_path):
    torch.manual_seed(2)
    tensors = timm.create_model("convnext_atto").state_dict()
    save_file(tensors, tmp_path / "w.safetensors")
    loaded, note = encoder_of(tmp_path / "w.safetensors", "tu-convnext_atto")
    assert torch.equal(loaded["model.stem_0.weight"], tensors["stem.0.weight"])
    name = "blocks.1.mlp.fc1.weight"
    assert torch.equal(loaded[f"model.stages_2.{name}"], tensors[f"stages.2.{name}"])
    n_found, n_expected = (int(word) for word in note.split() if word.isdigit())
    assert n_found == n_expected


@pytest.mark.parametrize("n_bands", [1, 2, 3, 4, 5, 8])
def test_first_convolution_is_adapted_as_smp_does(resnet18_tensors, n_bands, tmp_path):
    save_file(resnet18_tensors, tmp_path / "w.safetensors")
    loaded, note = encoder_of(tmp_path / "w.safetensors", in_channels=n_bands)
    reference = smp.encoders.get_encoder("resnet18", weights=None)
    reference.load_state_dict(dict(resnet18_tensors))
    reference.set_in_channels(n_bands, pretrained=True)
    torch.testing.assert_close(loaded["conv1.weight"], reference.conv1.weight.detach())
    assert ("adapted from 3 bands" in note) == (n_bands != 3)


def test_starts_from_a_trained_model_of_other_bands_and_classes(tmp_path):
    network = build_model("resnet18", weights="none", in_channels=4, num_classes=3, seed=4)
    model = NetworkModel(network, NetworkSpec("unet", "resnet18", 4, 3), make_card())
    path = model.save(tmp_path / "model.safetensors")
    same, note = encoder_of(path, in_channels=4, num_classes=6)
    assert torch.equal(same["conv1.weight"], network.encoder.conv1.weight)
    assert note == "model.safetensors: 100 of 100 encoder tensors"
    more, note = encoder_of(path, in_channels=6, architecture="fpn")
    assert torch.equal(more["layer3.0.conv1.weight"], same["layer3.0.conv1.weight"])
    assert "adapted from 4 bands" in note


def test_decoder_starts_the_same_with_and_without_weights(resnet18_tensors, tmp_path):
    save_file(resnet18_tensors, tmp_path / "w.safetensors")
    with_file = build_model("resnet18", weights=tmp_path / "w.safetensors", seed=1).state_dict()
    random = build_model("resnet18", weights="none", seed=1).state_dict()
    name = "decoder.blocks.0.conv1.0.weight"
    assert torch.equal(with_file[name], random[name])


def test_refuses_weights_of_another_encoder(resnet18_tensors, tmp_path):
    save_file(resnet18_tensors, tmp_path / "w.safetensors")
    with pytest.raises(WeightsError, match=r"encoder mobilenet_v2, but only 0 of \d+ .* w\.safe"):
        build_model("mobilenet_v2", weights=tmp_path / "w.safetensors")


def test_refuses_weights_that_are_no_numbers(resnet18_tensors, tmp_path):
    broken = {**resnet18_tensors, "conv1.weight": resnet18_tensors["conv1.weight"] * float("nan")}
    save_file(broken, tmp_path / "w.safetensors")
    with pytest.raises(WeightsError, match=r"finite numbers .* w\.safetensors, .*'conv1\.weight'"):
        build_model("resnet18", weights=tmp_path / "w.safetensors")


def test_says_when_the_file_holds_a_larger_encoder(tmp_path, caplog):
    save_file(torchvision.models.resnet34(weights=None).state_dict(), tmp_path / "w.safetensors")
    with caplog.at_level(logging.WARNING):
        _, note = encoder_of(tmp_path / "w.safetensors")
    assert "left over (weights of a larger encoder?)" in note
    assert "fit only in part" in caplog.text


def test_says_when_a_part_is_missing(resnet18_tensors, tmp_path, caplog):
    part = {k: v for k, v in resnet18_tensors.items() if not k.startswith("layer4.1")}
    save_file(part, tmp_path / "w.safetensors")
    with caplog.at_level(logging.WARNING):
        _, note = encoder_of(tmp_path / "w.safetensors")
    assert note == "w.safetensors: 90 of 100 encoder tensors"
    assert note in caplog.text


def test_refuses_pickled_code(tmp_path):
    torch.save({"weights": torchvision.models.resnet18}, tmp_path / "w.pth")
    with pytest.raises(
        WeightsError,
        match=r"w\.pth' cannot be read as weights \(it holds pickled code, or is damaged\)",
    ):
        build_model("resnet18", weights=tmp_path / "w.pth")


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_refuses_damaged_files(suffix, tmp_path):
    path = tmp_path / f"w{suffix}"
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(WeightsError, match="cannot be read as weights"):
        build_model("resnet18", weights=path)


def test_missing_file(tmp_path):
    with pytest.raises(MissingFileError, match=r"no\.pth' do not exist"):
        build_model("resnet18", weights=tmp_path / "no.pth")


def test_misspelt_choice():
    with pytest.raises(
        WeightsError, match=r"weights as auto, imagenet, generated, none or a file .*'imagnet'"
    ):
        build_model("resnet18", weights="imagnet")


@pytest.mark.parametrize("encoder", ["resnet18", "tu-resnet18"])
def test_auto_goes_on_at_random_and_says_so(no_hub, caplog, encoder):
    with caplog.at_level(logging.WARNING):
        network = build_model(encoder, in_channels=5)
    assert network.weights_note.startswith("random initialisation, because ImageNet weights")
    assert network.weights_note in caplog.text


@pytest.mark.parametrize("encoder", ["resnet18", "tu-resnet18"])
def test_imagenet_fails_in_one_sentence_with_both_ways_out(no_hub, encoder):
    with pytest.raises(
        WeightsError, match=f"{encoder} are not cached .*--weights FILE .*--weights none"
    ):
        build_model(encoder, weights="imagenet")


def test_encoder_without_imagenet_weights(no_hub):
    with pytest.raises(
        WeightsError, match="no ImageNet weights for encoder resnext101_32x4d; give"
    ):
        build_model("resnext101_32x4d", weights="imagenet")


@pytest.mark.parametrize("encoder", ["slim", "slim-wide"])
def test_our_own_encoders_have_no_imagenet_weights(no_hub, encoder):
    with pytest.raises(WeightsError, match=f"no ImageNet weights for encoder {encoder}; give"):
        build_model(encoder, weights="imagenet")


def test_hub_settings_that_forbid_the_network_are_kept(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr(hub, "_cached", lambda *_: None)
    monkeypatch.setattr(hub, "_is_reachable", lambda _: pytest.fail("asked the network"))
    assert "random" in build_model("resnet18").weights_note


@pytest.mark.parametrize("choice", ["auto", "imagenet"])
def test_imagenet_from_the_cache_of_smp(monkeypatch, resnet18_tensors, tmp_path, choice):
    save_file(resnet18_tensors, tmp_path / "model.safetensors")
    monkeypatch.setattr(hub, "_cached", lambda *_: tmp_path / "model.safetensors")
    loaded, note = encoder_of(choice, in_channels=4)
    assert torch.equal(loaded["layer1.0.conv1.weight"], resnet18_tensors["layer1.0.conv1.weight"])
    assert note == (
        "ImageNet (smp-hub/resnet18.imagenet): 100 of 100 encoder tensors, "
        "first convolution adapted from 3 bands"
    )


def test_imagenet_from_the_cache_of_timm(monkeypatch, tmp_path):
    torch.manual_seed(5)
    tensors = timm.create_model("convnext_atto").state_dict()
    save_file(tensors, tmp_path / "model.safetensors")
    monkeypatch.setattr(hub, "_cached", lambda *_: tmp_path / "model.safetensors")
    loaded, note = encoder_of("imagenet", "tu-convnext_atto", in_channels=4)
    name = "blocks.0.conv_dw.weight"
    assert torch.equal(loaded[f"model.stages_3.{name}"], tensors[f"stages.3.{name}"])
    assert loaded["model.stem_0.weight"].shape[1] == 4
    assert note.startswith("ImageNet (timm/convnext_atto")


class Refuse(http.server.BaseHTTPRequestHandler):
    def do_HEAD(self):
        self.send_error(404)

    def log_message(self, *args):
        pass


def test_a_server_that_answers_anything_is_reachable(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    with http.server.HTTPServer(("127.0.0.1", 0), Refuse) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        assert hub._is_reachable(f"http://127.0.0.1:{server.server_port}")


def test_a_server_that_keeps_silent_is_not_waited_for(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(hub, "_PROBE_SECONDS", 0.1)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        assert not hub._is_reachable(f"http://127.0.0.1:{silent.getsockname()[1]}")
