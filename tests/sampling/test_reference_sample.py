"""Reference samples from end to end: drawn, answered from the truth, judged without options."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely

from pointillist.accuracy import assess
from pointillist.errors import GridError, InputError, PointsError
from pointillist.grid import Grid, Transform
from pointillist.legend import Legend
from pointillist.points import read_features, read_metadata, write_points
from pointillist.raster import BandWriter, write_array
from pointillist.sampling import sample

UTM = rasterio.crs.CRS.from_epsg(32632).to_wkt()
GRID = Grid(200, 240, Transform(10, 0, 500_000, 0, -10, 5_600_000), UTM)
LEGEND = Legend.from_names(["Forest", "Water", "Urban"])


@pytest.fixture
def truth(rng: np.random.Generator) -> np.ndarray:
    mask = np.zeros(GRID.shape, dtype=np.int64)
    mask[:, 150:] = 2
    mask[120:, 40:60] = 1
    return mask


@pytest.fixture
def mapped(truth: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A map with a tenth of its pixels wrong, and nodata at its left edge."""
    wrong = rng.random(GRID.shape) < 0.1
    found = np.where(wrong, rng.integers(0, 3, GRID.shape), truth)
    found[:, :8] = -1
    return found


@pytest.fixture
def map_path(mapped: np.ndarray, tmp_path: Path) -> Path:
    codes = LEGEND.to_codes(mapped)
    return write_array(tmp_path / "map.tif", codes, GRID, legend=LEGEND)


@pytest.fixture
def aoi(tmp_path: Path) -> Path:
    """Two polygons, in degrees, over rows 20…180 and columns 0…200."""
    corners = [(20, 0, 180, 120), (20, 120, 100, 200)]
    boxes = [
        shapely.Polygon(GRID.transform.corner_xy([[r, c], [r, s], [t, s], [t, c]]))
        for r, c, t, s in corners
    ]
    path = tmp_path / "district.gpkg"
    gpd.GeoDataFrame(geometry=boxes, crs=32632).to_crs(4326).to_file(path)
    return path


def inside_of(aoi: Path) -> np.ndarray:
    inside = np.zeros(GRID.shape, dtype=bool)
    inside[20:180, :120] = True
    inside[20:100, 120:200] = True
    return inside


def answer(path: Path, truth: np.ndarray) -> Path:
    """Fill in the class at every point, as a mapper would, keeping the file's metadata."""
    frame = read_features(path).to_crs(32632)
    xy = np.stack([frame.geometry.x, frame.geometry.y], axis=1)
    rowcol = GRID.transform.rowcol(xy)
    names = np.array(LEGEND.names, dtype=object)[truth[rowcol[:, 0], rowcol[:, 1]]]
    columns = {c: frame[c].to_numpy() for c in frame.columns if c != "geometry"}
    columns["class"] = names
    return write_points(path, xy, UTM, columns, metadata=read_metadata(path), overwrite=True)


def rowcols(path: Path) -> np.ndarray:
    frame = read_features(path).to_crs(32632)
    return GRID.transform.rowcol(np.stack([frame.geometry.x, frame.geometry.y], axis=1))


@pytest.mark.parametrize("blind", [False, True])
@pytest.mark.parametrize("suffix", [".gpkg", ".geojson", ".csv", ".shp", ".parquet"])
@pytest.mark.parametrize("design", ["stratified", "simple", "systematic"])
def test_assess_needs_no_options(
    design: str,
    suffix: str,
    blind: bool,
    map_path: Path,
    aoi: Path,
    mapped: np.ndarray,
    truth: np.ndarray,
    tmp_path: Path,
) -> None:
    """Intervals rest on the pixels inside the area, whatever format the points are kept in."""
    out = tmp_path / f"reference{suffix}"
    sample(map_path, 400, design, out=out, purpose="reference", aoi=aoi, blind=blind, seed=3)
    result = assess(map_path, answer(out, truth))
    assert result.kind == "design-based"
    population = inside_of(aoi) & (mapped >= 0)
    assert result.population_px == population.sum()
    overall = result.estimates.overall
    assert overall.se is not None
    true = (mapped == truth)[population].mean()
    assert overall.value == pytest.approx(true, abs=4 * overall.se)
    if design == "stratified":
        assert result.design is not None
        assert result.design.are_map_classes
        sizes = dict(zip(result.design.strata, result.design.sizes, strict=True))
        of_class = np.bincount(mapped[population], minlength=3)
        assert sizes == dict(zip(LEGEND.names, of_class, strict=True))


