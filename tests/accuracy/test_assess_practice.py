"""References as they come from the field: unanswered, doubled, moved, off the map, taught."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pointillist.accuracy import assess
from pointillist.errors import InputError, LegendError, MissingFileError, PointsError
from pointillist.grid import Grid, Transform
from pointillist.legend import Legend
from pointillist.points import read_features, write_points
from pointillist.raster import POINTS_TAG, write_array
from pointillist.sampling import sample

LEGEND = Legend.from_names(["Water", "Forest", "Road"], [1, 2, 7])
UTM = "EPSG:32632"


@pytest.fixture(scope="module")
def grid() -> Grid:
    from pyproj import CRS

    wkt = CRS.from_user_input(UTM).to_wkt()
    return Grid(60, 80, Transform(10.0, 0.0, 300_000.0, 0.0, -10.0, 5_600_000.0), wkt)


@pytest.fixture
def truth(rng: np.random.Generator) -> np.ndarray:
    return np.kron(rng.integers(0, 3, size=(12, 16)), np.ones((5, 5), dtype=int))


@pytest.fixture
def mapped(truth: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.where(rng.random(truth.shape) < 0.85, truth, rng.integers(0, 3, truth.shape))


@pytest.fixture
def map_path(mapped: np.ndarray, grid: Grid, tmp_path: Path) -> Path:
    path = tmp_path / "map.tif"
    write_array(path, LEGEND.to_codes(mapped), grid, nodata=255, legend=LEGEND)
    return path


def draw(rng: np.random.Generator, n: int) -> np.ndarray:
    return np.stack(np.unravel_index(rng.choice(4800, n, replace=False), (60, 80)), axis=1)


def write(path: Path, grid: Grid, rowcol: np.ndarray, names: Any, **more: Any) -> Path:
    metadata = more.pop("metadata", None)
    values = np.array(names, dtype=object)
    write_points(
        path, grid.transform.xy(rowcol), UTM, {"class": values, **more}, metadata=metadata,
        overwrite=True,
    )  # fmt: skip
    return path


def names_at(truth: np.ndarray, rowcol: np.ndarray) -> np.ndarray:
    return np.array(LEGEND.names, dtype=object)[truth[tuple(rowcol.T)]]


def test_answers_nobody_can_give_stay_in_the_sample(
    mapped: np.ndarray, truth: np.ndarray, map_path: Path, grid: Grid, tmp_path: Path,
    rng: np.random.Generator,
) -> None:  # fmt: skip
    rowcol = draw(rng, 100)
    names = names_at(truth, rowcol)
    names[:6], names[6:10] = "Shadow", None
    points = write(tmp_path / "r.gpkg", grid, rowcol, names)
    stated = assess(map_path, points, design="simple", cannot_tell=["shadow"]).to_dict()
    assert stated["points"] | {"used": 90, "cannot_tell": 6, "no_class": 4} == stated["points"]
    assert "Shadow" not in stated["classes"]
    right = (mapped == truth)[tuple(rowcol.T)][10:]
    overall, lost = stated["overall_accuracy"]["estimate"], stated["nonresponse"]
    assert overall == pytest.approx(right.mean())
    assert (lost["n"], lost["n_sampled"]) == (10, 100)
    low, high = lost["bounds"]["overall_accuracy"]
    assert (low, high) == pytest.approx((right.sum() / 100, (right.sum() + 10) / 100))
    assert "10 of the sampled places (10.0%) have no answer" in " ".join(stated["notices"])


def test_a_crosswalk_joins_classes_of_reference_and_map(
    mapped: np.ndarray, truth: np.ndarray, map_path: Path, grid: Grid, tmp_path: Path,
    rng: np.random.Generator,
) -> None:  # fmt: skip
    rowcol = draw(rng, 200)
    names = np.array(["Lake", "Beech", "Street"], dtype=object)[truth[tuple(rowcol.T)]]
    names[(names == "Beech") & (np.arange(200) % 2 == 0)] = "Pine"
    names[:20] = "Cloud"
    points = write(tmp_path / "r.gpkg", grid, rowcol, names)
    table = tmp_path / "classes.csv"
    table.write_text(
        "reference,map\nLake,Water\nBeech,Forest\nPine,Forest\nStreet,Road\nCloud,ignore\n"
    )
    result = assess(map_path, points, design="simple", crosswalk=table)
    at = tuple(rowcol[20:].T)
    assert result.legend.names == LEGEND.names
    assert result.overall_accuracy == pytest.approx((mapped == truth)[at].mean())
    assert result.account is not None
    assert result.account["ignored"] == 20
    stated = result.to_dict()
    # what is ignored is no ground of any class
    hectares = sum(v["hectares"]["estimate"] for v in stated["area"].values())
    assert hectares == pytest.approx(48 * 0.9)
    assert sum(v["proportion"]["estimate"] for v in stated["area"].values()) == pytest.approx(1)
    land = {"Beech": "Land", "Pine": "Land", "Street": "Land", "Forest": "Land", "Road": "Land",
            "Lake": "Water", "Cloud": "ignore"}  # fmt: skip
    coarse = assess(map_path, points, design="simple", crosswalk=land)
    assert coarse.legend.names == ("Water", "Land")
    assert coarse.overall_accuracy == pytest.approx(((mapped == 0) == (truth == 0))[at].mean())
    assert coarse.map_pixels is not None
    assert coarse.map_pixels.tolist() == [(mapped == 0).sum(), (mapped > 0).sum()]


def test_a_crosswalk_serves_a_census_too(
    mapped: np.ndarray, truth: np.ndarray, map_path: Path, grid: Grid, tmp_path: Path
) -> None:
    other = Legend.from_names(["Lake", "Wood", "Street"], [1, 2, 3])
    write_array(tmp_path / "mask.tif", other.to_codes(truth), grid, legend=other)
    table = {"Lake": "Water", "Wood": "Forest", "Street": "ignore"}
    result = assess(map_path, tmp_path / "mask.tif", crosswalk=table, kappa=True)
    judged = truth < 2
    assert result.matrix.n == judged.sum()
    assert result.overall_accuracy == pytest.approx((mapped == truth)[judged].mean())
    assert isinstance(result.to_dict()["kappa"], float)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("Sea,Water\n", r"of the reference \(.*\) or of the map \(.*\) in c\.csv, got 'Sea'"),
        ("Water,Wet\n", r"what classes become in c\.csv, got 'Wet'"),
        ("Water\n", "reference class,map class .* got 'Water'"),
        ("Water,Forest\nwater,Road\n", "got 'water' in two lines"),
        ("", "no line at all"),
        ("Road,ignore,map\n", "ignored by c.csv, got 'Road' of the map"),
    ],
)
def test_broken_crosswalks(
    text: str, match: str, truth: np.ndarray, map_path: Path, grid: Grid, tmp_path: Path,
    rng: np.random.Generator,
) -> None:  # fmt: skip
    rowcol = draw(rng, 50)
    points = write(tmp_path / "r.gpkg", grid, rowcol, names_at(truth, rowcol))
    (tmp_path / "c.csv").write_text(text)
    with pytest.raises((InputError, LegendError), match=match):
        assess(map_path, points, crosswalk=tmp_path / "c.csv")
    with pytest.raises(MissingFileError, match="--crosswalk"):
        assess(map_path, points, crosswalk=tmp_path / "none.csv")


def test_two_points_in_a_pixel_are_one_unit(
    truth: np.ndarray, map_path: Path, grid: Grid, tmp_path: Path, rng: np.random.Generator
) -> None:
    rowcol = draw(rng, 60)
    rowcol = np.concatenate([rowcol, rowcol[:2], rowcol[5:6]])
    names = names_at(truth, rowcol)
    names[-1] = "Road" if names[5] != "Road" else "Water"
    points = write(tmp_path / "r.gpkg", grid, rowcol, names)
    stated = assess(map_path, points, design="simple").to_dict()
    # the contradicted place is a unit without an answer, the other two are counted once
    assert stated["n"] == 59
    assert stated["points"]["conflict"] == 1
    assert stated["points"]["duplicate"] == 3
    assert stated["nonresponse"]["n"] == 1
    told = " ".join(stated["notices"])
    assert "in a pixel already labelled with another class (row 6)" in told
    assert "with the same class (rows 61, 62, 63)" in told


def test_drawn_points_off_the_map_count_against_it(
    mapped: np.ndarray, truth: np.ndarray, grid: Grid, tmp_path: Path
) -> None:
    """A sample of the whole mask judges a map that lacks its last ten columns."""
    mask = tmp_path / "mask.tif"
    write_array(mask, LEGEND.to_codes(truth), grid, nodata=255, legend=LEGEND)
    sample(mask, 160, "simple", out=tmp_path / "r.gpkg", purpose="reference")
    cut = Grid(60, 70, grid.transform, grid.crs)
    write_array(tmp_path / "cut.tif", LEGEND.to_codes(mapped[:, :70]), cut, legend=LEGEND)
    result = assess(tmp_path / "cut.tif", tmp_path / "r.gpkg")
    assert result.account is not None
    outside = result.account["outside"]
    assert outside > 5
    assert result.matrix.n == 160
    assert result.matrix.unmapped.sum() == outside
    assert result.population_px == 4800
    inside = (result.matrix.correct.sum()) / (160 - outside)
    assert result.overall_accuracy == pytest.approx(inside * (160 - outside) / 160)
    assert "count as places that the map has wrong" in " ".join(result.notices)
    # asserted by a person, the design is one of the map: what is outside is no part of it
    plain = tmp_path / "plain.gpkg"
    rowcol = np.argwhere(np.ones((60, 80), dtype=bool))[::31]
    write(plain, grid, rowcol, names_at(truth, rowcol))
    asserted = assess(tmp_path / "cut.tif", plain, design="simple")
    assert asserted.matrix.n == (rowcol[:, 1] < 70).sum()
    assert asserted.population_px == 4200


def test_a_point_that_lost_its_coordinates_has_no_answer(
    truth: np.ndarray, map_path: Path, grid: Grid, tmp_path: Path
) -> None:
    out = tmp_path / "r.csv"
    sample(map_path, 60, "simple", out=out, purpose="reference")
    answer(out, truth, grid)
    header, first, *rest = out.read_text().splitlines()
    names = header.split(",")
    cells = first.split(",")
    for axis in ("x", "y"):
        cells[names.index(axis)] = ""
    out.write_text("\n".join([header, ",".join(cells), *rest]) + "\n")
    result = assess(map_path, out)
    assert result.kind == "design-based"
    assert result.account is not None
    assert result.account["no_place"] == 1
    assert result.nonresponse is not None
    assert result.nonresponse["n"] == 1
    assert result.matrix.n == 59
    assert result.matrix.unmapped.sum() == 0


def test_post_stratification_is_chosen_and_said(
    mapped: np.ndarray, truth: np.ndarray, map_path: Path, grid: Grid, tmp_path: Path,
    rng: np.random.Generator,
) -> None:  # fmt: skip
    rowcol = draw(rng, 300)
    points = write(tmp_path / "r.gpkg", grid, rowcol, names_at(truth, rowcol))
    plain = assess(map_path, points, design="simple").to_dict()
    post = assess(map_path, points, design="simple", post_stratify=True).to_dict()
    assert plain["design"]["estimator"] == "simple"
    assert post["design"]["estimator"] == "post-stratified"
    at = tuple(rowcol.T)
    right, inside = (mapped == truth)[at], mapped[at]
    expected = sum((mapped == c).mean() * right[inside == c].mean() for c in range(3))
    assert post["overall_accuracy"]["estimate"] == pytest.approx(expected)
    for name in LEGEND.names:  # areas are where the map's own class helps
        assert post["area"][name]["proportion"]["se"] < plain["area"][name]["proportion"]["se"]
    with pytest.raises(InputError, match="simple random or systematic sample with --post-strat"):
        assess(map_path, points, design="stratified", post_stratify=True)


def test_post_stratification_within_an_area_of_interest(
    mapped: np.ndarray, truth: np.ndarray, map_path: Path, grid: Grid, tmp_path: Path
) -> None:
    import geopandas as gpd
    from shapely.geometry import box

    frame = gpd.GeoDataFrame(geometry=[box(300_000, 5_599_700, 300_400, 5_600_000)], crs=UTM)
    frame.to_file(tmp_path / "aoi.gpkg")
    out = tmp_path / "r.gpkg"
    sample(map_path, 80, "simple", out=out, purpose="reference", aoi=tmp_path / "aoi.gpkg")
    answer(out, truth, grid)
    result = assess(map_path, out, post_stratify=True)
    assert result.design is not None
    sizes = dict(zip(result.design.strata, result.design.sizes.tolist(), strict=True))
    assert sizes == {name: (mapped[:30, :40] == c).sum() for c, name in enumerate(LEGEND.names)}


def answer(path: Path, truth: np.ndarray, grid: Grid, shuffle: bool = False) -> None:
    """Fill in the class as a person does in a GIS; fields and rows in another order if asked."""
    from pointillist.points import read_features, read_metadata

    frame, metadata = read_features(path).to_crs(UTM), read_metadata(path)
    xy = np.stack([frame.geometry.x, frame.geometry.y], axis=1)
    rows, cols = grid.transform.rowcol(xy).T
    frame["class"] = np.array(LEGEND.names, dtype=object)[truth[rows, cols]]
    order = np.arange(len(frame))[::-1] if shuffle else np.arange(len(frame))
    names = [c for c in frame.columns if c != "geometry"]
    columns = {c: frame[c].to_numpy()[order] for c in (names[::-1] if shuffle else names)}
    write_points(path, xy[order], UTM, columns, metadata=metadata, overwrite=True)


@pytest.mark.parametrize("source", ["map", "scene", "probabilities"])
@pytest.mark.parametrize("design", ["simple", "systematic", "stratified"])
def test_a_sample_edited_in_a_gis_needs_no_options(
    design: str, source: str, mapped: np.ndarray, truth: np.ndarray, map_path: Path, grid: Grid,
    tmp_path: Path,
) -> None:  # fmt: skip
    from pointillist.raster import BandWriter

    raster = map_path
    if source == "scene":
        if design == "stratified":
            pytest.skip("a scene has no classes to stratify by")
        raster = write_array(tmp_path / "scene.tif", (mapped * 50 + 20).astype(np.float32), grid)
    if source == "probabilities":
        raster = tmp_path / "probabilities.tif"
        shares = np.full((3, 60, 80), 0.1, dtype=np.float32)
        for c in range(3):
            shares[c, mapped == c] = 0.8
        with BandWriter(raster, grid, LEGEND.names) as writer:
            writer.write(grid.window, shares)
    for suffix in (".gpkg", ".geojson", ".csv"):
        folder = tmp_path / suffix[1:]
        folder.mkdir()
        out = folder / f"r{suffix}"
        sample(raster, 240, design, out=out, purpose="reference", seed=4)
        answer(out, truth, grid, shuffle=True)
        result = assess(map_path, out, bootstrap=0)
        assert result.kind == "design-based"
        assert result.design is not None
        assert result.design.name == design
        assert result.design.are_map_classes == (design == "stratified")
        assert result.population_px == pytest.approx(4800)
        overall = result.estimates.overall
        assert overall.se is not None
        assert overall.value == pytest.approx((mapped == truth).mean(), abs=4 * overall.se)


def test_a_map_without_class_names_takes_those_of_its_sample(
    mapped: np.ndarray, truth: np.ndarray, grid: Grid, tmp_path: Path
) -> None:
    bare = tmp_path / "bare.tif"
    write_array(bare, LEGEND.to_codes(mapped), grid, nodata=255)
    out = tmp_path / "r.gpkg"
    sample(bare, 90, "stratified", out=out, purpose="reference", legend=LEGEND)
    answer(out, truth, grid)
    result = assess(bare, out)
    assert result.legend.names == LEGEND.names
    assert result.design is not None
    assert result.design.are_map_classes
    write_array(tmp_path / "mask.tif", LEGEND.to_codes(truth), grid, legend=LEGEND)
    assert assess(bare, tmp_path / "mask.tif").legend.names == LEGEND.names


def test_numbers_for_names_are_told_apart_from_codes(
    mapped: np.ndarray, truth: np.ndarray, grid: Grid, tmp_path: Path
) -> None:
    """Classes 0, 1, 2 without names: the sample of the probabilities means the map's classes."""
    from pointillist.points import read_features, read_metadata
    from pointillist.raster import BandWriter

    map_path = write_array(tmp_path / "map.tif", mapped.astype(np.uint8), grid, nodata=255)
    shares = np.full((3, 60, 80), 0.1, dtype=np.float32)
    for c in range(3):
        shares[c, mapped == c] = 0.8
    with BandWriter(tmp_path / "probabilities.tif", grid, ["0", "1", "2"]) as writer:
        writer.write(grid.window, shares)
    out = tmp_path / "r.gpkg"
    sample(tmp_path / "probabilities.tif", 90, "stratified", out=out, purpose="reference")
    assert [c["code"] for c in read_metadata(out)["legend"]] == [0, 1, 2]
    frame, metadata = read_features(out), read_metadata(out)
    xy = np.stack([frame.geometry.x, frame.geometry.y], axis=1)
    rows, cols = grid.transform.rowcol(xy).T
    columns = {c: frame[c].to_numpy() for c in frame.columns if c != "geometry"}
    columns["class"] = truth[rows, cols].astype(str).astype(object)
    for codes in ([0, 1, 2], [1, 2, 3]):  # the second as older files say it
        metadata["legend"] = [
            {**c, "code": code} for c, code in zip(metadata["legend"], codes, strict=True)
        ]
        write_points(out, xy, UTM, columns, metadata=metadata, overwrite=True)
        result = assess(map_path, out, bootstrap=0)
        assert result.design is not None
        assert result.design.are_map_classes
        overall = result.estimates.overall
        assert overall.se is not None
        assert overall.value == pytest.approx((mapped == truth).mean(), abs=4 * overall.se)


