"""Choosing places: uncertain, apart, of all classes, never on specks."""

from __future__ import annotations

import numpy as np
import pytest

from pointillist.errors import InputError
from pointillist.suggestion import STRATEGIES, Candidates, Spacing, choose, find_strategy
from pointillist.suggestion.candidates import count_alike
from pointillist.suggestion.choosing import share_among_classes

N, SIDE = 900, 30


@pytest.fixture
def candidates(rng: np.random.Generator) -> Candidates:
    """A lattice of 30×30 places 10 px apart; class 0 on the left, 1 on the right, a little of 2."""
    rows, cols = np.divmod(np.arange(N), SIDE)
    top = np.where(cols < 20, 0, 1)
    top[(rows < 3) & (cols > 26)] = 2
    sure = rng.uniform(0.34, 1.0, N)
    probabilities = np.repeat((1 - sure)[:, None] / 2, 3, axis=1)
    probabilities[np.arange(N), top] = sure
    return Candidates(
        np.stack([10 * rows, 10 * cols], axis=1),
        probabilities.astype(np.float32),
        np.full(N, 9),
        rng.uniform(0, 1, N).astype(np.float32),
        np.ones(N, dtype=bool),
    )


def draw(
    candidates: Candidates, name: str, n: int = 30, least: float = 0.0, seed: int = 0
) -> np.ndarray:
    spacing = Spacing(candidates.rowcol.astype(float), least)
    pixels = np.bincount(candidates.index, minlength=3) * 100
    rng = np.random.default_rng(seed)
    return choose(candidates, n, find_strategy(name), spacing, rng, class_pixels=pixels)


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_strategy_gives_so_many_different_places(candidates: Candidates, name: str) -> None:
    chosen = draw(candidates, name)
    assert len(set(chosen.tolist())) == 30
    assert np.array_equal(chosen, draw(candidates, name))
    assert not np.array_equal(chosen, draw(candidates, name, seed=1))


@pytest.mark.parametrize("name", STRATEGIES)
def test_places_lie_apart_from_each_other_and_from_points(
    candidates: Candidates, name: str
) -> None:
    positions = candidates.rowcol.astype(float)
    taken = np.array([[100.0, 100.0], [200.0, 200.0]])
    spacing = Spacing(positions, 35.0, taken)
    rng = np.random.default_rng(0)
    chosen = choose(
        candidates, 25, find_strategy(name), spacing, rng, class_pixels=np.array([6, 3, 1])
    )
    assert len(chosen) == 25
    everything = np.concatenate([positions[chosen], taken])
    away = np.linalg.norm(everything[:, None] - everything[None], axis=2)
    np.fill_diagonal(away, np.inf)
    assert away[: len(chosen)].min() >= 35.0


@pytest.mark.parametrize("name", ["margin", "entropy", "diverse", "disagreement"])
def test_informed_places_are_more_uncertain_than_random_ones(
    candidates: Candidates, name: str
) -> None:
    measure = find_strategy(name).measure
    informed = measure(candidates.subset(draw(candidates, name))).mean()
    assert informed > measure(candidates.subset(draw(candidates, "random"))).mean() + 0.2


def test_they_are_not_simply_the_most_uncertain(candidates: Candidates) -> None:
    ranked = np.argsort(-find_strategy("margin").measure(candidates))[:30]
    assert len(set(draw(candidates, "margin").tolist()) & set(ranked.tolist())) < 25


def test_rare_classes_get_a_share(candidates: Candidates) -> None:
    per_class = np.bincount(candidates.index[draw(candidates, "margin")], minlength=3)
    assert (np.bincount(candidates.index) / N)[2] < 0.02
    assert per_class[2] >= 2  # in proportion to its area it would be 0.3
    assert share_among_classes(np.array([10_000, 100, 0]), 11).tolist() == [10, 1, 0]
    assert share_among_classes(np.array([0, 0]), 5).tolist() == [0, 0]


def test_specks_and_corners_are_left_out(candidates: Candidates) -> None:
    left = candidates.rowcol[:, 1] < 150
    alike = np.where(left, 3, 9)
    speckled = Candidates(candidates.rowcol, candidates.probabilities, alike, None, candidates.even)
    assert not left[draw(speckled, "margin")].any()
    assert left[draw(speckled, "random")].any()


def test_alike_counts_nine_pixels() -> None:
    index = np.zeros((9, 9), dtype=np.int16)
    index[:, 5:] = 1
    index[0, 0] = 2
    at = np.array([[4, 2], [4, 4], [0, 0], [4, 7]])
    # inside; on a straight border; a speck in the corner, its own pixel four times; inside
    assert count_alike(index, at).tolist() == [9, 6, 4, 9]


def test_fewer_where_there_is_no_room(candidates: Candidates) -> None:
    chosen = draw(candidates, "margin", n=50, least=150.0)
    assert 1 < len(chosen) < 10


def test_spread_covers_the_scene(candidates: Candidates) -> None:
    def quarters(chosen: np.ndarray) -> np.ndarray:
        row, col = (candidates.rowcol[chosen] // 75).T
        return np.bincount(row * 4 + col, minlength=16)

    for seed in range(5):
        assert quarters(draw(candidates, "spread", n=64, seed=seed)).min() >= 1
        assert quarters(draw(candidates, "spread", n=64, seed=seed)).max() <= 8


def test_an_unknown_strategy_is_refused() -> None:
    with pytest.raises(InputError, match=r"--strategy among margin, .*, random, got 'best'"):
        find_strategy("best")
