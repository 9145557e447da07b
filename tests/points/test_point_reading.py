from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
from shapely import LineString, Point, Polygon, box

from pointillist.errors import InputError, LegendError, PointsError
from pointillist.grid import Grid, Transform, Window
from pointillist.legend import Legend
from pointillist.points import (
    derive_legend,
    has_data,
    read_labels,
    read_labels_for_scenes,
    write_points,
)
from pointillist.raster import ArraySource, Pixels, open_scene

Save = Callable[..., Path]


def at(row: float, col: float) -> Point:
    """The point at the centre of a pixel of the fixture `grid`."""
    return Point(732000 + 10 * col + 5, 5693000 - 10 * row - 5)


def test_points_of_text_classes(save: Save, grid: Grid) -> None:
    labels = read_labels(save([at(3, 4), at(99, 0), at(0, 99)], ["b", "a", "b"]), grid)
    assert labels.legend.names == ("a", "b")
    assert labels.legend.codes == (1, 2)
    assert labels.pixels.rowcol.tolist() == [[3, 4], [99, 0], [0, 99]]
    assert labels.pixels.index.tolist() == [1, 0, 1]
    assert labels.pixels.feature.tolist() == [0, 1, 2]
    assert labels.report.lines() == ["sites.gpkg: 3 of 3 features used."]


def test_numbers_are_codes_also_with_gaps_and_as_floats(save: Save, grid: Grid) -> None:
    labels = read_labels(save([at(1, c) for c in range(4)], [7.0, 1.0, None, 3.0]), grid)
    assert labels.legend.codes == (1, 3, 7)
    assert labels.pixels.index.tolist() == [2, 0, 1]
    assert labels.report.skipped == {"without a class": 1}


def test_other_crs_and_axis_order(save: Save, grid: Grid) -> None:
    degrees = gpd.GeoSeries([at(3, 4), at(5, 6)], crs=32632).to_crs("EPSG:4326")
    assert degrees.iloc[0].x < 20  # longitude first
    for name in ("a.gpkg", "a.geojson", "a.shp", "a.parquet"):
        labels = read_labels(save(degrees, ["a", "b"], name, crs="EPSG:4326"), grid)
        assert labels.pixels.rowcol.tolist() == [[3, 4], [5, 6]]


def test_every_skip_has_its_reason(save: Save, grid: Grid) -> None:
    geometries = [
        at(3, 4), at(3, 4), at(3, 4), Point(0, 0), at(50, 50), at(1, 1), at(2, 2), None, Point()
    ]  # fmt: skip
    classes = ["a", "a", "b", "a", "b", None, "marsh", "a", "b"]
    labels = read_labels(
        save(geometries, classes),
        grid,
        legend=Legend.from_names(["a", "b", "c"]),
        valid=lambda rowcol: rowcol[:, 0] < 50,
    )
    assert labels.report.skipped == {
        "without a class": 1,
        "class not in the legend": 1,
        "without coordinates": 2,
        "outside the scene": 1,
        "on nodata": 1,
        "in a pixel already labelled with another class": 1,
        "in a pixel already labelled with the same class": 1,
    }
    assert labels.report.used + sum(labels.report.skipped.values()) == labels.report.n_features
    text = "\n".join(labels.report.lines())
    assert "sites.gpkg: 1 of 9 features used." in text
    assert "1 skipped, class not in the legend: row 7 'marsh'." in text
    assert "1 skipped, outside the scene: row 4 at 0, 0." in text
    assert "Not in the legend (a, b, c): 'marsh' (1)." in text
    assert "Classes of the legend without a usable label: b, c." in text


def test_areas_and_lines(save: Save, grid: Grid) -> None:
    area = box(732000, 5692970, 732030, 5693000)
    line = LineString([(732105, 5692995), (732125, 5692995)])
    labels = read_labels(save([area, line], [1, 2], "a.parquet"), grid)
    assert labels.pixels.counts(2).tolist() == [9, 3]
    assert labels.report.used == 2


