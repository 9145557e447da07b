"""A map killed at any time goes on with `resume`, and no pixel tells."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

N_KILLS = 24
N_BLOCKS = 25


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the driver forks")
def test_killed_at_any_time_a_map_goes_on_to_the_same_pixels(tmp_path: Path) -> None:
    driver = Path(__file__).with_name("kill_driver.py")
    done = subprocess.run(
        [sys.executable, str(driver), str(tmp_path), str(N_KILLS)],
        check=True, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    kills = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(kills) == N_KILLS + 8
    for kill in kills:
        assert kill["resumed"] == 0, (kill, done.stderr)
        assert kill["same"], kill
        assert kill["files"], kill  # the results, and nothing beside them
    chosen = [kill for kill in kills if kill["place"] != "at a random time"]
    assert all(kill["ended"] == -signal.SIGKILL for kill in chosen), chosen
    kept = {kill["place"]: kill["n_kept"] for kill in chosen}
    assert kept["in the middle of a line"] == 4
    assert kept["between a block and its line"] == 6
    assert kept["when the first file is in place"] == N_BLOCKS
    in_between = [k for k in kills if k["ended"] == -signal.SIGKILL and 0 < k["n_kept"] < N_BLOCKS]
    assert len(in_between) >= N_KILLS // 2, "most kills are to strike while blocks are computed"
    assert not any(k["map_there"] for k in in_between)
