"""What must hold for any error matrix and any sample."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pointillist.accuracy import (
    ErrorMatrix,
    StratifiedSample,
    error_matrix,
    estimate,
    f1,
    iou,
    mean_iou,
    overall_accuracy,
    producers_accuracy,
    users_accuracy,
)

counts = st.integers(1, 6).flatmap(
    lambda n: arrays(np.int64, (n + 1, n), elements=st.integers(0, 40))
)
samples = st.tuples(st.integers(1, 4), st.integers(1, 4)).flatmap(
    lambda hc: st.tuples(
        arrays(np.int64, (hc[0], hc[1] + 1, hc[1]), elements=st.integers(0, 9)),
        arrays(np.float64, hc[0], elements=st.floats(1, 1e6)),
    )
)


def matrix_of(table: np.ndarray) -> ErrorMatrix:
    names = tuple(str(i) for i in range(table.shape[1]))
    return ErrorMatrix(table[:-1], names, table[-1])


@given(counts)
def test_figures_lie_between_0_and_1_and_in_their_order(table: np.ndarray) -> None:
    matrix = matrix_of(table)
    for values in (users_accuracy(matrix), producers_accuracy(matrix), f1(matrix), iou(matrix)):
        known = values[~np.isnan(values)]
        assert np.all((known >= 0) & (known <= 1))
    both = ~np.isnan(iou(matrix))
    np.testing.assert_allclose(f1(matrix)[both], 2 * iou(matrix)[both] / (1 + iou(matrix)[both]))


@given(counts, st.randoms(use_true_random=False))
def test_the_order_of_classes_does_not_matter(table: np.ndarray, random: object) -> None:
    n = table.shape[1]
    order = np.array(random.sample(range(n), n))  # type: ignore[attr-defined]
    one, other = matrix_of(table), matrix_of(table[np.append(order, n)][:, order])
    np.testing.assert_equal(overall_accuracy(one), overall_accuracy(other))
    np.testing.assert_allclose(mean_iou(one), mean_iou(other))
    np.testing.assert_equal(iou(one)[order], iou(other))


@given(st.data(), st.integers(1, 5))
def test_matrices_add_up_however_the_pixels_are_split(data: st.DataObject, n: int) -> None:
    pixels = data.draw(arrays(np.int64, (2, 30), elements=st.integers(-1, n - 1)))
    cut = data.draw(st.integers(0, 30))
    whole = error_matrix(pixels[0], pixels[1], n)
    parts = error_matrix(*pixels[:, :cut], n) + error_matrix(*pixels[:, cut:], n)
    assert parts == whole
    assert whole.n == int((pixels[1] >= 0).sum())


@settings(deadline=None)
@given(samples)
def test_area_proportions_sum_to_1(drawn: tuple[np.ndarray, np.ndarray]) -> None:
    table, sizes = drawn
    got = estimate(StratifiedSample(table, sizes, tuple(str(h) for h in range(len(sizes)))))
    shares = [a.value for a in got.area]
    if np.all(table.sum(axis=(1, 2)) > 0):
        np.testing.assert_allclose(sum(shares), 1)
        np.testing.assert_allclose(got.cells.sum(), 1)
    else:
        assert np.isnan(shares).all()
    for a in (got.overall, *got.area, *got.users):
        assert a.se is None or a.se >= 0
        assert a.ci is None or 0 <= a.ci[0] <= a.ci[1] <= 1


@settings(deadline=None)
@given(samples, st.floats(0.01, 100))
def test_only_proportions_of_stratum_sizes_matter(
    drawn: tuple[np.ndarray, np.ndarray], factor: float
) -> None:
    table, sizes = drawn
    names = tuple(str(h) for h in range(len(sizes)))
    one = estimate(StratifiedSample(table, sizes, names))
    other = estimate(StratifiedSample(table, sizes * factor, names))
    np.testing.assert_allclose(one.overall.value, other.overall.value, rtol=1e-9)
    if one.overall.se is not None:
        assert other.overall.se is not None
        np.testing.assert_allclose(one.overall.se, other.overall.se, atol=1e-9)


@settings(deadline=None)
@given(counts)
def test_one_stratum_repeats_the_matrix(table: np.ndarray) -> None:
    matrix = matrix_of(table)
    got = estimate(StratifiedSample(table[None], np.array([1.0])))
    np.testing.assert_allclose(got.overall.value, overall_accuracy(matrix))
    np.testing.assert_allclose([e.value for e in got.iou], iou(matrix))
    np.testing.assert_allclose([e.value for e in got.users], users_accuracy(matrix))
    np.testing.assert_allclose(got.mean_iou.value, mean_iou(matrix))
