"""What the tests of the app share: the scene, a server as a process, waiting for the page."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pointillist.legend import Legend


@dataclass(frozen=True)
class TerrainScene:
    path: Path
    mask: np.ndarray
    legend: Legend


class Server:
    """`pointillist label` as a person starts it."""

    def __init__(self, scene: Path, points: Path, *options: str, port: int = 0) -> None:
        command = [
            sys.executable,
            "-m",
            "pointillist",
            "label",
            str(scene),
            "--points",
            str(points),
        ]
        self.process = subprocess.Popen(
            [*command, "--no-browser", "--port", str(port), *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line.startswith("Open "):
            assert self.process.stderr is not None
            raise AssertionError(f"No link but {line!r}: {self.process.stderr.read()}")
        self.link = line.split()[1]
        self.port = int(self.link.split(":")[2].split("/")[0])

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def wait_saved(page: Any, timeout_ms: float = 30_000) -> None:
    """Wait until the page says that everything is stored."""
    page.wait_for_selector("#saved[data-state=saved]", timeout=timeout_ms)


def wait_count(page: Any, n: int) -> None:
    """Wait until the page shows so many labels."""
    text = "1 label" if n == 1 else f"{n} labels"
    page.wait_for_selector(f"#points-count:text-is('{text}')")
