"""Folders of images and masks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pointillist.data import ImageMaskFolder
from pointillist.errors import GridError, InputError, MissingFileError, UnreadableFileError
from pointillist.legend import Legend
from pointillist.models import Normalisation

LEGEND = Legend.from_names(["land", "water"], [3, 7], [(200, 150, 100), (0, 0, 255)])


def write_pair(
    root: Path, name: str, *, shape=(20, 30), codes=(0, 1), image_suffix=".png", mask_name=None
) -> np.ndarray:
    """An image and a mask whose left half is the first and right half the second code."""
    for folder in ("images", "masks"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    mask = np.full(shape, codes[0], dtype=np.uint8)
    mask[:, shape[1] // 2 :] = codes[1]
    image = np.stack([mask * 10, mask * 0 + 100, mask * 0 + 200], axis=2)
    Image.fromarray(image).save(root / "images" / f"{name}{image_suffix}")
    Image.fromarray(mask).save(root / "masks" / f"{mask_name or name}.png")
    return mask


def test_items_are_training_tuples(tmp_path: Path) -> None:
    mask = write_pair(tmp_path, "b")
    write_pair(tmp_path, "a", image_suffix=".jpg")
    data = ImageMaskFolder(tmp_path, num_classes=2, num_points_per_class=4)
    image, full, points = data[1]
    assert len(data) == 2
    assert image.shape == (3, 20, 30)
    assert image.dtype == torch.float32
    assert np.array_equal(full.numpy(), mask)
    assert [int((points == c).sum()) for c in (0, 1)] == [4, 4]
    assert torch.equal(points[points >= 0], full[points >= 0])
    expected = Normalisation.imagenet(255).apply(np.full((3, 1, 1), 100))[1, 0, 0]
    assert float(image[1, 0, 0]) == pytest.approx(float(expected))
    assert torch.equal(data[1][2], points)


def test_points_in_total_and_by_design(tmp_path: Path) -> None:
    write_pair(tmp_path, "a")
    data = ImageMaskFolder(tmp_path, num_classes=2, num_points=17, strategy="stratified")
    assert int((data[0][2] >= 0).sum()) == 17


def test_codes_of_a_legend_become_indices(tmp_path: Path) -> None:
    write_pair(tmp_path, "a", codes=(3, 7))
    data = ImageMaskFolder(tmp_path / "images", tmp_path / "masks", legend=LEGEND)
    assert data[0][1].unique().tolist() == [0, 1]
    assert data.num_classes == 2


def test_colours_of_a_legend_become_indices(tmp_path: Path) -> None:
    mask = write_pair(tmp_path, "a")
    colours = np.array(LEGEND.colors, dtype=np.uint8)[mask]
    Image.fromarray(colours).save(tmp_path / "masks" / "a.png")
    data = ImageMaskFolder(tmp_path, legend=LEGEND)
    assert np.array_equal(data[0][1].numpy(), mask)


def test_palette_masks_give_their_numbers(tmp_path: Path) -> None:
    mask = write_pair(tmp_path, "a")
    image = Image.fromarray(mask, mode="L").convert("P")
    image.putdata(mask.ravel().tolist())
    image.putpalette([200, 150, 100, 0, 0, 255])
    image.save(tmp_path / "masks" / "a.png")
    assert np.array_equal(ImageMaskFolder(tmp_path, num_classes=2)[0][1].numpy(), mask)


def test_ignored_codes_are_unlabelled(tmp_path: Path) -> None:
    write_pair(tmp_path, "a", codes=(255, 1))
    write_pair(tmp_path, "b", codes=(9, 1))
    data = ImageMaskFolder(tmp_path, num_classes=2, ignore=[9], num_points=1000)
    for _, full, points in data:
        assert full.unique().tolist() == [-1, 1]
        assert torch.equal(points, full)


def test_an_item_without_any_class_has_no_points(tmp_path: Path) -> None:
    write_pair(tmp_path, "a", codes=(255, 255))
    for options in ({"num_points": 5}, {"num_points_per_class": 5}):
        _, full, points = ImageMaskFolder(tmp_path, num_classes=2, **options)[0]
        assert full.max() == points.max() == -1


@pytest.mark.parametrize(
    ("image", "mask"),
    [
        ("tile_sat", "tile_mask"),
        ("top_potsdam_2_10_RGBIR", "top_potsdam_2_10_label_noBoundary"),
        ("top_mosaic_09cm_area1", "top_mosaic_09cm_area1_noBoundary"),
    ],
)
def test_masks_beside_images_are_found_by_their_ending(
    tmp_path: Path, image: str, mask: str
) -> None:
    write_pair(tmp_path, image, image_suffix=".jpg", mask_name=mask)
    (tmp_path / "images" / f"{image}.jpg").rename(tmp_path / f"{image}.jpg")
    (tmp_path / "masks" / f"{mask}.png").rename(tmp_path / f"{mask}.png")
    for folder in ("images", "masks"):
        (tmp_path / folder).rmdir()
    assert len(ImageMaskFolder(tmp_path, num_classes=2)) == 1


def test_tiles_cover_the_image_and_have_one_size(tmp_path: Path) -> None:
    mask = write_pair(tmp_path, "a", shape=(20, 30))
    data = ImageMaskFolder(tmp_path, num_classes=2, tile_px=16, num_points=5)
    assert len(data) == 4
    assert all(full.shape == (16, 16) for _, full, _ in data)
    assert np.array_equal(data[3][1].numpy(), mask[4:, 14:])


def test_augmentation_moves_all_three(tmp_path: Path) -> None:
    write_pair(tmp_path, "a")
    data = ImageMaskFolder(tmp_path, num_classes=2, augment=True, num_points=9)
    shapes = set()
    for epoch in range(8):
        data.set_epoch(epoch)
        image, full, points = data[0]
        assert torch.equal(points[points >= 0], full[points >= 0])
        assert torch.equal(image[0] > image[0].min(), full == 1)
        shapes.add(tuple(full.shape))
    assert shapes == {(20, 30), (30, 20)}


def test_tiff_of_many_bands_needs_a_normalisation(tmp_path: Path) -> None:
    rasterio = pytest.importorskip("rasterio")
    write_pair(tmp_path, "a")
    (tmp_path / "images" / "a.png").unlink()
    data = np.arange(5 * 600, dtype=np.uint16).reshape(5, 20, 30)
    profile = {"driver": "GTiff", "height": 20, "width": 30, "count": 5, "dtype": "uint16"}
    profile["transform"] = rasterio.Affine(2, 0, 5, 0, -2, 9)
    with rasterio.open(tmp_path / "images" / "a.tif", "w", **profile) as file:
        file.write(data)
    with pytest.raises(InputError, match=r"8-bit image of three bands, got 5 bands of uint16"):
        ImageMaskFolder(tmp_path, num_classes=2)[0]
    plain = Normalisation((0,) * 5, (1,) * 5)
    found = ImageMaskFolder(tmp_path, num_classes=2, normalisation=plain, tile_px=20)
    assert np.array_equal(found[1][0].numpy(), data[:, :, 10:])


def test_no_pair_says_what_was_looked_for(tmp_path: Path) -> None:
    write_pair(tmp_path, "a", mask_name="other")
    with pytest.raises(MissingFileError, match=r"of the same name .*found 1 images .*1 masks"):
        ImageMaskFolder(tmp_path, num_classes=2)


def test_a_missing_mask_is_named(tmp_path: Path) -> None:
    write_pair(tmp_path, "a")
    write_pair(tmp_path, "b")
    (tmp_path / "masks" / "b.png").unlink()
    with pytest.raises(MissingFileError, match=r"1 of 2 images have none .*first: b\.png"):
        ImageMaskFolder(tmp_path, num_classes=2)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match=r"nowhere' does not exist"):
        ImageMaskFolder(tmp_path / "nowhere", num_classes=2)


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    write_pair(tmp_path, "a")
    write_pair(tmp_path, "a", image_suffix=".jpg")
    with pytest.raises(InputError, match=r"one file per name, got a\.jpg and a\.png"):
        ImageMaskFolder(tmp_path, num_classes=2)


def test_a_mask_of_another_size_is_refused(tmp_path: Path) -> None:
    write_pair(tmp_path, "a")
    Image.fromarray(np.zeros((9, 8), dtype=np.uint8)).save(tmp_path / "masks" / "a.png")
    with pytest.raises(
        GridError, match=r"20×30 px in '.+images/a\.png' and 9×8 px in '.+masks/a\.png'"
    ):
        ImageMaskFolder(tmp_path, num_classes=2)[0]


def test_codes_that_are_no_class_are_refused(tmp_path: Path) -> None:
    write_pair(tmp_path, "a", codes=(0, 4))
    with pytest.raises(InputError, match=r"codes 0, 1 in a\.png, got 4 at row 0, column 15"):
        ImageMaskFolder(tmp_path, num_classes=2)[0]


def test_colours_that_are_no_class_are_refused(tmp_path: Path) -> None:
    write_pair(tmp_path, "a")
    Image.fromarray(np.zeros((20, 30, 3), dtype=np.uint8)).save(tmp_path / "masks" / "a.png")
    with pytest.raises(InputError, match=r"colours of the legend in a\.png, got 0,0,0"):
        ImageMaskFolder(tmp_path, legend=LEGEND)[0]


def test_a_damaged_image_is_named(tmp_path: Path) -> None:
    write_pair(tmp_path, "a")
    (tmp_path / "images" / "a.png").write_bytes(b"no image")
    with pytest.raises(UnreadableFileError, match=r"a\.png' cannot be read as an image"):
        ImageMaskFolder(tmp_path, num_classes=2)[0]


def test_classes_must_be_known(tmp_path: Path) -> None:
    write_pair(tmp_path, "a")
    with pytest.raises(InputError, match="Expected a legend, or num_classes"):
        ImageMaskFolder(tmp_path)


def test_tiles_larger_than_an_image_are_refused(tmp_path: Path) -> None:
    write_pair(tmp_path, "a")
    with pytest.raises(InputError, match="got 64 px for an image of 20×30 px"):
        ImageMaskFolder(tmp_path, num_classes=2, tile_px=64)
