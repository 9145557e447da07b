"""Rounds: a run goes on from another, codes stay, and nothing is promised that cannot be told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import torch
import yaml

import pointillist
from pointillist.errors import GridError, InputError, LegendError
from pointillist.models import NetworkModel, load
from pointillist.training import train
from pointillist.training.rounds import Round, expect_gain, read_rounds

FOREST = {"recipe": "forest", "forest": {"n_trees": 15, "sigmas": [1.0, 2.0], "n_jobs": 1}}
UNET = {
    "recipe": "unet",
    "unet": {"encoder": "slim", "weights": "none", "chip_px": 32, "batch_size": 2, "steps": 3,
             "steps_per_epoch": 3, "precision": "fp32", "device": "cpu"},
}  # fmt: skip


def configured(folder: Path, settings: dict[str, Any]) -> Path:
    path = folder / "settings.yaml"
    path.write_text(yaml.safe_dump(settings))
    return path


def with_more(world: Any, name: str | None = None) -> Path:
    """Twelve points more, all of one class where it is named."""
    rng = np.random.default_rng(8)
    frame = gpd.read_file(world.points)
    rows, cols = rng.integers(0, 96, 12), rng.integers(0, 128, 12)
    names = np.array(["Forest", "Urban", "Water"])[world.mask[rows, cols]]
    more = gpd.GeoDataFrame(
        {"class": names if name is None else [name] * 12},
        geometry=gpd.points_from_xy(500_000 + 2 * (cols + 0.5), 5_600_000 - 2 * (rows + 0.5)),
        crs=32632,
    )
    path = world.folder / "more.gpkg"
    gpd.pd.concat([frame, more], ignore_index=True).to_file(path)
    return path


def test_a_forest_is_judged_by_its_first_points_in_every_round(small_world: Any) -> None:
    folder = small_world.folder
    first = train(
        small_world.scene, small_world.points, folder / "r0", config=configured(folder, FOREST)
    )
    second = train(small_world.scene, with_more(small_world), folder / "r1", start_from=first)
    assert first.metrics["judged_at"] == second.metrics["judged_at"]
    rounds = read_rounds(second)
    assert rounds[0] == read_rounds(first)[0]
    assert [r.points for r in rounds] == [60, 72]
    assert rounds[0].judged == rounds[1].judged == len(first.metrics["judged_at"])
    assert rounds[1].accuracy > 0.7
    assert second.metrics["from"] == str(first.path)


def test_out_of_bag_is_no_score_on_what_was_learnt(small_world: Any) -> None:
    frame = gpd.read_file(small_world.points)
    frame["class"] = np.random.default_rng(1).permutation(frame["class"])
    noise = small_world.folder / "noise.gpkg"
    frame.to_file(noise)
    config = configured(small_world.folder, FOREST)
    run = train(small_world.scene, noise, small_world.folder / "r", config=config)
    assert read_rounds(run)[0].accuracy < 0.7


def test_codes_stay_when_a_class_comes_to_it(small_world: Any) -> None:
    folder = small_world.folder
    first = train(
        small_world.scene, small_world.points, folder / "r0", config=configured(folder, FOREST)
    )
    points = with_more(small_world, "Asphalt")  # first by name: it would become code 1
    second = train(small_world.scene, points, folder / "r1", start_from=first)
    legend = load(second).legend
    assert legend.names == ("Forest", "Urban", "Water", "Asphalt")
    assert legend.codes == (1, 2, 3, 4)


@pytest.mark.slow
def test_a_network_goes_on_from_its_weights(small_world: Any) -> None:
    folder = small_world.folder
    first = train(
        small_world.scene, small_world.points, folder / "u0", config=configured(folder, UNET)
    )
    second = train(
        small_world.scene, with_more(small_world, "Asphalt"), folder / "u1", start_from=first,
        steps=1,
    )  # fmt: skip
    old, new = load(first), load(second)
    assert isinstance(old, NetworkModel)
    assert isinstance(new, NetworkModel)
    assert second.metrics["steps"] == 1
    assert second.metrics["judged_at"] == first.metrics["judged_at"]
    assert new.normalisation == old.normalisation
    before, after = old.network.state_dict(), new.network.state_dict()
    head = "segmentation_head.0.weight"
    assert after[head].shape[0] == 4
    moved = (after[head][:3] - before[head]).abs().mean() / before[head].abs().mean()
    assert 0 < moved < 0.2  # one step from where it was, not from a new start
    conv = "encoder.downs.2.0.0.weight"
    assert torch.corrcoef(torch.stack([before[conv].ravel(), after[conv].ravel()]))[0, 1] > 0.9


@pytest.mark.slow
def test_a_stack_goes_on_and_its_models_disagree(small_world: Any) -> None:
    folder = small_world.folder
    settings = {**UNET, **FOREST, "recipe": "stack", "class_shares": "estimate"}
    first = train(
        small_world.scene, small_world.points, folder / "s0", config=configured(folder, settings)
    )
    second = train(
        small_world.scene, with_more(small_world), folder / "s1", start_from=first, steps=1
    )
    assert load(second).card.recipe == "stack"
    assert len(read_rounds(second)) == 2
    frame = gpd.read_file(
        pointillist.suggest(
            second, small_world.scene, 5, out=folder / "ask.gpkg", strategy="disagreement"
        )
    )
    assert len(frame) == 5
    assert frame["uncertainty"].max() > 0


def test_what_cannot_be_gone_on_from_is_told(small_world: Any) -> None:
    folder, scene, points = small_world.folder, small_world.scene, small_world.points
    run = train(scene, points, folder / "r0", config=configured(folder, FOREST))
    with pytest.raises(InputError, match=r"another folder for the new run than '.*r0'"):
        train(scene, points, folder / "r0", start_from=run, overwrite=True)
    assert run.is_complete
    with pytest.raises(InputError, match=r"recipe of '.*r0', forest, to go on .* got 'unet'"):
        train(scene, points, folder / "r1", start_from=run, recipe="unet")
    with pytest.raises(GridError, match=r"the 3 bands of '.*r0' .*got 2"):
        train(scene, points, folder / "r1", start_from=run, bands="1-2")
    numbered = folder / "numbered.gpkg"
    frame = gpd.read_file(points)
    frame["class"] = frame["class"].map({"Forest": 1, "Urban": 2, "Water": 3})
    frame.to_file(numbered)
    train(scene, numbered, folder / "n0", config=configured(folder, FOREST))
    with pytest.raises(LegendError, match=r"class numbers as in '.*n0', got 'Forest'"):
        train(scene, points, folder / "n1", start_from=folder / "n0")
    assert not (folder / "r1").exists()


def rounds_of(*scores: float, judged: int = 400) -> list[Round]:
    return [Round(100 + 50 * i, score, judged) for i, score in enumerate(scores)]


def test_the_gain_is_told_when_it_can_be() -> None:
    said = expect_gain(rounds_of(0.70, 0.76, 0.79, 0.81))
    assert "Expected gain of the next 50 points: +1." in said
    assert "known to ±2.0 percentage points" in said
    assert "no estimate of the map's accuracy" in said


@pytest.mark.parametrize(
    ("rounds", "said"),
    [
        ([], "takes 3 rounds, there are none"),
        (rounds_of(0.7), "takes 3 rounds, there is 1"),
        (rounds_of(0.7, 0.8), "takes 3 rounds, there are 2"),
        (rounds_of(0.7, 0.8, 0.9, judged=12), "compared by 12 points only, 30 are the least"),
        (rounds_of(0.71, 0.69, 0.70), "cannot be told: over 3 rounds the accuracy"),
    ],
)
def test_and_is_not_made_up_when_it_cannot(rounds: list[Round], said: str) -> None:
    sentence = expect_gain(rounds)
    assert said in sentence
    assert "Expected gain" not in sentence
