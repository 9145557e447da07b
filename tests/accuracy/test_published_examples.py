"""The published examples from file to figures: maps, samples and options as a person has them.

Olofsson et al. (2014), RSE 148, Tables 8 and 9; Stehman (2014), IJRS 35(13), numerical example.
The numbers are those of `test_estimators.py`, here reached through rasters and vector files.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyproj import CRS

from pointillist.accuracy import assess
from pointillist.grid import Grid, Transform
from pointillist.legend import Legend
from pointillist.points import write_points
from pointillist.raster import write_array

UTM = "EPSG:32632"
CHANGE = ["Deforestation", "Forest gain", "Stable forest", "Stable non-forest"]
MATRIX = [[66, 0, 5, 4], [0, 55, 8, 12], [1, 0, 153, 11], [2, 1, 9, 313]]


def world(path: Path, index: np.ndarray, names: list[str], size_m: float) -> Grid:
    grid = Grid(*index.shape, Transform(size_m, 0, 3e5, 0, -size_m, 5e6), CRS(UTM).to_wkt())
    legend = Legend.from_names(names)
    write_array(path, legend.to_codes(index), grid, legend=legend)
    return grid


@pytest.fixture
def olofsson(tmp_path: Path) -> tuple[Path, Path]:
    """A map whose classes have 1/100 of the published pixels, of 100 times their area."""
    pixels = [2000, 1500, 32_000, 64_500]
    index = np.repeat(np.arange(4), pixels).reshape(250, 400)
    grid = world(tmp_path / "map.tif", index, CHANGE, 300.0)
    rowcol, reference = [], []
    for i, row in enumerate(MATRIX):
        rowcol.append(np.argwhere(index == i)[: sum(row)])
        reference += np.repeat(CHANGE, row).tolist()
    xy = grid.transform.xy(np.concatenate(rowcol))
    write_points(tmp_path / "r.gpkg", xy, UTM, {"class": np.array(reference, dtype=object)})
    return tmp_path / "map.tif", tmp_path / "r.gpkg"


def values(stated: dict[str, Any], what: str = "estimate") -> list[float]:
    return [entry[what] for entry in stated.values()]


def test_olofsson_2014_from_files(olofsson: tuple[Path, Path]) -> None:
    a = assess(*olofsson, design="stratified").to_dict()
    close = {"abs": 1e-5}
    assert a["confusion_matrix"] == MATRIX
    assert a["overall_accuracy"]["estimate"] == pytest.approx(0.9465118881, **close)
    assert a["overall_accuracy"]["se"] == pytest.approx(0.0094304172, **close)
    users, producers = a["users_accuracy"], a["producers_accuracy"]
    assert values(users) == pytest.approx([0.88, 0.7333333, 0.9272727, 0.9630769], **close)
    assert values(users, "se") == pytest.approx(
        [0.0377760, 0.0514066, 0.0202782, 0.0104763], **close
    )
    assert values(producers) == pytest.approx([0.7486614, 0.8471564, 0.9345089, 0.9616090], **close)
    assert values(producers, "se") == pytest.approx(
        [0.1088316, 0.1298002, 0.0175125, 0.0093681], **close
    )
    hectares = [entry["hectares"]["estimate"] for entry in a["area"].values()]
    assert hectares == pytest.approx([21157.762, 11686.154, 285769.930, 581386.154], abs=1e-2)
    # published as ± 1.96 standard errors: that is what is stated where it holds
    low, high = a["overall_accuracy"]["ci"]
    assert (low, high) == pytest.approx((0.928028, 0.964995), abs=1e-5)
    # where it would leave 0…1 it is not: their 0.85 ± 0.25
    gain = producers["Forest gain"]
    assert gain["interval"] == "score"
    assert 0 < gain["ci"][0] < gain["estimate"] < gain["ci"][1] < 1


def test_stehman_2014_from_files(tmp_path: Path) -> None:
    stratum = "AAAAAAAAAABBBBBBBBBBCCCCCCCCCCDDDDDDDDDD"
    in_map = "AAAAAAABBBABBBBBBBBBBBCCCCCCBBDDDDDDDDDD"
    truth = "AAAAACBABCABBBBBAABBCCCCCDDBBADDDDDDDCCB"
    index = np.array(["ABCD".index(c) for c in in_map]).reshape(4, 10)
    grid = world(tmp_path / "map.tif", index, list("ABCD"), 30.0)
    rowcol = np.argwhere(index >= 0)
    columns = {"cover": np.array(list(truth), dtype=object), "zone": np.array(list(stratum))}
    write_points(tmp_path / "r.gpkg", grid.transform.xy(rowcol), UTM, columns)
    sizes = tmp_path / "sizes.csv"
    sizes.write_text("stratum,pixels\nA,40000\nB,30000\nC,20000\nD,10000\n")
    a = assess(
        tmp_path / "map.tif", tmp_path / "r.gpkg", class_field="cover", strata="zone",
        stratum_sizes=sizes, fpc=True,
    ).to_dict()  # fmt: skip
    close = {"abs": 1e-5}
    assert a["overall_accuracy"]["estimate"] == pytest.approx(0.63, **close)
    assert a["overall_accuracy"]["se"] == pytest.approx(0.084642, **close)
    assert a["users_accuracy"]["B"]["estimate"] == pytest.approx(0.574468, **close)
    assert a["users_accuracy"]["B"]["se"] == pytest.approx(0.124782, **close)
    assert a["producers_accuracy"]["B"]["estimate"] == pytest.approx(0.794118, **close)
    assert a["producers_accuracy"]["B"]["se"] == pytest.approx(0.116548, **close)
    shares = [entry["proportion"]["estimate"] for entry in a["area"].values()]
    assert shares == pytest.approx([0.35, 0.34, 0.20, 0.11], **close)
    assert a["area"]["A"]["proportion"]["se"] == pytest.approx(0.082248, **close)
    assert a["area"]["C"]["proportion"]["se"] == pytest.approx(0.064280, **close)
    assert a["design"]["estimated_matrix"][1][2] == pytest.approx(0.08, **close)
