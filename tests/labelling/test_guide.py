"""Places to click next, found by the quick map."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pointillist.errors import InputError
from pointillist.grid import Grid, Transform
from pointillist.labelling import LabelSession
from pointillist.labelling.guide import MOST_WINDOWS, WINDOW_PX, spread_windows
from pointillist.raster import write_array
from pointillist.scenes import generate_terrain


@pytest.mark.parametrize("shape", [(1, 1), (100, 90), (600, 700), (5000, 300), (100_000, 90_000)])
def test_windows_lie_inside_apart_and_everywhere(shape: tuple[int, int]) -> None:
    windows = list(spread_windows(shape, np.random.default_rng(0)))
    assert 1 <= len(windows) <= MOST_WINDOWS
    for window in windows:
        assert window.height <= WINDOW_PX
        assert 0 <= window.row <= window.stop_row <= shape[0]
        assert 0 <= window.col <= window.stop_col <= shape[1]
    if np.prod(shape) <= 700 * 600:  # small scenes are looked at whole
        assert sum(w.height * w.width for w in windows) == np.prod(shape)
    else:
        assert max(w.row for w in windows) > shape[0] / 2


def test_places_are_apart_and_none_comes_twice(tmp_path: Path) -> None:
    scene = generate_terrain(3, 300, 400)
    grid = Grid(300, 400, Transform(*scene.transform), f"EPSG:{scene.epsg}")
    path = write_array(tmp_path / "scene.tif", scene.image, grid, band_names=scene.band_names)
    session = LabelSession(path, tmp_path / "points.gpkg", scene.legend)
    with pytest.raises(InputError, match="at least two classes"):
        session.suggest(5)
    rng = np.random.default_rng(0)
    clicks = np.stack([rng.integers(0, 300, 40), rng.integers(0, 400, 40)], axis=1)
    session.act("r", "ann", [_action(f"u{i}", *at, scene) for i, at in enumerate(clicks.tolist())])
    first_round, first = session.suggest(15)
    assert (first_round, len(first)) == (1, 15)
    assert all(place.why.startswith("two classes are nearly even: ") for place in first)
    answers = [_action(f"s{p.row}-{p.col}", p.row, p.col, scene, 1) for p in first]
    session.act("s", "ann", answers)
    second_round, second = session.suggest(15)
    assert second_round == 2
    at = np.array([(p.row, p.col) for p in (*first, *second)] + clicks.tolist())
    apart = np.linalg.norm(at[:30, None] - at[None], axis=2)
    apart[np.arange(30), np.arange(30)] = np.inf
    assert apart.min() >= 9.9
    session.close()


def test_no_place_lies_in_an_area_that_has_a_label(tmp_path: Path) -> None:
    scene = generate_terrain(3, 300, 400)
    grid = Grid(300, 400, Transform(*scene.transform), f"EPSG:{scene.epsg}")
    path = write_array(tmp_path / "scene.tif", scene.image, grid, band_names=scene.band_names)
    session = LabelSession(path, tmp_path / "points.gpkg", scene.legend)
    rng = np.random.default_rng(0)
    clicks = np.stack([rng.integers(0, 300, 40), rng.integers(0, 400, 40)], axis=1)
    area = {
        **_action("area", 0, 0, scene),
        "kind": "Polygon",
        "positions": [[0, 0], [300, 0], [300, 300], [0, 300]],
    }
    points = [_action(f"u{i}", *at, scene) for i, at in enumerate(clicks.tolist())]
    session.act("r", "ann", [area, *points])
    _, places = session.suggest(15)
    assert places
    assert min(place.col for place in places) >= 300
    session.close()


def _action(uid: str, row: int, col: int, scene: object, number: int = 0) -> dict[str, object]:
    return {
        "uid": uid,
        "base_version": 0,
        "kind": "Point",
        "positions": [[col + 0.5, row + 0.5]],
        "name": scene.legend.names[int(scene.mask[row, col])],  # type: ignore[attr-defined]
        "source": "suggestion" if number else "click",
        "round": number,
    }
