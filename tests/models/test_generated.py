"""Starting weights that come with the package: what they fill, what they leave, who has them."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
import torch

from pointillist.errors import WeightsError
from pointillist.models import build_model
from pointillist.models.generated import FOLDER, HEAD

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "pretrain_slim.py"


def test_all_but_the_last_layer_comes_from_the_file():
    first, second = (build_model("slim", num_classes=4, seed=seed) for seed in (1, 2))
    assert first.weights_note.startswith("weights learnt on generated scenes: ")
    other = second.state_dict()
    for name, value in first.state_dict().items():
        if "num_batches" not in name and not name.endswith(f"{HEAD}0.bias"):
            assert torch.equal(value, other[name]) != name.startswith(HEAD), name


def test_they_are_not_taken_where_random_ones_are_wanted():
    network = build_model("slim", pretrained=False, seed=1)
    assert network.weights_note == "random initialisation"
    start = build_model("slim", seed=1).state_dict()["encoder.stem.0.weight"]
    assert not torch.equal(network.state_dict()["encoder.stem.0.weight"], start)


@pytest.mark.parametrize("n_bands", [1, 6, 12])
def test_equal_bands_answer_alike_whatever_their_number(n_bands):
    image = torch.randn(1, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    three = build_model("slim", seed=1).eval()
    other = build_model("slim", in_channels=n_bands, seed=1).eval()
    assert "first convolution adapted from 3 bands" in other.weights_note
    with torch.no_grad():
        expected = three.encoder(image.expand(1, 3, 64, 64))[-1]
        found = other.encoder(image.expand(1, n_bands, 64, 64))[-1]
    torch.testing.assert_close(found, expected, atol=1e-3, rtol=1e-3)


def test_an_encoder_without_such_weights_says_who_has_them():
    with pytest.raises(WeightsError, match=r"generated scenes \(slim\), got resnet34\. Choose it"):
        build_model("resnet34", weights="generated")


def test_the_file_is_small_and_holds_no_classes():
    from safetensors import safe_open

    path = FOLDER / "slim.safetensors"
    assert path.stat().st_size < 2 * 2**20
    with safe_open(path, "pt") as file:
        assert not [name for name in file.keys() if name.startswith(HEAD)]  # noqa: SIM118


def test_the_script_that_made_it_still_runs(tmp_path):
    spec = importlib.util.spec_from_file_location("pretrain_slim", SCRIPT)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    network = script.pretrain(n_scenes=2, n_steps=2)
    script.keep(network, tmp_path / "slim.safetensors")
    again = build_model("slim", weights=tmp_path / "slim.safetensors")
    stem = network.state_dict()["encoder.stem.0.weight"]
    torch.testing.assert_close(again.state_dict()["encoder.stem.0.weight"], stem.half().float())
