from __future__ import annotations

import numpy as np
import pytest

from pointillist.errors import PointsError
from pointillist.grid import Window
from pointillist.legend import Legend
from pointillist.points import LabelledPixels, LabelReport, require_two_classes


@pytest.fixture
def pixels() -> LabelledPixels:
    return LabelledPixels.from_arrays([[0, 0], [2, 3], [4, 1]], [0, 2, 2], [5, 6, 9])


def test_the_mask_holds_every_label_and_minus_one_elsewhere(pixels: LabelledPixels) -> None:
    mask = pixels.to_mask((5, 4))
    assert mask.dtype == np.int64
    assert (mask[0, 0], mask[2, 3], mask[4, 1]) == (0, 2, 2)
    assert (mask >= 0).sum() == 3


def test_a_window_may_reach_beyond_the_scene(pixels: LabelledPixels) -> None:
    mask = pixels.to_mask((5, 4), Window(-1, 2, 4, 4))
    assert mask.shape == (4, 4)
    assert mask[3, 1] == 2
    assert (mask >= 0).sum() == 1


def test_labels_outside_the_shape_are_left_out() -> None:
    assert (LabelledPixels.from_arrays([[9, 9]], [1]).to_mask((5, 5)) == -1).all()


def test_mask_and_pixels_are_two_forms_of_one_thing(pixels: LabelledPixels) -> None:
    again = LabelledPixels.from_mask(pixels.to_mask((5, 4)))
    np.testing.assert_array_equal(again.rowcol, pixels.rowcol)
    np.testing.assert_array_equal(again.index, pixels.index)


def test_subset_and_counts(pixels: LabelledPixels) -> None:
    chosen = pixels.subset(pixels.index == 2)
    assert len(chosen) == 2
    assert chosen.feature.tolist() == [6, 9]
    assert pixels.counts(4).tolist() == [1, 0, 2, 0]


def test_one_class_is_not_enough_to_learn(pixels: LabelledPixels) -> None:
    legend = Legend.from_names(["water", "forest", "urban"])
    require_two_classes(pixels, legend)
    with pytest.raises(PointsError, match=r"all 2 labelled pixels of a.gpkg are 'urban'"):
        require_two_classes(pixels.subset(pixels.index == 2), legend, "a.gpkg")
    with pytest.raises(PointsError, match="gives none"):
        require_two_classes([pixels.subset([False] * 3)], legend)


def test_two_scenes_may_share_the_classes() -> None:
    legend = Legend.from_names(["a", "b"])
    parts = [LabelledPixels.from_arrays([[0, 0]], [i]) for i in (0, 1)]
    require_two_classes(parts, legend)


def test_a_report_of_plain_success_is_one_line() -> None:
    assert LabelReport(1200, 1200, source="a.csv").lines() == [
        "a.csv: 1,200 of 1,200 features used."
    ]
