"""Chips around labelled pixels."""

from __future__ import annotations

import pickle
from collections import Counter

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from pointillist.data import Augmentation, PointChips
from pointillist.errors import InputError, PointsError
from pointillist.grid import Window
from pointillist.models import Normalisation
from pointillist.points import LabelledPixels
from pointillist.raster import ArraySource


def make_scene(height: int, width: int, n_bands: int = 2) -> np.ndarray:
    """Every pixel says where it is: row in the first band, column in the second."""
    data = np.zeros((n_bands, height, width), dtype=np.uint16)
    data[0], data[1] = np.indices((height, width)) + 1
    return data


def make_labels(rng, shape: tuple[int, int], n: int, n_classes: int = 3) -> LabelledPixels:
    at = rng.choice(shape[0] * shape[1], n, replace=False)
    rowcol = np.stack(np.divmod(at, shape[1]), axis=1)
    return LabelledPixels(rowcol, rng.integers(0, n_classes, n), np.arange(n))


def make_chips(data, labels, **options) -> PointChips:
    plain = Normalisation((0.0,) * len(data), (1.0,) * len(data))
    options = {"chip_px": 16, "augment": False, **options}
    return PointChips([ArraySource(data)], [labels], plain, num_classes=3, **options)


class DiskSource:
    """A scene that is not an array, as one on disk; it counts the pixels that are read."""

    def __init__(self, data: np.ndarray, dtype: str | None = None) -> None:
        self._inner = ArraySource(data)
        self.name, self.grid = "disk.tif", self._inner.grid
        self.n_bands, self.band_names = self._inner.n_bands, self._inner.band_names
        self.dtype = dtype or str(data.dtype)
        self.windows: list[Window] = []

    def read(self, window: Window):
        self.windows.append(window)
        return self._inner.read(window)


def test_items_hold_image_and_labels_of_the_same_place(rng) -> None:
    labels = make_labels(rng, (60, 70), 40)
    chips = make_chips(make_scene(60, 70), labels, length=50)
    truth = labels.to_mask((60, 70))
    assert len(chips) == 50
    for i in range(50):
        image, target = chips[i]
        assert image.shape == (2, 16, 16)
        assert image.dtype == torch.float32
        assert target.dtype == torch.int64
        rows, cols = (image[b].numpy().astype(int) - 1 for b in (0, 1))
        inside = rows >= 0
        assert np.array_equal(target.numpy()[inside], truth[rows[inside], cols[inside]])
        assert (target.numpy()[~inside] == -1).all()


@pytest.mark.parametrize("augment", [False, True, Augmentation(gain=0.1, offset=0.1)])
@pytest.mark.parametrize("draw", ["natural", "balanced"])
def test_no_chip_is_without_label(rng, augment, draw: str) -> None:
    labels = make_labels(rng, (200, 150), 5)
    chips = make_chips(make_scene(200, 150), labels, augment=augment, draw=draw, length=80)
    for epoch in range(2):
        chips.set_epoch(epoch)
        assert all((target >= 0).any() for _, target in (chips[i] for i in range(80)))


def test_augmented_chips_move_labels_with_the_image(rng) -> None:
    labels = make_labels(rng, (60, 70), 60)
    chips = make_chips(make_scene(60, 70), labels, augment=True, length=40)
    truth = labels.to_mask((60, 70))
    for i in range(40):
        image, target = chips[i]
        rows, cols = (image[b].numpy().astype(int) - 1 for b in (0, 1))
        inside = rows >= 0
        assert np.array_equal(target.numpy()[inside], truth[rows[inside], cols[inside]])


def test_a_scene_smaller_than_a_chip_is_padded_and_masked(rng) -> None:
    labels = make_labels(rng, (10, 23), 6)
    chips = make_chips(make_scene(10, 23), labels, chip_px=32, length=20)
    for i in range(20):
        image, target = chips[i]
        inside = image[0] > 0
        assert int(inside.sum()) == 10 * 23
        assert int((target >= 0).sum()) == 6
        assert (target[~inside] == -1).all()
        assert (image[:, ~inside] == 0).all()


def test_nodata_is_0_after_normalisation_and_unlabelled(rng) -> None:
    data = make_scene(40, 40)
    valid = rng.random((40, 40)) < 0.5
    labels = make_labels(rng, (40, 40), 300)
    source = ArraySource(data, valid=valid)
    normalisation = Normalisation((-100.0, -100.0), (1.0, 1.0))
    jitter = Augmentation(offset=0.5)
    chips = PointChips([source], [labels], normalisation, 3, chip_px=16, augment=jitter, length=30)
    for image, target in (chips[i] for i in range(30)):
        empty = (image == 0).all(dim=0)
        assert empty.any()
        assert (target[empty] == -1).all()


