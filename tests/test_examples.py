"""The examples run as printed."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


def test_draw_map(small_world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    out = small_world.folder / "map.png"
    monkeypatch.setattr("sys.argv", ["draw_map.py", str(small_world.truth), str(out)])
    runpy.run_path(str(EXAMPLES / "draw_map.py"), run_name="__main__")
    assert out.read_bytes().startswith(b"\x89PNG")


def test_spatial_crossvalidation(
    small_world: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [str(small_world.scene), str(small_world.points), "--bands", "1-2"]
    arguments += ["--seeds", "1", "--trees", "10"]
    monkeypatch.setattr("sys.argv", ["spatial_crossvalidation.py", *arguments])
    runpy.run_path(str(EXAMPLES / "spatial_crossvalidation.py"), run_name="__main__")
    assert "forest: overall accuracy" in capsys.readouterr().out