def test_areas_that_lose_some_pixels_say_so(save: Save, grid: Grid) -> None:
    first, second = (box(732000, y, 732030, y + 30) for y in (5692970, 5692980))
    labels = read_labels(
        save([first, second], ["a", "b"]), grid, valid=lambda rowcol: rowcol[:, 1] > 0
    )
    assert labels.report.used == 1  # above the scene's edge lies nothing of the second
    labels = read_labels(
        save([first, box(732000, 5692960, 732030, 5692990)], ["a", "b"]),
        grid,
        valid=lambda rowcol: rowcol[:, 1] > 0,
    )
    assert labels.pixels.counts(2).tolist() == [6, 2]
    assert labels.report.notices == [
        "4 pixels of used features lie on nodata of scene.",
        "4 pixels of scene are claimed by two classes: the first feature counts.",
    ]


def test_three_dimensions_and_broken_polygons(save: Save, grid: Grid) -> None:
    bow_tie = Polygon([(732000, 5693000), (732060, 5692940), (732060, 5693000), (732000, 5692940)])
    high = Point(732505, 5692495, 120.0)
    labels = read_labels(save([bow_tie, high], ["a", "b"], "a.parquet"), grid)
    assert labels.pixels.counts(2)[0] > 9
    assert labels.pixels.rowcol[-1].tolist() == [50, 50]


def test_all_outside(save: Save, grid: Grid) -> None:
    path = save([Point(12.37, 51.0)] * 97, ["a"] * 97, crs="EPSG:4326")
    with pytest.raises(
        PointsError,
        match=r"Expected points inside s.tif \(EPSG:32632, 732000 to 733000 E, 5692000 to 5693000 "
        r"N\), but all 97 of sites.gpkg fall outside \(first: 12.37, 51, EPSG:4326\)",
    ):
        read_labels(path, grid, source_name="s.tif")


def test_degrees_without_a_crs(save: Save, tmp_path: Path, grid: Grid) -> None:
    path = write_points(tmp_path / "d.gpkg", [[12.37, 51.34]], None, {"class": ["a"]})
    with pytest.raises(PointsError, match=r"no CRS\). They look like longitude.*--crs EPSG:4326"):
        read_labels(path, grid)
    with pytest.raises(PointsError, match=r"They look like longitude"):
        read_labels(save([Point(12.37, 51.34)], ["a"]), grid)


def test_swapped_axes_are_recognised(save: Save, grid: Grid) -> None:
    right = gpd.GeoSeries([at(3, 4)], crs=32632).to_crs(4326).iloc[0]
    with pytest.raises(PointsError, match=r"fall inside when x and y are swapped"):
        read_labels(save([Point(right.y, right.x)], ["a"], crs="EPSG:4326"), grid)


def test_no_crs_is_taken_as_the_scenes(tmp_path: Path, grid: Grid) -> None:
    path = tmp_path / "sites.csv"
    path.write_text("x,y,class\n732005,5692995,a\n732015,5692995,b\n")
    labels = read_labels(path, grid, source_name="s.tif")
    assert labels.pixels.rowcol.tolist() == [[0, 0], [0, 1]]
    assert labels.report.notices == [
        "sites.csv has no CRS: its coordinates were taken as EPSG:32632, the CRS of s.tif."
    ]
    path.write_text("x,y,class\n432005,5692995,a\n")
    with pytest.raises(PointsError, match=r"no CRS\). Say which CRS they are in with --crs"):
        read_labels(path, grid)


def test_crs_says_what_the_file_does_not(tmp_path: Path, grid: Grid) -> None:
    where = gpd.GeoSeries([at(3, 4)], crs=32632).to_crs(25833).iloc[0]
    path = tmp_path / "sites.csv"
    path.write_text(f"easting,northing,class\n{where.x},{where.y},a\n")
    assert read_labels(path, grid, crs="EPSG:25833").pixels.rowcol.tolist() == [[3, 4]]


def test_plain_images_use_pixel_coordinates(tmp_path: Path) -> None:
    image = Grid(20, 30)
    path = write_points(tmp_path / "a.gpkg", [[0.5, 0.5], [29.5, 19.5]], None, {"class": [1, 2]})
    labels = read_labels(path, image)
    assert labels.pixels.rowcol.tolist() == [[0, 0], [19, 29]]
    assert labels.report.notices == []


