"""The network recipe: it learns, it resumes, it says what it did."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

import pointillist
from pointillist.errors import ConfigError, DivergedError, InputError
from pointillist.models import NetworkModel
from pointillist.raster import open_scene
from pointillist.training import TrainConfig, UnetConfig, train
from pointillist.training.command import open_scenes, read_task
from pointillist.training.unet import OWN_RATE

pytestmark = pytest.mark.slow

SMALL: dict[str, Any] = {
    "recipe": "unet",
    "seed": 1,
    "unet": {
        "encoder": "slim",
        "weights": "none",
        "chip_px": 64,
        "batch_size": 4,
        "steps": 40,
        "steps_per_epoch": 10,
        "precision": "fp32",
        "device": "cpu",
    },
}


def _config(folder: Path, **unet: Any) -> Path:
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump({**SMALL, "unet": {**SMALL["unet"], **unet}}))
    return path


def test_it_learns_and_beats_the_largest_class(small_world: Any) -> None:
    run = train(
        small_world.scene, small_world.points, small_world.folder / "run",
        config=_config(small_world.folder),
    )  # fmt: skip
    model = pointillist.load(run)
    assert isinstance(model, NetworkModel)
    with open_scene(small_world.scene) as scene:
        pixels = scene.read(scene.grid.window)
    predicted = model.predict(pixels.data, pixels.valid).argmax(axis=0)
    names = np.array(model.legend.names)[predicted]
    truth = np.array(["Forest", "Urban", "Water"])[small_world.mask]
    largest = max(np.mean(truth == name) for name in model.legend.names)
    assert np.mean(names == truth) > max(0.85, largest + 0.2)
    assert model.bands == ("band_1", "band_2", "band_3")
    assert model.card.resolution == pytest.approx(2.0)
    metrics = run.metrics
    assert metrics["steps"] == 40
    assert metrics["labelled_pixels"] == {"Forest": 15, "Urban": 24, "Water": 21} or sum(
        metrics["labelled_pixels"].values()
    ) in range(55, 61)
    assert len(metrics["history"]) == 4
    watched = metrics["heldout_pixels"] * metrics["heldout_accuracy"]  # the model's, not a step's
    assert watched == pytest.approx(round(watched), abs=0.01)
    assert (run.figures / "training.png").stat().st_size > 5000
    assert not run.checkpoint_path.exists()


@pytest.fixture
def one_thread(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Sums do not depend on who is first, so that two trainings can be compared."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_kill_9_loses_at_most_one_epoch_and_resume_gives_the_same_model(
    one_thread: None, small_world: Any
) -> None:
    config = _config(small_world.folder, steps=60, holdout=0.0)
    whole = train(
        small_world.scene, small_world.points, small_world.folder / "whole", config=config
    )
    out = small_world.folder / "cut"
    command = [
        sys.executable, "-m", "pointillist", "train", str(small_world.scene),
        "--points", str(small_world.points), "--config", str(config), "--out", str(out),
    ]  # fmt: skip
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    checkpoint = out / "checkpoints" / "last.ckpt"
    deadline = time.monotonic() + 400
    while not checkpoint.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert checkpoint.exists()
    assert not (out / "model.safetensors").exists()
    finished = torch.load(checkpoint, weights_only=True)["global_step"]
    assert finished >= 10
    logged = list((out / "logs").glob("csv/*"))
    before = {path: path.read_bytes() for path in logged}
    resumed = train(small_world.scene, small_world.points, out, config=config, resume=True)
    assert {path: path.read_bytes() for path in logged} == before
    assert (out / "logs" / "csv-2" / "metrics.csv").exists()
    assert resumed.metrics["steps"] == 60
    assert [row["step"] for row in resumed.metrics["history"]] == [10, 20, 30, 40, 50, 60]
    one, other = whole.model.tensors(), resumed.model.tensors()
    assert one.keys() == other.keys()
    for name in one:
        np.testing.assert_allclose(
            np.asarray(one[name]), np.asarray(other[name]), rtol=1e-3, atol=1e-4, err_msg=name
        )


def test_resume_of_a_complete_run_has_nothing_to_do(small_world: Any) -> None:
    config = _config(small_world.folder, steps=2, steps_per_epoch=2)
    args = (small_world.scene, small_world.points, small_world.folder / "run")
    run = train(*args, config=config)
    before = run.model_path.stat().st_mtime_ns
    said: list[str] = []
    train(*args, config=config, resume=True, say=said.append)
    assert run.model_path.stat().st_mtime_ns == before
    assert any("nothing left to do" in line for line in said)


def test_resume_with_other_options_is_refused(small_world: Any) -> None:
    out = small_world.folder / "run"
    config = _config(small_world.folder, steps=2, steps_per_epoch=2)
    run = train(small_world.scene, small_world.points, out, config=config)
    run.model_path.unlink()
    with pytest.raises(InputError, match="another configuration"):
        train(small_world.scene, small_world.points, out, config=config, seed=5, resume=True)


def test_resume_with_other_points_is_refused(small_world: Any) -> None:
    import geopandas as gpd

    out = small_world.folder / "run"
    config = _config(small_world.folder, steps=2, steps_per_epoch=2)
    run = train(small_world.scene, small_world.points, out, config=config)
    run.model_path.unlink()  # as if it had been cut off after its last epoch
    run.task_path.parent.mkdir()
    run.task_path.write_text("fingerprint of another task\n")
    with pytest.raises(InputError, match="other scenes, bands, points or classes"):
        train(small_world.scene, small_world.points, out, config=config, resume=True)
    fewer = small_world.folder / "fewer.gpkg"
    gpd.read_file(small_world.points)[:40].to_file(fewer)
    task = [
        read_task(open_scenes(small_world.scene), path, None, None, None, 0)[0].fingerprint()
        for path in (small_world.points, small_world.points, fewer)
    ]
    assert task[0] == task[1] != task[2]


def test_ctrl_c_keeps_the_last_epoch(small_world: Any) -> None:
    config = _config(small_world.folder, steps=100_000)
    out = small_world.folder / "run"
    command = [
        sys.executable, "-m", "pointillist", "train", str(small_world.scene),
        "--points", str(small_world.points), "--config", str(config), "--out", str(out),
    ]  # fmt: skip
    # a shell may have started the tests with SIGINT ignored, and children inherit that
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    checkpoint = out / "checkpoints" / "last.ckpt"
    deadline = time.monotonic() + 400
    while not checkpoint.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in said
    assert "--resume" in said
    assert torch.load(checkpoint, weights_only=True)["global_step"] >= 10


def test_a_budget_ends_the_training_in_time(small_world: Any) -> None:
    start = time.monotonic()
    settings = {key: value for key, value in SMALL["unet"].items() if key != "steps"}
    config = small_world.folder / "config.yaml"
    config.write_text(yaml.safe_dump({**SMALL, "unet": settings}))
    run = train(
        small_world.scene, small_world.points, small_world.folder / "run", config=config,
        budget="12s",
    )  # fmt: skip
    assert time.monotonic() - start < 25
    assert run.metrics["steps"] != UnetConfig().steps
    # few steps, where the machine is busy: but the last of them are small ones
    assert run.metrics["history"][-1]["learning_rate"] < OWN_RATE / 5


def test_a_budget_that_was_too_short_is_told(
    small_world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pointillist.training.command._OVERRUN", 0.0)
    said: list[str] = []
    train(
        small_world.scene, small_world.points, small_world.folder / "run",
        config=_config(small_world.folder, steps=2), budget="1m", say=said.append,
    )  # fmt: skip
    assert any("not the 60 s of its budget" in line for line in said)


def test_scenes_smaller_than_a_chip_and_several_scenes(small_world: Any) -> None:
    import rasterio

    with rasterio.open(small_world.scene) as file:
        window = rasterio.windows.Window(40, 30, 50, 45)
        data, transform = file.read(window=window), file.window_transform(window)
        meta = file.profile | {"height": 45, "width": 50, "transform": transform}
    small = small_world.folder / "small.tif"
    with rasterio.open(small, "w", **meta) as file:
        file.write(data)
    config = _config(small_world.folder, steps=4, steps_per_epoch=2)
    run = train(small, small_world.points, small_world.folder / "one", config=config)
    assert run.is_complete
    run = train(
        [small_world.scene, small], small_world.points, small_world.folder / "two", config=config
    )
    assert run.model.card.provenance["scenes"] == [str(small_world.scene), str(small)]


def test_options_of_the_network(small_world: Any) -> None:
    config = _config(
        small_world.folder, steps=2, steps_per_epoch=2, architecture="fpn",
        encoder="resnet18", optimizer="adam", draw="balanced", balanced_loss=True,
        normalisation="image", select="best", jitter=0.2, workers=1,
    )  # fmt: skip
    run = train(small_world.scene, small_world.points, small_world.folder / "run", config=config)
    assert run.model.card.provenance["config"]["architecture"] == "fpn"


@pytest.mark.parametrize("flags", [{"devices": "two"}, {"strategy": "foo"}])
def test_flags_that_lightning_refuses_cost_no_earlier_run(
    small_world: Any, flags: dict[str, str]
) -> None:
    earlier = small_world.folder / "run"
    earlier.mkdir()
    TrainConfig().write(earlier / "config.yaml")  # by which it is known for a run
    (earlier / "model.safetensors").write_bytes(b"what took an hour")
    with pytest.raises(ConfigError, match=r"unet\.trainer, got {'.*'}: [^.]*\. Correct them in "):
        train(
            small_world.scene, small_world.points, earlier, overwrite=True,
            config=_config(small_world.folder, trainer=flags),
        )  # fmt: skip
    assert (earlier / "model.safetensors").read_bytes() == b"what took an hour"


@pytest.mark.parametrize("steps_per_epoch", [10, 1000])
def test_a_training_that_diverges_leaves_no_model(small_world: Any, steps_per_epoch: int) -> None:
    out = small_world.folder / "run"
    with pytest.raises(DivergedError, match=r"has diverged\. Lower unet\.learning_rate"):
        train(
            small_world.scene, small_world.points, out,
            config=_config(
                small_world.folder, learning_rate=1e30, warmup=0.0, steps_per_epoch=steps_per_epoch
            ),
        )  # fmt: skip
    assert not (out / "model.safetensors").exists()


def test_the_card_says_what_was_told_of_the_points(small_world: Any) -> None:
    run = train(
        small_world.scene, small_world.points, small_world.folder / "run",
        config=_config(small_world.folder, steps=2, steps_per_epoch=1),
        label_noise=0.1, point_radius=1,
    )  # fmt: skip
    told = run.model.card.provenance
    assert (told["label_noise"], told["point_radius"]) == (0.1, 1.0)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_gpu_that_is_not_there(small_world: Any) -> None:
    with pytest.raises(ConfigError, match="found none"):
        train(
            small_world.scene, small_world.points, small_world.folder / "run",
            config=_config(small_world.folder), device="cuda",
        )  # fmt: skip


def test_two_processes_share_a_training(small_world: Any) -> None:
    config = _config(
        small_world.folder, steps=4, steps_per_epoch=2, trainer={"devices": 2, "strategy": "ddp"}
    )
    out = small_world.folder / "run"
    command = [
        sys.executable, "-m", "pointillist", "train", str(small_world.scene),
        "--points", str(small_world.points), "--config", str(config), "--out", str(out),
    ]  # fmt: skip
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=300, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["steps"] == 4