def test_labels_on_nodata_are_passed_over() -> None:
    valid = np.ones((50, 50), dtype=bool)
    valid[:, :40] = False
    rowcol = np.array([[5, 5], [20, 20], [25, 45]])
    labels = LabelledPixels(rowcol, np.array([0, 1, 2]), np.arange(3))
    source = ArraySource(make_scene(50, 50), valid=valid)
    chips = PointChips([source], [labels], Normalisation((0, 0), (1, 1)), 3, chip_px=8, length=20)
    assert all((chips[i][1] == 2).sum() == 1 for i in range(20))


def test_only_labels_on_nodata_is_an_error() -> None:
    labels = LabelledPixels(np.array([[5, 5]]), np.array([0]), np.arange(1))
    source = ArraySource(make_scene(9, 9), valid=np.zeros((9, 9), dtype=bool), name="empty.tif")
    chips = PointChips([source], [labels], Normalisation((0, 0), (1, 1)), 3, chip_px=8)
    with pytest.raises(PointsError, match=r"lie on nodata of empty\.tif"):
        chips[0]


def test_anchors_lie_anywhere_in_the_chip() -> None:
    labels = LabelledPixels(np.array([[100, 100]]), np.array([1]), np.arange(1))
    chips = make_chips(make_scene(200, 200), labels, chip_px=8, length=400)
    places = {tuple(torch.nonzero(chips[i][1] >= 0)[0].tolist()) for i in range(400)}
    assert len(places) > 55


def test_natural_draw_takes_every_point_equally_often(rng) -> None:
    labels = make_labels(rng, (3000, 3000), 30)
    chips = make_chips(make_scene(3000, 3000), labels, chip_px=4, length=20)
    seen: Counter[tuple[int, int]] = Counter()
    for epoch in range(6):
        chips.set_epoch(epoch)
        for i in range(20):
            image, target = chips[i]
            row, col = torch.nonzero(target >= 0)[0]
            seen[int(image[0, row, col]), int(image[1, row, col])] += 1
    # 120 chips of 30 points: an epoch ends within a pass, and the next goes on from there
    assert set(seen.values()) == {4}


def test_balanced_draw_takes_classes_equally_often(rng) -> None:
    rowcol = make_labels(rng, (3000, 3000), 60).rowcol
    index = np.repeat([0, 1, 2], [50, 8, 2])
    chips = make_chips(
        make_scene(3000, 3000),
        LabelledPixels(rowcol, index, np.arange(60)),
        chip_px=4,
        length=90,
        draw="balanced",
    )
    counts = np.bincount([int(chips[i][1].max()) for i in range(90)])
    assert counts.tolist() == [30, 30, 30]


def test_polygons_count_by_area_not_by_pixel() -> None:
    big = np.stack(np.indices((100, 100)), axis=2).reshape(-1, 2)
    rowcol = np.concatenate([big, [[900, 900]]])
    feature = np.repeat([0, 1], [len(big), 1])
    chips = make_chips(
        make_scene(1000, 1000),
        LabelledPixels(rowcol, feature.copy(), feature),
        chip_px=100,
        length=50,
    )
    # a field of 100 × 100 px holds four half chips
    assert len(chips.anchors) == 5
    assert sum(int(chips[i][1].max()) == 1 for i in range(50)) == 10


def test_items_depend_on_seed_epoch_and_index_only(rng) -> None:
    labels = make_labels(rng, (90, 90), 30)

    def items(chips: PointChips, epoch: int, order) -> dict[int, torch.Tensor]:
        chips.set_epoch(epoch)
        return {i: chips[i][0] for i in order}

    first = items(make_chips(make_scene(90, 90), labels, length=12, augment=True), 3, range(12))
    again = make_chips(make_scene(90, 90), labels, length=12, augment=True)
    items(again, 1, range(5))
    second = items(pickle.loads(pickle.dumps(again)), 3, reversed(range(12)))
    assert all(torch.equal(first[i], second[i]) for i in range(12))
    other = items(again, 4, range(12))
    assert not all(torch.equal(first[i], other[i]) for i in range(12))
    reseeded = make_chips(make_scene(90, 90), labels, length=12, augment=True, seed=1)
    third = items(reseeded, 3, range(12))
    assert not all(torch.equal(first[i], third[i]) for i in range(12))


def test_running_workers_see_the_epoch(rng) -> None:
    labels = make_labels(rng, (90, 90), 30)
    chips = make_chips(make_scene(90, 90), labels, length=8, augment=True)
    loader = DataLoader(chips, batch_size=4, num_workers=1, persistent_workers=True)
    for epoch in (0, 1):
        chips.set_epoch(epoch)
        loaded = torch.cat([image for image, _ in loader])
        assert torch.equal(loaded, torch.stack([chips[i][0] for i in range(8)]))


def test_several_scenes_are_drawn_from_by_their_points(rng) -> None:
    scenes = [make_scene(50, 60), make_scene(80, 40) + 1000]
    labels = [make_labels(rng, (50, 60), 10), make_labels(rng, (80, 40), 30)]
    chips = PointChips(
        [ArraySource(s) for s in scenes], labels, Normalisation((0, 0), (1, 1)), 3, chip_px=8
    )
    assert len(chips) == 40
    assert sum(float(chips[i][0].max()) > 1000 for i in range(40)) == 30


