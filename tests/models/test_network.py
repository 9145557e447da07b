"""Networks of any encoder, decoder and number of bands."""

from __future__ import annotations

from itertools import product

import pytest
import torch

from pointillist.errors import InputError
from pointillist.models import ARCHITECTURES, NetworkSpec, build_model

ENCODERS = ["resnet18", "mobilenet_v2", "tu-resnet18"]
MORE_ENCODERS = ["resnet34", "efficientnet-b0", "mit_b0", "densenet121", "tu-convnext_atto"]


def logits_of(network, n_bands, side=64):
    network.eval()
    image = torch.randn(1, n_bands, side, side, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        return network(image)


@pytest.mark.parametrize(
    ("encoder", "n_bands"), [*product(ENCODERS, (1, 3, 4, 8)), *product(MORE_ENCODERS, (5,))]
)
def test_any_encoder_takes_any_number_of_bands(encoder, n_bands):
    network = build_model(encoder, pretrained=False, in_channels=n_bands, num_classes=4)
    logits = logits_of(network, n_bands)
    assert logits.shape == (1, 4, 64, 64)
    assert torch.isfinite(logits).all()


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_any_decoder(architecture):
    network = build_model(
        "resnet18", pretrained=False, in_channels=5, num_classes=2, architecture=architecture
    )
    assert logits_of(network, 5, side=128).shape == (1, 2, 128, 128)


def test_says_where_the_weights_come_from():
    assert build_model("resnet18", pretrained=False).weights_note == "random initialisation"
    assert build_model("resnet18", weights="none").weights_note == "random initialisation"


def test_same_seed_same_start_without_touching_the_global_generator():
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = build_model("resnet18", weights="none", seed=5).state_dict()
    assert torch.equal(torch.get_rng_state(), before)
    again = build_model("resnet18", weights="none", seed=5).state_dict()
    other = build_model("resnet18", weights="none", seed=6).state_dict()
    assert all(torch.equal(first[k], again[k]) for k in first)
    assert not torch.equal(first["encoder.conv1.weight"], other["encoder.conv1.weight"])


def test_without_seed_the_global_generator_decides():
    states = []
    for _ in range(2):
        torch.manual_seed(3)
        states.append(build_model("resnet18", weights="none").state_dict())
    assert all(torch.equal(states[0][k], states[1][k]) for k in states[0])


@pytest.mark.parametrize(
    ("encoder", "similar"), [("resnet35", "resnet34"), ("tu-resnet19", "tu-resnet18")]
)
def test_unknown_encoder_names_similar_ones(encoder, similar):
    with pytest.raises(InputError, match=f"got '{encoder}'. Similar ones: .*{similar}"):
        build_model(encoder, pretrained=False)


def test_unknown_architecture_lists_all():
    with pytest.raises(InputError, match=r"unet, unetplusplus, .*upernet.*, got 'U-Net'"):
        build_model(architecture="U-Net", pretrained=False)


@pytest.mark.parametrize(
    ("encoder", "architecture"), [("mit_b0", "unetplusplus"), ("mit_b0", "linknet")]
)
def test_parts_that_do_not_go_together(encoder, architecture):
    with pytest.raises(
        InputError, match=f"'{encoder}' does not work with decoder '{architecture}'"
    ):
        build_model(encoder, pretrained=False, architecture=architecture)


@pytest.mark.parametrize("numbers", [{"in_channels": 0}, {"num_classes": 0}])
def test_refuses_nothing_in_or_out(numbers):
    with pytest.raises(InputError, match="at least one band and one class"):
        build_model(pretrained=False, **numbers)


def test_spec_survives_plain_data():
    spec = NetworkSpec("fpn", "tu-resnet18", 7, 3)
    assert NetworkSpec.from_dict(spec.to_dict()) == spec
