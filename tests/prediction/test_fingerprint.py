from __future__ import annotations

import shutil
import zipfile

import numpy as np
import pytest
import rasterio
from prediction_cases import Thresholder, grey

from pointillist.prediction.fingerprint import fingerprint_model
from pointillist.raster import fingerprint, fingerprint_scene, open_scene, stack


def _of(path) -> dict[str, str]:
    with open_scene(path) as scene:
        found = fingerprint_scene(scene)
    found.pop("modified")
    return found


def test_a_copy_is_the_same_scene_and_a_change_is_none(write_scene, tmp_path, monkeypatch) -> None:
    scene = write_scene(grey(200, 200))
    first = _of(scene)
    (tmp_path / "elsewhere").mkdir()
    assert _of(shutil.copy(scene, tmp_path / "elsewhere")) == first
    scene.with_name("scene.tif.aux.xml").write_text("<PAMDataset/>")  # as a viewer leaves it
    assert _of(scene) == first
    monkeypatch.setattr(fingerprint, "_PIECE_BYTES", 200)  # 32 pieces are less than the file
    sampled = _of(scene)
    with rasterio.open(scene, "r+") as file:
        data = file.read(1)
        file.write(np.roll(data, 60, axis=0), 1)
    assert _of(scene)["contents"] != sampled["contents"]
    assert _of(scene)["raster"] == sampled["raster"]


def test_another_place_or_nodata_is_another_raster(write_scene) -> None:
    first = _of(write_scene(grey(40, 40)))
    assert _of(write_scene(grey(40, 40), nodata=3))["raster"] != first["raster"]
    moved = rasterio.Affine(10, 0, 5, 0, -10, 0)
    assert _of(write_scene(grey(40, 40), transform=moved))["raster"] != first["raster"]


def test_the_files_behind_a_scene_count(write_scene, tmp_path) -> None:
    parts = [write_scene(grey(40, 40, seed), f"b{seed}.tif") for seed in (1, 2)]
    scene = stack(parts, tmp_path / "scene.vrt")
    first = _of(scene)
    write_scene(grey(40, 40, 9), "b2.tif")
    assert _of(scene)["contents"] != first["contents"]


@pytest.mark.parametrize("absolute", [True, False])
def test_an_archive_counts_as_a_file(absolute, write_scene, tmp_path, monkeypatch) -> None:
    archive = tmp_path / "a.zip"
    monkeypatch.chdir(tmp_path)
    found = []
    for seed in (1, 1, 2):
        with zipfile.ZipFile(archive, "w") as file:
            file.write(write_scene(grey(40, 40, seed)), "inner/scene.tif")
        found.append(_of(f"/vsizip/{archive if absolute else 'a.zip'}/inner/scene.tif"))
    assert found[0] == found[1] != found[2]


def test_models_are_told_apart_by_what_they_learned(tiny_network, tmp_path) -> None:
    import copy

    from pointillist.models import load

    first = fingerprint_model(tiny_network)
    assert fingerprint_model(load(tiny_network.save(tmp_path / "m.safetensors"))) == first
    other = copy.deepcopy(tiny_network)
    next(iter(other.network.parameters())).data[0] += 1e-3
    assert fingerprint_model(other) != first
    assert fingerprint_model(Thresholder()) != fingerprint_model(Thresholder(resolution=2.0))
