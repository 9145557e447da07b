"""DeepGlobe: inexact colours, and a hold-out of the only labelled files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from trees import make_deepglobe

from pointillist.data.benchmarks import deepglobe, open_benchmark
from pointillist.errors import InputError, MissingFileError, UnreadableFileError


def test_colours_are_the_publishers() -> None:
    assert dict(zip(deepglobe.LEGEND.names, deepglobe.LEGEND.colors, strict=True)) == {
        "Urban land": (0, 255, 255),
        "Agriculture land": (255, 255, 0),
        "Rangeland": (255, 0, 255),
        "Forest land": (0, 255, 0),
        "Water": (0, 0, 255),
        "Barren land": (255, 255, 255),
    }


@pytest.mark.parametrize("folder", ["land-train", "land-train/land-train", "train", "."])
@pytest.mark.parametrize("exact", [True, False])
def test_masks_are_thresholded(tmp_path: Path, folder: str, exact: bool) -> None:
    truth = make_deepglobe(tmp_path, folder=folder, exact=exact)
    data = open_benchmark("deepglobe", tmp_path)
    assert (np.array(Image.open(data.samples[0].labels.files[0])) % 255 == 0).all() == exact
    for i, (_, full, _) in enumerate(data):
        assert np.array_equal(full.numpy(), truth[data.item_name(i)])


def test_the_hold_out_depends_on_the_number_only() -> None:
    splits = [deepglobe.split_of(str(i)) for i in range(5000)]
    shares = [splits.count(s) / 5000 for s in ("train", "val", "test")]
    assert shares == pytest.approx([0.8, 0.1, 0.1], abs=0.02)
    # written down: changing these would change published figures
    numbers = ["100694", "100695", "100697", "998002"]
    assert [deepglobe.split_of(n) for n in numbers] == ["test", "train", "val", "train"]


def test_the_hold_out_is_told(tmp_path: Path) -> None:
    make_deepglobe(tmp_path)
    assert "80:10:10" in open_benchmark("deepglobe", tmp_path, "test").notices[1]


def test_red_is_no_class(tmp_path: Path) -> None:
    make_deepglobe(tmp_path)
    data = open_benchmark("deepglobe", tmp_path)
    path = data.samples[0].labels.files[0]
    mask = np.array(Image.open(path))
    mask[5, 9] = (254, 3, 0)
    Image.fromarray(mask).save(path)
    with pytest.raises(InputError, match=rf"{path.name}', got 254,3,0 at row 5, column 9 \(1 px"):
        data[0]


def test_a_split_without_images_is_told(tmp_path: Path) -> None:
    make_deepglobe(tmp_path)
    for path in tmp_path.glob(
        f"land-train/{open_benchmark('deepglobe', tmp_path, 'val').samples[0].name}*"
    ):
        path.unlink()
    with pytest.raises(MissingFileError, match="none of its 3 images is of val"):
        open_benchmark("deepglobe", tmp_path, "val")


def test_the_published_validation_images_have_no_labels(tmp_path: Path) -> None:
    make_deepglobe(tmp_path, folder="elsewhere")
    with pytest.raises(MissingFileError, match=r"no \*_sat\.jpg in land-train, train or the root"):
        open_benchmark("deepglobe", tmp_path)


@pytest.mark.parametrize("kind", ["image", "mask"])
def test_a_damaged_file_is_named(tmp_path: Path, kind: str) -> None:
    make_deepglobe(tmp_path)
    data = open_benchmark("deepglobe", tmp_path)
    sample = data.samples[0]
    path = sample.images[0][0] if kind == "image" else sample.labels.files[0]
    path.write_bytes(b"no image")
    with pytest.raises(UnreadableFileError, match=rf"{path.name}' cannot be read as an image"):
        data[0]


def test_a_grey_image_is_refused(tmp_path: Path) -> None:
    make_deepglobe(tmp_path)
    data = open_benchmark("deepglobe", tmp_path)
    path = data.samples[0].images[0][0]
    Image.fromarray(np.zeros((128, 128), dtype=np.uint8)).save(path)
    with pytest.raises(InputError, match=rf"at least 3 bands in {path.name}, got 1"):
        data[0]
