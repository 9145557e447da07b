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
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = tmp_path / "schedule.png"
    arguments = ["--area-km2", "500", "--workers", "1", "20", "--figure", str(picture)]
    monkeypatch.setattr("sys.argv", ["country_schedule.py", *arguments])
    runpy.run_path(str(EXAMPLES / "country_schedule.py"), run_name="__main__")
    told = capsys.readouterr().out
    assert "2.0 billion pixels, 20 scenes of 96 blocks" in told
    assert "one scene 0.0431 hours, whoever helps" in told  # 2,000 megapixels at 12.9 per second
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.fixture(scope="module")
def names() -> dict[str, Any]:
    return runpy.run_path(str(EXAMPLES / "country_schedule.py"))


@pytest.fixture(scope="module")
def rates(names: dict[str, Any]) -> Any:
    return names["Rates"](1.0, 100.0, 0.0, 1.0, 0.1)


class TestCountry:
    """The schedule that `predict --scheduler` uses, played through."""

    def test_without_mishaps_it_is_work_by_workers(self, names, rates) -> None:
        job = names["Job"](area_km2=500)
        fleet = names["Fleet"](4, cores=1, storage_mb_per_s=1e9, **names["CALM"])
        outcome = names["simulate"](job, fleet, rates)
        computed_s = 20 * 96 * 1.048576 / 4
        assembled_s = 20 * 100 / 100.0 / 4
        assert outcome.hours * 3600 == pytest.approx(computed_s + assembled_s, rel=0.03)
        assert outcome.redone == outcome.deaths == 0

    def test_deaths_cost_only_what_was_begun(self, names, rates) -> None:
        job = names["Job"](area_km2=500)
        calm = names["Fleet"](4, cores=1, **names["CALM"])
        deadly = names["Fleet"](4, cores=1, scatter=0, slow_share=0, hours_between_deaths=0.05)
        outcome = names["simulate"](job, deadly, rates)
        assert outcome.deaths > 5
        assert 0 < outcome.redone <= outcome.deaths
        assert outcome.hours > names["simulate"](job, calm, rates).hours

    def test_storage_sets_the_pace_when_all_read_at_once(self, names, rates) -> None:
        job = names["Job"](area_km2=500)
        fleets = [
            names["Fleet"](4, cores=1, storage_mb_per_s=mb, **names["CALM"]) for mb in (1e9, 0.44)
        ]
        fast, narrow = (names["simulate"](job, fleet, rates) for fleet in fleets)
        assert narrow.hours == pytest.approx(10 * fast.hours, rel=0.1)

    def test_one_scene_is_assembled_by_one_worker(self, names, rates) -> None:
        job = names["Job"](area_km2=500, scene_px=0)
        fleet = names["Fleet"](100, cores=1, **names["CALM"])
        outcome = names["simulate"](job, fleet, rates)
        assert outcome.tail_hours == pytest.approx(2000 / 100.0 / 3600)

    def test_the_page_shows_what_the_records_give(self, names) -> None:
        page = (EXAMPLES.parent / "docs" / "scaling.md").read_text(encoding="utf-8")
        job, rates = names["Job"](), names["Rates"].read()
        assert names["row"](job, 100, rates, 0.05) in page
        for line in names["limits"](job, rates):
            assert line in page