def test_clicked_points_are_refused(
    truth: np.ndarray, map_path: Path, grid: Grid, tmp_path: Path, rng: np.random.Generator
) -> None:
    rowcol = draw(rng, 50)
    names = names_at(truth, rowcol)
    points = write(tmp_path / "r.gpkg", grid, rowcol, names, source=["click"] * 7 + [""] * 43)
    result = assess(map_path, points)
    assert result.kind == "descriptive"
    assert "7 of its points were clicked, suggested" in " ".join(result.notices)
    with pytest.raises(InputError, match="7 of its points were clicked"):
        assess(map_path, points, design="simple")
    sample(map_path, 50, "simple", out=tmp_path / "t.gpkg")
    with pytest.raises(InputError, match="written by `sample` as training points"):
        assess(map_path, tmp_path / "t.gpkg", design="simple")


def test_a_reference_that_the_map_was_taught_with(
    truth: np.ndarray, mapped: np.ndarray, map_path: Path, grid: Grid, tmp_path: Path,
    rng: np.random.Generator,
) -> None:  # fmt: skip
    rowcol = draw(rng, 150)
    names = names_at(truth, rowcol)
    training = write(tmp_path / "training.gpkg", grid, rowcol[:80], names[:80])
    apart = write(tmp_path / "apart.gpkg", grid, rowcol[60:], names[60:])
    result = assess(map_path, apart, design="simple", training=training)
    leakage = result.to_dict()["leakage"]
    assert (leakage["n"], leakage["on"], leakage["near_m"]) == (90, 20, 50)
    assert leakage["near"] >= 20
    assert "20 of 90 reference points lie on one" in " ".join(result.notices)
    same = write(tmp_path / "same.gpkg", grid, rowcol[:90], names[:90])
    told = assess(map_path, same, training=training)
    assert told.kind == "descriptive"
    assert "80 of its 90 points lie on labels the map was trained with" in " ".join(told.notices)
    with pytest.raises(InputError, match="80 of its 90 points lie on labels"):
        assess(map_path, same, design="simple", training=training)
    with pytest.raises(MissingFileError, match="--training"):
        assess(map_path, same, training=tmp_path / "none.gpkg")
    # a map that names its training points, and the run itself
    write_array(
        tmp_path / "tagged.tif", LEGEND.to_codes(mapped), grid, nodata=255, legend=LEGEND,
    )  # fmt: skip
    import rasterio

    with rasterio.open(tmp_path / "tagged.tif", "r+", IGNORE_COG_LAYOUT_BREAK="YES") as dataset:
        dataset.update_tags(**{POINTS_TAG: json.dumps([str(tmp_path / "moved" / "training.gpkg")])})
    assert assess(tmp_path / "tagged.tif", same).leakage is not None
    run = tmp_path / "run"
    run.mkdir()
    with pytest.raises(MissingFileError, match=r"no metrics\.json"):
        assess(map_path, same, training=run)
    (run / "metrics.json").write_text(json.dumps({"inputs": {"points": [str(training)]}}))
    assert assess(map_path, same, training=run).leakage == told.leakage


