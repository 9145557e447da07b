"""Bounds over all answers that missing places might have, against all answers tried."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from pointillist.accuracy import StratifiedSample, estimate
from pointillist.accuracy.nonresponse import Unanswered, bound_figures, describe_nonresponse


def test_bounds_are_those_of_all_answers() -> None:
    rows, columns = [0, 0, 0, 1, 1, 2, 2, 1], [0, 0, 1, 1, 0, 2, 1, 1]
    stratum, sizes = [0, 0, 1, 0, 1, 1, 0, 1], [30.0, 70.0]
    missing = [(0, 0), (1, 2), (1, -1)]  # stratum and map class
    unanswered = np.zeros((2, 4), dtype=np.int64)
    for h, i in missing:
        unanswered[h, i] += 1
    sample = StratifiedSample.from_labels(rows, columns, 3, stratum, sizes)
    tried = []
    for answers in product(range(3), repeat=3):
        filled = StratifiedSample.from_labels(
            rows + [i for _, i in missing], columns + list(answers), 3,
            stratum + [h for h, _ in missing], sizes,
        )  # fmt: skip
        tried.append(estimate(filled))
    got = bound_figures(sample, Unanswered(unanswered), ["a", "b", "c"])
    overall = [t.overall.value for t in tried]
    assert got["overall_accuracy"] == pytest.approx([min(overall), max(overall)])
    for key, of in (
        ("users_accuracy", "users"), ("producers_accuracy", "producers"),
        ("iou", "iou"), ("area", "area"),
    ):  # fmt: skip
        for c, name in enumerate("abc"):
            values = [getattr(t, of)[c].value for t in tried]
            assert got[key][name] == pytest.approx([np.nanmin(values), np.nanmax(values)])


def test_the_description_counts_by_stratum() -> None:
    sample = StratifiedSample.from_labels([0, 1], [0, 1], 2, [0, 1], [3.0, 5.0], strata=("x", "y"))
    told = describe_nonresponse(sample, Unanswered(np.array([[0, 0, 0], [2, 1, 0]])), ["a", "b"])
    assert (told["n"], told["n_sampled"]) == (3, 5)
    assert told["by_stratum"] == {"x": 0, "y": 3}
    assert "as often right" in told["assumption"]
