"""Pyramid, light model and quick map."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from pointillist.errors import InputError
from pointillist.grid import Grid, Transform, Window
from pointillist.labelling import LabelSession
from pointillist.labelling.light import fit_light, shrunken_covariance
from pointillist.labelling.pyramid import Pyramid, halve
from pointillist.labelling.quick import Taught
from pointillist.legend import Legend
from pointillist.raster import open_scene, write_array
from pointillist.scenes import generate_terrain


@pytest.fixture(scope="module")
def terrain(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, np.ndarray]:
    scene = generate_terrain(3, 600, 700)
    path = tmp_path_factory.mktemp("terrain") / "scene.tif"
    grid = Grid(600, 700, Transform(*scene.transform), f"EPSG:{scene.epsg}")
    return write_array(path, scene.image, grid, band_names=scene.band_names), scene.mask


def test_a_level_is_the_mean_of_the_valid_pixels_below() -> None:
    data = np.array([[[1, 3, 5], [0, 4, 7], [9, 9, 2]]], dtype=np.float32)
    valid = np.array([[1, 1, 1], [0, 1, 1], [0, 0, 1]], dtype=bool)
    small, mask = halve(np.where(valid, data, 0), valid)
    np.testing.assert_allclose(small[0], [[8 / 3, 6], [0, 2]])
    assert mask.tolist() == [[True, True], [False, True]]


def test_levels_agree_with_the_scene_inside_and_are_invalid_outside(
    terrain: tuple[Path, np.ndarray],
) -> None:
    with open_scene(terrain[0]) as scene:
        pyramid = Pyramid(scene)
        assert [pyramid.shape(i) for i in range(pyramid.n_levels)] == [
            (600, 700),
            (300, 350),
            (150, 175),
        ]
        whole = scene.read(Window(0, 0, 600, 700)).data
        level = pyramid.read(2, Window(-10, 100, 60, 120))
        expected = whole.reshape(3, 150, 4, 175, 4).mean(axis=(2, 4))
        np.testing.assert_allclose(level.data[:, 10:, :75], expected[:, :50, 100:], atol=1.01)
        assert not level.valid[:10].any()
        assert not level.valid[:, 75:].any()


def test_the_light_model_learns_what_is_linear() -> None:
    rng = np.random.default_rng(0)
    index = rng.integers(0, 3, 300)
    centres = rng.normal(0, 2, (3, 40))
    features = (centres[index] + rng.normal(0, 1, (300, 40))).astype(np.float32)
    model = fit_light(features[:150], index[:150] + 4)
    shares = model.predict(features[150:])
    assert (model.classes[shares.argmax(axis=1)] == index[150:] + 4).mean() > 0.95
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-5)


def test_two_points_are_enough_and_the_nearer_one_decides() -> None:
    features = np.array([[0, 0], [4, 0]], dtype=np.float32)
    model = fit_light(features, np.array([0, 1]))
    at = np.array([[1, 0], [3, 0]], dtype=np.float32)
    assert model.predict(at).argmax(axis=1).tolist() == [0, 1]


def test_shrinkage_is_that_of_scikit_learn() -> None:
    from sklearn.covariance import ledoit_wolf

    x = np.random.default_rng(1).normal(size=(80, 12)) @ np.diag(np.linspace(1, 3, 12))
    x -= x.mean(axis=0)
    expected, _ = ledoit_wolf(x, assume_centered=True)
    np.testing.assert_allclose(shrunken_covariance(x), expected, rtol=1e-6)


def test_the_quick_map_finds_what_was_clicked(
    terrain: tuple[Path, np.ndarray], tmp_path: Path
) -> None:
    path, mask = terrain
    legend = Legend.from_names(["Urban", "Vegetation", "Water", "Bare Soil", "Road"])
    session = LabelSession(path, tmp_path / "points.gpkg", legend)
    assert session.map_tile(0, 0, 0) is None
    rng = np.random.default_rng(0)
    rowcol = np.stack([rng.integers(0, 600, 200), rng.integers(0, 700, 200)], axis=1)
    session.act("r", "ann", [action(i, r, c, legend, mask) for i, (r, c) in enumerate(rowcol)])
    for level, truth in ((0, mask[:256, :256]), (1, mask[::2, ::2][:256, :256])):
        found = session.map_tile(level, 0, 0)
        assert found is not None
        assert (found.index == truth).mean() > 0.6
        assert found.uncertainty.min() >= 0
        assert found.uncertainty.max() <= 1 + 1e-5
    with pytest.raises(InputError, match="There is no tile in row 9"):
        session.map_tile(0, 9, 0)
    session.close()


def test_features_of_points_are_those_of_the_points_asked_for(
    terrain: tuple[Path, np.ndarray], tmp_path: Path
) -> None:
    """Whether points come, go or move: what is kept of the last time is what it was."""
    legend = Legend.from_names(["Urban", "Vegetation"])
    rowcol = np.random.default_rng(2).integers(0, 600, (30, 2))
    asked = [rowcol[:10], rowcol[:30], rowcol[5:20], rowcol[:0], rowcol[[3, 2, 1]], rowcol[:4]]
    session = LabelSession(terrain[0], tmp_path / "points.gpkg", legend)
    found = [session.quick.features_at(0, at) for at in asked]
    session.close()
    for at, (features, has_data) in zip(asked, found, strict=True):
        assert has_data.tolist() == [True] * len(at)
        other = LabelSession(terrain[0], tmp_path / f"{len(at)}.gpkg", legend)
        np.testing.assert_array_equal(other.quick.features_at(0, at)[0], features)
        other.close()


def test_who_clicks_does_not_wait_for_the_map(
    terrain: tuple[Path, np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is learnt late is learnt whole: many clicks, few lessons, the last of them of all."""
    path, mask = terrain
    legend = Legend.from_names(["Urban", "Vegetation", "Water", "Bare Soil", "Road"])
    session = LabelSession(path, tmp_path / "points.gpkg", legend)
    quick, learn, lessons = session.quick, session._lessons, []
    may_learn = threading.Event()

    def learn_late(seq: int) -> Taught:
        may_learn.wait()
        lessons.append(seq)
        return learn(seq)

    monkeypatch.setattr(session, "_lessons", learn_late)
    for i in range(20):
        session.act(f"r{i}", "ann", [action(i, 20 * i, 30 * i, legend, mask)])  # answers
    assert not lessons
    may_learn.set()
    assert session.map_tile(0, 0, 0) is not None
    assert len(quick.taught.index) == 20
    session.close()
    assert len(lessons) <= 3


def test_a_lesson_that_fails_is_told_to_who_asks_for_the_map(
    terrain: tuple[Path, np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog
) -> None:
    path, mask = terrain
    legend = Legend.from_names(["Urban", "Vegetation", "Water", "Bare Soil", "Road"])
    session = LabelSession(path, tmp_path / "points.gpkg", legend)
    assert session.quick.taught.index.size == 0

    def fail(seq: int) -> Taught:
        raise ValueError("no")

    monkeypatch.setattr(session, "_lessons", fail)
    for i in range(2):
        session.act(f"r{i}", "ann", [action(i, 300 * i, 300 * i, legend, mask)])
    with pytest.raises(ValueError, match="no"):
        session.map_tile(0, 0, 0)
    session.close()
    assert "could not learn the labels" in caplog.text


def action(i: int, row: int, col: int, legend: Legend, mask: np.ndarray) -> dict[str, object]:
    name = legend.names[int(mask[row, col])]
    return {
        "uid": f"u{i}",
        "base_version": 0,
        "kind": "Point",
        "positions": [[col + 0.5, row + 0.5]],
        "name": name,
        "source": "click",
    }