def test_areas_that_the_map_was_taught_with(map_path: Path, tmp_path: Path) -> None:
    import geopandas as gpd
    from shapely.geometry import box

    square = box(300_000, 5_599_900, 300_100, 5_600_000)
    frame = gpd.GeoDataFrame({"class": ["Forest"]}, geometry=[square], crs=UTM)
    frame.to_file(tmp_path / "areas.gpkg")
    result = assess(map_path, tmp_path / "areas.gpkg", training=tmp_path / "areas.gpkg")
    assert result.leakage is not None
    assert (result.leakage["on"], result.leakage["n"]) == (100, 100)
    assert "100 of its 100 points lie on labels" in " ".join(result.notices)


def test_a_reference_that_gathers_at_training_points(
    truth: np.ndarray, map_path: Path, grid: Grid, tmp_path: Path
) -> None:
    corner = np.argwhere(np.ones((8, 8), dtype=bool))
    training = write(tmp_path / "t.gpkg", grid, corner[::2], names_at(truth, corner[::2]))
    beside = write(tmp_path / "r.gpkg", grid, corner[1::2], names_at(truth, corner[1::2]))
    result = assess(map_path, beside, training=training)
    assert result.leakage is not None
    assert (result.leakage["on"], result.leakage["near"]) == (0, 32)
    assert "more than chance" in " ".join(result.notices)


