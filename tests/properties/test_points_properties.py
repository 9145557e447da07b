"""What holds for any points: they come back where they were put, and every feature is counted."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS

from pointillist.grid import Grid, Transform, Window
from pointillist.points import LabelledPixels, burn, read_features, read_labels, write_points

WKT = CRS("EPSG:32632").to_wkt()
TRANSFORMS = [
    Transform(10, 0, 732000, 0, -10, 5693000),
    Transform(0.5, 0, 300000.3, 0, -0.7, 5000000.1),
    Transform(8.66, 5.0, 732000, 5.0, -8.66, 5693000),
]
grids = st.builds(
    Grid,
    st.integers(1, 300),
    st.integers(1, 300),
    st.sampled_from(TRANSFORMS),
    st.just(WKT),
)
names = st.text(
    st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=12
).filter(lambda text: text not in {"NA", "N/A", "nan", "NaN", "NAN", "NaT", "NULL", "Null", "null"})


@st.composite
def labels_on_a_grid(draw: st.DrawFn) -> tuple[Grid, LabelledPixels]:
    grid = draw(grids)
    cells = st.tuples(st.integers(0, grid.height - 1), st.integers(0, grid.width - 1))
    rowcol = draw(st.lists(cells, min_size=1, max_size=20, unique=True))
    index = draw(st.lists(st.integers(0, 3), min_size=len(rowcol), max_size=len(rowcol)))
    return grid, LabelledPixels.from_arrays(rowcol, index)


@pytest.mark.parametrize("suffix", [".gpkg", ".geojson", ".shp", ".parquet", ".csv"])
@settings(max_examples=15, deadline=None)
@given(given_labels=labels_on_a_grid())
def test_pixels_survive_every_format(
    suffix: str, given_labels: tuple[Grid, LabelledPixels]
) -> None:
    grid, pixels = given_labels
    classes = pixels.index * 5 + 2
    with tempfile.TemporaryDirectory() as folder:
        path = write_points(
            Path(folder) / f"p{suffix}", grid.transform.xy(pixels.rowcol), WKT, {"class": classes}
        )
        again = read_labels(path, grid)
    np.testing.assert_array_equal(again.pixels.rowcol, pixels.rowcol)
    np.testing.assert_array_equal(np.array(again.legend.codes)[again.pixels.index], classes)
    assert again.report.used == len(pixels)


@settings(max_examples=25, deadline=None)
@given(st.lists(names, min_size=1, max_size=6), st.sampled_from([".gpkg", ".csv", ".parquet"]))
def test_class_names_survive(texts: list[str], suffix: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = write_points(
            Path(folder) / f"p{suffix}",
            np.zeros((len(texts), 2)),
            None,
            {"class": texts, "i": texts},
        )
        again = [str(v) for v in read_features(path)["class"]]
    if suffix == ".csv" and all(_is_number(t) for t in texts):
        assert [float(a) for a in again] == pytest.approx([float(t) for t in texts], nan_ok=True)
    else:
        assert again == texts


@settings(max_examples=30, deadline=None)
@given(
    grids,
    st.lists(
        st.tuples(st.floats(-50, 350), st.floats(-50, 350), st.sampled_from(["a", "b", None, "?"])),
        min_size=1,
        max_size=30,
    ),
)
def test_every_feature_is_counted_once(
    grid: Grid, rows: list[tuple[float, float, str | None]]
) -> None:
    from pointillist.errors import PointsError
    from pointillist.legend import Legend

    xy = grid.transform.corner_xy([[r, c] for r, c, _ in rows])
    with tempfile.TemporaryDirectory() as folder:
        path = write_points(
            Path(folder) / "p.parquet", xy, WKT, {"class": [name for *_, name in rows]}
        )
        try:
            labels = read_labels(
                path, grid, legend=Legend.from_names(["a", "b"]), valid=lambda rc: rc[:, 0] % 3 > 0
            )
        except PointsError:
            return
    report, pixels = labels.report, labels.pixels
    assert report.used + sum(report.skipped.values()) == report.n_features == len(rows)
    assert report.used == len(pixels) == len(np.unique(pixels.rowcol, axis=0))
    assert grid.contains(pixels.rowcol).all()
    assert (pixels.rowcol[:, 0] % 3 > 0).all()


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.floats(-20, 60), st.floats(-20, 60)), min_size=3, max_size=8),
    st.integers(1, 50),
    st.integers(1, 50),
)
def test_areas_take_just_the_centres_inside(
    corners: list[tuple[float, float]], height: int, width: int
) -> None:
    polygon = shapely.Polygon(corners).convex_hull
    if polygon.geom_type != "Polygon":
        return
    grid = Grid(height, width)
    found = burn(np.array([polygon], dtype=object), grid).rowcol
    row, col = np.mgrid[:height, :width]
    inside = shapely.contains_xy(polygon, col + 0.5, row + 0.5)
    near = shapely.distance(shapely.points(col + 0.5, row + 0.5), polygon.boundary) < 1e-6
    mask = np.zeros(grid.shape, dtype=bool)
    mask[found[:, 0], found[:, 1]] = True
    if inside.any():
        assert (mask == inside)[~near].all()
    else:
        assert len(found) <= max(1, int(near.sum()))


@given(labels_on_a_grid(), st.integers(-20, 300), st.integers(-20, 300), st.integers(1, 64))
def test_a_window_of_the_mask_is_the_mask_of_the_window(
    given_labels: tuple[Grid, LabelledPixels], row: int, col: int, size: int
) -> None:
    grid, pixels = given_labels
    window = Window(row, col, size, size)
    whole = np.pad(pixels.to_mask(grid.shape), 400, constant_values=-1)
    part = pixels.to_mask(grid.shape, window)
    np.testing.assert_array_equal(part, whole[row + 400 :, col + 400 :][:size, :size])


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
