"""`assess` with the options that references from the field need."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyproj import CRS

from pointillist.grid import Grid, Transform
from pointillist.legend import Legend
from pointillist.points import read_features, write_points
from pointillist.raster import write_array

UTM = "EPSG:32632"
LEGEND = Legend.from_names(["Water", "Forest", "Road"])


@pytest.fixture
def folder(tmp_path: Path, rng: np.random.Generator) -> Path:
    """A map, a simple random reference of 250 points in other words, and a crosswalk."""
    grid = Grid(80, 90, Transform(10, 0, 3e5, 0, -10, 5.6e6), CRS(UTM).to_wkt())
    truth = np.kron(rng.integers(0, 3, (16, 18)), np.ones((5, 5), dtype=int))
    mapped = np.where(rng.random(truth.shape) < 0.9, truth, rng.integers(0, 3, truth.shape))
    write_array(tmp_path / "map.tif", LEGEND.to_codes(mapped), grid, legend=LEGEND)
    flat = rng.choice(truth.size, 250, replace=False)
    rowcol = np.stack(np.unravel_index(flat, truth.shape), axis=1)
    names = np.array(["Lake", "Wood", "Street"], dtype=object)[truth[tuple(rowcol.T)]]
    names[:5] = "unclear"
    xy = grid.transform.xy(rowcol)
    write_points(tmp_path / "r.gpkg", xy, UTM, {"class": names})
    write_points(tmp_path / "t.gpkg", xy[:30], UTM, {"class": names[:30]})
    (tmp_path / "c.csv").write_text("Lake,Water\nWood,Forest\nStreet,Road\n")
    return tmp_path


def test_all_options_together(cli: Callable[..., Any], folder: Path) -> None:
    out = folder / "a.json"
    done = cli(
        "assess", folder / "map.tif", "--reference", folder / "r.gpkg", "--design", "simple",
        "--post-stratify", "--cannot-tell", "unclear", "--crosswalk", folder / "c.csv",
        "--training", folder / "t.gpkg", "--kappa", "--bootstrap", 200, "--seed", 3, "--json", out,
    )  # fmt: skip
    assert done.status == 0, done.err
    stated = json.loads(out.read_text())
    assert stated["design"]["estimator"] == "post-stratified"
    assert stated["points"]["cannot_tell"] == stated["nonresponse"]["n"] == 5
    assert (stated["leakage"]["on"], stated["leakage"]["n"]) == (30, 250)
    assert stated["bootstrap"]["replicates"] == 200
    assert len(stated["iou"]["Water"]["bootstrap_ci"]) == 2
    assert f"kappa {stated['kappa']['estimate']:.3f}" in done.out


def test_no_kappa_unless_asked(cli: Callable[..., Any], folder: Path) -> None:
    done = cli(
        "assess", folder / "map.tif", "--reference", folder / "r.gpkg", "--design", "simple",
        "--crosswalk", folder / "c.csv", "--cannot-tell", "unclear", "--json", folder / "a.json",
    )  # fmt: skip
    assert done.status == 0, done.err
    assert "kappa" not in done.out.lower()
    assert "kappa" not in json.loads((folder / "a.json").read_text())


def test_what_goes_wrong_is_one_line(cli: Callable[..., Any], folder: Path) -> None:
    base = ("assess", folder / "map.tif", "--reference", folder / "r.gpkg")
    for options, match in (
        (("--crosswalk", folder / "none.csv"), "after --crosswalk"),
        (("--training", folder / "none.gpkg", "--crosswalk", folder / "c.csv"), "--training"),
        (("--bootstrap", 7), "at least 100 replicates"),
        ((), "--crosswalk which is which"),
    ):
        failed = cli(*base, *options)
        assert failed.status == 1
        assert match in " ".join(failed.err.split())


def test_a_sample_exported_without_metadata(cli: Callable[..., Any], folder: Path) -> None:
    """Fields alone, as a GIS exports them, still tell the design."""
    for design in ("simple", "systematic", "stratified"):
        out = folder / f"{design}.gpkg"
        made = cli(
            "sample", folder / "map.tif", "-n", 120, "--design", design, "--for", "reference",
            "--out", out,
        )  # fmt: skip
        assert made.status == 0, made.err
        frame = read_features(out)
        frame["class"] = frame["map_class"].to_numpy()
        frame.to_file(folder / f"{design}.geojson")
        done = cli(
            "assess", folder / "map.tif", "--reference", folder / f"{design}.geojson",
            "--json", folder / f"{design}.json",
        )  # fmt: skip
        assert done.status == 0, done.err
        stated = json.loads((folder / f"{design}.json").read_text())
        assert stated["kind"] == "design-based"
        assert stated["design"]["name"] == design
        assert sum(s["pixels"] for s in stated["design"]["strata"]) == pytest.approx(7200)
        assert stated["design"]["strata_are_map_classes"] == (design == "stratified")
