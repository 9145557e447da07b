"""Scenes as arrays: the same runs with and without GDAL."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import rasterio

from pointillist.errors import (
    InputError,
    MissingFileError,
    OutputError,
    UnreadableFileError,
)
from pointillist.raster import ArraySource
from pointillist.studies.mapping import disturb_labels, draw_labels, score_map
from pointillist.studies.places import DUBAI_LEGEND, Folders, Place, prepare_scenes, read_place
from pointillist.studies.scene import SceneCell, run_scene
from pointillist.studies.transfer import TransferCell

COLOURS = np.array([[180, 60, 60], [200, 170, 120], [90, 90, 90], [60, 140, 60], [40, 60, 160]])


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four small scenes of the five classes with masks, named as the Dubai ones."""
    folder = tmp_path_factory.mktemp("scenes")
    for number, name in enumerate(("dubai1", "dubai2", "dubai4", "dubai8")):
        rng = np.random.default_rng(number)
        mask = np.kron(rng.integers(0, 5, (4, 5)), np.ones((32, 32), dtype=np.int64))
        mask[:32, :160] = np.repeat(np.arange(5), 32)
        image = COLOURS[mask].transpose(2, 0, 1) + rng.normal(0, 12, (3, *mask.shape))
        mask[-8:] = 255
        size = {"height": mask.shape[0], "width": mask.shape[1]}
        common = {"driver": "GTiff", "dtype": "uint8", "crs": "EPSG:32640", **size}
        common["transform"] = rasterio.Affine(0.5, 0, 300_000, 0, -0.5, 2_800_000)
        with rasterio.open(folder / f"{name}_image.tif", "w", count=3, **common) as file:
            file.write(np.clip(image, 0, 255).astype(np.uint8))
        with rasterio.open(folder / f"{name}_mask.tif", "w", count=1, **common) as file:
            file.write(mask.astype(np.uint8), 1)
    return folder


def test_prepared_scenes_read_the_same(scenes: Path, tmp_path: Path) -> None:
    written = prepare_scenes(["dubai2"], scenes, tmp_path)
    assert [path.name for path in written] == ["dubai2.npz", "dubai2.mask.npz"]
    plain, prepared = read_place("dubai2", scenes), read_place("dubai2", tmp_path)
    window = plain.source.grid.window
    assert np.array_equal(plain.source.read(window).data, prepared.source.read(window).data)
    assert np.array_equal(plain.mask, prepared.mask)
    assert (plain.mask[-8:] == -1).all()


_WITHOUT = """
import sys
for name in ("rasterio", "geopandas", "pyogrio", "shapely"):
    sys.modules[name] = None
from pathlib import Path
from pointillist.studies import Folders, run_study
folders = Folders(scenes=Path({scenes!r}))
for name, row in (("real", "dubai2, 100 points, simple, forest, shares estimated"),
                  ("transfer", "others to dubai1, 300 points, simple, forest")):
    (line,) = run_study(name, 1, Path({records!r}), print, row, folders=folders)
    print(row, line.miou.value)
"""


@pytest.mark.slow
def test_studies_run_without_rasterio(scenes: Path, tmp_path: Path) -> None:
    prepared, records = tmp_path / "prepared", tmp_path / "records"
    prepare_scenes(["dubai1", "dubai2", "dubai4", "dubai8"], scenes, prepared)
    script = _WITHOUT.format(scenes=str(prepared), records=str(records))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (records / "scene.jsonl").exists()
    assert (records / "transfer.jsonl").exists()
    record = run_scene(SceneCell("dubai2", 100, recipe="forest"), Folders(scenes))
    assert f"simple, forest, shares estimated {record['miou']}" in done.stdout


@pytest.mark.slow
def test_a_forest_maps_a_scene_from_points(scenes: Path) -> None:
    record = run_scene(SceneCell("dubai1", 100, recipe="forest"), Folders(scenes))
    assert record["miou"] > 0.6
    assert record["overall_accuracy"] > 0.7
    assert record["cell"]["design"] == "simple"


@pytest.mark.slow
def test_a_network_maps_a_scene_from_points(scenes: Path) -> None:
    record = run_scene(SceneCell("dubai1", 100, "balanced", steps=2), Folders(scenes))
    assert record["steps"] == 2
    assert 0 <= record["miou"] <= 1


def test_a_pixel_without_a_class_is_wrong() -> None:
    mask = np.array([[0, 1, 1, -1], [1, 1, 0, -1]], dtype=np.int16)
    place = Place("toy", ArraySource(np.zeros((1, 2, 4), dtype=np.uint8)), mask)
    perfect = score_map(mask.copy(), place)
    assert perfect["overall_accuracy"] == perfect["miou"] == 1.0
    assert perfect["iou"][2:] == [None, None, None]
    holed = mask.copy()
    holed[0, 0] = -1
    assert score_map(holed, place)["overall_accuracy"] == pytest.approx(5 / 6)


