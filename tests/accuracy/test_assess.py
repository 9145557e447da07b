"""`assess` from files to figures: census, design-based, descriptive, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pointillist.accuracy import assess, error_matrix, mean_iou, overall_accuracy
from pointillist.accuracy import reference as reference_module
from pointillist.accuracy.area import measure_ground
from pointillist.errors import GridError, InputError, LegendError, OutputExistsError, PointsError
from pointillist.grid import Grid, Transform
from pointillist.legend import Legend
from pointillist.points import write_points
from pointillist.raster import write_array

LEGEND = Legend.from_names(["Water", "Forest", "Road"], [1, 2, 7])
UTM = "EPSG:32632"


def make_grid(height: int = 60, width: int = 80, size: float = 10.0, crs: str | None = UTM) -> Grid:
    if crs is not None:
        from pyproj import CRS

        crs = CRS.from_user_input(crs).to_wkt()
    return Grid(height, width, Transform(size, 0.0, 300_000.0, 0.0, -size, 5_600_000.0), crs)


def write_classes(
    path: Path, index: np.ndarray, grid: Grid | None = None, legend: Legend | None = LEGEND
) -> Path:
    codes = (legend or LEGEND).to_codes(index)
    write_array(path, codes, grid or make_grid(), nodata=255, legend=legend)
    return path


@pytest.fixture
def truth(rng: np.random.Generator) -> np.ndarray:
    blocks = rng.integers(0, 3, size=(12, 16))
    return np.kron(blocks, np.ones((5, 5), dtype=int))


@pytest.fixture
def mapped(truth: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.where(rng.random(truth.shape) < 0.85, truth, rng.integers(0, 3, truth.shape))


@pytest.fixture
def map_path(mapped: np.ndarray, tmp_path: Path) -> Path:
    return write_classes(tmp_path / "map.tif", mapped)


def write_reference(
    path: Path, rowcol: np.ndarray, truth: np.ndarray, legend: Legend = LEGEND, **more: Any
) -> Path:
    grid, metadata = make_grid(), more.pop("metadata", None)
    names = np.array(legend.names)[truth[rowcol[:, 0], rowcol[:, 1]]]
    xy = grid.transform.xy(rowcol)
    write_points(path, xy, UTM, {"class": names, **more}, metadata=metadata)
    return path


def draw(rng: np.random.Generator, n: int, shape: tuple[int, int] = (60, 80)) -> np.ndarray:
    flat = rng.choice(shape[0] * shape[1], n, replace=False)
    return np.stack(np.unravel_index(flat, shape), axis=1)


def test_census_counts_every_pixel(
    mapped: np.ndarray, truth: np.ndarray, map_path: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(reference_module, "BLOCK_PX", 17)
    truth[:7, :9] = -1
    mask = write_classes(tmp_path / "mask.tif", truth)
    seen: list[float] = []
    result = assess(map_path, mask, progress=seen.append)
    expected = error_matrix(mapped, truth, LEGEND.names)
    assert result.kind == "census"
    assert result.matrix == expected
    assert result.overall_accuracy == overall_accuracy(expected)
    assert result.mean_iou == mean_iou(expected)
    assert seen[-1] == 1.0
    stated = result.to_dict()
    assert stated["overall_accuracy"] == pytest.approx(overall_accuracy(expected))
    assert stated["area"]["Water"]["hectares"] == pytest.approx((truth == 0).sum() * 0.01)


def test_pixels_without_a_map_class_are_wrong(
    mapped: np.ndarray, truth: np.ndarray, tmp_path: Path
) -> None:
    mapped[:10] = -1
    result = assess(
        write_classes(tmp_path / "map.tif", mapped), write_classes(tmp_path / "m.tif", truth)
    )
    assert result.matrix.unmapped.sum() == 800
    assert result.overall_accuracy == pytest.approx((mapped == truth).mean())
    assert "800 of 4,800 reference pixels have no class" in " ".join(result.notices)


def test_reference_raster_with_other_codes_meets_by_name(
    mapped: np.ndarray, truth: np.ndarray, map_path: Path, tmp_path: Path
) -> None:
    other = Legend.from_names(["Road", "Water", "Forest"], [3, 4, 5])
    moved = np.array([1, 2, 0])[truth]
    result = assess(map_path, write_classes(tmp_path / "mask.tif", moved, legend=other))
    assert result.matrix == error_matrix(mapped, truth, LEGEND.names)


def test_rasters_on_other_grids_are_refused(
    map_path: Path, truth: np.ndarray, tmp_path: Path
) -> None:
    shifted = Grid(60, 80, Transform(10, 0, 300_005, 0, -10, 5_600_000), make_grid().crs)
    with pytest.raises(GridError, match=r"map's grid, but map\.tif is .* and shifted\.tif is"):
        assess(map_path, write_classes(tmp_path / "shifted.tif", truth, shifted))
    with pytest.raises(GridError, match=r"map\.tif is 60×80 .* small\.tif is 40×80"):
        assess(map_path, write_classes(tmp_path / "small.tif", truth[:40], make_grid(40)))
    with pytest.raises(GridError, match="one coordinate system"):
        assess(map_path, write_classes(tmp_path / "o.tif", truth, make_grid(crs="EPSG:32633")))


def test_an_empty_reference_is_refused(map_path: Path, tmp_path: Path) -> None:
    empty = write_classes(tmp_path / "empty.tif", np.full((60, 80), -1))
    with pytest.raises(PointsError, match=r"labelled pixels in empty\.tif"):
        assess(map_path, empty)


def test_points_without_a_design_are_described(
    mapped: np.ndarray, truth: np.ndarray, map_path: Path, tmp_path: Path,
    rng: np.random.Generator,
) -> None:  # fmt: skip
    rowcol = draw(rng, 90)
    result = assess(map_path, write_reference(tmp_path / "points.gpkg", rowcol, truth))
    at = tuple(rowcol.T)
    assert result.kind == "descriptive"
    assert result.matrix == error_matrix(mapped[at], truth[at], LEGEND.names)
    stated = result.to_dict()
    assert isinstance(stated["overall_accuracy"], float)
    assert stated["design"] is None
    assert "--design simple" in " ".join(stated["notices"])
    assert stated["area"]["Road"]["proportion"] == pytest.approx((mapped == 2).mean())


def test_simple_design_gives_intervals(
    mapped: np.ndarray, truth: np.ndarray, map_path: Path, tmp_path: Path,
    rng: np.random.Generator,
) -> None:  # fmt: skip
    points = write_reference(tmp_path / "points.gpkg", draw(rng, 200), truth)
    stated = assess(map_path, points, design="simple", confidence=0.9).to_dict()
    accuracy = (mapped == truth).mean()
    assert stated["kind"] == "design-based"
    overall = stated["overall_accuracy"]
    assert overall["se"] == pytest.approx(np.sqrt(accuracy * (1 - accuracy) / 200), rel=0.2)
    assert overall["estimate"] == pytest.approx(accuracy, abs=4 * overall["se"])
    assert overall["ci"][1] - overall["ci"][0] == pytest.approx(2 * 1.645 * overall["se"], rel=1e-3)
    hectares = [v["hectares"]["estimate"] for v in stated["area"].values()]
    assert sum(hectares) == pytest.approx(48.0)


def test_recorded_stratified_sample_needs_no_options(
    mapped: np.ndarray, truth: np.ndarray, map_path: Path, tmp_path: Path,
    rng: np.random.Generator,
) -> None:  # fmt: skip
    chosen, pi = [], []
    for c in range(3):
        pixels = np.argwhere(mapped == c)
        chosen.append(pixels[rng.choice(len(pixels), 40, replace=False)])
        pi += [40 / len(pixels)] * 40
    rowcol = np.concatenate(chosen)
    stratum = np.array(LEGEND.names)[mapped[tuple(rowcol.T)]]
    points = write_reference(
        tmp_path / "reference.gpkg", rowcol, truth,
        design=["balanced"] * 120, stratum=stratum, inclusion_probability=pi,
    )  # fmt: skip
    stated = assess(map_path, points).to_dict()
    assert stated["kind"] == "design-based"
    assert stated["design"]["name"] == "balanced"
    assert stated["design"]["strata_are_map_classes"]
    sizes = {s["name"]: s["pixels"] for s in stated["design"]["strata"]}
    assert sizes == pytest.approx({n: (mapped == c).sum() for c, n in enumerate(LEGEND.names)})
    assert sum(v["proportion"]["estimate"] for v in stated["area"].values()) == pytest.approx(1)


def test_strata_of_their_own_need_sizes(
    truth: np.ndarray, map_path: Path, tmp_path: Path, rng: np.random.Generator
) -> None:
    rowcol = draw(rng, 100)
    zone = np.where(rowcol[:, 1] < 40, "west", "east")
    points = write_reference(tmp_path / "points.gpkg", rowcol, truth, zone=zone)
    with pytest.raises(InputError, match=r"strata \(east, west\) of points\.gpkg are not known"):
        assess(map_path, points, strata="zone")
    sizes = tmp_path / "sizes.csv"
    sizes.write_text("stratum,pixels\nwest,2400\neast,2400\n", encoding="utf-8")
    stated = assess(map_path, points, strata="zone", stratum_sizes=sizes, fpc=True).to_dict()
    assert stated["design"]["fpc"]
    assert not stated["design"]["strata_are_map_classes"]
    assert "add up to" not in " ".join(stated["notices"])


def test_sizes_that_are_not_those_of_the_map_are_told(
    truth: np.ndarray, map_path: Path, tmp_path: Path, rng: np.random.Generator
) -> None:
    rowcol = draw(rng, 100)
    zone = np.where(rowcol[:, 1] < 40, "west", "east")
    points = write_reference(tmp_path / "points.gpkg", rowcol, truth, zone=zone)
    said = assess(map_path, points, strata="zone", stratum_sizes={"west": 24, "east": 24}).notices
    assert "The stratum sizes add up to 48, the map has 4,800 pixels" in " ".join(said)


def test_classes_the_map_does_not_have_are_errors(
    truth: np.ndarray, map_path: Path, tmp_path: Path, rng: np.random.Generator
) -> None:
    renamed = Legend.from_names(["Water", "Forest", "Building"])
    points = write_reference(tmp_path / "points.gpkg", draw(rng, 90), truth, renamed)
    result = assess(map_path, points)
    assert result.legend.names == ("Water", "Forest", "Road", "Building")
    assert result.to_dict()["producers_accuracy"]["Building"] == 0.0
    assert "Building" in " ".join(result.notices)


def test_no_class_in_common_is_refused(
    truth: np.ndarray, map_path: Path, tmp_path: Path, rng: np.random.Generator
) -> None:
    strange = Legend.from_names(["Rye", "Oats", "Wheat"])
    points = write_reference(tmp_path / "points.gpkg", draw(rng, 90), truth, strange)
    with pytest.raises(LegendError, match=r"classes in common, but .* has Water, Forest, Road"):
        assess(map_path, points)


def test_points_outside_are_told(
    truth: np.ndarray, map_path: Path, tmp_path: Path, rng: np.random.Generator
) -> None:
    rowcol = draw(rng, 50)
    xy = make_grid().transform.xy(rowcol)
    xy[:3] += 1e5
    names = np.array(LEGEND.names)[truth[tuple(rowcol.T)]]
    write_points(tmp_path / "points.gpkg", xy, UTM, {"class": names})
    result = assess(map_path, tmp_path / "points.gpkg")
    assert result.matrix.n == 47
    assert "3 skipped, outside the scene" in " ".join(result.notices)


def test_polygons_are_described_only(map_path: Path, mapped: np.ndarray, tmp_path: Path) -> None:
    import geopandas as gpd
    from shapely.geometry import box

    # Pixels of rows 0-9, columns 0-9.
    square = box(300_000, 5_599_900, 300_100, 5_600_000)
    frame = gpd.GeoDataFrame({"class": ["Forest"]}, geometry=[square], crs=UTM)
    frame.to_file(tmp_path / "areas.gpkg")
    result = assess(map_path, tmp_path / "areas.gpkg")
    assert result.kind == "descriptive"
    assert result.matrix.n == 100
    assert result.overall_accuracy == pytest.approx((mapped[:10, :10] == 1).mean())
    assert "holds areas" in " ".join(result.notices)
    with pytest.raises(InputError, match="one point per sample"):
        assess(map_path, tmp_path / "areas.gpkg", design="simple")


def test_a_design_of_a_raster_is_refused(map_path: Path, truth: np.ndarray, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="as a census"):
        assess(map_path, write_classes(tmp_path / "mask.tif", truth), design="simple")


def test_a_map_in_degrees_has_hectares_by_row(
    mapped: np.ndarray, truth: np.ndarray, tmp_path: Path, rng: np.random.Generator
) -> None:
    """From 70° to 40° north a pixel grows by half: shares of pixels are not shares of ground."""
    grid = Grid(60, 80, Transform(0.5, 0, 12.0, 0, -0.5, 70.0), make_grid(crs="EPSG:4326").crs)
    truth[:30], truth[30:] = 0, 1
    map_path = write_classes(tmp_path / "map.tif", mapped, grid)
    mask = write_classes(tmp_path / "mask.tif", truth, grid)
    census = assess(map_path, mask).to_dict()
    area = {name: value["hectares"] for name, value in census["area"].items()}
    row_areas = measure_ground(grid).per_row
    assert row_areas is not None
    assert area["Water"] == pytest.approx(row_areas[:30].sum() * 80)
    assert area["Forest"] == pytest.approx(row_areas[30:].sum() * 80)
    assert census["area"]["Water"]["proportion"] < 0.42  # of pixels 0.5
    rowcol = draw(rng, 400)
    names = np.array(LEGEND.names)[truth[tuple(rowcol.T)]]
    points = tmp_path / "points.gpkg"
    write_points(points, grid.transform.xy(rowcol), "EPSG:4326", {"class": names})
    stated = assess(map_path, points, design="simple").to_dict()
    for name in ("Water", "Forest"):
        found = stated["area"][name]["hectares"]
        assert found["estimate"] == pytest.approx(area[name], abs=4 * found["se"])
    shares = [v["proportion"]["estimate"] for v in stated["area"].values()]
    assert sum(shares) == pytest.approx(1)
    hectares = [v["hectares"]["estimate"] for v in stated["area"].values()]
    assert sum(hectares) == pytest.approx(row_areas.sum() * 80)
    mapped_ha = {k: v["hectares"] for k, v in stated["mapped_area"].items()}
    expected = (row_areas[:, None] * (mapped == 2)).sum()
    assert mapped_ha["Road"] == pytest.approx(expected)
    # accuracy is of pixels, as the census counts it
    assert stated["overall_accuracy"]["estimate"] == pytest.approx(
        (mapped == truth)[tuple(rowcol.T)].mean()
    )


def test_files_are_written_and_not_replaced(
    map_path: Path, truth: np.ndarray, tmp_path: Path
) -> None:
    mask = write_classes(tmp_path / "mask.tif", truth)
    out = {"json": tmp_path / "a.json", "html": tmp_path / "a.html"}
    result = assess(map_path, mask, **out)
    assert json.loads(out["json"].read_text(encoding="utf-8")) == result.to_dict()
    assert "mask.tif" in out["html"].read_text(encoding="utf-8")
    with pytest.raises(OutputExistsError, match="--overwrite"):
        assess(map_path, mask, **out)
    assess(map_path, mask, **out, overwrite=True)


def test_json_holds_the_promised_keys(map_path: Path, truth: np.ndarray, tmp_path: Path) -> None:
    stated = assess(map_path, write_classes(tmp_path / "mask.tif", truth)).to_dict()
    assert stated["classes"] == list(LEGEND.names)
    assert np.array(stated["confusion_matrix"]).sum() == truth.size
    for key in ("users_accuracy", "producers_accuracy", "iou", "f1", "area", "unmapped"):
        assert list(stated[key]) == list(LEGEND.names)
    assert set(stated["area"]["Water"]) == {"proportion", "hectares"}
    assert isinstance(stated["mean_iou"], float)


def test_undefined_figures_are_null(mapped: np.ndarray, truth: np.ndarray, tmp_path: Path) -> None:
    more = Legend.from_names([*LEGEND.names, "Ice"], [1, 2, 7, 9])
    map_path = write_classes(tmp_path / "map.tif", mapped, legend=more)
    stated = assess(map_path, write_classes(tmp_path / "mask.tif", truth, legend=more)).to_dict()
    assert stated["iou"]["Ice"] is None
    assert stated["users_accuracy"]["Ice"] is None
    json.dumps(stated, allow_nan=False)


def test_confidence_is_checked_first(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="confidence above 0 and below 1"):
        assess(tmp_path / "none.tif", tmp_path / "none.gpkg", confidence=95)


@pytest.mark.parametrize("design", ["simple", "stratified", "balanced", "systematic"])
def test_what_sample_writes_needs_no_options(
    design: str, mapped: np.ndarray, truth: np.ndarray, map_path: Path, tmp_path: Path
) -> None:
    from pointillist.sampling import sample

    mask = write_classes(tmp_path / "mask.tif", truth)
    points = tmp_path / "reference.gpkg"
    strata = map_path if design in ("stratified", "balanced") else None
    sample(mask, 150, design, out=points, purpose="reference", strata=strata)
    result = assess(map_path, points)
    assert result.kind == "design-based"
    assert result.population_px == pytest.approx(truth.size)
    overall = result.estimates.overall
    assert overall.se is not None
    assert overall.value == pytest.approx((mapped == truth).mean(), abs=4 * overall.se)


def test_a_legend_names_the_numbers_of_a_reference(
    mapped: np.ndarray, truth: np.ndarray, map_path: Path, tmp_path: Path
) -> None:
    """A mask that counts its classes from 0, as masks often do."""
    mask = tmp_path / "mask.tif"
    write_array(mask, truth.astype(np.uint8), make_grid(), nodata=255)
    names = tmp_path / "legend.yaml"
    names.write_text("classes: {0: Water, 1: Forest, 2: Road}\n")
    right = assess(map_path, mask, legend=names)
    assert right.to_dict()["overall_accuracy"] == pytest.approx(np.mean(mapped == truth))
    assert right.notices == ()
    misled = assess(map_path, mask)
    assert "numbers and no class names" in misled.notices[0]
    rowcol = np.argwhere(np.ones_like(truth, dtype=bool))[::7]
    points = tmp_path / "numbers.gpkg"
    codes = truth[rowcol[:, 0], rowcol[:, 1]]
    write_points(points, make_grid().transform.xy(rowcol), UTM, {"class": codes})
    by_points = assess(map_path, points, legend=Legend.read(names))
    assert by_points.matrix.classes == ("Water", "Forest", "Road")
    assert by_points.to_dict()["overall_accuracy"] == pytest.approx(
        np.mean(mapped[tuple(rowcol.T)] == codes)
    )


def test_classes_that_sample_copied_from_the_map_are_no_truth(
    map_path: Path, tmp_path: Path
) -> None:
    from pointillist.sampling import sample

    reference = tmp_path / "reference.gpkg"
    sample(map_path, 60, "stratified", out=reference, purpose="reference")
    result = assess(map_path, reference)
    assert result.to_dict()["notices"][0].startswith(
        "All 60 reference classes are those of map.tif"
    )
    assert "nobody has looked" in result.notices[0]
