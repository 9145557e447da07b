"""Ctrl-C in a real process: one line, status 130, no half-written map, finished blocks kept."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import rasterio

Cli = Callable[..., Any]


def test_ctrl_c_while_mapping_keeps_finished_blocks(cli: Cli, small_world: Any) -> None:
    folder = small_world.folder
    assert cli("train", small_world.scene, "--points", small_world.points, "--recipe", "forest",
               "--out", folder / "run").status == 0  # fmt: skip
    with rasterio.open(small_world.scene) as file:
        profile, data = file.profile, file.read()
    large, out = folder / "large.tif", folder / "map.tif"
    with rasterio.open(large, "w", **{**profile, "height": 96 * 30, "width": 128 * 30}) as file:
        file.write(np.tile(data, (1, 30, 30)))
    before = {path.name for path in folder.iterdir()}
    # a shell may have started the tests with SIGINT ignored, and children inherit that
    process = subprocess.Popen(
        [sys.executable, "-m", "pointillist", "predict", str(folder / "run"), str(large),
         "--out", str(out), "--block", "128"],
        stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while not list(folder.glob(".map*/ledger.jsonl")) and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    time.sleep(0.5)
    assert process.poll() is None, "it was over before it could be interrupted"
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Interrupted. Finished blocks are kept: go on with" in said
    assert "--resume" in said
    assert "Traceback" not in said
    assert {path.name for path in folder.iterdir()} == before | {".map.tif.part"}
    refused = cli("predict", folder / "run", large, "--out", out)
    assert refused.status == 1
    assert "finished blocks of" in refused.err
    assert "--resume" in refused.err