def test_plain_images_as_gis_programs_see_them(tmp_path: Path) -> None:
    path = write_points(
        tmp_path / "a.gpkg", [[0.5, -0.5], [29.5, -19.5]], "EPSG:4326", {"class": [1, 2]}
    )
    labels = read_labels(path, Grid(20, 30))
    assert labels.pixels.rowcol.tolist() == [[0, 0], [19, 29]]
    assert "has no CRS" in labels.report.notices[0]
    assert "counting downwards" in labels.report.notices[1]


def test_map_coordinates_do_not_fit_a_plain_image(save: Save) -> None:
    with pytest.raises(PointsError, match=r"image of 30 × 20 pixels.*points are in EPSG:32632"):
        read_labels(save([at(1, 1)], ["a"]), Grid(20, 30))


def test_all_on_nodata(save: Save, grid: Grid) -> None:
    with pytest.raises(PointsError, match=r"all 2 of sites.gpkg lie on nodata \(first: row 1 at 7"):
        read_labels(
            save([at(1, 1), at(2, 2)], ["a", "b"]), grid, valid=lambda rc: np.zeros(len(rc), bool)
        )


def test_no_class_at_all(save: Save, grid: Grid) -> None:
    with pytest.raises(PointsError, match=r"field 'class' of sites.gpkg, but all 2 features have"):
        read_labels(save([at(1, 1), at(2, 2)], [None, None]), grid)


def test_unknown_classes(save: Save, grid: Grid) -> None:
    path = save([at(1, 1), at(2, 2), at(3, 3)], ["bog", "bog", "fen"])
    with pytest.raises(PointsError, match=r"legend \(a, b\).*'bog' \(2\), 'fen' \(1\)"):
        read_labels(path, grid, legend=Legend.from_names(["a", "b"]))


def test_the_most_frequent_reason_leads(save: Save, grid: Grid) -> None:
    path = save([Point(0, 0), Point(1, 1), at(3, 3)], ["a", "a", None])
    with pytest.raises(PointsError, match=r"but 2 of sites.gpkg fall outside \(and 1 without a cl"):
        read_labels(path, grid)


def test_codes_out_of_range_name_the_file(save: Save, grid: Grid) -> None:
    with pytest.raises(LegendError, match=r"sites.gpkg: .* between 0 and 65534, got -1"):
        read_labels(save([at(1, 1)], [-1]), grid)


def test_a_rotated_grid(save: Save) -> None:
    grid = Grid(50, 50, Transform(8.66, 5.0, 732000, 5.0, -8.66, 5693000))
    xy = grid.transform.xy([[7, 9], [40, 3]])
    labels = read_labels(save([Point(p) for p in xy], ["a", "b"], crs=None), grid)
    assert labels.pixels.rowcol.tolist() == [[7, 9], [40, 3]]


def test_each_scene_takes_the_points_inside_it(save: Save, grid: Grid) -> None:
    east = Grid(100, 100, Transform(10, 0, 733000, 0, -10, 5693000), grid.crs)
    path = save([at(1, 1), at(1, 150), at(1, 500)], ["a", "b", "c"])
    pixels, legend, report = read_labels_for_scenes(path, [grid, east])
    assert [p.rowcol.tolist() for p in pixels] == [[[1, 1]], [[1, 50]]]
    assert [p.feature.tolist() for p in pixels] == [[0], [1]]
    assert legend.names == ("a", "b", "c")
    assert report.used == 2
    assert report.skipped == {"outside the scene": 1}
    with pytest.raises(PointsError, match=r"inside n.tif or 1 more scene \("):
        read_labels_for_scenes(
            save([at(1, 500)], ["a"], "b.gpkg"), [grid, east], scene_names=["n.tif", "e.tif"]
        )
    with pytest.raises(InputError, match=r"at least one scene"):
        read_labels_for_scenes(path, [])


def test_several_files_count_on(save: Save, grid: Grid) -> None:
    one = save([at(1, 1), at(2, 2)], ["water", "wood"], "one.gpkg")
    two = save([at(2, 2), at(3, 3), Point(0, 0)], ["wood", "town", "town"], "two.gpkg")
    labels = read_labels([one, two], grid)
    assert labels.legend.names == ("town", "water", "wood")
    assert labels.pixels.rowcol.tolist() == [[1, 1], [2, 2], [3, 3]]
    assert labels.pixels.feature.tolist() == [0, 1, 3]
    assert labels.report.n_features == 5
    assert "1 skipped of two.gpkg, outside the scene: row 3 at 0, 0." in labels.report.examples
    same = read_labels([one, one], grid)
    assert same.report.skipped == {"in a pixel already labelled with the same class": 2}


