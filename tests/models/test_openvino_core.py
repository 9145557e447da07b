"""OpenVINO's runtime: one per process, whoever asks."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pointillist
from pointillist.models import openvino_core


def test_everyone_gets_the_same_runtime() -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: openvino_core(), range(8)))
    assert {id(core) for core in found} == {id(openvino_core())}
    assert "CPU" in openvino_core().available_devices


def test_files_of_weights_are_not_mapped() -> None:
    assert openvino_core().get_property("ENABLE_MMAP") is False


def test_a_process_that_used_it_ends_in_peace() -> None:
    code = "from pointillist.models import openvino_core; openvino_core().available_devices"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_no_other_is_made() -> None:
    """Another one that goes takes the stack for signals with it."""
    package = Path(pointillist.__path__[0])
    makers = [path for path in package.rglob("*.py") if ".Core()" in path.read_text("utf-8")]
    assert [path.name for path in makers] == ["openvino_core.py"]