@pytest.mark.parametrize("design", ["simple", "stratified", "systematic"])
def test_every_point_is_in_the_area_and_has_data(
    design: str, map_path: Path, aoi: Path, mapped: np.ndarray, tmp_path: Path
) -> None:
    out = sample(map_path, 300, design, out=tmp_path / "r.gpkg", purpose="reference", aoi=aoi)
    at = tuple(rowcols(out).T)
    assert inside_of(aoi)[at].all()
    assert (mapped[at] >= 0).all()
    frame = read_features(out)
    assert frame["map_class"].tolist() == np.array(LEGEND.names)[mapped[at]].tolist()
    population = int((inside_of(aoi) & (mapped >= 0)).sum())
    assert (1 / frame["inclusion_probability"]).sum() == pytest.approx(population)
    facts = read_metadata(out)
    assert facts["population"] == population
    assert (facts["aoi"], facts["raster"]) == ("district.gpkg", "map.tif")
    assert facts["n"] == len(frame)


@pytest.mark.parametrize("suffix", [".gpkg", ".geojson", ".csv", ".shp", ".parquet"])
def test_a_blind_sample_does_not_show_what_the_map_says(
    suffix: str, map_path: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "points"
    folder.mkdir()
    out = folder / f"r{suffix}"
    sample(map_path, 90, "stratified", out=out, purpose="reference", blind=True)
    frame = read_features(out)
    assert set(frame.columns) == {"class", "sample_id", "design", "source", "geometry"}
    assert frame["class"].isna().all()
    facts = read_metadata(out)
    assert sorted(facts["stratum_sizes"]) == ["S1", "S2", "S3"]
    facts.pop("legend")  # the mapper needs to know what to choose from
    assert not any(name in json.dumps(facts) for name in LEGEND.names)


def test_the_order_of_points_says_nothing(map_path: Path, tmp_path: Path) -> None:
    out = sample(map_path, 300, "stratified", out=tmp_path / "r.gpkg", purpose="reference")
    strata = read_features(out)["stratum"].to_numpy()
    changes = np.count_nonzero(strata[1:] != strata[:-1])
    assert changes > 150  # by lot 200 of 299; sorted by stratum, 2


def test_a_blind_file_may_be_sorted_and_thinned(
    map_path: Path, truth: np.ndarray, tmp_path: Path
) -> None:
    out = tmp_path / "r.gpkg"
    sample(map_path, 300, "stratified", out=out, purpose="reference", blind=True)
    before = assess(map_path, answer(out, truth))
    frame = read_features(out).sort_values("class")
    xy = np.stack([frame.geometry.x, frame.geometry.y], axis=1)
    columns = {c: frame[c].to_numpy() for c in frame.columns if c != "geometry"}
    write_points(out, xy, UTM, columns, metadata=read_metadata(out), overwrite=True)
    assert assess(map_path, out).to_dict() == before.to_dict()
    write_points(
        out, xy[::2], UTM, {k: v[::2] for k, v in columns.items()}, metadata=read_metadata(out),
        overwrite=True,
    )  # fmt: skip
    assert assess(map_path, out).population_px == before.population_px


def test_another_map_is_judged_by_the_strata_as_drawn(
    map_path: Path, mapped: np.ndarray, truth: np.ndarray, tmp_path: Path
) -> None:
    """Strata that are no classes of the map: Stehman's (2014) estimators."""
    better = np.where(np.arange(GRID.width) % 2 == 0, truth, mapped)
    other = write_array(tmp_path / "other.tif", LEGEND.to_codes(better), GRID, legend=LEGEND)
    for blind in (False, True):
        out = tmp_path / f"r{blind}.gpkg"
        sample(map_path, 400, "stratified", out=out, purpose="reference", blind=blind)
        result = assess(other, answer(out, truth))
        assert result.design is not None
        assert not result.design.are_map_classes
        overall = result.estimates.overall
        assert overall.se is not None
        true = (better == truth)[mapped >= 0].mean()
        assert overall.value == pytest.approx(true, abs=4 * overall.se)


def test_the_same_seed_draws_the_same_points(map_path: Path, aoi: Path, tmp_path: Path) -> None:
    for design in ("simple", "stratified", "systematic"):
        drawn = [
            rowcols(
                sample(
                    map_path, 50, design, out=tmp_path / f"{design}{i}.gpkg", purpose="reference",
                    aoi=aoi, seed=seed,
                )
            )
            for i, seed in enumerate((7, 7, 8))
        ]  # fmt: skip
        assert np.array_equal(drawn[0], drawn[1])
        assert not np.array_equal(drawn[0], drawn[2])


def test_a_probability_raster_knows_what_to_expect(
    mapped: np.ndarray, truth: np.ndarray, map_path: Path, tmp_path: Path
) -> None:
    sure = np.array([0.9, 0.6, 0.8])
    shares = np.full((3, *GRID.shape), np.nan, dtype=np.float32)
    for c in range(3):
        shares[:, mapped == c] = (1 - sure[c]) / 2
        shares[c, mapped == c] = sure[c]
    path = tmp_path / "probabilities.tif"
    with BandWriter(path, GRID, LEGEND.names, dtype="uint8") as writer:
        writer.write(GRID.window, shares)
    lines: list[str] = []
    out = tmp_path / "r.gpkg"
    sample(
        path, None, "stratified", out=out, purpose="reference", allocation="neyman",
        target_se=0.02, say=lines.append,
    )  # fmt: skip
    facts = read_metadata(out)
    assert facts["expected_accuracy"] == pytest.approx(
        dict(zip(LEGEND.names, sure, strict=True)), abs=0.005
    )
    assert any("mean probability" in line for line in lines)
    result = assess(map_path, answer(out, truth))
    assert result.design is not None
    assert result.design.are_map_classes


def test_the_formula_is_printed_with_its_inputs(map_path: Path, tmp_path: Path) -> None:
    lines: list[str] = []
    out = tmp_path / "r.gpkg"
    sample(
        map_path, None, "stratified", out=out, purpose="reference", allocation="neyman",
        target_se=0.01, expected="0.9,Water=0.7", min_per_stratum=50, say=lines.append,
    )  # fmt: skip
    n = len(read_features(out))
    assert lines[0].startswith(f"n = {n}: (sum W S)^2")
    assert "SE = 0.01" in lines[0]
    assert lines[-1].startswith("Expected standard error of the overall accuracy: 0.01")
    facts = read_metadata(out)
    assert sum(facts["stratum_points"].values()) == n
    assert min(facts["stratum_points"].values()) >= 50
    assert (facts["allocation"], facts["target_se"]) == ("neyman", 0.01)


def test_shares_that_miss_the_error_wanted_are_told(map_path: Path, tmp_path: Path) -> None:
    """The formula's n is for Neyman's shares: equal ones of unequal strata lead elsewhere."""
    lines: list[str] = []
    wanted = {"purpose": "reference", "target_se": 0.01, "expected": 0.9, "say": lines.append}
    sample(map_path, None, "stratified", out=tmp_path / "r.gpkg", **wanted)  # type: ignore[arg-type]
    assert lines[-1].startswith("That is more than the 0.01 asked for: n holds for --allocation ne")
    more = int(lines[-1].split("-n ")[1].split(")")[0])
    lines.clear()
    sample(
        map_path, more, "stratified", out=tmp_path / "more.gpkg", purpose="reference",
        allocation="equal", expected=0.9, say=lines.append,
    )  # fmt: skip
    error = float(lines[-1].split("accuracy: ")[1].split(" ")[0])
    assert error == pytest.approx(0.01, abs=0.0006)


def test_simple_and_systematic_by_standard_error(map_path: Path, tmp_path: Path) -> None:
    """Cochran: 0.1·0.9/0.02² = 225 before the correction for a finite population."""
    for design in ("simple", "systematic"):
        lines: list[str] = []
        out = tmp_path / f"{design}.gpkg"
        sample(
            map_path, None, design, out=out, purpose="reference", target_se=0.02, expected=0.9,
            say=lines.append,
        )  # fmt: skip
        assert lines[0].startswith("n = 224: n0 = P(1-P)/SE^2 with P = 0.9000")
        assert len(read_features(out)) == pytest.approx(224, abs=0 if design == "simple" else 30)


def test_systematic_points_lie_on_a_square_grid_of_metres(map_path: Path, tmp_path: Path) -> None:
    out = sample(
        map_path, None, "systematic", out=tmp_path / "r.gpkg", purpose="reference", spacing=200.0,
        min_distance=200.0,
    )  # fmt: skip
    rows, cols = (np.unique(axis) for axis in rowcols(out).T)
    assert set(np.diff(rows)) == {20}
    assert set(np.diff(cols)) == {20}
    assert read_metadata(out)["spacing_m"] == 200


def test_a_grid_in_degrees_is_square_on_the_ground(tmp_path: Path) -> None:
    """At 60° north a degree of longitude is half as long as one of latitude, at 40° 0.77."""
    grid = Grid(
        2000, 600, Transform(0.01, 0, 10, 0, -0.01, 60), rasterio.crs.CRS.from_epsg(4326).to_wkt()
    )
    codes = np.ones(grid.shape, dtype=np.uint8)
    path = write_array(tmp_path / "map.tif", codes, grid, legend=Legend.from_names(["Land"]))
    out = sample(
        path, None, "systematic", out=tmp_path / "r.gpkg", purpose="reference", spacing=2e4
    )
    frame = read_features(out)
    lat, lon = frame.geometry.y.to_numpy(), frame.geometry.x.to_numpy()
    for row in np.unique(lat):
        step_m = np.diff(np.sort(lon[lat == row])).mean() * 111_195 * np.cos(np.radians(row))
        assert step_m == pytest.approx(2e4, rel=0.01)
    assert np.diff(np.unique(lat)).mean() * 111_195 == pytest.approx(2e4, rel=0.01)
    # a pixel in the south covers more ground, and is likelier to be hit
    chance = frame["inclusion_probability"].to_numpy()
    assert chance[lat.argmin()] / chance[lat.argmax()] == pytest.approx(
        np.cos(np.radians(lat.min())) / np.cos(np.radians(lat.max())), rel=0.01
    )


def refused(map_path: Path, tmp_path: Path, match: str, **options: Any) -> None:
    with pytest.raises(InputError, match=match):
        sample(map_path, out=tmp_path / "r.gpkg", purpose="reference", **options)
    assert not (tmp_path / "r.gpkg").exists()


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({}, "one way to say how many points.*got none"),
        ({"n": 9, "target_se": 0.1}, "got -n and --target-se"),
        ({"target_se": 0.01}, "accuracies for --target-se"),
        ({"target_se": 3, "expected": 0.8}, "above 0 and below 0.5, got 3"),
        ({"n": 9, "design": "stratified", "allocation": "neyman"}, "for --allocation neyman"),
        ({"n": 9, "design": "stratified", "allocation": "best"}, "equal, proportional, neyman"),
        ({"n": 9, "allocation": "equal"}, "--design stratified with --allocation, got 'simple'"),
        ({"n": 9, "design": "balanced", "min_per_stratum": 3}, "stratified with --min-per"),
        ({"n": 9, "design": "stratified", "min_per_stratum": 5}, "at least 15 points, 5 for each"),
        ({"n": 9, "design": "stratified", "min_per_stratum": 0}, "at least 1, got 0"),
        ({"n": 99_999, "design": "stratified"}, r"at most 46400 points.*got 99999"),
        ({"n": 99_999}, r"at most 46400 points.*got 99999"),
        ({"spacing": 9.0}, "--design systematic with --spacing, got 'simple'"),
        ({"spacing": 5.0, "design": "systematic"}, "at least a pixel .10 m., got 5 m"),
        ({"spacing": 9e9, "design": "systematic"}, "wider than the area of 464 ha"),
        ({"n": 9, "min_distance": 50.0}, "systematic .* with --min-distance, got 'simple'"),
        ({"n": 900, "design": "systematic", "min_distance": 300.0}, "at least 300 m apart, but"),
        ({"target_se": 0.1, "expected": "0.8,Sea=0.1"}, "--expected, got 'Sea' .its classes: For"),
        ({"target_se": 0.1, "expected": "Water=0.9"}, "accuracy for 'Forest' in --expected, got n"),
        ({"target_se": 0.1, "expected": "1.2"}, "from 0 to 1 in --expected, got 1.2 for 'Forest'"),
        ({"target_se": 0.1, "expected": "good"}, "numbers from 0 to 1 in --expected, got 'good'"),
    ],
)
def test_bad_requests(options: dict[str, Any], match: str, map_path: Path, tmp_path: Path) -> None:
    refused(map_path, tmp_path, match, **options)