def test_small_scenes_are_held_in_memory_and_large_ones_read_by_window(rng) -> None:
    data = make_scene(300, 400)
    labels = make_labels(rng, (300, 400), 20)
    plain = Normalisation((0, 0), (1, 1))
    held, read = DiskSource(data), DiskSource(data)
    in_memory = PointChips([held], [labels], plain, 3, chip_px=16, length=10)
    by_window = PointChips([read], [labels], plain, 3, chip_px=16, length=10, memory_mb=0.1)
    n_reads = len(held.windows)
    for i in range(10):
        for mine, theirs in zip(in_memory[i], by_window[i], strict=True):
            assert torch.equal(mine, theirs)
    assert len(held.windows) == n_reads
    assert in_memory.sources[0].read(Window(0, 0, 2, 2)).data.dtype == np.float32
    assert len(read.windows) == 10
    assert all(w.shape == (16, 16) for w in read.windows)


def test_fractions_survive_being_held_in_memory(rng) -> None:
    data = rng.random((2, 40, 30)).astype(np.float32)
    labels = make_labels(rng, (40, 30), 5)
    chips = PointChips(
        [DiskSource(data)], [labels], Normalisation((0, 0), (1, 1)), 3, chip_px=8, augment=False
    )
    assert np.array_equal(chips.sources[0].read(Window(0, 0, 40, 30)).data, data)


def test_the_last_of_two_labels_on_a_pixel_counts() -> None:
    labels = LabelledPixels(np.array([[3, 3], [3, 3]]), np.array([0, 2]), np.arange(2))
    chips = make_chips(make_scene(9, 9), labels)
    assert int(chips[0][1].max()) == 2


def test_a_million_labelled_pixels_are_no_trouble() -> None:
    rowcol = np.stack(np.indices((1000, 1000)), axis=2).reshape(-1, 2)
    index = (rowcol[:, 0] // 100) % 3
    labels = LabelledPixels(rowcol, index, rowcol[:, 0] // 100)
    chips = make_chips(make_scene(1000, 1000), labels, chip_px=64, length=4)
    assert all((target >= 0).sum() > 1000 for _, target in (chips[i] for i in range(4)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"chip_px": 0}, "chips of at least 1 px"),
        ({"length": 0}, "at least 1 chip per epoch"),
        ({"draw": "random"}, "natural or balanced, got 'random'"),
    ],
)
def test_impossible_options_are_refused(rng, options, message: str) -> None:
    with pytest.raises(InputError, match=message):
        make_chips(make_scene(20, 20), make_labels(rng, (20, 20), 5), **options)


def test_labels_that_do_not_fit_are_refused(rng) -> None:
    none = LabelledPixels(np.zeros((0, 2), int), np.zeros(0, int), np.zeros(0, int))
    with pytest.raises(PointsError, match="at least one labelled pixel"):
        make_chips(make_scene(20, 20), none)
    outside = LabelledPixels(np.array([[20, 0]]), np.array([0]), np.array([0]))
    with pytest.raises(InputError, match=r"1 outside \(first: row 20, col 0\)"):
        make_chips(make_scene(20, 20), outside)
    unknown = LabelledPixels(np.array([[2, 0]]), np.array([3]), np.array([0]))
    with pytest.raises(InputError, match="class indices 0…2, got 3"):
        make_chips(make_scene(20, 20), unknown)


def test_scenes_that_do_not_fit_are_refused(rng) -> None:
    labels = make_labels(rng, (20, 20), 5)
    sources = [ArraySource(make_scene(20, 20, n), name=f"{n}.tif") for n in (2, 3)]
    plain = Normalisation((0, 0), (1, 1))
    with pytest.raises(InputError, match=r"got 2 in 2\.tif and 3 in 3\.tif"):
        PointChips(sources, [labels, labels], plain, 3)
    with pytest.raises(InputError, match="got 2 scenes and 1 sets of labels"):
        PointChips(sources, [labels], plain, 3)


@pytest.mark.realdata
def test_a_real_scene_reads_the_same_from_memory(real_data) -> None:
    pytest.importorskip("rasterio")
    from pointillist.data import estimate_normalisation
    from pointillist.points import read_labels
    from pointillist.raster import open_scene

    folder = real_data / "leipzig"
    with open_scene(folder / "leipzig_raster.tif") as scene:
        labels = read_labels(folder / "leipzig_points.gpkg", scene.grid)
        normalisation = estimate_normalisation([scene])
        held, read = (
            PointChips(
                [scene],
                [labels.pixels],
                normalisation,
                len(labels.legend),
                chip_px=200,
                length=5,
                memory_mb=memory_mb,
            )
            for memory_mb in (256, 0)
        )
        for i in range(5):
            assert torch.equal(held[i][0], read[i][0])
            assert torch.equal(held[i][1], read[i][1])
            assert torch.isfinite(held[i][0]).all()