def test_each_seed_draws_other_points(scenes: Path) -> None:
    place = read_place("dubai2", scenes)
    first, again = (draw_labels(place, 50, "simple", 0) for _ in range(2))
    other = draw_labels(place, 50, "simple", 1)
    assert np.array_equal(first.rowcol, again.rowcol)
    assert not np.array_equal(first.rowcol, other.rowcol)
    balanced = draw_labels(place, 50, "balanced", 0)
    assert balanced.counts(len(DUBAI_LEGEND)).tolist() == [10] * 5
    with pytest.raises(InputError, match="design of simple or balanced, got 'spread'"):
        draw_labels(place, 50, "spread", 0)


def test_points_are_disturbed_as_much_as_asked() -> None:
    mask = np.zeros((200, 300), dtype=np.int16)
    place = Place("toy", ArraySource(np.zeros((1, 200, 300), dtype=np.uint8)), mask)
    labels = draw_labels(place, 400, "simple", 3)
    same = disturb_labels(labels, place, 0.0, 0.0, seed=3)
    assert np.array_equal(same.rowcol, labels.rowcol)
    assert np.array_equal(same.index, labels.index)
    wrong = disturb_labels(labels, place, 0.1, 0.0, seed=3)
    assert (wrong.index != labels.index).sum() == 40
    assert set(wrong.index[wrong.index != 0].tolist()) == {1, 2, 3, 4}
    off = disturb_labels(labels, place, 0.1, 2.0, seed=3)
    assert np.array_equal(off.index, wrong.index)
    away = np.hypot(*(off.rowcol - labels.rowcol).T)
    assert 1.0 < away.mean() < 1.7  # 2/3 of the radius, moved to whole pixels
    assert away.max() < 2.9
    assert (off.rowcol >= 0).all()
    assert (off.rowcol < mask.shape).all()


def test_what_is_not_there_is_told(
    scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(MissingFileError, match=r"Expected dubai9.npz, or .* with --scenes"):
        read_place("dubai9", scenes)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("POINTILLIST_SCENES", raising=False)
    with pytest.raises(MissingFileError, match=r"found none at studies.scenes or .*--scenes"):
        Folders().find_scenes()
    monkeypatch.setenv("POINTILLIST_SCENES", str(scenes))
    assert Folders().find_scenes() == scenes
    with pytest.raises(InputError, match=r"scene of dubai1, .* got 'mars'"):
        TransferCell("mars")


def test_a_mask_of_other_classes_is_told(scenes: Path, tmp_path: Path) -> None:
    for part in ("image", "mask"):
        name = f"dubai2_{part}.tif"
        (tmp_path / name).write_bytes((scenes / name).read_bytes())
    with rasterio.open(tmp_path / "dubai2_mask.tif", "r+") as file:
        codes = file.read(1)
        codes[0, 0] = 9
        file.write(codes, 1)
    with pytest.raises(UnreadableFileError, match=r"classes 0…4 and 255 .* got 9"):
        read_place("dubai2", tmp_path)


@pytest.mark.parametrize("name", ["dubai2.npz", "dubai2.mask.npz"])
@pytest.mark.parametrize("n_bytes", [0, 100, -40])
def test_a_prepared_scene_that_was_cut_off_is_told(
    name: str, n_bytes: int, scenes: Path, tmp_path: Path
) -> None:
    prepare_scenes(["dubai2"], scenes, tmp_path)
    path = tmp_path / name
    path.write_bytes(path.read_bytes()[:n_bytes])
    with pytest.raises(UnreadableFileError, match=rf"{name}' is no (scene|mask) .*[Mm]ake it anew"):
        read_place("dubai2", tmp_path)


def test_a_prepared_scene_needs_its_mask(scenes: Path, tmp_path: Path) -> None:
    prepare_scenes(["dubai2"], scenes, tmp_path)
    (tmp_path / "dubai2.mask.npz").write_bytes((tmp_path / "dubai2.npz").read_bytes())
    with pytest.raises(UnreadableFileError, match="is no mask that `study prepare` made"):
        read_place("dubai2", tmp_path)
    (tmp_path / "dubai2.mask.npz").unlink()
    with pytest.raises(MissingFileError, match=r"mask '.+' beside its scene, .*Copy it too"):
        read_place("dubai2", tmp_path)


def test_a_folder_that_scenes_cannot_be_written_to(scenes: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"cannot be written to '.+file' \(.+\)\. Free .* --out"):
        prepare_scenes(["dubai2"], scenes, tmp_path / "file")