@pytest.mark.parametrize("option", [{"blind": True}, {"target_se": 0.1}, {"spacing": 9.0}])
def test_training_points_have_no_design(
    option: dict[str, Any], map_path: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=f"--for reference with --{next(iter(option))[:4]}"):
        sample(map_path, 9, out=tmp_path / "p.gpkg", **option)
    with pytest.raises(InputError, match="a number of points, got none"):
        sample(map_path, out=tmp_path / "p.gpkg")


def test_an_area_elsewhere(map_path: Path, tmp_path: Path) -> None:
    far = tmp_path / "far.gpkg"
    gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 1, 1)], crs=32632).to_file(far)
    with pytest.raises(GridError, match=r"area of far.gpkg \(--aoi\) to overlap the scene"):
        sample(map_path, 9, out=tmp_path / "r.gpkg", purpose="reference", aoi=far)
    edge = tmp_path / "edge.gpkg"  # on the map, but only where it has nodata
    gpd.GeoDataFrame(geometry=[shapely.box(5e5, 5_599_000, 500_050, 5.6e6)], crs=32632).to_file(
        edge
    )
    for purpose in ("reference", "training"):
        with pytest.raises(InputError, match=r"inside the area \(--aoi\), got none"):
            sample(map_path, 9, out=tmp_path / "r.gpkg", purpose=purpose, aoi=edge)


