"""The picture of scene, points, map and truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pointillist.errors import InputError, OutputExistsError
from pointillist.legend import Legend
from pointillist.report import paint, side_by_side, stretch

LEGEND = Legend.from_names(["Water", "Forest", "Road"])


@pytest.fixture
def classes(rng: np.random.Generator) -> np.ndarray:
    return rng.integers(-1, 3, size=(60, 90))


@pytest.mark.parametrize("with_truth", [True, False])
def test_side_by_side_draws_a_png(
    classes: np.ndarray, rng: np.random.Generator, tmp_path: Path, with_truth: bool
) -> None:
    scene = rng.integers(0, 255, size=(60, 90, 3), dtype=np.uint8)
    rowcol = np.stack([rng.integers(0, 60, 20), rng.integers(0, 90, 20)], axis=1)
    truth = classes if with_truth else None
    path = tmp_path / "picture.png"
    side_by_side(scene, rowcol, np.arange(20) % 3, classes, truth, LEGEND, path, "Demo")
    assert path.read_bytes().startswith(b"\x89PNG")
    with pytest.raises(OutputExistsError, match="--overwrite"):
        side_by_side(scene, rowcol, np.arange(20) % 3, classes, truth, LEGEND, path)


def test_no_points_and_a_large_scene_still_draw(tmp_path: Path) -> None:
    big = np.zeros((1500, 2100), dtype=np.int16)
    none = np.zeros((0, 2), dtype=np.int64)
    scene = np.zeros((8, 1500, 2100), dtype=np.float32)
    side_by_side(scene, none, np.zeros(0, dtype=int), big, None, LEGEND, tmp_path / "p.png")
    assert (tmp_path / "p.png").stat().st_size > 0


def test_maps_of_another_size_are_refused(classes: np.ndarray, tmp_path: Path) -> None:
    scene = np.zeros((60, 91, 3), dtype=np.uint8)
    with pytest.raises(InputError, match=r"map of the scene's size \(60, 91\)"):
        side_by_side(scene, np.zeros((0, 2)), [], classes, None, LEGEND, tmp_path / "p.png")


def test_stretch_keeps_bytes_and_stretches_the_rest() -> None:
    grey = np.full((4, 5), 51, dtype=np.uint8)
    np.testing.assert_allclose(stretch(grey), 0.2)
    reflectance = np.linspace(0, 3000, 4 * 5 * 7).reshape(7, 4, 5)
    shown = stretch(reflectance)
    assert shown.shape == (4, 5, 3)
    assert shown.min() == 0.0
    assert shown.max() == 1.0


def test_stretch_shows_nan_as_no_data() -> None:
    scene = np.ones((3, 4, 4), dtype=np.float32)
    scene[:, 0, 0] = np.nan
    assert stretch(scene)[0, 0].tolist() == pytest.approx([0.93] * 3)
    assert np.isfinite(stretch(np.full((3, 4, 4), np.nan))).all()


def test_paint_uses_the_legend() -> None:
    painted = paint([[0, -1]], LEGEND)
    np.testing.assert_allclose(painted[0, 0] * 255, LEGEND.colors[0])
    np.testing.assert_allclose(painted[0, 1], 0.93)
