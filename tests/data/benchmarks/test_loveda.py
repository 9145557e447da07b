"""LoveDA: codes from 1, no data, and halves of the validation files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from trees import make_loveda

from pointillist.data.benchmarks import loveda, open_benchmark
from pointillist.data.benchmarks.layout import held_out_half
from pointillist.errors import InputError, MissingFileError


def test_codes_are_the_publishers(tmp_path: Path) -> None:
    make_loveda(tmp_path)
    data = open_benchmark("loveda", tmp_path)
    assert dict(zip(data.legend.codes, data.legend.names, strict=True)) == {
        1: "Background", 2: "Building", 3: "Road", 4: "Water", 5: "Barren", 6: "Forest",
        7: "Agricultural",
    }  # fmt: skip
    raw = np.array(Image.open(tmp_path / "Train/Rural/masks_png/0.png")).astype(int)
    assert raw.min() == 0  # no data
    assert np.array_equal(data[0][1].numpy(), raw - 1)


def test_rural_and_urban_are_read(tmp_path: Path) -> None:
    make_loveda(tmp_path)
    names = [sample.name for sample in open_benchmark("loveda", tmp_path).samples]
    assert names == ["Rural/0", "Urban/1366"]


def test_halves_of_the_validation_files(tmp_path: Path) -> None:
    make_loveda(tmp_path)
    assert [held_out_half(f"loveda/Urban/{n}") for n in (3514, 3515, 3516)] == [
        "val", "val", "test",
    ]  # fmt: skip
    halves = [held_out_half(f"loveda/Urban/{n}") for n in range(3514, 4191)]
    assert halves.count("val") / len(halves) == pytest.approx(0.5, abs=0.05)
    for split in ("val", "test"):
        _, notice = open_benchmark("loveda", tmp_path, split).notices
        assert notice.endswith(f"chosen by name, are {split} here.")


def test_a_part_of_the_data_set_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_loveda(tmp_path)
    (notice,) = open_benchmark("loveda", tmp_path).notices
    assert notice.startswith("Found 2 images in Train and not the 2522 that the publisher has")
    monkeypatch.setitem(loveda.N_PUBLISHED, "Train", 2)
    assert open_benchmark("loveda", tmp_path).notices == ()


def test_an_unknown_code_is_refused(tmp_path: Path) -> None:
    make_loveda(tmp_path)
    path = tmp_path / "Train/Urban/masks_png/1366.png"
    mask = np.array(Image.open(path))
    mask[99, 7] = 8
    Image.fromarray(mask).save(path)
    match = r"codes 0, 1, 2, 3, 4, 5, 6, 7 in '.+1366\.png', got 8 at row 99, column 7 \(1 px"
    with pytest.raises(InputError, match=match):
        open_benchmark("loveda", tmp_path)[1]
    with pytest.raises(InputError, match=match):
        open_benchmark("loveda", tmp_path, tile_px=64)[6]


def test_a_coloured_picture_of_the_mask_is_refused(tmp_path: Path) -> None:
    make_loveda(tmp_path)
    path = tmp_path / "Train/Rural/masks_png/0.png"
    Image.open(path).convert("RGB").save(path)
    with pytest.raises(InputError, match=r"one band of class codes in 0\.png, got 3 bands"):
        open_benchmark("loveda", tmp_path)[0]


def test_without_validation_files(tmp_path: Path) -> None:
    make_loveda(tmp_path)
    (tmp_path / "Val").rename(tmp_path / "Validation")
    with pytest.raises(MissingFileError, match=r"(?s)no folder Val in .+masks_png/0\.png"):
        open_benchmark("loveda", tmp_path, "test")


def test_folders_without_images(tmp_path: Path) -> None:
    (tmp_path / "Train").mkdir()
    with pytest.raises(MissingFileError, match=r"no image of train in Train/\*/images_png"):
        open_benchmark("loveda", tmp_path)
