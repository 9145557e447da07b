"""`assess --model RUN --cv blocks` as a person types it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any


def test_a_run_is_cross_validated(cli: Callable[..., Any], small_world: Any) -> None:
    folder = small_world.folder
    run = cli(
        "train", small_world.scene, "--points", small_world.points, "--recipe", "forest",
        "--out", folder / "run",
    )  # fmt: skip
    assert run.status == 0, run.err
    asked = ("assess", "--model", folder / "run", "--cv", "blocks", "--folds", 2)
    done = cli(*asked, "--json", folder / "cv.json")
    assert done.status == 0, done.err
    assert "Spatial cross-validation of the recipe forest, n = 60" in done.out
    assert "does not tell how accurate the map is" in done.out
    assert json.loads((folder / "cv.json").read_text("utf-8"))["kind"] == "cross-validation"
    again = cli(*asked, "--json", folder / "cv.json")
    assert again.status == 1
    assert "--overwrite" in again.err


def test_what_does_not_go_together(cli: Callable[..., Any], small_world: Any) -> None:
    for words, said in (
        (("--model", "run"), "--model RUN and --cv blocks together"),
        (("--cv", "blocks"), "--model RUN and --cv blocks together"),
        (("--model", "run", "--cv", "random"), "Expected --cv blocks"),
        ((small_world.truth, "--model", "run", "--cv", "blocks"), "no MAP with --cv"),
        (("--model", "run", "--cv", "blocks", "--html", "a.html"), "no --html with --cv"),
    ):
        done = cli("assess", *words)
        assert done.status == 1
        assert said in " ".join(done.err.split())
    assert cli("assess").status == 2
    assert cli("assess", small_world.truth).status == 2
