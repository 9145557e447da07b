"""Where a map is wrong: cells of a census, places of points."""

from __future__ import annotations

import numpy as np

from pointillist.accuracy.places import ErrorGrid, Places, crs_name, describe_extent
from pointillist.grid import Grid, Transform, iter_windows


def test_cells_add_up_however_the_map_is_cut(rng: np.random.Generator) -> None:
    grid = Grid(150, 97, Transform(2, 0, 0, 0, -2, 0))
    in_map, truth = (rng.integers(-1, 3, size=grid.shape) for _ in range(2))
    wrong = (truth >= 0) & (in_map != truth)
    for block in (13, 64, 200):
        cells = ErrorGrid.of(grid)
        for window in iter_windows(grid.shape, block):
            cells.add(window, in_map[window.slices], truth[window.slices])
        assert cells.cell_px == 1
        assert (cells.wrong == wrong).all()
        cells = cells.coarsened()
        assert cells.cell_px == 3
        assert cells.labelled.shape == (50, 33)
        assert cells.labelled.sum() == (truth >= 0).sum()
        assert cells.wrong.sum() == wrong.sum()
        assert cells.wrong[49, 32] == wrong[147:, 96:].sum()
        assert cells.wrong[7, 5] == wrong[21:24, 15:18].sum()


def test_places_name_the_classes() -> None:
    places = Places(np.array([[1.0, 2], [3, 4]]), np.array([0, -1]), np.array([1, 0]))
    assert places.to_dict(("Water", "Forest")) == {
        "x": [1.0, 3.0],
        "y": [2.0, 4.0],
        "map": ["Water", None],
        "reference": ["Forest", "Water"],
    }


def test_the_extent_names_the_coordinate_system() -> None:
    extent = describe_extent(Grid(2, 3, Transform(10, 0, 100, 0, -10, 50), "EPSG:32632"))
    assert extent["bounds"] == [100, 30, 130, 50]
    assert extent["crs"] == "EPSG:32632"
    assert crs_name(None) is None
