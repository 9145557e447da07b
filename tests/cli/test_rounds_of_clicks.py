"""train → suggest → answer → train --from, as commands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import geopandas as gpd

from pointillist.training.rounds import read_rounds


def test_the_loop_runs_as_commands(cli: Callable[..., Any], small_world: Any) -> None:
    folder, scene, points = small_world.folder, small_world.scene, small_world.points
    run = cli("train", scene, "--points", points, "--recipe", "forest", "--out", folder / "r0")
    assert run.status == 0, run.err
    given = gpd.read_file(points)["class"].tolist()
    for k in (0, 1):
        asked = cli("suggest", folder / f"r{k}", scene, "-n", 6, "--out", points, "--append")
        assert asked.status == 0, asked.err
        said = asked.out + asked.err
        assert f"Round {k + 1}: 6 places" in said
        assert "cannot be told yet: that takes 3 rounds" in said
        assert f"--from {folder / f'r{k}'}" in said
        frame = gpd.read_file(points)
        empty = frame["class"].isna()
        assert empty.sum() == 6
        frame.loc[empty, "class"] = frame.loc[empty, "predicted"]
        frame.to_file(points)
        out = folder / f"r{k + 1}"
        run = cli("train", scene, "--points", points, "--from", folder / f"r{k}", "--out", out)
        assert run.status == 0, run.err
    assert len(read_rounds(folder / "r2")) == 3
    assert gpd.read_file(points)["class"].tolist()[:60] == given
    assert "moved by" in run.out + run.err or "Expected gain" in run.out + run.err


def test_failures_are_one_line(cli: Callable[..., Any], small_world: Any) -> None:
    folder, scene = small_world.folder, small_world.scene
    done = cli("suggest", folder / "none", scene, "-n", 5, "--out", folder / "ask.gpkg")
    assert done.status == 1
    assert "none" in done.err
    assert "Traceback" not in done.err
    done = cli("suggest", folder / "none", scene, "--out", folder / "ask.gpkg")
    assert done.status == 2
    done = cli(
        "train", scene, "--points", small_world.points, "--from", folder / "none",
        "--out", folder / "r",
    )  # fmt: skip
    assert done.status == 1
    assert not (folder / "r").exists()
