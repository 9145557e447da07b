"""What every published data set has in common."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from trees import MAKERS, Truth

from pointillist.data.benchmarks import BENCHMARKS, BenchmarkDataset, open_benchmark
from pointillist.errors import GridError, InputError, LayoutError, MissingFileError

SPLITS = ("train", "val", "test")


@pytest.fixture(scope="module", params=BENCHMARKS)
def tree(request: pytest.FixtureRequest, tmp_path_factory) -> tuple[str, Path, Truth]:
    name = request.param
    root = tmp_path_factory.mktemp(name)
    return name, root, MAKERS[name](root)


def open_all(name: str, root: Path, **options) -> list[BenchmarkDataset]:
    return [open_benchmark(name, root, split, **options) for split in SPLITS]


def test_names_are_the_commands_names() -> None:
    assert BENCHMARKS == (
        "potsdam", "vaihingen", "deepglobe", "agriculture-vision", "loveda", "openearthmap",
    )  # fmt: skip


def test_items_are_training_tuples(tree) -> None:
    name, root, truth = tree
    for data in open_all(name, root, num_points_per_class=3):
        image, full, points = data[0]
        assert image.shape == (len(data.bands), 128, 128)
        assert (image.dtype, full.dtype, points.dtype) == (torch.float32, torch.int64, torch.int64)
        assert np.array_equal(full.numpy(), truth[data.item_name(0)])
        assert full.min() == -1
        assert [int((points == c).sum()) for c in range(data.num_classes)] == [3] * len(data.legend)
        assert torch.equal(points[points >= 0], full[points >= 0])
        assert image.abs().max() < 4


def test_every_split_has_images_and_no_image_is_in_two(tree) -> None:
    name, root, truth = tree
    names = [[sample.name for sample in data.samples] for data in open_all(name, root)]
    assert [len(found) for found in names] == [2, 1, 1]
    assert sorted(name for found in names for name in found) == sorted(truth)


def test_tiles_equal_the_parts_of_the_whole(tree) -> None:
    name, root, _ = tree
    whole, tiles = open_benchmark(name, root), open_benchmark(name, root, tile_px=96)
    assert len(tiles) == 4 * len(whole)
    for i, (row, col) in enumerate([(0, 0), (0, 32), (32, 0), (32, 32)]):
        window = (..., slice(row, row + 96), slice(col, col + 96))
        assert torch.equal(tiles[4 + i][0], whole[1][0][window])
        assert torch.equal(tiles[4 + i][1], whole[1][1][window])
        assert tiles.item_name(4 + i) == f"{whole.item_name(1)}@{row},{col}"


def _refuse(*_: object) -> None:
    raise OSError("read again")


def test_a_tile_is_read_once(tree, monkeypatch: pytest.MonkeyPatch) -> None:
    name, root, _ = tree
    data = open_benchmark(name, root, tile_px=96)
    first = data[1]
    monkeypatch.setattr("pointillist.data.benchmarks.dataset.read_values", _refuse)
    monkeypatch.setattr("pointillist.data.benchmarks.labels.read_values", _refuse)
    for again, once in zip(data[1], first, strict=True):
        assert torch.equal(again, once)


def test_more_tiles_than_memory_holds_are_read_again(tree, monkeypatch: pytest.MonkeyPatch) -> None:
    name, root, _ = tree
    monkeypatch.setattr("pointillist.data.benchmarks.dataset._KEPT_BYTES", 10_000)
    data = open_benchmark(name, root, tile_px=96)
    assert torch.equal(data[1][0], data[1][0])
    monkeypatch.setattr("pointillist.data.benchmarks.dataset.read_values", _refuse)
    with pytest.raises(OSError, match="read again"):
        data[1]


def test_points_are_fixed_by_the_seed(tree) -> None:
    name, root, _ = tree
    one, same, other = (open_benchmark(name, root, seed=seed)[0][2] for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


@pytest.mark.parametrize("strategy", ["random", "stratified", "balanced", "interior"])
def test_points_in_total_by_any_design(tree, strategy: str) -> None:
    name, root, _ = tree
    _, full, points = open_benchmark(name, root, num_points=33, strategy=strategy)[0]
    assert int((points >= 0).sum()) == 33
    assert torch.equal(points[points >= 0], full[points >= 0])


def test_augmentation_moves_all_three(tree) -> None:
    name, root, _ = tree
    plain, moved = open_benchmark(name, root), open_benchmark(name, root, augment=True)
    full = plain[0][1]
    images = []
    for epoch in range(4):
        moved.set_epoch(epoch)
        image, turned, points = moved[0]
        assert torch.equal(full.unique(return_counts=True)[1], turned.unique(return_counts=True)[1])
        assert torch.equal(points[points >= 0], turned[points >= 0])
        images.append(image)
    moved.set_epoch(0)
    assert torch.equal(moved[0][0], images[0])
    assert any(not torch.equal(image, images[0]) for image in images)


def test_a_limit_takes_tiles_from_the_whole_split(tree) -> None:
    name, root, _ = tree
    tiles = open_benchmark(name, root, tile_px=32)
    few = open_benchmark(name, root, tile_px=32, limit=4)
    names = [tiles.item_name(i) for i in (0, 8, 16, 24)]
    assert [few.item_name(i) for i in range(len(few))] == names
    assert len(open_benchmark(name, root, tile_px=32, limit=99)) == 32
    with pytest.raises(InputError, match="limit of at least 1 tile, got 0"):
        open_benchmark(name, root, limit=0)


def test_the_image_tells_the_classes_apart(tree) -> None:
    """Fixtures can be learned: the class means of training tell the pixels of the test image."""
    name, root, _ = tree
    (image, full, _), (other, reference, _) = (open_all(name, root)[i][0] for i in (0, 2))
    known = reference >= 0
    classes = range(int(full.max()) + 1)
    means = torch.stack([image[:, full == c].mean(dim=1) for c in classes])
    nearest = torch.cdist(other[:, known].T, means).argmin(dim=1)
    assert (nearest == reference[known]).float().mean() > 0.9


def test_workers_read_the_same(tree) -> None:
    name, root, _ = tree
    data = open_benchmark(name, root, tile_px=64)
    loader = torch.utils.data.DataLoader(data, batch_size=4, num_workers=1)
    assert torch.equal(next(iter(loader))[1], torch.stack([data[i][1] for i in range(4)]))


def test_items_beyond_the_end_are_refused(tree) -> None:
    name, root, _ = tree
    data = open_benchmark(name, root)
    assert torch.equal(data[-1][1], data[1][1])
    with pytest.raises(IndexError, match="index below 2, got 2"):
        data[2]


def test_tiles_larger_than_an_image_are_refused(tree) -> None:
    name, root, _ = tree
    with pytest.raises(InputError, match=r"got 256 px for an image of 128×128 px \(.+\)"):
        open_benchmark(name, root, tile_px=256)


@pytest.mark.parametrize("name", BENCHMARKS)
def test_an_empty_root_shows_the_tree(name: str, tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match=r"(?s)Expected .+ in '.+', but there is no .+:\n  "):
        open_benchmark(name, tmp_path)
    with pytest.raises(MissingFileError, match=r"(?s)no such folder\. Get it from .+this:\n  "):
        open_benchmark(name, tmp_path / "nowhere")


@pytest.mark.parametrize("name", BENCHMARKS)
@pytest.mark.parametrize("place", ["{}/inner", "{}/inner/deeper"])
def test_a_root_too_high_names_the_folder(name: str, place: str, tmp_path: Path) -> None:
    MAKERS[name](Path(place.format(tmp_path)))
    (tmp_path / "aaa").mkdir()
    with pytest.raises(LayoutError, match=rf"It is in '{place.format(tmp_path)}': name that"):
        open_benchmark(name, tmp_path)


def test_archives_that_are_still_packed_are_named(tmp_path: Path) -> None:
    for name in ("2_Ortho_RGB.zip", "5_Labels_all.zip", "assess_classification.txt"):
        (tmp_path / name).touch()
    match = r"Unpack 2_Ortho_RGB\.zip, 5_Labels_all\.zip first"
    with pytest.raises(LayoutError, match=match):
        open_benchmark("potsdam", tmp_path)


@pytest.mark.parametrize("name", ["potsdam", "vaihingen", "agriculture-vision", "loveda"])
def test_a_root_too_deep_names_the_folder(name: str, tmp_path: Path) -> None:
    MAKERS[name](tmp_path)
    deep = next(path for path in sorted(tmp_path.iterdir()) if path.is_dir())
    with pytest.raises(LayoutError, match=rf"It is in '{tmp_path}': name that"):
        open_benchmark(name, deep)


def test_a_root_that_is_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "data.zip").touch()
    with pytest.raises(LayoutError, match="but it is no folder"):
        open_benchmark("loveda", tmp_path / "data.zip")


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("potsdam", "2_Ortho_RGB"), ("potsdam", "5_Labels_all"), ("vaihingen", "top"),
        ("deepglobe", "land-train"), ("agriculture-vision", "train"),
        ("agriculture-vision", "train/images"), ("loveda", "Train"), ("loveda", "Train/Rural"),
        ("loveda", "Train/Urban/images_png"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("rename", ["nested", "upper", "lower"])
def test_folders_in_themselves_and_of_another_case(
    name: str, folder: str, rename: str, tmp_path: Path
) -> None:
    """As unpackers nest them, and as copies from other systems spell them."""
    MAKERS[name](tmp_path)
    before = open_benchmark(name, tmp_path)
    path = tmp_path / folder
    new = f"{path.name}/{path.name}" if rename == "nested" else getattr(path.name, rename)()
    path.rename(path.with_name("moved"))
    (path.parent / new).parent.mkdir(exist_ok=True)
    path.with_name("moved").rename(path.parent / new)
    after = open_benchmark(name, tmp_path)
    assert [sample.name for sample in after.samples] == [sample.name for sample in before.samples]
    assert after[0][1].shape == (128, 128)


def test_endings_of_another_case(tmp_path: Path) -> None:
    MAKERS["deepglobe"](tmp_path)
    before = open_benchmark("deepglobe", tmp_path)
    for path in sorted(tmp_path.glob("land-train/*")):
        path.rename(path.with_name(path.name.replace(".jpg", ".JPG").replace(".png", ".PNG")))
    (tmp_path / "land-train" / "Thumbs.db").touch()
    (tmp_path / "land-train" / "._100694_sat.jpg").touch()
    after = open_benchmark("deepglobe", tmp_path)
    assert [sample.name for sample in after.samples] == [sample.name for sample in before.samples]


@pytest.mark.parametrize("name", BENCHMARKS)
def test_missing_labels_are_counted_and_named(name: str, tmp_path: Path) -> None:
    MAKERS[name](tmp_path)
    sample = open_benchmark(name, tmp_path).samples[1]
    image = sample.images[0][0].name.replace("+", r"\+")
    sample.labels.files[0].unlink()
    with pytest.raises(
        MissingFileError, match=rf"1 of \d .*images have no labels.* in .+{image}\)"
    ):
        open_benchmark(name, tmp_path)


@pytest.mark.parametrize("name", BENCHMARKS)
def test_labels_of_another_size_are_refused(name: str, tmp_path: Path) -> None:
    MAKERS[name](tmp_path)
    data = open_benchmark(name, tmp_path)
    path = data.samples[0].labels.files[0]
    Image.fromarray(np.zeros((100, 90, 3), dtype=np.uint8)).save(path)
    match = rf"128×128 px in .+ and 100×90 px in '.+{path.name}'"
    with pytest.raises(GridError, match=match):
        data[0]


def test_an_unknown_name_or_split_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"data set of potsdam, vaihingen, .+, got 'landsat'"):
        open_benchmark("landsat", tmp_path)
    with pytest.raises(InputError, match="split of train, val, test, got 'all'"):
        open_benchmark("loveda", tmp_path, "all")


def test_no_point_is_too_few(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="at least 1 point"):
        open_benchmark("loveda", tmp_path, num_points=0)
