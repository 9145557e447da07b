"""Several networks in place of one."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

import pointillist
from pointillist.errors import ConfigError
from pointillist.models import EnsembleModel, NetworkModel
from pointillist.models.forest import ForestModel
from pointillist.training import train
from pointillist.training.config import UnetConfig
from pointillist.training.members import choose_members
from pointillist.training.recipe import Workshop

pytestmark = pytest.mark.slow

SMALL: dict[str, Any] = {
    "recipe": "stack",
    "unet": {
        "encoder": "slim", "chip_px": 32, "batch_size": 4, "steps": 20, "steps_per_epoch": 5,
        "learning_rate": 3e-3, "precision": "fp32", "device": "cpu", "members": 2,
    },
    "forest": {"n_trees": 10},
}  # fmt: skip


def _config(folder: Path, **changes: Any) -> Path:
    path = folder / "config.yaml"
    unet = {**SMALL["unet"], **changes.pop("unet", {})}
    path.write_text(yaml.safe_dump({**SMALL, **changes, "unet": unet}))
    return path


def _weights(model: NetworkModel) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in model.network.parameters()])


def test_networks_share_the_steps_and_their_mean_maps(small_world: Any) -> None:
    told: list[tuple[float, str]] = []
    run = train(
        small_world.scene, small_world.points, small_world.folder / "run",
        config=_config(small_world.folder, unet={"steps": 21}), step=lambda *a: told.append(a),
    )  # fmt: skip
    model = pointillist.load(run)
    assert isinstance(model, EnsembleModel)
    one, other, forest = model.parts
    assert isinstance(one, NetworkModel)
    assert isinstance(other, NetworkModel)
    assert isinstance(forest, ForestModel)
    assert model.weights[0] == model.weights[1]
    assert run.metrics["network_weight"] == pytest.approx(float(model.weights[:2].sum()), abs=1e-4)
    assert not torch.allclose(_weights(one), _weights(other))
    assert run.metrics["networks"] == 2
    # what one needs of the margin is asked for after loading, too
    assert model.card.edge_effect == one.card.edge_effect == other.card.edge_effect
    assert model.halo_for(512) == run.model.halo_for(512)
    assert run.metrics["steps"] == 21
    rows = run.metrics["history"]
    assert [row["step"] for row in rows][-1] == 21
    assert [row["network"] for row in rows] == sorted(row["network"] for row in rows)
    assert {row["network"] for row in rows} == {1.0, 2.0}
    fractions = [fraction for fraction, _ in told]
    assert fractions == sorted(fractions)
    assert fractions[-1] > 0.9
    assert told[0][1].startswith("network 1 of 2, loss")
    assert not run.state_path.exists()


def test_a_network_alone_may_be_several(small_world: Any) -> None:
    run = train(
        small_world.scene, small_world.points, small_world.folder / "run",
        config=_config(small_world.folder, recipe="unet"),
    )  # fmt: skip
    model = run.model
    assert isinstance(model, EnsembleModel)
    assert len(model.parts) == 2
    image = np.random.default_rng(0).normal(100, 30, (3, 64, 64)).astype(np.float32)
    parts = [part.predict(image) for part in model.parts]
    np.testing.assert_allclose(model.predict(image), np.mean(parts, axis=0), atol=1e-5)


def test_the_temperature_of_one_is_not_told_as_that_of_all(
    small_world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pointillist.training.heldout.fit_temperature", lambda *_: 2.0)
    told = {}
    for n in (1, 2):
        unet = {"members": n, "steps": 2 * n, "calibrate": True}
        config = _config(small_world.folder, recipe="unet", unet=unet)
        run = train(
            small_world.scene, small_world.points, small_world.folder / f"run-{n}", config=config
        )
        told[n] = pointillist.load(run).card.provenance
    assert told[1]["temperature"] == 2.0
    assert "temperature" not in told[2]
    assert "raw_network_calibration_error" not in told[2]
    assert told[2]["networks"] == 2


def test_a_finished_network_survives_an_interruption(
    small_world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    torch.set_num_threads(1)
    args: Any = (small_world.scene, small_world.points)
    config = _config(small_world.folder)
    whole = train(*args, small_world.folder / "whole", config=config)

    def interrupt(fraction: float, beside: str) -> None:
        if fraction > 0.8:
            raise KeyboardInterrupt

    cut = small_world.folder / "cut"
    with pytest.raises(KeyboardInterrupt):
        train(*args, cut, config=config, step=interrupt)
    assert (cut / "checkpoints" / "network-1.safetensors").exists()
    assert (cut / "checkpoints" / "last-2.ckpt").exists()
    told: list[str] = []
    resumed = train(
        *args, cut, config=config, resume=True, step=lambda _, beside: told.append(beside)
    )
    assert all(line.startswith("network 2 of 2") for line in told)
    assert len(told) == 5  # of ten steps the first five were kept
    assert [r["step"] for r in resumed.metrics["history"]] == [5, 10, 15, 20]
    for mine, theirs in zip(resumed.model.parts[:2], whole.model.parts[:2], strict=True):
        assert torch.allclose(_weights(mine), _weights(theirs), atol=1e-4)
    held = ("heldout_accuracy", "heldout_miou", "network_weight")
    assert [resumed.metrics[k] for k in held] == [whole.metrics[k] for k in held]
    assert not (cut / "checkpoints").exists()


def test_they_share_the_time(small_world: Any) -> None:
    start = time.monotonic()
    unet = {key: value for key, value in SMALL["unet"].items() if key != "steps"}
    config = small_world.folder / "config.yaml"
    config.write_text(yaml.safe_dump({**SMALL, "unet": unet}))
    run = train(
        small_world.scene, small_world.points, small_world.folder / "run", config=config,
        budget="16s",
    )  # fmt: skip
    assert time.monotonic() - start < 30
    rows = run.metrics["history"]
    assert {row["network"] for row in rows} == {1.0, 2.0}
    ends = [max(r["seconds"] for r in rows if r["network"] == n) for n in (1.0, 2.0)]
    assert ends[0] < 12
    assert ends[1] > ends[0]


def test_a_round_goes_on_with_all_of_them(small_world: Any) -> None:
    args: Any = (small_world.scene, small_world.points)
    first = train(*args, small_world.folder / "first", config=_config(small_world.folder))
    second = train(*args, small_world.folder / "second", start_from=first, steps=2)
    assert second.metrics["networks"] == 2
    for before, after in zip(first.model.parts[:2], second.model.parts[:2], strict=True):
        moved = (_weights(before) - _weights(after)).abs().mean()
        assert moved < 0.5 * _weights(before).abs().mean()  # each went on from its own


def _slim(**settings: Any) -> UnetConfig:
    return UnetConfig(encoder="slim", **settings)


@pytest.mark.parametrize(
    ("config", "seconds", "expected"),
    [
        (_slim(members=3, steps=1), None, 3),
        (_slim(steps=1499), None, 1),
        (_slim(), None, 2),
        (_slim(steps=10**6), None, 4),
        (_slim(steps=10**6, precision="fp32"), 239.0, 1),
        (_slim(steps=10**6, precision="fp32"), 600.0, 4),
        (_slim(steps=10**6, precision="bf16"), 120.0, 2),
        (_slim(steps=1600, precision="bf16"), 600.0, 2),
        (_slim(steps=10**6, trainer={"devices": 2}), None, 1),
        (UnetConfig(encoder="resnet34", steps=10**6), None, 1),
    ],
)
def test_how_many(config: UnetConfig, seconds: float | None, expected: int) -> None:
    assert choose_members(config, Workshop(seconds=seconds), 300) == expected


def test_more_points_leave_fewer_networks() -> None:
    config, workshop = _slim(steps=10**6, precision="fp32"), Workshop(seconds=600.0)
    found = [choose_members(config, workshop, n) for n in (50, 300, 500, 1000, 9000)]
    assert found == [4, 4, 3, 1, 1]
    assert choose_members(_slim(steps=7972), Workshop(), 1000) == 3


def test_several_networks_on_several_devices_are_refused(small_world: Any) -> None:
    config = _config(small_world.folder, unet={"trainer": {"devices": 2}})
    out = small_world.folder / "run"
    with pytest.raises(ConfigError, match=r"one network on the devices .* unet.members 2"):
        train(small_world.scene, small_world.points, out, config=config)
    assert not out.exists()
