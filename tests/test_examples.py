"""The examples run as printed."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest

import pointillist

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


def test_draw_map(small_world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    out = small_world.folder / "map.png"
    monkeypatch.setattr("sys.argv", ["draw_map.py", str(small_world.truth), str(out)])
    runpy.run_path(str(EXAMPLES / "draw_map.py"), run_name="__main__")
    assert out.read_bytes().startswith(b"\x89PNG")


def test_simulated_mapper(
    small_world: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ask = pointillist.sample(small_world.scene, 20, out=small_world.folder / "ask.gpkg")
    names = ["--names", "Forest", "Urban", "Water"]
    monkeypatch.setattr("sys.argv", ["mapper.py", str(ask), str(small_world.truth), *names])
    script = str(EXAMPLES / "simulated_mapper.py")
    runpy.run_path(script, run_name="__main__")
    assert "20 answered, 0 cannot be told" in capsys.readouterr().out
    answered = gpd.read_file(ask)
    assert set(answered["class"]) == {"Forest", "Urban", "Water"}
    answered.loc[0, "class"] = "mine"
    answered.to_file(ask)
    runpy.run_path(script, run_name="__main__")
    assert gpd.read_file(ask)["class"].tolist() == answered["class"].tolist()


def test_spatial_crossvalidation(
    small_world: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [str(small_world.scene), str(small_world.points), "--bands", "1-2"]
    arguments += ["--seeds", "1", "--trees", "10"]
    monkeypatch.setattr("sys.argv", ["spatial_crossvalidation.py", *arguments])
    runpy.run_path(str(EXAMPLES / "spatial_crossvalidation.py"), run_name="__main__")
    assert "forest: overall accuracy" in capsys.readouterr().out


def test_country_schedule(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--area-km2", "500", "--workers", "1", "20"]
    monkeypatch.setattr("sys.argv", ["country_schedule.py", *arguments])
    names = runpy.run_path(str(EXAMPLES / "country_schedule.py"), run_name="__main__")
    assert "120 blocks of 4096 px" in capsys.readouterr().out
    job, simulate = names["Job"](area_km2=500), names["simulate"]
    calm = names["Fleet"](4, scatter=0, slow_share=0, hours_between_deaths=0, copies=False)
    # 120 blocks shared by 4 workers, each at 2 Mpx/s
    assert simulate(job, calm).hours == pytest.approx(30 * job.block_pixels / 2e6 / 3600)
    assert simulate(job, calm).useful == pytest.approx(1.0)
    deadly = names["Fleet"](4, hours_between_deaths=0.02)
    outcome = simulate(job, deadly)
    assert outcome.redone > 0
    assert outcome.hours > simulate(job, calm).hours
    narrow = names["Fleet"](4, scatter=0, slow_share=0, hours_between_deaths=0,
                            storage_mb_per_s=1.0, copies=False)  # fmt: skip
    assert simulate(job, narrow).hours > 5 * simulate(job, calm).hours