def test_samples_of_rare_classes_are_not_taken_for_gathered(
    grid: Grid, tmp_path: Path, rng: np.random.Generator
) -> None:
    """As many points of every class lie near training points of the rare one, drawn by chance."""
    truth = np.zeros((60, 80), dtype=np.int64)
    truth[:10, :12], truth[40:, 50:] = 1, 2
    truth[:, 70:] = -1  # nodata
    path = tmp_path / "rare.tif"
    write_array(path, LEGEND.to_codes(truth), grid, nodata=255, legend=LEGEND)
    told = []
    for seed in range(10):
        training, reference = tmp_path / f"t{seed}.gpkg", tmp_path / f"r{seed}.gpkg"
        sample(path, 60, "balanced", out=training, seed=seed)
        sample(path, 90, "stratified", out=reference, purpose="reference", seed=seed + 100)
        result = assess(path, reference, training=training)
        assert result.leakage is not None
        told.append("more than chance" in " ".join(result.notices))
        n_expected = result.leakage["expected_near"] * result.leakage["n"]
        assert result.leakage["near"] == pytest.approx(n_expected, abs=20)
    assert sum(told) <= 1


@pytest.mark.parametrize("design", ["simple", "systematic", "balanced"])
def test_training_and_reference_of_one_seed_are_different_pixels(
    map_path: Path, grid: Grid, tmp_path: Path, design: str
) -> None:
    pixels = []
    for purpose in ("training", "reference"):
        out = tmp_path / f"{purpose}.gpkg"
        sample(map_path, 90, design, out=out, purpose=purpose)
        points = read_features(out).geometry
        xy = np.stack([points.x, points.y], axis=1)
        pixels.append(set(map(tuple, grid.transform.rowcol(xy).tolist())))
    assert len(pixels[0] & pixels[1]) < 20


