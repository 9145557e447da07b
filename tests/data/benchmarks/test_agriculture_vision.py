"""Agriculture-Vision: layers that overlap, fields, boundaries and masks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from trees import make_agriculture_vision

from pointillist.data.benchmarks import open_benchmark
from pointillist.data.benchmarks.layout import held_out_half
from pointillist.errors import InputError, MissingFileError

NAME = "agriculture-vision"


@pytest.mark.parametrize("year", [2020, 2021])
@pytest.mark.parametrize("overlap", [False, True])
def test_layers_become_classes(tmp_path: Path, year: int, overlap: bool) -> None:
    truth = make_agriculture_vision(tmp_path, year=year, overlap=overlap)
    for split in ("train", "val", "test"):
        data = open_benchmark(NAME, tmp_path, split)
        for i, (_, full, _) in enumerate(data):
            assert np.array_equal(full.numpy(), truth[data.item_name(i)])


def test_classes_are_in_the_order_of_the_challenge(tmp_path: Path) -> None:
    make_agriculture_vision(tmp_path / "2020", year=2020)
    make_agriculture_vision(tmp_path / "2021", year=2021)
    names = [open_benchmark(NAME, tmp_path / year).legend.names for year in ("2020", "2021")]
    assert names[0] == (
        "background", "cloud_shadow", "double_plant", "planter_skip", "standing_water", "waterway",
        "weed_cluster",
    )  # fmt: skip
    assert names[1] == (
        "background", "double_plant", "drydown", "endrow", "nutrient_deficiency", "planter_skip",
        "water", "waterway", "weed_cluster",
    )  # fmt: skip
    assert open_benchmark(NAME, tmp_path / "2021").legend.codes == tuple(range(9))


def test_pixels_of_two_patterns_are_ignored(tmp_path: Path) -> None:
    plain = make_agriculture_vision(tmp_path / "plain")
    name = next(iter(plain))
    make_agriculture_vision(tmp_path, overlap=True)
    full = open_benchmark(NAME, tmp_path)[0][1].numpy()
    top, before = full[:16, 3:-4], plain[name][:16, 3:-4]
    assert (top[before > 1] == -1).all()
    assert (top[before == 0] == 1).all()


def test_outside_the_boundary_or_the_mask_is_ignored(tmp_path: Path) -> None:
    make_agriculture_vision(tmp_path)
    full = open_benchmark(NAME, tmp_path)[0][1]
    assert full[-8:].max() == full[:, :3].max() == -1


def test_near_infrared_is_the_fourth_band(tmp_path: Path) -> None:
    make_agriculture_vision(tmp_path)
    data = open_benchmark(NAME, tmp_path)
    image = data[0][0]
    assert data.bands == ("red", "green", "blue", "near infrared")
    assert (image[3] - image[0]).abs().mean() < 0.2  # the tree paints it like red


def test_fields_are_never_divided() -> None:
    halves = [held_out_half(f"agriculture-vision/V{i:08d}") for i in range(2)]
    assert halves == ["val", "test"]


def test_images_of_one_field_are_of_one_split(tmp_path: Path) -> None:
    make_agriculture_vision(tmp_path)
    for path in sorted((tmp_path / "val").rglob("*_0-0-128-128.*")):
        path.with_name(path.name.replace("0-0-128-128", "9-9-137-137")).write_bytes(
            path.read_bytes()
        )
    for split in ("val", "test"):
        names = [sample.name for sample in open_benchmark(NAME, tmp_path, split).samples]
        assert len(names) == 2
        assert len({name.split("_")[0] for name in names}) == 1


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ("images/nir", "near infrared"),
        ("labels/water", "labels of water"),
        ("boundaries", "boundaries"),
        ("masks", "masks"),
    ],
)
def test_a_missing_part_is_named(tmp_path: Path, part: str, said: str) -> None:
    make_agriculture_vision(tmp_path)
    min((tmp_path / "train" / part).iterdir()).unlink()
    match = rf"1 of 2 train images have no {said} in train \(first: F00000000_0-0-128-128\.jpg"
    with pytest.raises(MissingFileError, match=match):
        open_benchmark(NAME, tmp_path)


def test_other_layers_are_refused(tmp_path: Path) -> None:
    make_agriculture_vision(tmp_path)
    (tmp_path / "train/labels/water").rename(tmp_path / "train/labels/flood")
    with pytest.raises(MissingFileError, match=r"layers in train/labels are .*flood.* neither"):
        open_benchmark(NAME, tmp_path)


def test_folders_are_needed(tmp_path: Path) -> None:
    make_agriculture_vision(tmp_path)
    (tmp_path / "train/labels").rename(tmp_path / "train/gone")
    with pytest.raises(MissingFileError, match="no folder labels in train"):
        open_benchmark(NAME, tmp_path)


@pytest.mark.parametrize("part", ["labels/water", "boundaries", "masks"])
def test_values_of_a_picture_saved_as_jpeg_are_refused(tmp_path: Path, part: str) -> None:
    make_agriculture_vision(tmp_path)
    path = min((tmp_path / "train" / part).iterdir())
    layer = np.array(Image.open(path))
    layer[7, 9] = 3
    Image.fromarray(layer).save(path)
    match = rf"0 and 255 only in '.+{part}/.+', got 3 at row 7, column 9 \(1 px there\)"
    with pytest.raises(InputError, match=match):
        open_benchmark("agriculture-vision", tmp_path)[0]
