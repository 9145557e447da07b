"""The reference study's data set."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from pointillist.data import RemoteSensingDataset
from pointillist.errors import InputError
from pointillist.models import Normalisation
from pointillist.scenes import CLASS_MEANS


def test_items_are_the_tuples_of_the_study() -> None:
    data = RemoteSensingDataset(num_samples=3, img_size=96, num_points_per_class=7)
    image, full, points = data[2]
    assert len(data) == 3
    assert image.shape == (3, 96, 96)
    assert image.dtype == torch.float32
    assert full.dtype == points.dtype == torch.int64
    assert full.shape == points.shape == (96, 96)
    labelled = points >= 0
    assert torch.equal(points[labelled], full[labelled])
    for index in full.unique():
        assert int((points == index).sum()) == min(7, int((full == index).sum()))


def test_images_are_normalised_like_imagenet() -> None:
    image, full, _ = RemoteSensingDataset(num_samples=1)[0]
    vegetation = image[:, full == 1].mean(dim=1).numpy()
    expected = Normalisation.imagenet().apply(CLASS_MEANS[1][:, None, None])[:, 0, 0]
    assert vegetation == pytest.approx(expected, abs=0.05)


def test_points_stay_the_same_while_scenes_turn() -> None:
    plain = RemoteSensingDataset(num_samples=2, img_size=64, seed=5)
    turned = RemoteSensingDataset(num_samples=2, img_size=64, seed=5, augment=True)
    seen = set()
    for _ in range(12):
        image, full, points = turned[1]
        assert torch.equal(points[points >= 0], full[points >= 0])
        for mine, theirs in zip((image, full, points), plain[1], strict=True):
            assert torch.equal(mine.flatten().sort().values, theirs.flatten().sort().values)
        seen.add(full.numpy().tobytes())
    assert len(seen) > 2


def test_epochs_are_repeatable_and_differ() -> None:
    data = RemoteSensingDataset(num_samples=4, img_size=64, augment=True)

    def epoch(number: int) -> torch.Tensor:
        data.set_epoch(number)
        return torch.stack([data[i][1] for i in range(4)])

    first = epoch(0)
    assert not torch.equal(first, epoch(1))
    assert torch.equal(first, epoch(0))


def test_without_epochs_torchs_own_seed_decides() -> None:
    data = RemoteSensingDataset(num_samples=1, img_size=64, augment=True)

    def draws() -> list[torch.Tensor]:
        torch.manual_seed(3)
        return [data[0][1] for _ in range(6)]

    assert all(torch.equal(a, b) for a, b in zip(draws(), draws(), strict=True))


def test_data_sets_of_different_seeds_share_no_scene() -> None:
    sets = [RemoteSensingDataset(num_samples=5, img_size=64, seed=s) for s in (0, 1, 2)]
    images = {item[0].numpy().tobytes() for data in sets for item in data}
    assert len(images) == 15


def test_a_longer_data_set_begins_with_the_shorter_one() -> None:
    short, long = (RemoteSensingDataset(num_samples=n, img_size=64) for n in (2, 4))
    assert torch.equal(short[1][0], long[1][0])
    assert torch.equal(short[1][2], long[1][2])


def test_points_may_be_asked_for_in_total() -> None:
    data = RemoteSensingDataset(num_samples=2, img_size=64, num_points=37, strategy="stratified")
    assert int((data[0][2] >= 0).sum()) == 37


def test_large_sets_are_generated_as_they_are_read(monkeypatch) -> None:
    kept = RemoteSensingDataset(num_samples=2, img_size=64)
    monkeypatch.setattr("pointillist.data.synthetic._KEEP_BYTES", 0)
    lazy = RemoteSensingDataset(num_samples=2, img_size=64)
    assert all(torch.equal(a, b) for a, b in zip(kept[1], lazy[1], strict=True))


def test_what_is_done_to_an_item_does_not_change_the_data_set() -> None:
    data = RemoteSensingDataset(num_samples=1, img_size=64)
    before = data[0]
    for tensor in data[0]:
        tensor.zero_()
    assert all(torch.equal(a, b) for a, b in zip(before, data[0], strict=True))


def test_works_with_loaders_pickles_and_plain_loops() -> None:
    data = RemoteSensingDataset(num_samples=3, img_size=64)
    image, _, _ = next(iter(DataLoader(data, batch_size=2)))
    assert image.shape == (2, 3, 64, 64)
    assert torch.equal(pickle.loads(pickle.dumps(data))[0][0], data[0][0])
    assert len(list(data)) == 3
    assert torch.equal(data[-1][0], data[2][0])
    with pytest.raises(IndexError, match="index below 3"):
        data[3]


@pytest.mark.parametrize("wrong", [{"num_samples": 0}, {"num_samples": 1, "seed": -1}])
def test_impossible_numbers_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(InputError, match="at least 1 sample and a seed of at least 0"):
        RemoteSensingDataset(**wrong)


def test_no_points_at_all_are_refused() -> None:
    with pytest.raises(InputError, match="at least 1 point per class or image, got 0"):
        RemoteSensingDataset(num_samples=1, num_points_per_class=0)


def test_scenes_are_as_different_as_their_points() -> None:
    data = RemoteSensingDataset(num_samples=2, img_size=64, num_points=20)
    assert not np.array_equal(data[0][2], data[1][2])