def test_a_file_drawn_by_classes_that_a_crosswalk_joins(
    grid: Grid, tmp_path: Path, rng: np.random.Generator
) -> None:
    """Strata are the map's own classes: joining them afterwards pools no chances."""
    codes = np.ones((60, 80), dtype=np.int64)
    codes[:, 70:], codes[:, 78:] = 2, 7
    path = tmp_path / "own.tif"
    write_array(path, codes.astype(np.uint8), grid, nodata=255, legend=LEGEND)
    rowcol = np.concatenate([
        rng.permutation(np.argwhere(codes == code))[:40] for code in (1, 2, 7)
    ])  # fmt: skip
    names = np.repeat(["Green", "Road", "Road"], 40)  # Forest is Road in truth
    points = write(tmp_path / "r.gpkg", grid, rowcol, names)
    table = {"Water": "Green", "Forest": "Green"}
    result = assess(path, points, design="stratified", crosswalk=table)
    assert result.overall_accuracy == pytest.approx(72 / 80)


def test_a_stratified_file_that_lost_its_columns(
    truth: np.ndarray, map_path: Path, grid: Grid, tmp_path: Path, rng: np.random.Generator
) -> None:
    rowcol = draw(rng, 50)
    points = write(
        tmp_path / "r.gpkg", grid, rowcol, names_at(truth, rowcol), design=["stratified"] * 50
    )
    with pytest.raises(PointsError, match=r"field 'stratum' in r\.gpkg, which says that its"):
        assess(map_path, points)
    assert assess(map_path, points, design="stratified").kind == "design-based"


