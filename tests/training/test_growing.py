"""Points grow over their colour, never over another point or into a conflict."""

from __future__ import annotations

import numpy as np
import pytest

from pointillist.legend import Legend
from pointillist.models import Normalisation
from pointillist.points import LabelledPixels
from pointillist.raster import ArraySource
from pointillist.training import TrainingTask, growing
from pointillist.training.growing import grow_points


@pytest.fixture(autouse=True)
def all_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole patches, so that their shape can be looked at."""
    monkeypatch.setattr(growing, "_MOST_GROWN", 10**6)


PLAIN = Normalisation((0.0,), (1.0,))


def _task(
    image: np.ndarray,
    points: list[tuple[int, int, int]],
    valid: np.ndarray | None = None,
) -> TrainingTask:
    source = ArraySource(image[None].astype(np.float32), valid)
    at = np.array(points)
    pixels = LabelledPixels.from_arrays(at[:, :2], at[:, 2], 10 + np.arange(len(at)))
    return TrainingTask(
        (source,), (pixels,), Legend.from_names(["a", "b"]), 0, source.band_names
    )  # fmt: skip


def _grown_mask(task: TrainingTask, radius: int) -> np.ndarray:
    grown = grow_points(task, radius, PLAIN).labels[0]
    assert len(np.unique(grown.rowcol, axis=0)) == len(grown)
    return grown.to_mask(task.sources[0].grid.shape)


def test_a_point_grows_to_the_edge_of_its_colour():
    image = np.zeros((9, 9))
    image[:, 5:] = 3
    mask = _grown_mask(_task(image, [(4, 4, 1)]), 3)
    rows, cols = np.indices(mask.shape)
    disc = (rows - 4) ** 2 + (cols - 4) ** 2 <= 9
    np.testing.assert_array_equal(mask == 1, disc & (cols < 5))


def test_the_same_colour_beyond_another_is_not_reached():
    image = np.zeros((9, 9))
    image[:, 5] = 3
    assert (_grown_mask(_task(image, [(4, 4, 0)]), 4)[:, 5:] == -1).all()


def test_what_two_classes_claim_gets_none_and_points_stay():
    task = _task(np.zeros((9, 9)), [(4, 3, 0), (4, 5, 1)])
    mask = _grown_mask(task, 2)
    assert mask[4, 3] == 0
    assert mask[4, 5] == 1
    assert mask[4, 4] == -1
    assert mask[4, 1] == 0
    assert mask[4, 7] == 1


def test_what_grows_belongs_to_its_feature():
    grown = grow_points(_task(np.zeros((9, 9)), [(1, 1, 0), (7, 7, 1)]), 1, PLAIN).labels[0]
    assert set(grown.feature[grown.index == 0]) == {10}
    assert set(grown.feature[grown.index == 1]) == {11}
    assert len(grown) == 10


def test_edges_and_nodata_are_not_grown_over():
    valid = np.ones((6, 6), dtype=bool)
    valid[0, 1] = False
    mask = _grown_mask(_task(np.zeros((6, 6)), [(0, 0, 1), (5, 5, 0)], valid), 1)
    assert mask[0, 1] == -1
    assert mask[1, 0] == 1
    assert (mask >= 0).sum() == 2 + 3


def test_a_point_on_nodata_stays_alone():
    valid = np.ones((6, 6), dtype=bool)
    valid[3, 3] = False
    mask = _grown_mask(_task(np.zeros((6, 6)), [(3, 3, 1)], valid), 2)
    assert (mask >= 0).sum() == 1


@pytest.mark.parametrize("radius", [0])
def test_no_radius_changes_nothing(radius):
    task = _task(np.zeros((6, 6)), [(3, 3, 1)])
    assert grow_points(task, radius, PLAIN) is task


def test_a_large_patch_gives_no_more_than_its_share(monkeypatch):
    monkeypatch.setattr(growing, "_MOST_GROWN", 12)
    image = np.zeros((41, 41))
    image[:, 35:] = 3
    grown = grow_points(_task(image, [(20, 20, 0), (20, 38, 1)]), 10, PLAIN).labels[0]
    assert 12 <= (grown.index == 0).sum() <= 13
    assert 12 <= (grown.index == 1).sum() <= 13
    assert np.ptp(grown.rowcol[grown.index == 0], axis=0).min() > 5


def test_polygons_do_not_grow():
    source = ArraySource(np.zeros((1, 9, 9), dtype=np.float32))
    pixels = LabelledPixels.from_arrays([(4, 4), (4, 5), (1, 1)], [1, 1, 0], [7, 7, 8])
    task = TrainingTask((source,), (pixels,), Legend.from_names(["a", "b"]), 0, source.band_names)
    grown = grow_points(task, 1, PLAIN).labels[0]
    assert (grown.index == 1).sum() == 2
    assert (grown.index == 0).sum() == 5
