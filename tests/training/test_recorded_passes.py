"""Training steps that a GPU replays: the same numbers as steps that are run."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from pointillist.losses import PartialCrossEntropyLoss
from pointillist.models import build_model
from pointillist.training.recorded_passes import RecordedPasses


def _network() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.Conv2d(4, 2, 1))


def _rehearse(network, images):
    """Stands for the recording, which runs the network some times."""
    for _ in range(3):
        network(images)
    return network


def test_rehearsals_leave_no_trace_in_running_means() -> None:
    torch.manual_seed(0)
    network, images = _network(), torch.rand(2, 3, 8, 8)
    run = copy.deepcopy(network)
    recorded = RecordedPasses(network, _rehearse)
    torch.testing.assert_close(recorded(images), run(images))
    for name, value in network.state_dict().items():
        torch.testing.assert_close(value, run.state_dict()[name])


def test_other_shapes_are_run() -> None:
    network, made = _network(), []

    def record(network, images):
        made.append(tuple(images.shape))
        return network

    recorded = RecordedPasses(network, record)
    for shape in ((2, 3, 8, 8), (2, 3, 8, 8), (1, 3, 8, 8)):
        assert recorded(torch.rand(shape)).shape == (shape[0], 2, 8, 8)
    assert made == [(2, 3, 8, 8)]


def test_a_network_that_cannot_be_recorded_is_run(caplog) -> None:
    caplog.set_level("INFO")

    def record(network, images):
        raise RuntimeError("operation not permitted when stream is capturing")

    recorded = RecordedPasses(_network(), record)
    for _ in range(3):
        assert recorded(torch.rand(2, 3, 8, 8)).shape == (2, 2, 8, 8)
    assert caplog.text.count("without a CUDA graph: operation not permitted") == 1


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("encoder", ["slim", "resnet34"])
def test_replayed_steps_learn_what_steps_learn(encoder) -> None:
    torch.manual_seed(0)
    plain = build_model(encoder=encoder, weights="none", num_classes=4).cuda()
    twins = [copy.deepcopy(plain), copy.deepcopy(plain)]
    criterion = PartialCrossEntropyLoss()
    batches = [
        (torch.rand(4, 3, 64, 64, device="cuda"), torch.randint(-1, 4, (4, 64, 64), device="cuda"))
        for _ in range(10)
    ]

    def train(network: nn.Module, run) -> torch.Tensor:
        optimizer = torch.optim.SGD(network.parameters(), lr=0.01)
        network.train()
        for images, target in batches:
            optimizer.zero_grad()
            criterion(run(images.contiguous(memory_format=torch.channels_last)), target).backward()
            optimizer.step()
        return torch.cat([value.flatten().float() for value in network.state_dict().values()])

    with torch.backends.cudnn.flags(allow_tf32=False, deterministic=True):
        ran, again = train(plain, plain), train(twins[0], twins[0])
        replayed = train(twins[1], RecordedPasses(twins[1]))
    # kernels add up in any order: as near as two runs are to each other, or nearly
    noise = float((ran - again).norm() / ran.norm())
    assert float((ran - replayed).norm() / ran.norm()) <= max(3 * noise, 1e-4)