def test_a_class_of_the_map_without_a_sample_is_a_stratum_all_the_same(
    mapped: np.ndarray, truth: np.ndarray, map_path: Path, grid: Grid, tmp_path: Path,
    rng: np.random.Generator,
) -> None:  # fmt: skip
    """Sizes by inclusion probabilities alone do not know of it."""
    chosen, pi = [], []
    for c in range(2):
        pixels = np.argwhere(mapped == c)
        chosen.append(pixels[rng.choice(len(pixels), 40, replace=False)])
        pi += [40 / len(pixels)] * 40
    rowcol = np.concatenate(chosen)
    points = write(
        tmp_path / "r.gpkg", grid, rowcol, names_at(truth, rowcol), design=["stratified"] * 80,
        stratum=np.array(LEGEND.names)[mapped[tuple(rowcol.T)]], inclusion_probability=pi,
    )  # fmt: skip
    stated = assess(map_path, points).to_dict()
    assert stated["overall_accuracy"]["estimate"] is None
    assert stated["users_accuracy"]["Water"]["estimate"] is not None
    missing = {(e["figure"], e["class"]): e["why"] for e in stated["not_estimable"]}
    assert missing["overall_accuracy", None] == "no sample in stratum Road"
    assert missing["users_accuracy", "Road"] == "no sample in stratum Road"
    assert "Strata with no sample" in " ".join(stated["notices"])


