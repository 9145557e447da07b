"""Images and masks of one's own, as in the reference study's example."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from trees import make_folders

from pointillist.data.benchmarks import count_images, open_benchmark
from pointillist.errors import MissingFileError


@pytest.mark.parametrize("legend", [False, True])
def test_colours_or_codes_are_read_and_split_by_name(tmp_path: Path, legend: bool) -> None:
    truth = make_folders(tmp_path, legend=legend)
    splits = {s: open_benchmark("folders", tmp_path, s) for s in ("train", "val", "test")}
    names = {s: [sample.name for sample in found.samples] for s, found in splits.items()}
    assert {s: len(found) for s, found in names.items()} == {"train": 4, "val": 1, "test": 1}
    assert sorted(name for found in names.values() for name in found) == sorted(truth)
    assert count_images("folders", tmp_path, "test") == 1
    train = splits["train"]
    assert train.legend.names[0] == "Impervious surfaces"
    for index, name in enumerate(names["train"]):
        image, full, points = train[index]
        assert image.shape == (3, 128, 128)
        np.testing.assert_array_equal(full.numpy(), truth[name])
        assert (points.numpy()[points.numpy() >= 0] == truth[name][points.numpy() >= 0]).all()


def test_codes_without_a_legend_are_refused(tmp_path: Path) -> None:
    make_folders(tmp_path, legend=True)
    (tmp_path / "legend.yaml").unlink()
    with pytest.raises(MissingFileError, match=r"mask\.png holds codes, and no legend\.yaml"):
        open_benchmark("folders", tmp_path)


def test_few_or_lonely_files_show_the_tree(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match=r"(?s)do not match.*images/\n.*masks/"):
        open_benchmark("folders", tmp_path)
    make_folders(tmp_path)
    for i in range(1, 6):
        (tmp_path / "images" / f"tile{i}.png").unlink()
    with pytest.raises(MissingFileError, match=r"holds 1 image with a mask, and 3 are needed"):
        open_benchmark("folders", tmp_path)
