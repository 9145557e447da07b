"""Every bad input gets one clear sentence and exit status 1, and nothing is lost."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import torch
from safetensors.torch import save_file
from shapely.geometry import Point

from pointillist.cli import main

Cli = Callable[..., Any]


def _error(result: Any, pattern: str) -> None:
    """One line on stderr that starts with Error and says what the pattern says."""
    assert result.status == 1, result.err
    lines = [line for line in result.err.splitlines() if line.startswith("Error:")]
    assert len(lines) == 1, result.err
    assert re.search(pattern, lines[0]), lines[0]
    assert "Traceback" not in result.err


def _forest(
    cli: Cli, world: Any, *more: object, points: object = None, scene: object = None
) -> Any:
    return cli(
        "train", scene or world.scene, "--points", points or world.points, "--recipe", "forest",
        "--out", world.folder / "run", *more,
    )  # fmt: skip


def _moved(world: Any, path: Path, change: Callable[[gpd.GeoDataFrame], gpd.GeoDataFrame]) -> Path:
    change(gpd.read_file(world.points)).to_file(path)
    return path


def _rewritten(
    world: Any, name: str, change: Callable[[np.ndarray], np.ndarray], **profile: Any
) -> Path:
    with rasterio.open(world.scene) as file:
        data, meta = change(file.read()), file.profile | profile
    meta |= {"count": data.shape[0], "dtype": data.dtype}
    with rasterio.open(world.folder / name, "w", **meta) as file:
        file.write(data)
    return world.folder / name


# scenes


def test_missing_scene(cli: Cli, small_world: Any) -> None:
    _error(_forest(cli, small_world, scene="nowhere.tif"), r"nowhere\.tif' does not exist")


def test_not_a_raster(cli: Cli, small_world: Any) -> None:
    path = small_world.folder / "text.tif"
    path.write_text("not a raster")
    _error(_forest(cli, small_world, scene=path), r"text\.tif'.* (not|cannot|is no)")


def test_truncated_raster(cli: Cli, small_world: Any) -> None:
    path = small_world.folder / "cut.tif"
    shutil.copy(small_world.scene, path)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)
    _error(_forest(cli, small_world, scene=path), r"cut\.tif")


def test_unknown_band(cli: Cli, small_world: Any) -> None:
    _error(_forest(cli, small_world, "--bands", "1,7"), r"7.*(1|3 bands|band_1)")


def test_scenes_with_different_band_counts(cli: Cli, small_world: Any) -> None:
    two = _rewritten(small_world, "two.tif", lambda d: d[:2])
    result = cli(
        "train", small_world.scene, two, "--points", small_world.points, "--recipe", "forest",
        "--out", small_world.folder / "run",
    )  # fmt: skip
    _error(result, r"same bands.*3.*two\.tif' has 2.*--bands")


# points


def test_missing_points(cli: Cli, small_world: Any) -> None:
    _error(_forest(cli, small_world, points="none.gpkg"), r"none\.gpkg' does not exist")


def test_corrupt_points(cli: Cli, small_world: Any) -> None:
    path = small_world.folder / "broken.gpkg"
    path.write_bytes(b"SQLite format 3\0" + bytes(200))
    _error(_forest(cli, small_world, points=path), r"broken\.gpkg")


def test_points_without_crs_in_degrees(cli: Cli, small_world: Any) -> None:
    def degrees(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
        there = frame.to_crs(4326)
        return gpd.GeoDataFrame(frame.drop(columns="geometry"), geometry=list(there.geometry))

    path = _moved(small_world, small_world.folder / "degrees.gpkg", degrees)
    _error(_forest(cli, small_world, points=path), r"degrees\.gpkg.*--crs")
    assert _forest(cli, small_world, "--crs", "EPSG:4326", points=path).status == 0


def test_all_points_outside(cli: Cli, small_world: Any) -> None:
    def away(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
        return frame.set_geometry(frame.translate(90_000, 0))

    path = _moved(small_world, small_world.folder / "away.gpkg", away)
    _error(_forest(cli, small_world, points=path), r"scene\.tif.*60.*away\.gpkg.*outside")


def test_some_points_outside_are_counted(cli: Cli, small_world: Any) -> None:
    def some_away(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
        frame.loc[:4, "geometry"] = frame.loc[:4].translate(90_000, 0)
        return frame

    path = _moved(small_world, small_world.folder / "some.gpkg", some_away)
    result = _forest(cli, small_world, points=path)
    assert result.status == 0
    assert re.search(r"5.*outside", result.err)


def test_points_on_nodata_are_counted(cli: Cli, small_world: Any) -> None:
    def hole(data: np.ndarray) -> np.ndarray:
        data = data.copy()
        data[:, :30] = 0
        return np.where((data == 0) & (np.arange(96)[:, None] >= 30), 1, data).astype(np.uint8)

    scene = _rewritten(small_world, "hole.tif", hole, nodata=0)
    result = _forest(cli, small_world, scene=scene)
    assert result.status == 0
    assert re.search(r"\d+.*nodata", result.err)


def test_unknown_class_is_counted_and_named(cli: Cli, small_world: Any) -> None:
    legend = small_world.folder / "legend.csv"
    legend.write_text("code,name,color\n1,Forest,#006400\n2,Urban,#aa0000\n")
    result = _forest(cli, small_world, "--legend", legend)
    assert result.status == 0
    assert "Water" in result.err


def test_one_class_only(cli: Cli, small_world: Any) -> None:
    path = _moved(small_world, small_world.folder / "one.gpkg", lambda f: f[f["class"] == "Forest"])
    _error(_forest(cli, small_world, points=path), r"two classes.*Forest")


def test_missing_class_field_lists_the_fields(cli: Cli, small_world: Any) -> None:
    result = _forest(cli, small_world, "--class-field", "landuse")
    _error(result, r"landuse.*class")


def test_clashing_codes_in_a_legend(cli: Cli, small_world: Any) -> None:
    legend = small_world.folder / "legend.csv"
    legend.write_text("code,name,color\n1,Forest,\n1,Urban,\n")
    _error(_forest(cli, small_world, "--legend", legend), r"legend\.csv.*code.*1.*more than once")


def test_two_point_files_with_numbers_that_contradict_texts(cli: Cli, small_world: Any) -> None:
    def numbered(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
        return frame.assign(**{"class": frame["class"].map({"Forest": 1, "Urban": 2, "Water": 3})})

    path = _moved(small_world, small_world.folder / "numbers.gpkg", numbered)
    result = _forest(cli, small_world, "--points", path)
    _error(result, r"(?i)legend|class")


# models and maps


@pytest.fixture
def trained(cli: Cli, small_world: Any) -> Any:
    assert _forest(cli, small_world).status == 0
    return small_world


def _predict(cli: Cli, world: Any, *args: object, scene: object = None) -> Any:
    return cli(
        "predict",
        world.folder / "run",
        scene or world.scene,
        "--out",
        world.folder / "map.tif",
        *args,
    )


def test_a_model_that_is_none(cli: Cli, trained: Any) -> None:
    path = trained.folder / "fake.safetensors"
    path.write_bytes(b"nothing")
    result = cli("predict", path, trained.scene, "--out", trained.folder / "map.tif")
    _error(result, r"fake\.safetensors'.*")


def test_a_model_from_another_version(cli: Cli, trained: Any) -> None:
    import json

    from safetensors import safe_open
    from safetensors.numpy import load_file, save_file

    path = trained.folder / "run" / "model.safetensors"
    with safe_open(path, "np") as file:
        header = json.loads(file.metadata()["pointillist"])
    header["format_version"] = 99
    save_file(load_file(path), path, {"pointillist": json.dumps(header)})
    _error(_predict(cli, trained), r"format 99.*Upgrade")


def test_a_scene_with_too_few_bands(cli: Cli, trained: Any) -> None:
    two = _rewritten(trained, "two.tif", lambda d: d[:2])
    _error(_predict(cli, trained, scene=two), r"two\.tif.*2.*3|3.*two\.tif.*2")


def test_a_scene_of_another_resolution_warns(cli: Cli, trained: Any) -> None:
    from rasterio.transform import from_origin

    coarse = _rewritten(
        trained, "coarse.tif", lambda d: d, transform=from_origin(500_000, 5_600_000, 10, 10)
    )
    result = _predict(cli, trained, scene=coarse)
    assert result.status == 0
    assert re.search(r"Warning:.*10 m.*2 m", result.err), result.err


def test_existing_outputs_are_refused(cli: Cli, trained: Any) -> None:
    assert _predict(cli, trained).status == 0
    _error(_predict(cli, trained), r"map\.tif' exists.*--overwrite")
    assert _predict(cli, trained, "--overwrite").status == 0
    _error(_forest(cli, trained), r"run' exists.*--resume.*--overwrite")


def test_unwritable_output(cli: Cli, trained: Any) -> None:
    result = cli("predict", trained.folder / "run", trained.scene, "--out", "/proc/none/map.tif")
    _error(result, r"/proc/none")
    result = cli(
        "predict", trained.folder / "run", trained.scene, "--out", trained.folder / "no" / "map.tif"
    )
    _error(result, r"no")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_full_disk(cli: Cli, trained: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from pointillist.raster import MapWriter

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "map.tif")

    with monkeypatch.context() as patch:
        patch.setattr(MapWriter, "write", full)
        _error(_predict(cli, trained), r"No space left on device")
    assert not (trained.folder / "map.tif").exists()
    assert _predict(cli, trained, "--resume").status == 0
    assert not [p for p in trained.folder.iterdir() if "part" in p.name]


def test_nan_and_inf_are_never_predicted(cli: Cli, small_world: Any) -> None:
    def spoil(data: np.ndarray) -> np.ndarray:
        data = data.astype(np.float32)
        data[0, :10, :10] = np.nan
        data[1, 10:20, :10] = np.inf
        data[2, 20:30, :10] = -np.inf
        return data

    scene = _rewritten(small_world, "spoilt.tif", spoil)
    assert _forest(cli, small_world, scene=scene).status == 0
    assert _predict(cli, small_world, scene=scene).status == 0
    with rasterio.open(small_world.folder / "map.tif") as file:
        found = file.read(1)
    assert (found[:30, :10] == 255).all()
    assert (found[40:] != 255).all()


def test_a_reference_of_another_shape(cli: Cli, trained: Any) -> None:
    assert _predict(cli, trained).status == 0
    small = trained.folder / "small.tif"
    with rasterio.open(trained.truth) as file:
        data, meta = file.read(1)[:50], file.profile | {"height": 50}
    with rasterio.open(small, "w", **meta) as file:
        file.write(data, 1)
    result = cli("assess", trained.folder / "map.tif", "--reference", small)
    _error(result, r"map\.tif.*small\.tif|small\.tif.*map\.tif")


def test_a_label_mask_of_the_wrong_shape() -> None:
    from pointillist.errors import InputError
    from pointillist.sampling import sample_point_labels

    with pytest.raises(InputError, match=r"\(2, 4, 4\)"):
        sample_point_labels(np.zeros((2, 4, 4), dtype=np.int64), 5, rng=0)


# options


def test_wrong_usage_is_status_2(cli: Cli) -> None:
    assert cli("trian").status == 2
    assert cli("train", "scene.tif").status == 2


def test_epochs_and_steps_exclude_each_other(cli: Cli, small_world: Any) -> None:
    _error(_forest(cli, small_world, "--epochs", 2, "--steps", 10), "--epochs or --steps")


def test_bad_values_of_options(cli: Cli, small_world: Any) -> None:
    _error(_forest(cli, small_world, "--budget", "soon"), "90s, 10m or 1h.*--budget")
    _error(_forest(cli, small_world, "--device", "tpu"), "unet.device.*cpu.*tpu")


@pytest.mark.parametrize(
    ("options", "pattern"),
    [
        (("--class-shares", "Roof=0.3"), r"no class 'Roof'.*--class-shares"),
        (("--encoder", "resnet999"), r"Expected an encoder .*'resnet999'"),
        (("--weights", "nosuch.pth"), r"nosuch\.pth' do not exist.*--weights"),
        (("--weights", "imagenett"), r"got 'imagenett'.*--weights"),
        (("--weights", "generated", "--encoder", "resnet18"), r"generated scenes \(slim\)"),
        (("--weights", "other.safetensors"), r"only 0 of \d+ encoder tensors.*--encoder"),
    ],
)
def test_a_bad_option_leaves_an_earlier_run_alone(
    cli: Cli, small_world: Any, monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...], pattern: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(small_world.folder)
    save_file({"head.weight": torch.zeros(3)}, "other.safetensors")
    assert _forest(cli, small_world).status == 0
    train = ("train", small_world.scene, "--points", small_world.points, "--steps", 1, *options)
    before = _contents(small_world.folder / "run")
    _error(cli(*train, "--out", small_world.folder / "run", "--overwrite"), pattern)
    assert _contents(small_world.folder / "run") == before
    _error(cli(*train, "--out", small_world.folder / "fresh"), pattern)
    assert not (small_world.folder / "fresh").exists()


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(f): f.read_bytes() for f in sorted(folder.rglob("*")) if f.is_file()}


def test_points_at_one_place_with_two_classes_are_reported(cli: Cli, small_world: Any) -> None:
    frame = gpd.read_file(small_world.points)
    first = frame.iloc[0]
    other = "Water" if first["class"] != "Water" else "Urban"
    row = gpd.GeoDataFrame({"class": [other]}, geometry=[Point(first.geometry)], crs=frame.crs)
    path = small_world.folder / "twice.gpkg"
    import pandas as pd

    pd.concat([frame, row]).to_file(path)
    result = _forest(cli, small_world, points=path)
    assert result.status == 0
    assert re.search(r"1 skipped, in a pixel already labelled with another class", result.err), (
        result.err
    )


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (EOFError("No data left in file"), "Unexpected EOFError: No data left in file"),
        (ModuleNotFoundError("No module named 'rasterio'"), "package that this needs is missing"),
    ],
)
def test_what_libraries_raise_is_no_interruption(
    error: Exception,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Typer takes the end of a file for the end of a dialogue."""

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("pointillist.cli.study.show_study", fail)
    with pytest.raises(SystemExit) as stop:
        main(["study", "density"])
    assert stop.value.code == 1
    assert said in " ".join(capsys.readouterr().err.split())