def test_points_that_were_moved_are_told(
    mapped: np.ndarray, truth: np.ndarray, map_path: Path, grid: Grid, tmp_path: Path
) -> None:
    out = tmp_path / "r.gpkg"
    sample(map_path, 90, "stratified", out=out, purpose="reference")
    from pointillist.points import read_features, read_metadata

    frame, metadata = read_features(out), read_metadata(out)
    xy = np.stack([frame.geometry.x, frame.geometry.y], axis=1)
    xy[:, 0] = np.where(xy[:, 0] > 300_400, xy[:, 0] - 200, xy[:, 0] + 200)
    columns = {c: frame[c].to_numpy() for c in frame.columns if c != "geometry"}
    write_points(out, xy, UTM, columns, metadata=metadata, overwrite=True)
    answer(out, truth, grid)
    told = " ".join(assess(map_path, out).notices)
    assert "points lie in another class of this map than their stratum says" in told


def test_unequal_chances_are_weighed(
    mapped: np.ndarray, truth: np.ndarray, map_path: Path, grid: Grid, tmp_path: Path,
    rng: np.random.Generator,
) -> None:  # fmt: skip
    """The west is sampled four times as densely as the east, in one stratum."""
    west = np.argwhere(np.ones((60, 40), dtype=bool))[rng.choice(2400, 400, replace=False)]
    east = np.argwhere(np.ones((60, 40), dtype=bool))[rng.choice(2400, 100, replace=False)]
    rowcol = np.concatenate([west, east + np.array([0, 40])])
    worse = mapped.copy()
    worse[:, 40:] = np.where(rng.random((60, 40)) < 0.5, mapped[:, 40:], 0)
    write_array(tmp_path / "w.tif", LEGEND.to_codes(worse), grid, legend=LEGEND)
    pi = [400 / 2400] * 400 + [100 / 2400] * 100
    points = write(
        tmp_path / "r.gpkg", grid, rowcol, names_at(truth, rowcol), design=["simple"] * 500,
        inclusion_probability=pi,
    )  # fmt: skip
    overall = assess(tmp_path / "w.tif", points).estimates.overall
    right = (worse == truth)[tuple(rowcol.T)]
    assert overall.value == pytest.approx((right[:400].mean() + right[400:].mean()) / 2)
    assert overall.se is not None
    assert overall.value == pytest.approx((worse == truth).mean(), abs=4 * overall.se)
