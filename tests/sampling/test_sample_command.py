"""The command `sample`: what it writes, and what it keeps to itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import rasterio

from pointillist.errors import GridError, InputError, OutputExistsError
from pointillist.points import read_metadata
from pointillist.sampling import DESIGNS, sample


def test_classes_found_in_the_raster_are_attached(small_world: Any) -> None:
    out = sample(small_world.truth, 60, "simple", out=small_world.folder / "p.gpkg", seed=4)
    frame = gpd.read_file(out)
    assert len(frame) == 60
    assert frame.crs.to_epsg() == 32632
    cols = ((frame.geometry.x - 500_000) / 2).to_numpy()
    rows = ((5_600_000 - frame.geometry.y) / 2).to_numpy()
    assert np.allclose(cols % 1, 0.5)
    assert np.allclose(rows % 1, 0.5)
    codes = small_world.mask[rows.astype(int), cols.astype(int)] + 1
    by_code = {code: set(frame["class"][codes == code]) for code in (1, 2, 3)}
    assert all(len(names) == 1 for names in by_code.values())


def test_a_scene_leaves_the_class_to_the_mapper(small_world: Any) -> None:
    out = sample(small_world.scene, 25, "spread", out=small_world.folder / "p.gpkg")
    frame = gpd.read_file(out)
    assert len(frame) == 25
    assert frame["class"].isna().all()


@pytest.mark.parametrize("design", DESIGNS)
def test_training_points_tell_nothing_a_mapper_does_not_know(design, small_world: Any) -> None:
    out = sample(small_world.truth, 30, design, out=small_world.folder / "p.gpkg")
    frame = gpd.read_file(out)
    assert set(frame.columns) == {"class", "design", "source", "geometry"}
    metadata = read_metadata(out)
    assert not {"stratum_sizes", "population", "design"} & set(metadata)
    raw = out.read_bytes()
    assert b"inclusion_probability" not in raw
    assert b"stratum_sizes" not in raw


@pytest.mark.parametrize("suffix", [".csv", ".geojson", ".parquet", ".shp"])
def test_training_points_of_every_format_keep_quiet(suffix: str, small_world: Any) -> None:
    folder = small_world.folder / "points"
    folder.mkdir()
    out = sample(small_world.truth, 30, "stratified", out=folder / f"p{suffix}")
    assert not {"stratum_sizes", "population", "design"} & set(read_metadata(out))
    for file in folder.iterdir():
        raw = file.read_bytes()
        for word in (b"inclusion", b"stratum", b"population"):
            assert word not in raw


@pytest.mark.parametrize("suffix", [".csv", ".geojson", ".parquet", ".shp"])
def test_a_reference_sample_of_every_format_knows_its_design(suffix: str, small_world: Any) -> None:
    out = sample(
        small_world.truth, 60, "stratified", out=small_world.folder / f"r{suffix}",
        purpose="reference",
    )  # fmt: skip
    metadata = read_metadata(out)
    assert metadata["design"] == "stratified"
    pixels = np.bincount(small_world.mask.ravel())
    assert sorted(metadata["stratum_sizes"].values()) == sorted(pixels.tolist())


@pytest.mark.parametrize("design", ["stratified", "balanced"])
def test_a_stratified_reference_sample_knows_its_design(design, small_world: Any) -> None:
    out = sample(
        small_world.truth, 60, design, out=small_world.folder / "r.gpkg", purpose="reference"
    )
    frame, metadata = gpd.read_file(out), read_metadata(out)
    assert metadata["design"] == design
    pixels = np.bincount(small_world.mask.ravel())
    assert sorted(metadata["stratum_sizes"].values()) == sorted(pixels.tolist())
    estimated = (1 / frame["inclusion_probability"]).groupby(frame["stratum"]).sum()
    for name, size in metadata["stratum_sizes"].items():
        assert estimated[name] == pytest.approx(size)
    assert frame.groupby("stratum").size().tolist() == [20, 20, 20]


@pytest.mark.parametrize("design", ["simple", "systematic"])
def test_other_reference_samples(design, small_world: Any) -> None:
    out = sample(
        small_world.truth, 60, design, out=small_world.folder / "r.gpkg", purpose="reference"
    )
    frame, metadata = gpd.read_file(out), read_metadata(out)
    assert metadata["population"] == small_world.mask.size
    assert (1 / frame["inclusion_probability"]).sum() == pytest.approx(small_world.mask.size)


@pytest.mark.parametrize("design", ["interior", "spread"])
def test_what_is_no_reference_design(design, small_world: Any) -> None:
    with pytest.raises(InputError, match="Use simple, stratified or systematic"):
        sample(small_world.truth, 9, design, out=small_world.folder / "r.gpkg", purpose="reference")


def test_a_stratum_without_a_point_is_no_reference(small_world: Any) -> None:
    out = small_world.folder / "r.gpkg"
    for design in ("stratified", "balanced"):
        with pytest.raises(InputError, match=r"one point for each of the 3 strata .* got 2"):
            sample(small_world.truth, 2, design, out=out, purpose="reference", overwrite=True)
        sample(small_world.truth, 2, design, out=out, overwrite=True)  # to train with: fine
    sample(small_world.truth, 2, "simple", out=out, purpose="reference", overwrite=True)


def test_a_scene_can_be_sampled_for_reference(small_world: Any) -> None:
    out = sample(
        small_world.scene, 50, "simple", out=small_world.folder / "r.gpkg", purpose="reference"
    )
    frame = gpd.read_file(out)
    assert frame["class"].isna().all()
    assert np.allclose(frame["inclusion_probability"], 50 / small_world.mask.size)


def test_systematic_says_how_many_there_are(small_world: Any, caplog: Any) -> None:
    for seed in range(5):
        caplog.clear()
        out = small_world.folder / f"{seed}.gpkg"
        n = len(gpd.read_file(sample(small_world.truth, 97, "systematic", out=out, seed=seed)))
        assert 75 <= n <= 120
        assert (f"{n} points were drawn instead of 97" in caplog.text) == (n != 97)


def test_strata_of_another_map(small_world: Any, tmp_path: Path) -> None:
    halves = tmp_path / "halves.tif"
    with rasterio.open(small_world.truth) as file:
        profile = file.profile
    values = np.ones(small_world.mask.shape, dtype=np.uint8)
    values[:, 100:] = 2
    with rasterio.open(halves, "w", **profile) as file:
        file.write(values, 1)
    out = sample(
        small_world.truth, 40, "stratified", out=tmp_path / "r.gpkg", purpose="reference",
        strata=halves,
    )  # fmt: skip
    sizes = read_metadata(out)["stratum_sizes"]
    assert sorted(sizes.values()) == [96 * 28, 96 * 100]
    assert gpd.read_file(out).groupby("stratum").size().tolist() == [20, 20]
    with rasterio.open(halves, "w", **{**profile, "width": 64}) as file:
        file.write(values[:, :64], 1)
    with pytest.raises(GridError, match="strata on the grid of"):
        sample(
            small_world.truth, 40, "stratified", out=tmp_path / "s.gpkg", purpose="reference",
            strata=halves,
        )  # fmt: skip


def test_nodata_is_never_drawn(small_world: Any, tmp_path: Path) -> None:
    with rasterio.open(small_world.truth) as file:
        profile, values = file.profile, file.read(1)
    values[:80] = 255
    masked = tmp_path / "masked.tif"
    with rasterio.open(masked, "w", **profile) as file:
        file.write(values, 1)
    frame = gpd.read_file(sample(masked, 200, "simple", out=tmp_path / "p.gpkg"))
    assert (frame.geometry.y < 5_600_000 - 160).all()


def test_seed_decides(small_world: Any) -> None:
    def drawn(name: str, seed: int) -> list[tuple[float, float]]:
        out = sample(small_world.truth, 20, "simple", out=small_world.folder / name, seed=seed)
        frame = gpd.read_file(out)
        return list(zip(frame.geometry.x, frame.geometry.y, strict=True))

    assert drawn("a.gpkg", 1) == drawn("b.gpkg", 1) != drawn("c.gpkg", 2)


def test_bad_requests(small_world: Any) -> None:
    out = small_world.folder / "p.gpkg"
    with pytest.raises(InputError, match="design of simple, balanced"):
        sample(small_world.truth, 5, "clever", out=out)
    with pytest.raises(InputError, match="training or reference, got 'fun'"):
        sample(small_world.truth, 5, "simple", out=out, purpose="fun")
    with pytest.raises(InputError, match="is a scene without classes"):
        sample(small_world.scene, 5, "balanced", out=out)
    with pytest.raises(InputError, match="--design stratified with --strata"):
        sample(small_world.truth, 5, "simple", out=out, strata=small_world.truth)
    with pytest.raises(InputError, match="seed of at least 0, got -1"):
        sample(small_world.truth, 5, "simple", out=out, seed=-1)
    with pytest.raises(InputError, match="at most 12288 points"):
        sample(small_world.truth, 20_000, "simple", out=out)
    sample(small_world.truth, 5, "simple", out=out)
    with pytest.raises(OutputExistsError, match="--overwrite"):
        sample(small_world.truth, 5, "simple", out=out)


def test_a_file_that_a_table_can_hold(small_world: Any) -> None:
    out = sample(small_world.truth, 9, "balanced", out=small_world.folder / "p.csv")
    header, *rows = out.read_text().splitlines()
    assert "class" in header
    assert len(rows) == 9
