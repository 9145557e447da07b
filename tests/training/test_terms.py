"""Plateaus, averaged weights, and a second term with all points that survives interruptions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

from pointillist.losses import PartialCrossEntropyLoss
from pointillist.training import UnetConfig
from pointillist.training.fitting import EpochSampler, Interruption, fit_network
from pointillist.training.schedule import Progress, learning_rate_factor
from pointillist.training.terms import SecondTerm, is_plateau

CONFIG: dict[str, Any] = {
    "batch_size": 2,
    "steps": 40,
    "steps_per_epoch": 5,
    "precision": "fp32",
    "device": "cpu",
    "learning_rate": 1e-2,
}


class _Chips(Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """Noise whose sign is the class; remembers which term each item was asked in."""

    def __init__(self) -> None:
        self.epoch = 0
        self.is_second = False
        self.asked: list[tuple[int, bool]] = []

    def begin_second(self) -> None:
        self.is_second = True

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        return 10

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        self.asked.append((self.epoch, self.is_second))
        image = torch.from_numpy(
            np.random.default_rng([self.epoch, index]).normal(size=(1, 8, 8)).astype(np.float32)
        )
        return image, (image[0] > 0).long()


def _fit(chips: _Chips, config: UnetConfig, checkpoint: Path | None = None, **more: Any) -> Any:
    torch.manual_seed(0)
    network = nn.Conv2d(1, 2, 1)
    second = None
    if config.refit:
        second = SecondTerm(config.refit, _judge, chips.begin_second)
    fit = fit_network(
        network,
        PartialCrossEntropyLoss(),
        DataLoader(chips, batch_size=2, sampler=EpochSampler(chips)),
        config,
        Progress(config.steps),
        ("a", "b"),
        validation_loader=DataLoader(_Chips(), batch_size=2),
        interruption=Interruption(checkpoint, checkpoint is not None),
        second=second,
        **more,
    )
    return network, fit


def _judge(network: nn.Module) -> np.ndarray:
    assert not network.training
    with torch.no_grad():
        return network(torch.ones(1, 1, 1, 1))[0, :, 0, 0].numpy()[None]


def test_the_second_term_learns_from_other_chips_and_is_not_watched():
    chips = _Chips()
    _, fit = _fit(chips, UnetConfig(**CONFIG, refit=0.5))
    epochs = dict(chips.asked)
    assert [epochs[e] for e in range(8)] == [False] * 4 + [True] * 4
    assert fit.steps == 40
    assert fit.judged is not None
    assert fit.judged.shape == (1, 2)
    assert ["heldout_accuracy" in row for row in fit.history] == [True] * 4 + [False] * 4


def test_without_a_second_term_nothing_is_judged():
    _, fit = _fit(_Chips(), UnetConfig(**CONFIG))
    assert fit.judged is None
    assert all("heldout_accuracy" in row for row in fit.history)


@pytest.mark.parametrize("stop_after", [2, 6])
def test_an_interruption_in_either_term_changes_nothing(tmp_path, stop_after):
    config = UnetConfig(**CONFIG, refit=0.5, select="average")
    whole, fit = _fit(_Chips(), config)

    def interrupt(fraction: float, _: str) -> None:
        if fraction > stop_after / 8 + 0.01:
            raise KeyboardInterrupt

    checkpoint = tmp_path / "last.ckpt"
    with pytest.raises(KeyboardInterrupt):
        _fit(_Chips(), config, checkpoint, report=interrupt)
    again, resumed = _fit(_Chips(), config, checkpoint)
    assert resumed.steps == 40
    np.testing.assert_allclose(resumed.judged, fit.judged, rtol=1e-5)
    torch.testing.assert_close(again.weight, whole.weight)


def test_average_and_last_weights_differ_and_both_have_learnt():
    last, _ = _fit(_Chips(), UnetConfig(**CONFIG, select="last"))
    mean, _ = _fit(_Chips(), UnetConfig(**CONFIG, select="average"))
    assert not torch.equal(last.weight, mean.weight)
    for network in (last, mean):
        assert network.weight[1, 0, 0, 0] > network.weight[0, 0, 0, 0]


def test_a_training_that_gets_no_better_ends_early():
    config = UnetConfig(**{**CONFIG, "steps": 1000, "learning_rate": 1e-9}, patience=3)
    _, fit = _fit(_Chips(), config)
    assert fit.ended_early
    assert fit.steps < 100
    whole = UnetConfig(**{**CONFIG, "steps": 60, "learning_rate": 1e-9}, patience=0)
    _, fit = _fit(_Chips(), whole)
    assert not fit.ended_early
    assert fit.steps == 60


def test_a_plateau_is_a_best_mean_that_is_old():
    rising = list(np.linspace(0, 1, 30))
    assert not is_plateau(rising, 5)
    assert is_plateau([*rising, *[0.9] * 12], 5)
    assert not is_plateau([0.5] * 9, 5)
    assert is_plateau([0.5] * 10, 5)
    assert is_plateau([*[0.5] * 5, *[0.4] * 10], 5)


def test_the_rate_rises_once_more_for_the_second_term():
    rates = [learning_rate_factor(f, 0.1, 0.4) for f in np.linspace(0, 1, 201)]
    assert max(rates[:120]) == pytest.approx(1.0, abs=0.01)
    assert min(rates[110:120]) < 0.02
    assert 0.4 < max(rates[120:]) <= 0.5
    assert rates[-1] < 0.01


def test_haste_runs_the_rest_in_a_fifth_of_the_steps():
    progress = Progress(n_steps=1000)
    progress.update(progress.measure(100))
    progress.hasten(100)
    assert progress.measure(100) == pytest.approx(0.1)
    assert progress.measure(110) == pytest.approx(0.55)
    assert progress.measure(120) == 1.0
    again = Progress(n_steps=1000)
    again.go_on(progress.state())
    assert again.measure(110) == pytest.approx(0.55)


def test_time_set_aside_is_not_trained_in():
    import time

    progress = Progress(10**6, seconds=10, start=time.monotonic() - 8, reserve_s=2)
    assert progress.measure(1) == 1.0