def test_files_whose_classes_do_not_fit(save: Save, grid: Grid, tmp_path: Path) -> None:
    named = save([at(1, 1)], ["water"], "named.gpkg")
    coded = save([at(2, 2)], [3], "coded.gpkg")
    with pytest.raises(LegendError, match=r"coded.gpkg numbers them and named.gpkg names them"):
        read_labels([named, coded], grid)
    for name, code in (("a", 1), ("b", 2)):
        legend = Legend.from_names(["water"], [code]).to_dict()
        write_points(tmp_path / f"{name}.gpkg", [[732005, 5692995]], "EPSG:32632",
                     {"class": ["water"]}, metadata={"legend": legend})  # fmt: skip
    with pytest.raises(LegendError, match=r"'water' is 1 in a.gpkg and 2 in b.gpkg"):
        derive_legend([tmp_path / "a.gpkg", tmp_path / "b.gpkg"])


def test_a_legend_kept_with_the_points_sets_the_codes(tmp_path: Path, grid: Grid) -> None:
    kept = Legend.from_names(["wood", "water", "ice"], [40, 10, 70], [(9, 9, 9)] * 3)
    path = write_points(
        tmp_path / "a.gpkg",
        [[732005, 5692995], [732015, 5692995]],
        "EPSG:32632",
        {"class": ["water", "wood"]},
        metadata={"legend": kept.to_dict()},
    )
    legend = read_labels(path, grid).legend
    assert legend.names == ("water", "wood")
    assert legend.codes == (10, 40)
    assert legend == derive_legend(path)


class HoledScene(ArraySource):
    """A scene with a hole that remembers what of it was read."""

    def __init__(self, grid: Grid) -> None:
        valid = np.ones(grid.shape, dtype=bool)
        valid[40:60, 40:60] = False
        data = np.zeros((1, *grid.shape), dtype=np.uint8)
        super().__init__(data, valid=valid, grid=grid, name="folder/holed.tif")
        self.windows: list[Window] = []

    def read(self, window: Window) -> Pixels:
        self.windows.append(window)
        return super().read(window)


def test_a_scene_says_itself_where_it_has_data(save: Save, grid: Grid) -> None:
    scene = HoledScene(grid)
    labels = read_labels(save([at(50, 50), at(3, 4)], ["a", "b"]), scene)
    assert labels.pixels.rowcol.tolist() == [[3, 4]]
    with pytest.raises(PointsError, match=r"where holed.tif has data"):
        read_labels(save([at(50, 50)], ["a"]), scene)


def test_only_the_windows_around_points_are_read() -> None:
    scene = HoledScene(Grid(2000, 2000))
    rowcol = np.array([[1999, 1999], [50, 50], [0, 0], [1990, 1995]])
    assert has_data(scene, rowcol).tolist() == [True, False, True, True]
    assert scene.windows == [Window(0, 0, 51, 51), Window(1990, 1995, 10, 5)]
    assert has_data(scene, rowcol[:0]).tolist() == []


def test_leipzig(real_data: Path) -> None:
    with open_scene(real_data / "leipzig" / "leipzig_raster.tif") as scene:
        labels = read_labels(real_data / "leipzig" / "leipzig_points.gpkg", scene)
    assert labels.report.used == 97
    assert labels.legend.names == ("forest", "pasture", "urban", "water")
    assert labels.pixels.counts(4).tolist() == [28, 20, 36, 13]


def test_landsat_polygons(real_data: Path) -> None:
    folder = real_data / "landsat7_mexico"
    with open_scene(next(folder.glob("LE7*")), bands=[1, 2, 3]) as scene:
        labels = read_labels(folder / "training_data.shp", scene)
    assert labels.report.used == 30
    assert labels.legend.names == ("barren", "forest", "herbaceous", "urban", "water")
    assert len(labels.pixels) == labels.pixels.counts(5).sum() > 600
