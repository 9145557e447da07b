from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointillist.errors import InputError
from pointillist.grid import Block, Window
from pointillist.prediction import Tiling, Wanted, normalised_entropy, predict_block
from pointillist.prediction.engine import best_class, softmax


@settings(deadline=None, max_examples=60)
@given(
    st.integers(1, 200),
    st.integers(1, 200),
    st.integers(1, 4),
    st.integers(0, 3),
    st.sampled_from([10, 32]),
)
def test_blocks_cover_every_pixel_once_and_keep_to_the_stride(
    height: int, width: int, block: int, halo: int, stride: int
) -> None:
    tiling = Tiling(block * stride, halo * stride, stride)
    covered = np.zeros((height, width), dtype=int)
    for piece in tiling.plan((height, width)):
        covered[piece.core.slices] += 1
        assert piece.read.row % stride == piece.read.col % stride == 0
        assert piece.read.height % stride == piece.read.width % stride == 0
        assert piece.read.row >= 0
        assert piece.read.col >= 0
        assert piece.read.stop_row < height + stride
        assert piece.read.row <= max(0, piece.core.row - tiling.halo_px)
        assert piece.read.stop_col >= min(width, piece.core.stop_col + tiling.halo_px)
    assert (covered == 1).all()


def test_tiling_rounds_up_to_what_a_network_takes(tiny_network, thresholder) -> None:
    assert Tiling.of_model(tiny_network, 100, 33) == Tiling(128, 64, 32)
    assert Tiling.of_model(thresholder, 100, 33) == Tiling(100, 33, 1)
    assert Tiling.of_model(thresholder).halo_px == thresholder.halo_px


@pytest.mark.parametrize(("block", "halo"), [(0, 0), (-5, 8), (64, -1)])
def test_tiling_refuses_impossible_sizes(thresholder, block: int, halo: int) -> None:
    with pytest.raises(InputError, match="--block of at least 1 px"):
        Tiling.of_model(thresholder, block, halo)


@pytest.mark.parametrize("value", [0.0, 1.0, -0.5, float("nan")])
def test_min_confidence_lies_between_0_and_1(value: float) -> None:
    with pytest.raises(InputError, match="--min-confidence between 0 and 1"):
        Wanted(min_confidence=value)


def test_best_class_is_argmax(rng) -> None:
    scores = rng.normal(size=(6, 20, 30)).astype(np.float32)
    scores[2] = scores[4]  # ties: the first counts
    assert np.array_equal(best_class(scores), scores.argmax(axis=0))


def test_softmax_and_entropy_against_scipy(rng) -> None:
    from scipy import special, stats

    logits = rng.normal(0, 5, size=(4, 9, 7)).astype(np.float32)
    expected = special.softmax(logits.astype(np.float64), axis=0)
    probabilities = softmax(logits.copy())
    np.testing.assert_allclose(probabilities, expected, atol=1e-6)
    np.testing.assert_allclose(
        normalised_entropy(probabilities), stats.entropy(expected, axis=0) / np.log(4), atol=1e-5
    )


def test_entropy_reaches_its_ends() -> None:
    sure = np.array([[1.0], [0.0], [0.0]], dtype=np.float32)[:, :, None]
    alike = np.full((3, 1, 1), 1 / 3, dtype=np.float32)
    single = np.ones((1, 1, 1), dtype=np.float32)
    assert normalised_entropy(sure).item() == 0.0
    assert normalised_entropy(alike).item() == pytest.approx(1.0)
    assert normalised_entropy(single).item() == 0.0
    assert np.isnan(normalised_entropy(np.full((2, 1, 1), np.nan, dtype=np.float32))).all()


class _Fixed:
    """An engine that returns the same scores whatever it is given."""

    name = "fixed"

    def __init__(self, scores) -> None:
        self._scores = scores

    def prepare(self, pixels):
        return pixels

    def scores(self, prepared, crop):
        return self._scores[:, crop[0], crop[1]].copy()

    def to_probabilities(self, scores):
        return softmax(scores)


def test_block_keeps_its_core_and_leaves_the_rest_empty() -> None:
    scores = np.zeros((2, 6, 6), dtype=np.float32)
    scores[1, 2:] = 5.0
    block = Block(0, core=Window(10, 10, 4, 3), read=Window(9, 8, 6, 6))
    mapped = np.ones((4, 3), dtype=bool)
    mapped[0, 0] = False
    got = predict_block(_Fixed(scores), None, block, mapped, Wanted(True, True, 0.9))
    # the first row of the core is a tie, 0.5 each: below the confidence asked for
    assert got.index.tolist() == [[-1, -1, -1], [1, 1, 1], [1, 1, 1], [1, 1, 1]]
    assert got.probabilities is not None
    assert got.uncertainty is not None
    assert np.isnan(got.probabilities[:, 0, 0]).all()
    assert got.probabilities[0, 0, 1] == pytest.approx(0.5)
    assert got.uncertainty[0, 1] == pytest.approx(1.0)
    assert np.isnan(got.uncertainty[0, 0])


def test_small_scenes_are_read_as_large_as_a_network_wants() -> None:
    """PAN takes no less than 128 px."""
    for piece in Tiling(64, 0, 32, smallest_px=128).plan((60, 150)):
        assert piece.read.height >= 128
        assert piece.read.width >= 128
        assert piece.read.row <= piece.core.row
        assert piece.read.stop_col >= piece.core.stop_col
