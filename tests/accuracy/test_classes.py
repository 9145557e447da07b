"""Classes of map and reference brought together."""

from __future__ import annotations

import pytest

from pointillist.accuracy.classes import join_classes
from pointillist.errors import LegendError
from pointillist.legend import Legend

MAP = Legend.from_names(["Water", "Forest"], [10, 20])


def test_names_meet_whatever_their_codes_and_case() -> None:
    joined = join_classes(MAP, Legend.from_names(["forest", "water"]), by_code=True)
    assert joined.from_reference.tolist() == [1, 0, -1]
    assert joined.notices == ()


def test_numbers_meet_codes() -> None:
    joined = join_classes(MAP, Legend.from_values([20, 10]), by_code=False)
    assert joined.from_reference.tolist() == [0, 1, -1]


def test_a_map_without_names_meets_a_raster_by_code_only() -> None:
    nameless, named = Legend.from_values([1, 2]), Legend.from_names(["Water", "Forest"])
    assert join_classes(nameless, named, by_code=True).from_reference.tolist() == [0, 1, -1]
    with pytest.raises(LegendError, match="1, 2 and the reference has Water, Forest"):
        join_classes(nameless, named, by_code=False)


def test_a_class_the_map_does_not_have_is_added_and_told() -> None:
    joined = join_classes(MAP, Legend.from_names(["Road", "Water"]), by_code=False)
    assert joined.legend.names == ("Water", "Forest", "Road")
    assert joined.legend.codes == (10, 20, 21)
    assert joined.from_reference.tolist() == [2, 0, -1]
    assert "does not have, all counted as errors: Road" in joined.notices[0]
    assert "the reference does not have: Forest" in joined.notices[1]


def test_an_untagged_255_of_a_mask_is_unlabelled() -> None:
    mask = Legend.from_values([10, 20, 255])
    joined = join_classes(MAP, mask, by_code=True, reference_name="mask.png")
    assert joined.from_reference.tolist() == [0, 1, -1, -1]
    assert joined.legend == MAP
    assert "255 in mask.png" in joined.notices[1]
    assert join_classes(MAP, mask, by_code=False).legend.names == ("Water", "Forest", "255")


def test_numbers_taken_for_named_classes_are_told() -> None:
    """A mask that counts from 0 is judged by wrong names against a map that counts from 1."""
    joined = join_classes(MAP, Legend.from_values([10, 20]), by_code=True, reference_name="m.tif")
    assert "m.tif has numbers and no class names" in joined.notices[0]
    assert "(10 Water, 20 Forest)" in joined.notices[0]
    assert "--legend" in joined.notices[0]
    named = join_classes(MAP, Legend.from_names(["Forest"]), by_code=True)
    assert not any("numbers" in notice for notice in named.notices)
