"""Design-based estimates against the published numbers in ../shared/golden, copied here.

Olofsson et al. (2014), RSE 148, Tables 8 and 9; Olofsson et al. (2013), RSE 129, example 1;
Stehman (2014), IJRS 35(13), numerical example. Tolerance 1e-5.
"""

from __future__ import annotations

import numpy as np
import pytest

from pointillist.accuracy import Estimate, StratifiedSample, estimate
from pointillist.accuracy.estimators import critical_value, estimate_kappa
from pointillist.errors import InputError


def _map_strata(matrix: list[list[int]], sizes: list[float]) -> StratifiedSample:
    """A sample stratified by map class, from its error matrix."""
    C = len(matrix)
    counts = np.zeros((C, C + 1, C), dtype=np.int64)
    counts[np.arange(C), np.arange(C)] = matrix
    return StratifiedSample(counts, np.array(sizes), tuple("abcd"[:C]), np.arange(C))


def _values(estimates: list[Estimate]) -> list[float]:
    return [e.value for e in estimates]


def _errors(estimates: list[Estimate]) -> list[float | None]:
    return [e.se for e in estimates]


def test_olofsson_2014() -> None:
    matrix = [[66, 0, 5, 4], [0, 55, 8, 12], [1, 0, 153, 11], [2, 1, 9, 313]]
    sample = _map_strata(matrix, [200000, 150000, 3200000, 6450000])
    got = estimate(sample)
    close = {"abs": 1e-5}
    assert got.overall.value == pytest.approx(0.9465118881, **close)
    assert got.overall.se == pytest.approx(0.0094304172, **close)
    assert _values(got.users) == pytest.approx([0.88, 0.7333333, 0.9272727, 0.9630769], **close)
    assert _errors(got.users) == pytest.approx(
        [0.0377760, 0.0514066, 0.0202782, 0.0104763], **close
    )
    assert _values(got.producers) == pytest.approx(
        [0.7486614, 0.8471564, 0.9345089, 0.9616090], **close
    )
    assert _errors(got.producers) == pytest.approx(
        [0.1088316, 0.1298002, 0.0175125, 0.0093681], **close
    )
    assert _values(got.area) == pytest.approx([0.0235086, 0.0129846, 0.3175221, 0.6459846], **close)
    assert _errors(got.area) == pytest.approx([0.0034907, 0.0021292, 0.0087924, 0.0092300], **close)
    hectares = [a.scaled(1e7 * 0.09).value for a in got.area]
    assert hectares == pytest.approx([21157.762, 11686.154, 285769.930, 581386.154], abs=1e-2)


def test_olofsson_2013_example_1() -> None:
    matrix = [[97, 0, 3], [3, 279, 18], [2, 1, 97]]
    got = estimate(_map_strata(matrix, [22353, 1122543, 610228]))
    assert got.overall.value == pytest.approx(0.9444168, abs=1e-5)
    assert _values(got.users) == pytest.approx([0.97, 0.93, 0.97], abs=1e-5)
    assert _values(got.producers) == pytest.approx([0.4806308, 0.9941887, 0.8969259], abs=1e-5)
    assert got.area[0].value == pytest.approx(0.0257033, abs=1e-5)


@pytest.fixture
def stehman() -> StratifiedSample:
    def index(text: str) -> list[int]:
        return ["ABCD".index(letter) for letter in text]

    return StratifiedSample.from_labels(
        index("AAAAAAABBBABBBBBBBBBBBCCCCCCBBDDDDDDDDDD"),
        index("AAAAACBABCABBBBBAABBCCCCCDDBBADDDDDDDCCB"),
        4,
        stratum=index("AAAAAAAAAABBBBBBBBBBCCCCCCCCCCDDDDDDDDDD"),
        sizes=[40000, 30000, 20000, 10000],
        strata=tuple("ABCD"),
        fpc=True,
    )


def test_stehman_2014(stehman: StratifiedSample) -> None:
    got = estimate(stehman)
    assert got.overall.value == pytest.approx(0.63, abs=1e-5)
    assert got.overall.se == pytest.approx(0.084642, abs=1e-5)
    assert got.users[1].value == pytest.approx(0.574468, abs=1e-5)
    assert got.users[1].se == pytest.approx(0.124782, abs=1e-5)
    assert got.producers[1].value == pytest.approx(0.794118, abs=1e-5)
    assert got.producers[1].se == pytest.approx(0.116548, abs=1e-5)
    assert _values(got.area) == pytest.approx([0.35, 0.34, 0.20, 0.11], abs=1e-5)
    assert got.area[0].se == pytest.approx(0.082248, abs=1e-5)
    assert got.area[2].se == pytest.approx(0.064280, abs=1e-5)
    assert got.cells[1, 2] == pytest.approx(0.08, abs=1e-5)


