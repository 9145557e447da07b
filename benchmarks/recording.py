"""A benchmark's figures as one line of JSON, with the machine and the versions they belong to."""

from __future__ import annotations

import json
import os
import platform
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any


def record(what: str, figures: Mapping[str, Any], file: Path | None, *packages: str) -> None:
    """Print the figures, and append them to a file where one is given.

    Args:
        what: Which benchmark.
        figures: What was measured.
        file: A `.jsonl` file.
        packages: Distributions whose versions matter.
    """
    line = json.dumps({"what": what, **describe_machine(), **versions(*packages), **figures})
    print(line)
    if file is not None:
        with file.open("a", encoding="utf-8") as opened:
            opened.write(line + "\n")


def versions(*packages: str) -> dict[str, str]:
    return {package: _version(package) for package in packages}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def describe_machine() -> dict[str, Any]:
    """Processor, what it multiplies, cores that may be used, and how busy it is."""
    cpu = Path("/proc/cpuinfo")
    text = cpu.read_text(encoding="utf-8", errors="replace") if cpu.exists() else ""
    model = re.search(r"^model name\s*:\s*(.*)$", text, re.MULTILINE)
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "processor": model[1] if model else platform.processor() or platform.machine(),
        "bf16": [flag for flag in ("avx512_bf16", "amx_bf16") if flag in text],
        "cores": len(os.sched_getaffinity(0)),
        "load": [round(value, 1) for value in os.getloadavg()],
        "python": platform.python_version(),
    }
