"""P-blocks: what is learnt from and what is scored never meet; settings that a training knows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pointillist.errors import InputError
from pointillist.raster import ArraySource
from pointillist.studies.blocks import (
    BLOCK_PX,
    BlocksCell,
    even_squares,
    label_everything,
    run_blocks,
    split_place,
)
from pointillist.studies.mapping import draw_labels
from pointillist.studies.naming import name_cell
from pointillist.studies.places import Folders, Place
from pointillist.studies.settings import PLAIN, SETTINGS, setting_of
from pointillist.training import read_config


def _place(height: int = 48, width: int = BLOCK_PX + 64) -> Place:
    rng = np.random.default_rng(3)
    mask = np.repeat(np.arange(width) // 32 % 3, height).reshape(width, height).T.astype(np.int16)
    image = 80 * mask + rng.normal(0, 5, mask.shape)
    mask[:4] = -1
    return Place("toy", ArraySource(np.repeat(image[None], 3, axis=0).astype(np.float32)), mask)


def test_squares_alternate_like_a_checkerboard():
    even = even_squares((2 * BLOCK_PX, 2 * BLOCK_PX))
    corners = even[::BLOCK_PX, ::BLOCK_PX]
    np.testing.assert_array_equal(corners, [[True, False], [False, True]])
    assert even[BLOCK_PX - 1, BLOCK_PX - 1]
    assert not even[BLOCK_PX - 1, BLOCK_PX]


def test_labels_come_from_even_squares_and_the_score_from_odd_ones():
    place = _place()
    even, odd = split_place(place)
    assert not ((even.mask >= 0) & (odd.mask >= 0)).any()
    np.testing.assert_array_equal(np.maximum(even.mask, odd.mask), place.mask)
    assert (draw_labels(even, 50, "simple", 0).rowcol[:, 1] < BLOCK_PX).all()
    assert (np.flatnonzero((odd.mask >= 0).any(axis=0)) >= BLOCK_PX).all()


def test_full_supervision_labels_every_pixel_in_squares():
    even, _ = split_place(_place())
    labels = label_everything(even)
    assert len(labels) == (even.mask >= 0).sum()
    for feature in np.unique(labels.feature):
        assert np.ptp(labels.rowcol[labels.feature == feature], axis=0).max() < 64


def test_a_run_scores_the_odd_squares(tmp_path: Path):
    place = _place()
    place.source.save_npz(tmp_path / "toy.npz")
    np.savez(tmp_path / "toy.mask.npz", mask=np.where(place.mask < 0, 255, place.mask))
    cell = BlocksCell("toy", n_points=60, recipe="forest")
    record = run_blocks(cell, Folders(tmp_path))
    assert record["protocol"] == "P-blocks"
    assert record["overall_accuracy"] > 0.6
    assert [value is None for value in record["iou"]] == [False, False, True, True, True]


def test_cells_have_names_of_their_own():
    cells = [
        BlocksCell("dubai2"),
        BlocksCell("dubai2", supervision="full"),
        BlocksCell("dubai2", setting="default"),
    ]
    names = [name_cell(cell) for cell in cells]
    assert names[0] == "dubai2, even squares, 300 points, simple, network"
    assert names[1] == "dubai2, even squares, simple, network, full masks"
    assert len(set(names)) == 3


def test_other_supervision_is_refused():
    with pytest.raises(InputError, match="supervision of 'full' or none"):
        BlocksCell("dubai2", supervision="half")


@pytest.mark.parametrize("name", list(SETTINGS))
def test_a_setting_is_one_that_a_training_knows_and_differs_from_the_default(name):
    config = read_config(None, setting_of(name))
    chosen = {"encoder": "slim", "weights": "generated", "members": 1}
    named = {**{f"unet.{key}": value for key, value in chosen.items()}, "smooth_px": 0}
    default = read_config(None, named)
    assert (config == default) == (name == "default")


def test_the_plain_network_has_no_ingredient():
    unet = read_config(None, setting_of(None)).unet
    assert (unet.encoder, unet.learning_rate, unet.select) == ("resnet34", 1e-3, "last")
    off = (unet.grow_px, unet.gated_crf, unet.refit, unet.calibrate, unet.patience)
    assert not any(off)
    fields = {f"unet.{key}" for key in type(unet).model_fields} | {"smooth_px"}
    assert set(PLAIN) <= fields


def test_an_unknown_setting_is_refused():
    with pytest.raises(InputError, match="Expected a setting of default"):
        setting_of("magic")