def test_simple_random_sample_equals_the_textbook() -> None:
    rows, columns = [0] * 60 + [1] * 40, [0] * 50 + [1] * 10 + [1] * 30 + [0] * 10
    got = estimate(StratifiedSample.from_labels(rows, columns, 2))
    assert got.overall.value == pytest.approx(0.8)
    assert got.overall.se == pytest.approx(np.sqrt(0.8 * 0.2 / 99))
    assert got.overall.ci == pytest.approx(
        (0.8 - 1.959964 * np.sqrt(0.16 / 99), 0.8 + 1.959964 * np.sqrt(0.16 / 99)), abs=1e-6
    )
    assert got.users[0].value == pytest.approx(50 / 60)
    # Cochran's ratio estimator: V(U) = n / (n - 1) · U (1 - U) / n_i.
    assert got.users[0].se == pytest.approx(np.sqrt(100 / 99 * (5 / 6) * (1 / 6) / 60))
    assert got.f1[0].value == pytest.approx(100 / 120)
    assert got.iou[0].value == pytest.approx(50 / 70)


@pytest.mark.parametrize("figure", ["overall", "mean_iou"])
def test_standard_errors_match_repeated_sampling(figure: str) -> None:
    rng = np.random.default_rng(4)
    reference = rng.integers(0, 3, size=30_000)
    in_map = np.where(rng.random(reference.size) < 0.75, reference, rng.integers(0, 3, 30_000))
    strata = [np.flatnonzero(in_map == c) for c in range(3)]
    results = []
    for _ in range(600):
        chosen = np.concatenate([rng.choice(s, 80, replace=False) for s in strata])
        sample = StratifiedSample.from_labels(
            in_map[chosen], reference[chosen], 3, in_map[chosen], [len(s) for s in strata]
        )
        results.append(getattr(estimate(sample), figure))
    spread = np.std([r.value for r in results])
    assert np.mean([r.se for r in results]) == pytest.approx(spread, rel=0.12)


def test_a_stratum_with_one_sample_has_no_standard_error() -> None:
    got = estimate(_map_strata([[1, 0], [4, 26]], [100, 900]))
    assert got.users[0].value == 1.0
    assert got.users[0].se is None
    assert got.users[0].ci is None
    assert got.overall.se is None
    assert got.users[1].se is not None  # rests on the other stratum only
    assert got.users[0].to_dict() == {"estimate": 1.0, "se": None, "ci": None}


def test_a_stratum_without_samples_is_not_estimable() -> None:
    got = estimate(_map_strata([[0, 0], [4, 26]], [100, 900]))
    assert np.isnan(got.overall.value)
    assert np.isnan(got.users[0].value)
    assert got.overall.to_dict()["estimate"] is None
    assert got.users[1].value == pytest.approx(26 / 30)
    assert np.isnan(got.cells).all()


def test_a_class_never_mapped_and_one_never_found() -> None:
    rows, columns = [0] * 8 + [1] * 4, [0] * 6 + [2] * 2 + [0] * 4
    got = estimate(StratifiedSample.from_labels(rows, columns, 3))
    assert np.isnan(got.users[2].value)  # never mapped
    assert got.producers[2].value == 0.0
    assert np.isnan(got.producers[1].value)  # never found
    assert got.area[1].value == 0.0
    assert got.mean_iou.value == pytest.approx((6 / 12 + 0) / 2)


def test_unmapped_samples_count_as_errors() -> None:
    sample = StratifiedSample.from_labels([0, 0, -1, 1], [0, 0, 0, 1], 2)
    got = estimate(sample)
    assert got.overall.value == pytest.approx(3 / 4)
    assert got.producers[0].value == pytest.approx(2 / 3)
    assert got.users[0].value == 1.0


def test_unanimous_samples_still_have_an_interval() -> None:
    overall = estimate(StratifiedSample.from_labels([0] * 20, [0] * 20, 1)).overall
    assert overall.ci == pytest.approx((20 / (20 + 1.959964**2), 1.0), abs=1e-6)
    of_40 = StratifiedSample.from_labels([0] * 20, [0] * 20, 1, sizes=[40], fpc=True)
    assert estimate(of_40).overall.ci == pytest.approx((40 / (40 + 1.959964**2), 1.0), abs=1e-6)


