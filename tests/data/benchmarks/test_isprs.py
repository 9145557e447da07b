"""Potsdam and Vaihingen: folders, colours, and tiles that were published with defects."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from trees import make_potsdam, make_vaihingen, save

from pointillist.data.benchmarks import isprs, open_benchmark
from pointillist.data.reading import read_values
from pointillist.errors import InputError, MissingFileError
from pointillist.grid import Window

FULL = Window(0, 0, 128, 128)


def assert_equals_truth(
    name: str, root: Path, truth: dict, splits=("train", "val", "test")
) -> None:
    n = 0
    for split in splits:
        data = open_benchmark(name, root, split)
        for i, (_, full, _) in enumerate(data):
            assert np.array_equal(full.numpy(), truth[data.item_name(i)]), data.item_name(i)
            n += 1
    assert n == len(truth)


def test_official_splits_are_complete_and_disjoint() -> None:
    # 38 tiles of Potsdam, 33 areas of Vaihingen (9, 18, 19, 25 and 36 do not exist)
    for splits, n in ((isprs.POTSDAM_SPLITS, (17, 7, 14)), (isprs.VAIHINGEN_SPLITS, (11, 5, 17))):
        assert tuple(len(splits[s]) for s in ("train", "val", "test")) == n
        assert len(set().union(*splits.values())) == sum(n)
    numbers = {int(a) for areas in isprs.VAIHINGEN_SPLITS.values() for a in areas}
    assert set(range(1, 39)) - numbers == {9, 18, 19, 25, 36}


def test_colours_are_the_publishers(tmp_path: Path) -> None:
    make_potsdam(tmp_path)
    legend = open_benchmark("potsdam", tmp_path).legend
    assert dict(zip(legend.names, legend.colors, strict=True)) == {
        "Impervious surfaces": (255, 255, 255),
        "Building": (0, 0, 255),
        "Low vegetation": (0, 255, 255),
        "Tree": (0, 255, 0),
        "Car": (255, 255, 0),
    }


@pytest.mark.parametrize(
    "labels",
    [
        "5_Labels_all",
        "5_Labels_all/5_Labels_all",
        "5_Labels_for_participants",
        ".",
        "5_Labels_all_noBoundary",
        "5_Labels_for_participants_no_Boundary",
    ],
)
def test_potsdam_labels_in_any_folder_of_the_publisher(tmp_path: Path, labels: str) -> None:
    assert_equals_truth("potsdam", tmp_path, make_potsdam(tmp_path, labels=labels, inexact=True))


def test_labels_with_boundaries_come_first(tmp_path: Path) -> None:
    truth = make_potsdam(tmp_path)
    make_potsdam(tmp_path, labels="5_Labels_all_noBoundary")
    assert_equals_truth("potsdam", tmp_path, truth)


def test_labels_without_boundaries_are_told(tmp_path: Path) -> None:
    make_potsdam(tmp_path, labels="5_Labels_all_noBoundary")
    notices = open_benchmark("potsdam", tmp_path).notices
    assert notices[1].startswith("The labels of 2 of 2 train tiles are those without boundaries")


def test_red_green_blue_of_the_four_bands(tmp_path: Path) -> None:
    truth = make_potsdam(tmp_path, images="4_Ortho_RGBIR")
    assert_equals_truth("potsdam", tmp_path, truth)
    data = open_benchmark("potsdam", tmp_path)
    raw = read_values(data.samples[0].images[0][0], FULL)
    assert raw.shape[0] >= 3
    assert np.allclose(data[0][0].numpy(), data.normalisation.apply(raw[:3]))


def test_tiles_with_inexact_colours_are_read(tmp_path: Path) -> None:
    truth = make_potsdam(tmp_path, inexact=True)
    lossy = read_values(tmp_path / "5_Labels_all" / "top_potsdam_4_12_label.tif", FULL)
    cars = read_values(tmp_path / "5_Labels_all" / "top_potsdam_6_7_label.tif", FULL)
    assert len(np.unique(lossy)) > 50
    assert 252 in cars[0]
    assert_equals_truth("potsdam", tmp_path, truth)


def test_inexact_colours_of_any_other_tile_are_refused(tmp_path: Path) -> None:
    make_potsdam(tmp_path)
    path = tmp_path / "5_Labels_all" / "top_potsdam_3_10_label.tif"
    colored = read_values(path, FULL).transpose(1, 2, 0).copy()
    colored[70, 101] = (252, 255, 0)
    save(path, colored)
    whole = open_benchmark("potsdam", tmp_path)
    match = r"top_potsdam_3_10_label\.tif', got 252,255,0 at row 70, column 101 \(1 px there\)"
    with pytest.raises(InputError, match=match):
        whole[1]
    with pytest.raises(InputError, match=match):
        open_benchmark("potsdam", tmp_path, tile_px=64)[7]


def test_black_is_no_class_where_boundaries_are_labelled(tmp_path: Path) -> None:
    make_potsdam(tmp_path)
    save(
        tmp_path / "5_Labels_all" / "top_potsdam_2_10_label.tif",
        np.zeros((128, 128, 3), dtype=np.uint8),
    )
    with pytest.raises(InputError, match="got 0,0,0 at row 0, column 0 "):
        open_benchmark("potsdam", tmp_path)[0]


def test_a_part_of_the_tiles_is_told(tmp_path: Path) -> None:
    make_potsdam(tmp_path)
    notice = open_benchmark("potsdam", tmp_path, "test").notices[0]
    assert notice.startswith("Found 1 of the 14 images that the publisher lists for test")


def test_a_split_without_images_is_told(tmp_path: Path) -> None:
    make_potsdam(tmp_path)
    (tmp_path / "2_Ortho_RGB" / "top_potsdam_2_13_RGB.tif").unlink()
    with pytest.raises(MissingFileError, match="no image of the 14 test tiles"):
        open_benchmark("potsdam", tmp_path, "test")


def test_labels_in_grey_are_refused(tmp_path: Path) -> None:
    make_potsdam(tmp_path)
    path = tmp_path / "5_Labels_all" / "top_potsdam_2_10_label.tif"
    save(path, np.zeros((128, 128), dtype=np.uint8))
    with pytest.raises(InputError, match=r"three bands of class colours in .+, got 1"):
        open_benchmark("potsdam", tmp_path)[0]


def test_vaihingen_labels_of_participants_and_complete(tmp_path: Path) -> None:
    assert_equals_truth("vaihingen", tmp_path, make_vaihingen(tmp_path))
    assert open_benchmark("vaihingen", tmp_path).bands == ("near infrared", "red", "green")


def test_vaihingen_in_the_folder_of_the_archive(tmp_path: Path) -> None:
    inner = tmp_path / "ISPRS_semantic_labeling_Vaihingen"
    truth = make_vaihingen(inner)
    for folder in sorted(inner.glob("ISPRS*")):
        folder.rename(tmp_path / folder.name)
    assert_equals_truth("vaihingen", tmp_path, truth)


def test_vaihingen_unpacked_into_the_root(tmp_path: Path) -> None:
    truth = make_vaihingen(tmp_path)
    for folder in ("gts_for_participants", *(p.name for p in tmp_path.glob("ISPRS*"))):
        for path in sorted((tmp_path / folder).iterdir()):
            path.rename(tmp_path / path.name)
    assert_equals_truth("vaihingen", tmp_path, truth)


def test_vaihingen_without_boundaries(tmp_path: Path) -> None:
    assert_equals_truth("vaihingen", tmp_path, make_vaihingen(tmp_path, eroded=True))


def test_vaihingen_test_areas_need_the_complete_labels(tmp_path: Path) -> None:
    make_vaihingen(tmp_path, complete=False)
    assert len(open_benchmark("vaihingen", tmp_path, "val")) == 1
    match = (
        r"1 of 1 test images have no labels in \S+_COMPLETE, .+ \(first: top_mosaic_09cm_area2\.tif"
    )
    with pytest.raises(MissingFileError, match=match):
        open_benchmark("vaihingen", tmp_path, "test")


def test_an_image_of_other_bands_is_refused(tmp_path: Path) -> None:
    make_vaihingen(tmp_path)
    Image.fromarray(np.zeros((128, 128), dtype=np.uint8)).save(
        tmp_path / "top" / "top_mosaic_09cm_area1.tif"
    )
    with pytest.raises(InputError, match=r"Band '2' is not in '.+area1\.tif'. It has 1 bands"):
        open_benchmark("vaihingen", tmp_path)[0]


def test_an_image_of_sixteen_bits_is_refused(tmp_path: Path) -> None:
    rasterio = pytest.importorskip("rasterio")
    make_vaihingen(tmp_path)
    profile = {"driver": "GTiff", "height": 128, "width": 128, "count": 3, "dtype": "uint16"}
    profile["transform"] = rasterio.Affine(2, 0, 5, 0, -2, 9)
    with rasterio.open(tmp_path / "top" / "top_mosaic_09cm_area1.tif", "w", **profile) as file:
        file.write(np.zeros((3, 128, 128), dtype=np.uint16))
    with pytest.raises(InputError, match=r"8-bit image, got uint16 in '.+area1\.tif'"):
        open_benchmark("vaihingen", tmp_path)[0]


def test_only_the_window_of_a_tile_is_read(tmp_path: Path, monkeypatch) -> None:
    from pointillist.raster.scene import Scene

    make_potsdam(tmp_path)
    shapes: list[tuple[int, int]] = []
    read = Scene.read_raw

    def spy(scene: Scene, window: Window):
        shapes.append(window.shape)
        return read(scene, window)

    monkeypatch.setattr(Scene, "read_raw", spy)
    open_benchmark("potsdam", tmp_path, tile_px=64)[3]
    assert shapes == [(64, 64)] * 2


def test_potsdam_unpacked_into_one_folder(tmp_path: Path) -> None:
    make_potsdam(tmp_path)
    before = open_benchmark("potsdam", tmp_path)
    for path in [*tmp_path.glob("2_Ortho_RGB/*"), *tmp_path.glob("5_Labels_all/*")]:
        path.rename(tmp_path / path.name)
    after = open_benchmark("potsdam", tmp_path)
    assert [sample.name for sample in after.samples] == [sample.name for sample in before.samples]
