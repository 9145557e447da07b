"""The command `suggest`, end to end, on scenes of every kind, and with bad input."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
from rasterio.transform import from_origin
from shapely.geometry import box

import pointillist
from pointillist.errors import (
    GridError,
    InputError,
    MissingFileError,
    OutputExistsError,
    PointsError,
)
from pointillist.models import TrainedModel, load
from pointillist.points import read_labels, read_metadata
from pointillist.raster import open_scene
from pointillist.training import train


@pytest.fixture
def model(small_world: Any) -> TrainedModel:
    config = small_world.folder / "forest.yaml"
    config.write_text("recipe: forest\nforest: {n_trees: 10, sigmas: [1.0, 2.0], n_jobs: 1}\n")
    train(small_world.scene, small_world.points, small_world.folder / "run", config=config)
    return load(small_world.folder / "run")


def suggest(model: TrainedModel, world: Any, n: int = 12, **options: Any) -> gpd.GeoDataFrame:
    out = options.pop("out", world.folder / "ask.gpkg")
    scene = options.pop("scene", world.scene)
    path = pointillist.suggest(model, scene, n, out=out, **options)
    return gpd.read_file(path)


def pixels_of(frame: gpd.GeoDataFrame, scene: Path) -> np.ndarray:
    with open_scene(scene) as opened:
        xy = np.stack([frame.geometry.x, frame.geometry.y], axis=1)
        return opened.grid.transform.rowcol(xy)


def test_each_point_says_why_and_waits_for_its_class(model: TrainedModel, small_world: Any) -> None:
    frame = suggest(model, small_world, points=small_world.points, strategy="entropy")
    assert len(frame) == 12
    assert frame["class"].isna().all()
    assert set(frame["source"]) == {"suggested"}
    assert set(frame["design"]) == {"purposive"}
    assert set(frame["round"]) == {1}
    assert set(frame["predicted"]) <= {"Forest", "Urban", "Water"}
    assert frame["why"].str.match(r"many classes are likely: \w+ \d+ %").all()
    assert frame["uncertainty"].between(0, 1).all()
    assert frame["time"].str.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ").all()
    facts = read_metadata(small_world.folder / "ask.gpkg")
    assert facts["design"] == "purposive"
    assert [row["name"] for row in facts["legend"]] == ["Forest", "Urban", "Water"]


def test_places_keep_away_from_points_and_each_other(model: TrainedModel, small_world: Any) -> None:
    frame = suggest(model, small_world, points=small_world.points, min_distance=9)
    old = gpd.read_file(small_world.points)
    assert frame.geometry.apply(lambda p: old.distance(p).min()).min() >= 9 * 0.99
    away = [frame.geometry.drop(i).distance(p).min() for i, p in frame.geometry.items()]
    assert min(away) >= 9 * 0.99


def test_nodata_and_what_lies_outside_the_area_are_never_suggested(
    model: TrainedModel, small_world: Any
) -> None:
    holed = small_world.folder / "holed.tif"
    with rasterio.open(small_world.scene) as file:
        data, profile = file.read(), file.profile
    data[:, :, :64] = 0
    with rasterio.open(holed, "w", **{**profile, "nodata": 0}) as file:
        file.write(data)
    area = small_world.folder / "area.gpkg"
    square = box(500_000, 5_600_000 - 120, 500_000 + 256, 5_600_000 - 40)
    gpd.GeoDataFrame(geometry=[square], crs=32632).to_file(area)
    for strategy in ("margin", "spread"):
        frame = suggest(
            model, small_world, 8, scene=holed, aoi=area, strategy=strategy, overwrite=True,
            min_distance=4,
        )  # fmt: skip
        assert len(frame) == 8
        assert frame.within(square).all()
        assert (pixels_of(frame, holed)[:, 1] >= 64).all()


def test_rounds_count_on_and_old_points_are_not_asked_again(
    model: TrainedModel, small_world: Any
) -> None:
    first = suggest(model, small_world, 5, out=small_world.folder / "a.gpkg")
    both = [small_world.points, small_world.folder / "a.gpkg"]
    second = suggest(model, small_world, 5, out=small_world.folder / "b.gpkg", points=both)
    assert set(first["round"]) == {1}
    assert set(second["round"]) == {2}
    assert second.geometry.apply(lambda p: first.distance(p).min()).min() >= 20 * 0.99


def test_appending_leaves_every_row_as_it_was(model: TrainedModel, small_world: Any) -> None:
    before = gpd.read_file(small_world.points)
    with closing(sqlite3.connect(small_world.points)) as file, file:
        file.execute("CREATE TABLE layer_styles (id INTEGER, styleQML TEXT)")
        file.execute("INSERT INTO layer_styles VALUES (1, 'mine')")
    for n_round in (1, 2):
        suggest(model, small_world, 6, out=small_world.points, append=True)
        after = gpd.read_file(small_world.points, layer="points")
        assert len(after) == 60 + 6 * n_round
    pd.testing.assert_frame_equal(after.iloc[:60][["class", "geometry"]], before)
    assert after["round"].iloc[60:].tolist() == [1] * 6 + [2] * 6
    assert after["class"].iloc[60:].isna().all()
    with closing(sqlite3.connect(small_world.points)) as file:
        assert file.execute("SELECT styleQML FROM layer_styles").fetchall() == [("mine",)]
    with open_scene(small_world.scene) as scene:
        labels = read_labels(small_world.points, scene)
    assert labels.report.used == 60


def test_the_class_goes_where_the_points_keep_it(model: TrainedModel, small_world: Any) -> None:
    own = small_world.folder / "own.gpkg"
    frame = gpd.read_file(small_world.points).rename(columns={"class": "cover"})
    frame.to_crs(4326).to_file(own)
    added = suggest(model, small_world, 5, out=own, append=True)
    assert added.crs.to_epsg() == 4326
    assert "class" not in added.columns
    assert added["cover"].isna().sum() == 5
    assert (pixels_of(added.to_crs(32632), small_world.scene) >= 0).all()


@pytest.mark.parametrize("suffix", [".geojson", ".csv", ".shp"])
def test_other_formats_hold_the_same(model: TrainedModel, small_world: Any, suffix: str) -> None:
    out = small_world.folder / f"ask{suffix}"
    pointillist.suggest(model, small_world.scene, 4, out=out)
    frame = pd.read_csv(out) if suffix == ".csv" else gpd.read_file(out)
    assert len(frame) == 4
    assert {"class", "round", "source", "predicted", "why"} <= set(frame.columns)


def test_a_plain_image_and_degrees(model: TrainedModel, small_world: Any) -> None:
    with rasterio.open(small_world.scene) as file:
        data = file.read()
    plain, degrees = small_world.folder / "plain.png", small_world.folder / "degrees.tif"
    common = {"count": 3, "dtype": "uint8", "height": 96, "width": 128}
    with rasterio.open(plain, "w", driver="PNG", **common) as file:
        file.write(data)
    transform = from_origin(10.0, 60.0, 2e-5, 2e-5)
    with rasterio.open(
        degrees, "w", driver="GTiff", crs="EPSG:4326", transform=transform, **common
    ) as file:
        file.write(data)
    spoken: list[str] = []
    frame = suggest(model, small_world, 5, scene=plain, out=small_world.folder / "p.gpkg",
                    say=spoken.append)  # fmt: skip
    assert frame.geometry.x.between(0, 128).all()
    assert any("at least 10 px apart" in line for line in spoken)
    frame = suggest(
        model, small_world, 5, scene=degrees, out=small_world.folder / "d.gpkg", min_distance=30
    ).to_crs(32632)
    away = [frame.geometry.drop(i).distance(p).min() for i, p in frame.geometry.items()]
    assert min(away) >= 30 * 0.99


def test_a_network_suggests_by_its_views(small_world: Any) -> None:
    from pointillist.legend import Legend
    from pointillist.models import ModelCard, NetworkModel, NetworkSpec, Normalisation
    from pointillist.models.network import build_network

    spec = NetworkSpec("unet", "resnet18", 3, 3)
    card = ModelCard(
        Legend.from_names(["Forest", "Urban", "Water"]),
        ("band_1", "band_2", "band_3"),
        Normalisation((100,) * 3, (50,) * 3),
    )
    network = NetworkModel(build_network(spec, seed=0), spec, card)
    by_views = suggest(network, small_world, 6, strategy="disagreement")
    assert len(by_views) == 6
    assert by_views["uncertainty"].max() > 0
    assert by_views["why"].str.startswith("the model contradicts itself").all()


def test_few_places_are_told(model: TrainedModel, small_world: Any) -> None:
    spoken: list[str] = []
    frame = suggest(model, small_world, 40, min_distance=60, say=spoken.append)
    assert 1 < len(frame) < 40
    assert any(f"{len(frame)} of 40 places: no more lie at least 60 m" in s for s in spoken)


def test_bad_input_is_told(model: TrainedModel, small_world: Any) -> None:
    folder, points = small_world.folder, small_world.points
    (folder / "there.gpkg").write_bytes(b"")
    reference = pointillist.sample(
        small_world.truth, 9, "simple", out=folder / "ref.gpkg", purpose="reference"
    )
    add = {"append": True}
    cases: list[tuple[type[Exception], str, dict[str, Any]]] = [
        (InputError, "at least 1 place to suggest, got 0", {"n": 0}),
        (InputError, "--min-distance of at least 0 metres, got -1", {"min_distance": -1}),
        (InputError, "--min-distance of at least 0 metres, got nan", {"min_distance": np.nan}),
        (InputError, "seed of at least 0, got -3", {"seed": -3}),
        (InputError, "--strategy among margin", {"strategy": "psychic"}),
        (InputError, "room for new places at least 1e", {"points": points, "min_distance": 1e6}),
        (InputError, r"not written over.*--append", {"points": points, "out": points}),
        (OutputExistsError, "exists already", {"out": folder / "there.gpkg"}),
        (InputError, "points to write to end in", {"out": folder / "ask.doc"}),
        (MissingFileError, "does not exist", {"points": folder / "none.gpkg"}),
        (MissingFileError, "nothing can be added", {"out": folder / "no.gpkg", **add}),
        (PointsError, r"a GeoPackage .* to add points to", {"out": folder / "a.csv", **add}),
        (PointsError, "is a reference sample .design simple", {"out": reference, **add}),
        (MissingFileError, "path after --aoi", {"aoi": folder / "none.gpkg"}),
        (GridError, "the model's 3 bands", {"scene": small_world.truth}),
    ]  # fmt: skip
    for kind, said, options in cases:
        with pytest.raises(kind, match=said):
            suggest(model, small_world, **options)
    assert not (folder / "ask.gpkg").exists()


def test_candidates_are_bounded_and_hold_every_class(model: TrainedModel, small_world: Any) -> None:
    from pointillist.suggestion import scout

    with open_scene(small_world.scene) as scene:
        scouted = scout(model, scene, np.random.default_rng(0), n_even=100)
    even = scouted.candidates.even.sum()
    assert 80 < even < 200
    assert len(scouted.candidates) <= even + 3 * 500
    assert scouted.class_pixels.sum() == 96 * 128
    index = scouted.candidates.index
    assert set(index.tolist()) == {0, 1, 2}
    assert len(np.unique(scouted.candidates.rowcol, axis=0)) == len(index)