def test_kappa_of_a_textbook_matrix() -> None:
    """Cohen's kappa of [[45, 15], [25, 15]] is 0.1304; Fleiss et al. (1969) for its error."""
    rows, columns = [0] * 60 + [1] * 40, [0] * 45 + [1] * 15 + [0] * 25 + [1] * 15
    got = estimate_kappa(StratifiedSample.from_labels(rows, columns, 2))
    assert got.value == pytest.approx((0.6 - 0.54) / 0.46)
    p = np.array([[0.45, 0.15], [0.25, 0.15]])
    row, col, k = p.sum(1), p.sum(0), got.value
    agree = sum(p[i, i] * (1 - (row[i] + col[i]) * (1 - k)) ** 2 for i in range(2))
    differ = sum(p[i, 1 - i] * (col[i] + row[1 - i]) ** 2 for i in range(2)) * (1 - k) ** 2
    variance = (agree + differ - (k - 0.54 * (1 - k)) ** 2) / (0.46**2 * 99)
    assert got.se == pytest.approx(np.sqrt(variance), rel=1e-6)


def test_post_stratification_by_hand() -> None:
    """Cochran's (1977) eq. 5A.42 for the overall accuracy, written out."""
    rows, columns = [0] * 30 + [1] * 70, [0] * 24 + [1] * 6 + [1] * 63 + [0] * 7
    sample = StratifiedSample.from_labels(
        rows, columns, 2, rows, [20.0, 80.0], map_class=np.arange(2), post=True
    )
    got = estimate(sample).overall
    share, p = np.array([0.2, 0.8]), np.array([0.8, 0.9])
    s2 = p * (1 - p) * np.array([30 / 29, 70 / 69])
    assert got.value == pytest.approx((share * p).sum())
    variance = (share * s2).sum() / 100 + ((1 - share) * s2).sum() / 100**2
    assert got.se == pytest.approx(np.sqrt(variance))


def test_samples_outside_what_is_judged_count_for_n_only() -> None:
    """Domain estimation: 40 of 50 judged right, 50 others ignored; V by Cochran (1977), 2.13."""
    rows, columns = [0] * 100, [0] * 40 + [1] * 10 + [-1] * 50
    got = estimate(StratifiedSample.from_labels(rows, columns, 2, sizes=[1000.0]))
    assert got.overall.value == pytest.approx(0.8)
    assert got.overall.se == pytest.approx(np.sqrt(100 / 99 * 0.8 * 0.2 / 50))
    assert [a.value for a in got.area] == pytest.approx([0.8, 0.2])
    assert got.area_of_all is not None
    assert [a.value for a in got.area_of_all] == pytest.approx([0.4, 0.1])
    assert got.area_of_all[0].se == pytest.approx(np.sqrt(0.4 * 0.6 / 99))


def test_equal_weights_change_nothing() -> None:
    rows, columns = [0] * 60 + [1] * 40, [0] * 50 + [1] * 10 + [1] * 30 + [0] * 10
    plain = estimate(StratifiedSample.from_labels(rows, columns, 2))
    weighted = estimate(StratifiedSample.from_labels(rows, columns, 2, weight=[3.0] * 100))
    for a, b in zip(
        (plain.overall, *plain.users, *plain.area),
        (weighted.overall, *weighted.users, *weighted.area),
        strict=True,
    ):
        assert (a.value, a.se, *a.ci) == pytest.approx((b.value, b.se, *b.ci))  # type: ignore[misc]


def test_what_is_missing_is_named() -> None:
    got = estimate(_map_strata([[1, 0], [4, 26]], [100, 900]))
    assert got.users[0].why == "a single sample in stratum a"
    got = estimate(_map_strata([[0, 0], [4, 26]], [100, 900]))
    assert got.overall.why == "no sample in stratum a"


def test_a_census_by_fpc_has_no_error() -> None:
    sample = StratifiedSample.from_labels([0, 0, 1], [0, 1, 1], 2, sizes=[3], fpc=True)
    assert estimate(sample).overall.se == 0.0


def test_more_samples_than_pixels_are_refused() -> None:
    with pytest.raises(InputError, match="at most 2 samples in stratum '0'"):
        StratifiedSample.from_labels([0, 0, 1], [0, 1, 1], 2, sizes=[2], fpc=True)


def test_impossible_input_is_refused() -> None:
    with pytest.raises(InputError, match="confidence above 0 and below 1, got 95"):
        critical_value(95)
    with pytest.raises(InputError, match="stratum sizes above 0"):
        StratifiedSample.from_labels([0], [0], 1, sizes=[0.0])
    with pytest.raises(InputError, match="one size and one name"):
        StratifiedSample(np.zeros((2, 2, 1)), np.array([1.0]), ("a",))
    with pytest.raises(InputError, match=r"counts \(H, C \+ 1, C\)"):
        StratifiedSample(np.zeros((2, 2)), np.array([1.0]), ("a",))
