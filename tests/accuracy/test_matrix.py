"""The error matrix and its figures, against scikit-learn and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics

from pointillist.accuracy import (
    ErrorMatrix,
    error_matrix,
    f1,
    iou,
    map_shares,
    mean_iou,
    overall_accuracy,
    producers_accuracy,
    reference_shares,
    users_accuracy,
)
from pointillist.errors import InputError


@pytest.fixture
def labels(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    reference = rng.integers(0, 5, size=(40, 50))
    noise = rng.integers(0, 5, size=reference.shape)
    return np.where(rng.random(reference.shape) < 0.7, reference, noise), reference


def test_counts_and_figures_equal_scikit_learn(labels: tuple[np.ndarray, np.ndarray]) -> None:
    in_map, reference = labels
    m, r = in_map.ravel(), reference.ravel()
    matrix = error_matrix(in_map, reference, 5)
    np.testing.assert_array_equal(matrix.counts, metrics.confusion_matrix(r, m).T)
    assert overall_accuracy(matrix) == pytest.approx(metrics.accuracy_score(r, m))
    np.testing.assert_allclose(users_accuracy(matrix), metrics.precision_score(r, m, average=None))
    np.testing.assert_allclose(producers_accuracy(matrix), metrics.recall_score(r, m, average=None))
    np.testing.assert_allclose(f1(matrix), metrics.f1_score(r, m, average=None))
    np.testing.assert_allclose(iou(matrix), metrics.jaccard_score(r, m, average=None))
    assert mean_iou(matrix) == pytest.approx(metrics.jaccard_score(r, m, average="macro"))


def test_blocks_add_up_to_the_whole(labels: tuple[np.ndarray, np.ndarray]) -> None:
    in_map, reference = labels
    parts = ErrorMatrix.empty([str(i) for i in range(5)])
    for rows in (slice(0, 7), slice(7, 40)):
        parts = parts + error_matrix(in_map[rows], reference[rows], 5)
    assert parts == error_matrix(in_map, reference, 5)


def test_unlabelled_reference_is_ignored() -> None:
    matrix = error_matrix([0, 1, 1, -1], [0, 1, -1, -1], 2)
    assert matrix.n == 2
    assert overall_accuracy(matrix) == 1.0


def test_a_pixel_left_without_a_class_is_wrong() -> None:
    matrix = error_matrix([0, 0, -1, 1], [0, 0, 0, 1], 2)
    assert matrix.unmapped.tolist() == [1, 0]
    assert overall_accuracy(matrix) == pytest.approx(3 / 4)
    assert producers_accuracy(matrix)[0] == pytest.approx(2 / 3)
    assert users_accuracy(matrix)[0] == 1.0  # what the map does show is right
    assert iou(matrix)[0] == pytest.approx(2 / 3)
    assert reference_shares(matrix).sum() == pytest.approx(1)
    assert map_shares(matrix).sum() == pytest.approx(3 / 4)


def test_absent_classes_are_nan_and_stay_out_of_the_mean() -> None:
    # class 2 is in neither; class 1 is mapped but never found
    matrix = error_matrix([0, 0, 1, 0], [0, 0, 0, 0], 3)
    np.testing.assert_allclose(iou(matrix), [0.75, 0.0, np.nan])
    np.testing.assert_allclose(producers_accuracy(matrix), [0.75, np.nan, np.nan])
    np.testing.assert_allclose(users_accuracy(matrix), [1.0, 0.0, np.nan])
    assert mean_iou(matrix) == pytest.approx(0.75)


def test_empty_matrix_has_no_figures() -> None:
    matrix = ErrorMatrix.empty(["a", "b"])
    assert np.isnan(overall_accuracy(matrix))
    assert np.isnan(mean_iou(matrix))
    assert np.isnan(f1(matrix)).all()


def test_different_shapes_are_refused() -> None:
    with pytest.raises(InputError, match=r"same shape, got \(2,\) and \(3,\)"):
        error_matrix([0, 1], [0, 1, 1], 2)


@pytest.mark.parametrize(("index", "place"), [([0, 2], "map"), ([0, -2], "map")])
def test_indices_out_of_range_are_refused(index: list[int], place: str) -> None:
    with pytest.raises(InputError, match=f"from −1 to 1 in the {place}"):
        error_matrix(index, [0, 1], 2)


def test_probabilities_are_refused() -> None:
    with pytest.raises(InputError, match="whole numbers"):
        error_matrix([0.1, 0.9], [0, 1], 2)


def test_matrices_of_other_classes_do_not_add() -> None:
    with pytest.raises(InputError, match="same classes"):
        ErrorMatrix.empty(["a"]) + ErrorMatrix.empty(["b"])


def test_shapes_and_signs_are_checked() -> None:
    with pytest.raises(InputError, match=r"counts \(3, 3\)"):
        ErrorMatrix(np.zeros((2, 2), dtype=np.int64), ("a", "b", "c"))
    with pytest.raises(InputError, match="at least 0"):
        ErrorMatrix(np.array([[1, -1], [0, 1]]), ("a", "b"))
