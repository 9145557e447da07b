"""OpenEarthMap: lists of files, regions with underscores, images of xBD."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from trees import make_openearthmap, save

from pointillist.data.benchmarks import open_benchmark
from pointillist.data.benchmarks.openearthmap import region_of
from pointillist.data.reading import read_values
from pointillist.errors import InputError, MissingFileError
from pointillist.grid import Window


def test_codes_are_the_publishers(tmp_path: Path) -> None:
    make_openearthmap(tmp_path)
    data = open_benchmark("openearthmap", tmp_path)
    assert dict(zip(data.legend.codes, data.legend.names, strict=True)) == {
        1: "Bareland", 2: "Rangeland", 3: "Developed space", 4: "Road", 5: "Tree", 6: "Water",
        7: "Agriculture land", 8: "Building",
    }  # fmt: skip
    raw = read_values(tmp_path / "aachen/labels/aachen_1.tif", Window(0, 0, 128, 128))[0]
    assert raw.min() == 0  # unknown
    assert np.array_equal(data[0][1].numpy(), raw.astype(int) - 1)


@pytest.mark.parametrize("name", ["aachen_11", "el_rodeo_8", "kujawsko-pomorskie_20"])
def test_regions_are_names_less_their_number(name: str) -> None:
    assert region_of(f"{name}.tif") == name.rstrip("0123456789").rstrip("_")


@pytest.mark.parametrize(
    "inner",
    [
        ".",
        "OpenEarthMap_wo_xBD",
        "OpenEarthMap/OpenEarthMap_wo_xBD",
        "OpenEarthMap_wo_xBD/OpenEarthMap_wo_xBD",
        "openearthmap_wo_xbd",
    ],
)
def test_the_folder_of_the_archive(tmp_path: Path, inner: str) -> None:
    truth = make_openearthmap(tmp_path / inner)
    data = open_benchmark("openearthmap", tmp_path, "val")
    assert np.array_equal(data[0][1].numpy(), truth[data.item_name(0)])


def test_images_of_xbd_that_are_absent_are_told(tmp_path: Path) -> None:
    make_openearthmap(tmp_path, without_xbd=True)
    data = open_benchmark("openearthmap", tmp_path)
    assert len(data) == 2
    assert data.notices[0].startswith("Found 2 of the 4 images that the publisher lists for train")
    assert data.notices[1].startswith("No image was found of 2 regions: joplin, santa_rosa. The ")


def test_folders_in_another_case(tmp_path: Path) -> None:
    truth = make_openearthmap(tmp_path)
    (tmp_path / "aachen" / "images").rename(tmp_path / "aachen" / "Images")
    (tmp_path / "aachen").rename(tmp_path / "Aachen")
    data = open_benchmark("openearthmap", tmp_path)
    assert len(data) == 2
    assert np.array_equal(data[0][1].numpy(), truth[data.item_name(0)])


def test_the_hold_out_depends_on_the_name_only(tmp_path: Path) -> None:
    make_openearthmap(tmp_path)
    names = [open_benchmark("openearthmap", tmp_path, s).samples[0].name for s in ("val", "test")]
    assert names == ["aachen_11", "kujawsko-pomorskie_20"]


def test_an_unknown_code_is_refused(tmp_path: Path) -> None:
    make_openearthmap(tmp_path)
    path = tmp_path / "aachen/labels/aachen_1.tif"
    save(path, np.full((128, 128), 9, dtype=np.uint8))
    match = r"aachen_1\.tif', got 9 at row 0, column 0 \(16384 px"
    with pytest.raises(InputError, match=match):
        open_benchmark("openearthmap", tmp_path)[0]


def test_lists_are_needed(tmp_path: Path) -> None:
    make_openearthmap(tmp_path)
    (tmp_path / "train.txt").unlink()
    with pytest.raises(MissingFileError, match=r"but there is no train\.txt"):
        open_benchmark("openearthmap", tmp_path)


def test_lists_without_images(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text("aachen_1.tif\n")
    with pytest.raises(MissingFileError, match=r"no image of the 1 of train\.txt that are train"):
        open_benchmark("openearthmap", tmp_path)


def test_a_list_that_a_windows_editor_saved(tmp_path: Path) -> None:
    make_openearthmap(tmp_path)
    before = open_benchmark("openearthmap", tmp_path)
    path = tmp_path / "train.txt"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    after = open_benchmark("openearthmap", tmp_path)
    assert [sample.name for sample in after.samples] == [sample.name for sample in before.samples]