def test_a_small_stratum_is_taken_whole(truth: np.ndarray, tmp_path: Path) -> None:
    truth[0, 100:105] = 1
    truth[120:, 40:60] = 0
    path = write_array(tmp_path / "map.tif", LEGEND.to_codes(truth), GRID, legend=LEGEND)
    lines: list[str] = []
    out = sample(
        path, 90, "stratified", out=tmp_path / "r.gpkg", purpose="reference", say=lines.append
    )
    assert lines[-1] == "Stratum 'Water' has 5 pixels only: all of them are in the sample."
    frame = read_features(out)
    assert len(frame) == 90
    assert (frame["stratum"] == "Water").sum() == 5
    assert (frame["inclusion_probability"][frame["stratum"] == "Water"] == 1).all()


def test_training_points_keep_their_distance_and_their_area(
    map_path: Path, aoi: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for design in ("simple", "balanced", "stratified", "spread", "systematic"):
        out = tmp_path / f"{design}.gpkg"
        sample(map_path, 60, design, out=out, min_distance=80.0, aoi=aoi, seed=1)
        frame = read_features(out)
        xy = np.stack([frame.geometry.x, frame.geometry.y], axis=1)
        apart = np.linalg.norm(xy[:, None] - xy[None], axis=2)[np.triu_indices(len(xy), 1)]
        assert apart.min() >= 80 * 0.99
        assert inside_of(aoi)[tuple(rowcols(out).T)].all()
        assert len(frame) == 60 or design == "systematic"
        if design == "balanced":
            assert frame["class"].value_counts().tolist() == [20, 20, 20]
    sample(map_path, 60, "simple", out=tmp_path / "few.gpkg", min_distance=900.0)
    assert "no more fit at 900 m from each other" in caplog.text


def test_a_file_that_lost_its_strata(map_path: Path, truth: np.ndarray, tmp_path: Path) -> None:
    for blind, lost, match in (
        (True, "sample_id", "Expected the field 'sample_id' in r.gpkg"),
        (False, "stratum", "Expected the field 'stratum' in r.gpkg"),
    ):
        out = tmp_path / "r.gpkg"
        sample(
            map_path, 90, "stratified", out=out, purpose="reference", blind=blind, overwrite=True
        )
        answer(out, truth)
        frame = read_features(out).drop(columns=lost)
        xy = np.stack([frame.geometry.x, frame.geometry.y], axis=1)
        columns = {c: frame[c].to_numpy() for c in frame.columns if c != "geometry"}
        write_points(out, xy, UTM, columns, metadata=read_metadata(out), overwrite=True)
        with pytest.raises(PointsError, match=match):
            assess(map_path, out)
    assert assess(map_path, out, design="stratified").kind == "design-based"


def test_a_point_that_was_not_drawn(map_path: Path, truth: np.ndarray, tmp_path: Path) -> None:
    out = tmp_path / "r.gpkg"
    sample(map_path, 90, "stratified", out=out, purpose="reference", blind=True)
    answer(out, truth)
    frame = read_features(out)
    ids = frame["sample_id"].to_numpy().copy()
    ids[4] = 91
    xy = np.stack([frame.geometry.x, frame.geometry.y], axis=1)
    columns = {"class": frame["class"].to_numpy(), "sample_id": ids}
    write_points(out, xy, UTM, columns, metadata=read_metadata(out), overwrite=True)
    with pytest.raises(PointsError, match=r"sample_id from 1 to 90 .* row 5 has 91"):
        assess(map_path, out)
