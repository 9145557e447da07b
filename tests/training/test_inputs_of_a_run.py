"""What a training takes, replaces and goes on with: bands, its own folder, its inputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from pointillist.errors import GridError, InputError, OutputExistsError
from pointillist.prediction import predict
from pointillist.training import train
from pointillist.training.command import open_scenes

NAMES = ("red", "green", "blue")


@pytest.fixture
def other_order(small_world: Any) -> Path:
    """The scene of the small world with named bands, and beside it the same, blue first."""
    with rasterio.open(small_world.scene) as file:
        data, profile = file.read(), file.profile
    with rasterio.open(small_world.scene, "r+") as file:
        file.descriptions = NAMES
    path = small_world.folder / "bgr.tif"
    with rasterio.open(path, "w", **profile) as file:
        file.write(data[::-1])
        file.descriptions = ("blue", "Green", "red")
    return path


def test_scenes_give_their_bands_in_one_order(small_world: Any, other_order: Path) -> None:
    first, second = open_scenes([small_world.scene, other_order])
    assert [name.casefold() for name in second.band_names] == list(NAMES)
    window = first.grid.window
    assert np.array_equal(first.read(window).data, second.read(window).data)
    (alone,) = open_scenes(other_order, like=NAMES)
    assert np.array_equal(alone.read(window).data, first.read(window).data)
    with pytest.raises(GridError, match=r"in the order red, green, blue, but --bands takes .*bgr"):
        open_scenes([small_world.scene, other_order], "1-3")


def test_a_map_of_a_scene_in_another_order_is_the_same(small_world: Any, other_order: Path) -> None:
    run = train(small_world.scene, small_world.points, small_world.folder / "run", recipe="forest")
    maps = []
    for scene in (small_world.scene, other_order):
        path = small_world.folder / f"{scene.stem}_map.tif"
        predict(run, scene, path)
        with rasterio.open(path) as file:
            maps.append(file.read())
    assert np.array_equal(*maps)
    more = train(
        other_order, small_world.points, small_world.folder / "more", start_from=run,
    )  # fmt: skip
    assert [name.casefold() for name in more.model.bands] == list(NAMES)


@pytest.mark.parametrize(
    ("name", "text"), [("config.yaml", "lr: 0.1\nmodel: mine\n"), ("model.safetensors", "not ours")]
)
def test_a_folder_of_somebody_else_is_not_replaced(small_world: Any, name: str, text: str) -> None:
    folder = small_world.folder / "project"
    (folder / "figures").mkdir(parents=True)
    kept = folder / "figures" / "paper.png"
    kept.write_bytes(b"png")
    (folder / name).write_text(text)
    with pytest.raises(OutputExistsError, match="holds other files and no run"):
        train(small_world.scene, small_world.points, folder, recipe="forest", overwrite=True)
    assert kept.exists()


def test_a_complete_run_is_not_that_of_other_inputs(small_world: Any, other_order: Path) -> None:
    folder, said = small_world.folder / "run", list[str]()
    train(small_world.scene, small_world.points, folder, recipe="forest")
    train(
        small_world.scene, small_world.points, folder, recipe="forest", resume=True,
        say=said.append,
    )  # fmt: skip
    assert said == [f"Run '{folder}' is complete: nothing left to do."]
    with pytest.raises(InputError, match="started with another configuration"):
        train(small_world.scene, small_world.points, folder, recipe="forest", seed=9, resume=True)
    import geopandas as gpd

    fewer = small_world.folder / "fewer.gpkg"
    gpd.read_file(small_world.points)[:40].to_file(fewer)
    with pytest.raises(InputError, match="started with other scenes, bands, points or classes"):
        train(small_world.scene, fewer, folder, recipe="forest", resume=True)


def test_a_run_is_not_that_of_another_image_on_the_same_grid(small_world: Any) -> None:
    folder, said = small_world.folder / "run", list[str]()
    train(small_world.scene, small_world.points, folder, recipe="forest")
    moved = Path(small_world.scene).rename(small_world.folder / "moved.tif")
    train(moved, small_world.points, folder, recipe="forest", resume=True, say=said.append)
    assert said == [f"Run '{folder}' is complete: nothing left to do."]
    with rasterio.open(moved, "r+") as scene:
        scene.write(255 - scene.read())
    with pytest.raises(InputError, match="started with other scenes, bands, points or classes"):
        train(moved, small_world.points, folder, recipe="forest", resume=True)


def test_a_map_does_not_replace_the_points_it_was_learnt_from(small_world: Any) -> None:
    run = train(small_world.scene, small_world.points, small_world.folder / "run", recipe="forest")
    with pytest.raises(InputError, match=r"points\.gpkg' is read from and cannot be written to"):
        predict(
            run, small_world.scene, small_world.folder / "map.tif", polygons=small_world.points,
            overwrite=True,
        )  # fmt: skip
