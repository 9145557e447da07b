"""The three real inputs, by the commands of their tutorial pages."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import rasterio

import pointillist
from pointillist.raster import open_scene
from pointillist.training import TrainConfig, TrainingTask, UnetConfig, Workshop, fit_recipe
from pointillist.training.command import read_task
from pointillist.training.crossvalidation import cross_validate

pytestmark = [pytest.mark.realdata, pytest.mark.slow]

Cli = Callable[..., Any]
QUICK = ("--recipe", "unet", "--encoder", "slim", "--weights", "none", "--steps", 6)


def _done(result: Any) -> Any:
    assert result.status == 0, result.err
    return result


@pytest.mark.parametrize("recipe", [("--recipe", "forest"), QUICK], ids=["forest", "unet"])
def test_leipzig(recipe, cli: Cli, real_data: Path, tmp_path: Path) -> None:
    scene = real_data / "leipzig" / "leipzig_raster.tif"
    points = real_data / "leipzig" / "leipzig_points.gpkg"
    said = _done(cli("train", scene, "--points", points, *recipe, "--out", tmp_path / "run"))
    assert "97 of 97 features used" in said.err
    _done(
        cli(
            "predict", tmp_path / "run", scene, "--out", tmp_path / "map.tif",
            "--uncertainty", tmp_path / "u.tif", "--polygons", tmp_path / "map.gpkg",
        )
    )  # fmt: skip
    with rasterio.open(scene) as before, rasterio.open(tmp_path / "map.tif") as made:
        assert made.transform == before.transform
        assert made.crs == before.crs
        no_data = ~np.isfinite(before.read()).all(axis=0)
        codes = made.read(1)
    np.testing.assert_array_equal(codes == 255, no_data)
    assert set(np.unique(codes)) <= {1, 2, 3, 4, 255}
    names = set(gpd.read_file(tmp_path / "map.gpkg")["class"])
    assert names <= {"forest", "pasture", "urban", "water"}
    assert pointillist.load(tmp_path / "run").legend.names == (
        "forest", "pasture", "urban", "water"
    )  # fmt: skip


def test_leipzig_network_by_spatial_crossvalidation(real_data: Path) -> None:
    """A short training of a small network: far above the largest class (.37), below the forest."""
    scene = open_scene(real_data / "leipzig" / "leipzig_raster.tif")
    points = real_data / "leipzig" / "leipzig_points.gpkg"
    task, _ = read_task((scene,), points, None, None, None, 0)
    config = TrainConfig(
        recipe="unet",
        unet=UnetConfig(
            encoder="slim",
            weights="none",
            steps=60,
            batch_size=4,
            chip_px=64,
            learning_rate=4e-3,
            holdout=0.0,
        ),
    )

    def fit(part: TrainingTask) -> Any:
        return fit_recipe(part, config, Workshop()).model

    result = cross_validate(task, fit, n_folds=3)
    assert result.overall_accuracy > 0.5
    assert sum(result.pixels_per_fold) == 97


@pytest.mark.parametrize("recipe", [("--recipe", "forest"), QUICK], ids=["forest", "unet"])
def test_landsat7(recipe, cli: Cli, real_data: Path, tmp_path: Path) -> None:
    folder = real_data / "landsat7_mexico"
    scene, points = folder / "LE70220491999322EDC01_stack.gtif", folder / "training_data.shp"
    said = _done(cli("train", scene, "--points", points, "--bands", "1-7", *recipe,
                     "--out", tmp_path / "run"))  # fmt: skip
    assert "30 of 30 features used" in said.err
    model = pointillist.load(tmp_path / "run")
    assert len(model.bands) == 7
    assert "band_8" not in model.bands
    _done(cli("predict", tmp_path / "run", scene, "--out", tmp_path / "map.tif"))
    with rasterio.open(scene) as before, rasterio.open(tmp_path / "map.tif") as made:
        no_data = (before.read(list(range(1, 8))) == -9999).any(axis=0)
        np.testing.assert_array_equal(made.read(1) == 255, no_data)
    result = _done(cli("assess", tmp_path / "map.tif", "--reference", points,
                       "--json", tmp_path / "a.json"))  # fmt: skip
    figures = json.loads((tmp_path / "a.json").read_text())
    assert figures["classes"] == ["barren", "forest", "herbaceous", "urban", "water"]
    assert "n = 718" in result.out
    assert "Descriptive" in result.out  # polygons drawn where somebody thought fit: no intervals
    if recipe is not QUICK:
        assert figures["overall_accuracy"] > 0.95  # what it has learnt from


@pytest.mark.parametrize(
    ("scene", "recipe", "least"),
    [
        ("dubai4", ("--recipe", "forest"), 0.55),  # .60 over three draws
        ("dubai2", QUICK, 0.2),  # the small scene: this says that it runs, not how well
    ],
    ids=["dubai4-forest", "dubai2-unet"],
)
def test_dubai(
    scene: str, recipe: Any, least: float, cli: Cli, real_data: Path, tmp_path: Path
) -> None:
    image, mask = (real_data / "dubai" / f"{scene}_{kind}.tif" for kind in ("image", "mask"))
    points, run, made = tmp_path / "points.gpkg", tmp_path / "run", tmp_path / "map.tif"
    _done(cli("sample", mask, "-n", 300, "--design", "simple", "--out", points))
    assert len(gpd.read_file(points)) == 300
    _done(cli("train", image, "--points", points, *recipe, "--out", run))
    _done(cli("predict", run, image, "--out", made))
    _done(cli("assess", made, "--reference", mask, "--json", tmp_path / "a.json"))
    assert json.loads((tmp_path / "a.json").read_text())["overall_accuracy"] > least
    with rasterio.open(image) as before, rasterio.open(made) as file:
        assert file.shape == before.shape
